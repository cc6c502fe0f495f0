"""The architectures, against transformers (see fixtures/make_fixtures.py)."""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten
from mlx_lm_py import load_model
from mlx_lm_py.cache import make_prompt_cache
from mlx_lm_py.models import make_model as make
from tiny_models import FIXTURES, MODELS, make_model, read_config, read_weights


def close(a: mx.array, b: mx.array, tolerance: float = 1e-4) -> None:
    np.testing.assert_allclose(np.array(a), np.array(b), rtol=tolerance, atol=tolerance)


def expected(name: str) -> tuple[mx.array, mx.array]:
    arrays = mx.load(str(FIXTURES / name / "expected.safetensors"))
    return arrays["tokens"], arrays["logits"]


@pytest.mark.parametrize("name", MODELS)
def test_agrees_with_transformers(name: str) -> None:
    tokens, logits = expected(name)
    close(make_model(name)(tokens), logits, 2e-3)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("sizes", [[48], [1] * 48, [5, 1, 20, 22], [47, 1]])
def test_a_cache_changes_nothing(name: str, sizes: list[int]) -> None:
    tokens, logits = expected(name)
    model = make_model(name)
    cache = make_prompt_cache(model)
    parts, start = [], 0
    for size in sizes:
        parts.append(model(tokens[:, start : start + size], cache=cache))
        start += size
    assert [layer.offset for layer in cache] == [48, 48]
    close(mx.concatenate(parts, axis=1), logits, 2e-3)


@pytest.mark.parametrize("name", MODELS)
def test_the_last_token_alone(name: str) -> None:
    tokens, logits = expected(name)
    model = make_model(name)
    cache = make_prompt_cache(model)
    close(model(tokens[:, :30], cache=cache, last_only=True), logits[:, 29:30], 2e-3)
    close(model(tokens[:, 30:], cache=cache), logits[:, 30:], 2e-3)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("mask", [None, "causal", "array"])
def test_the_last_position_of_a_layer(name: str, mask: Any) -> None:
    layer = make_model(name).layers[0]
    x = mx.random.normal((2, 9, layer.self_attn.q_proj.weight.shape[1]))
    if mask == "array":
        mask = mx.arange(81).reshape(9, 9) % 5 != 1
    close(layer(x, mask, last_only=True), layer(x, mask)[:, -1:], 2e-5)


def test_a_cache_longer_than_a_step() -> None:
    model = make_model("qwen3")
    tokens = mx.random.randint(0, 96, (1, 300))
    cache = make_prompt_cache(model)
    parts = [model(tokens[:, :250], cache=cache), model(tokens[:, 250:], cache=cache)]
    close(mx.concatenate(parts, axis=1), model(tokens), 2e-3)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("bits", [4, 8])
def test_quantized_weights_are_recognized(name: str, bits: int) -> None:
    model = make_model(name)
    nn.quantize(model, group_size=32, bits=bits)
    weights = dict(tree_flatten(model.parameters()))
    quantization = {"group_size": 32, "bits": bits}
    again = load_model(weights, read_config(name) | {"quantization": quantization})
    tokens, logits = expected(name)
    close(again(tokens), model(tokens), 1e-4)
    if bits == 8:
        assert np.corrcoef(np.array(model(tokens)).ravel(), np.array(logits).ravel())[0, 1] > 0.99


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
    tokens, _ = expected("llama")
    close(again(tokens), model(tokens))


def test_what_is_tied_or_derived_is_left_out() -> None:
    weights = read_weights("llama_tied") | {
        "lm_head.weight": mx.zeros((96, 32)),
        "model.layers.0.self_attn.rotary_emb.inv_freq": mx.zeros((8,)),
    }
    tokens, logits = expected("llama_tied")
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


@pytest.mark.parametrize("name", ["llama", "qwen3"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "mamba"}, "'mamba' is not supported; supported: llama, qwen3"),
        ({"model_type": None}, "is not supported"),
        ({"model_type": ["llama"]}, "is not supported"),
        ({"hidden_size": None}, "no 'hidden_size'"),
        ({"vocab_size": "96"}, "'vocab_size' .* int, not str"),
        ({"num_hidden_layers": 10**9}, "'num_hidden_layers' .* is 1000000000"),
        ({"num_hidden_layers": 0}, "'num_hidden_layers' .* is 0"),
        ({"intermediate_size": -1}, "'intermediate_size' .* is -1"),
        ({"num_key_value_heads": 3}, "multiple of 'num_key_value_heads'"),
        ({"hidden_act": "gelu"}, "'gelu' is not supported"),
        ({"rope_parameters": {"rope_type": "x"}}, "'x' is not supported"),
        ({"head_dim": 7}, "dims must be even"),
    ],
)
def test_wrong_configurations(name: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(read_config(name) | change)


@pytest.mark.parametrize(
    "change",
    [
        {"quantization_config": {"quant_method": "awq"}},
        {"quantization": {"mode": "nvfp4"}},
        {"quantization": 3},
    ],
)
def test_unknown_quantization(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="supported"):
        load_model(read_weights("llama"), read_config("llama") | change)


def test_sliding_windows_are_refused() -> None:
    with pytest.raises(ValueError, match="use_sliding_window"):
        make(read_config("qwen3") | {"use_sliding_window": True})


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(3,), (1, 0), (1, 1, 1)])
def test_tokens_of_a_wrong_shape(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="tokens must be of shape"):
        make_model(name)(mx.zeros(shape, mx.int32))
