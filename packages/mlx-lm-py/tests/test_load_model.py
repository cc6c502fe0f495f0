from typing import Any

import mlx_core_py as mx
import pytest
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten
from mlx_lm_py import load_model
from mlx_lm_py.models.latents import whole_latents
from mlx_lm_py.saving import dequantize_model
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


@pytest.mark.parametrize(
    ("name", "theirs", "of_mlx_lm"),
    [
        ("bailing_moe_v2", ".mlp.gate", ".mlp.gate.gate_proj"),
        ("bailing_hybrid", ".mlp.gate", ".mlp.gate.gate_proj"),
        ("klear", ".mlp.gate", ".mlp.gate"),
        ("step3p5", ".moe.gate", ".mlp.gate.gate"),
        ("longcat_flash", ".mlp.router.classifier", ".mlp.router.classifier"),
    ],
)
@pytest.mark.parametrize("mode", ["affine", "mxfp8"])
def test_a_quantized_router(name: str, theirs: str, of_mlx_lm: str, mode: str) -> None:
    """Repositories of mlx-lm have routers with a bias in eight bits."""
    weights, dense = read_weights(name), read_weights(name)
    routers = [key for key in weights if key.endswith(f"{theirs}.weight")]
    assert routers
    for key in routers:
        packed = mx.quantize(weights.pop(key), 32, 8, mode=mode)
        path = key.removesuffix(f"{theirs}.weight") + of_mlx_lm
        weights |= dict(
            zip((f"{path}.{kind}" for kind in ("weight", "scales", "biases")), packed, strict=False)
        )
        biases = packed[2] if mode == "affine" else None
        dense[key] = mx.dequantize(packed[0], packed[1], biases, 32, 8, mode)
    tokens, before = read_expected(name)
    expected = load_model(dense, read_config(name))(tokens)
    quantization = {"quantization": {"bits": 8, "mode": mode}}
    model: Any = load_model(weights, read_config(name) | quantization)
    close(model(tokens), expected, 1e-3)
    assert mx.abs(expected - before).max() > 1e-3
    # What is saved is what was loaded, and what is dequantized has the bias still.
    saved = model.checkpoint(dict(tree_flatten(model.parameters())))
    close(load_model(saved, read_config(name))(tokens), expected, 1e-3)
    close(dequantize_model(model)(tokens), expected, 1e-3)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("mixtral", ("w1", "w3", "w2")),
        *((name, ("gate_proj", "up_proj", "down_proj")) for name in ("deepseek_v3", "glm4_moe")),
        *((name, ("gate_proj", "up_proj", "down_proj")) for name in ("olmoe", "qwen3_moe")),
    ],
)
def test_experts_as_the_library_has_them_in_memory(name: str, parts: tuple[str, ...]) -> None:
    weights, fused = read_weights(name), {}
    stems = {key.partition(".experts.")[0] for key in weights if ".experts." in key}
    assert stems
    for stem in stems:
        found = [
            mx.stack([weights[f"{stem}.experts.{i}.{part}.weight"] for i in range(count)])
            for part in parts
            for count in [sum(key.startswith(f"{stem}.experts.") for key in weights) // 3]
        ]
        place = stem.replace("block_sparse_moe", "mlp") + ".experts"
        fused[f"{place}.gate_up_proj"] = mx.concatenate(found[:2], axis=1)
        fused[f"{place}.down_proj"] = found[2]
    kept = {key: value for key, value in weights.items() if ".experts." not in key}
    tokens, logits = read_expected(name)
    model: Any = load_model(kept | fused, read_config(name))
    close(model(tokens), logits, 2e-3)
    assert model.checkpoint(dict(tree_flatten(model.parameters()))).keys() == weights.keys()


@pytest.mark.parametrize("name", ["bailing_hybrid", "deepseek_v3", "kimi_k3", "longcat_flash"])
def test_latents_of_mlx_lm(name: str) -> None:
    """It divides what makes keys and values of them."""
    config, weights = read_config(name), read_weights(name)
    sizes = config.get("text_config", config)
    heads, nope = sizes["num_attention_heads"], sizes["qk_nope_head_dim"]
    whole = [key for key in weights if key.endswith("kv_b_proj.weight")]
    assert whole
    for key in whole:
        stem, parts = key.removesuffix("kv_b_proj.weight"), weights.pop(key)
        parts = mx.unflatten(parts, 0, (heads, -1))
        weights[f"{stem}embed_q.weight"] = parts[:, :nope].swapaxes(1, 2)
        weights[f"{stem}unembed_out.weight"] = parts[:, nope:]
    tokens, logits = read_expected(name)
    close(load_model(weights, config)(tokens), logits, 2e-3)


@pytest.mark.parametrize(
    ("mode", "group_size", "bits"),
    [("affine", 64, 4), ("affine", 32, 8), ("mxfp4", 32, 4), ("mxfp8", 32, 8), ("nvfp4", 16, 4)],
)
def test_quantized_latents_of_mlx_lm(mode: str, group_size: int, bits: int) -> None:
    embed = mx.random.normal((3, 128, 64), key=mx.random.key(0))
    unembed = mx.random.normal((3, 16, 128), key=mx.random.key(1))
    weights: dict[str, mx.array] = {}
    rounded = []
    for name, part in (("embed_q", embed), ("unembed_out", unembed)):
        packed = mx.quantize(part, group_size, bits, mode=mode)
        kinds = zip(("weight", "scales", "biases"), packed, strict=False)
        weights |= {f"a.{name}.{kind}": value for kind, value in kinds}
        biases = packed[2] if mode == "affine" else None
        rounded.append(mx.dequantize(packed[0], packed[1], biases, group_size, bits, mode))
    whole = whole_latents(weights)
    assert list(whole) == ["a.kv_b_proj.weight"]
    heads = [row for head in zip(*rounded, strict=True) for row in (*head[0].T, *head[1])]
    assert mx.array_equal(whole["a.kv_b_proj.weight"], mx.stack(heads))


@pytest.mark.parametrize("change", ["missing", (3, 16, 64), (2, 16, 128), (16, 128)])
def test_wrong_latents(change: Any) -> None:
    weights = {"embed_q.weight": mx.zeros((3, 128, 64)), "unembed_out.weight": mx.zeros(1)}
    if change == "missing":
        del weights["unembed_out.weight"]
    else:
        weights["unembed_out.weight"] = mx.zeros(change)
    with pytest.raises(ValueError, match="no fitting 'unembed_out"):
        whole_latents(weights)


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
