from typing import Any

import mlx_core_py as mx
import pytest
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten
from mlx_lm_py import load_model
from tiny_models import close, make_model, read_config, read_expected, read_weights


def test_mixed_quantization_is_recognized() -> None:
    model = make_model()
    nn.quantize(
        model,
        class_predicate=lambda path, module: (
            {"group_size": 32, "bits": 8 if "mlp" in path else 4}
            if isinstance(module, nn.Linear) and "o_proj" not in path
            else False
        ),
    )
    again = load_model(dict(tree_flatten(model.parameters())), read_config("llama"))
    tokens, _ = read_expected("llama")
    close(again(tokens), model(tokens))


def test_what_is_tied_or_derived_is_left_out() -> None:
    weights = read_weights("llama_tied") | {
        "lm_head.weight": mx.zeros((96, 32)),
        "model.layers.0.self_attn.rotary_emb.inv_freq": mx.zeros((8,)),
    }
    tokens, logits = read_expected("llama_tied")
    close(load_model(weights, read_config("llama_tied"))(tokens), logits, 2e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model.norm.weight": None}, "model.norm.weight"),
        ({"model.norm.weight": mx.zeros((31,))}, "model.norm.weight"),
        ({"model.norm.weight": mx.zeros((32,), mx.int32)}, "'model.norm.weight' .* type"),
        ({"model.extra.weight": mx.zeros((31,))}, "model.extra"),
        ({"model.layers.7.mlp.up_proj.weight": mx.zeros((64, 32))}, "layers.7"),
        ({"lm_head.scales": mx.zeros((96, 7))}, "'lm_head' has shapes that make no sense"),
        ({"lm_head.scales": mx.zeros((96, 0))}, "'lm_head' has shapes that make no sense"),
        ({"lm_head.scales": mx.zeros(())}, "'lm_head' has shapes that make no sense"),
    ],
)
def test_wrong_weights(change: dict[str, Any], message: str) -> None:
    weights = {k: v for k, v in (read_weights("llama") | change).items() if v is not None}
    with pytest.raises(ValueError, match=message):
        load_model(weights, read_config("llama"))


@pytest.mark.parametrize(
    "change",
    [
        {"quantization_config": {"quant_method": "hqq"}},
        {"quantization": {"mode": "martian"}},
        {"quantization": {"model.embed_tokens": {"mode": "martian"}}},
        {"quantization": 3},
    ],
)
def test_unknown_quantization(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="supported"):
        load_model(read_weights("llama"), read_config("llama") | change)
