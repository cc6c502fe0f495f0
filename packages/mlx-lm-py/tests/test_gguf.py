"""GGUF files as checkpoints: names, the order of rows, the configuration."""

import json
import math
from pathlib import Path
from typing import Any

import gguf
import mlx_core_py as mx
import numpy as np
import pytest
from gguf import GGMLQuantizationType as TensorType
from gguf_files import gguf_tensors, make_blocks, make_gguf, write_tensors
from mlx_core_py import nn
from mlx_core_py.gguf import GGUFHeader, TensorInfo
from mlx_core_py.trees import tree_flatten
from mlx_lm_py import load, load_model
from mlx_lm_py.loading.gguf import gguf_config, load_gguf
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf_names import LAYER, QK_NORM, GGUFNames
from mlx_lm_py.models.registry import find_architecture
from mlx_lm_utils_py import initialize_rope
from tiny_models import FIXTURES, MODELS, read_config, read_expected, read_weights, write_gguf

METADATA: dict[str, Any] = {
    "general.architecture": "llama",
    "llama.embedding_length": 32,
    "llama.block_count": 1,
    "llama.feed_forward_length": 64,
    "llama.attention.head_count": 4,
    "llama.attention.head_count_kv": 2,
    "llama.attention.layer_norm_rms_epsilon": 1e-5,
    "llama.context_length": 128,
}


def config_of(change: dict[str, Any], *tensors: str) -> dict[str, Any]:
    metadata = {k: v for k, v in (METADATA | change).items() if v is not None}
    return gguf_config(
        GGUFHeader(metadata, {name: TensorInfo(name, "F32", (16, 32), 0, 2048) for name in tensors})
    )


def test_configuration() -> None:
    config = config_of({}, "token_embd.weight", "blk.0.attn_q.bias")
    assert config == {
        "model_type": "llama",
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "rms_norm_eps": 1e-5,
        "max_position_embeddings": 128,
        "rope_theta": 10000.0,
        "tie_word_embeddings": True,
        "attention_bias": True,
        "attention_out_bias": False,
        "mlp_bias": False,
        "vocab_size": 16,
    }
    assert config_of({}, "output.weight")["tie_word_embeddings"] is False


def test_rope_scaling() -> None:
    change = {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 2.0}
    assert config_of(change)["rope_scaling"] == {
        "rope_type": "linear",
        "factor": 2.0,
        "original_max_position_embeddings": 128,
    }


@pytest.mark.parametrize("own", [None, 1.0, 1.5])
def test_magnitudes_of_yarn(own: float | None) -> None:
    """llama.cpp takes what a file has times what YaRN says, and that alone where it has nothing."""
    change = {"llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 4.0}
    change |= {} if own is None else {"llama.rope.scaling.attn_factor": own}
    rope = initialize_rope(8, 1e4, False, config_of(change)["rope_scaling"], 128)
    x = mx.ones((1, 1, 1, 8))
    length = float(mx.sqrt((rope(x, 0) ** 2).sum() / 8))
    assert length == pytest.approx((own or 1.0) * (1 + 0.1 * math.log(4)), rel=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"general.architecture": None}, "no 'general.architecture'"),
        ({"general.architecture": 3}, "'general.architecture' must be of type str"),
        ({"llama.block_count": None}, "no 'llama.block_count'"),
        ({"llama.block_count": "1"}, "'llama.block_count' must be of type int"),
        ({"llama.attention.head_count": 0}, "head_count' is 0"),
        ({"llama.attention.head_count_kv": 0}, "head_count_kv' is 0"),
        ({"llama.attention.head_count": [4, 4]}, "must be of type int, not list"),
        ({"llama.rope.dimension_count": "4"}, "must be of type int, not str"),
    ],
)
def test_wrong_metadata(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config_of(change)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("output.scales", "lm_head.scales"),
        ("output_norm.weight", "model.norm.weight"),
        ("blk.12.attn_q_norm.weight", "model.layers.12.self_attn.q_norm.weight"),
        ("blk.0.ffn_gate.biases", "model.layers.0.mlp.gate_proj.biases"),
        ("blk.0.ffn_norm.weight", "model.layers.0.post_attention_layernorm.weight"),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert GGUFNames(LAYER | QK_NORM).hf_name(name) == expected


@pytest.mark.parametrize(
    "name", ["a.weight", "blk.x.attn_v.weight", "blk.0.weight", "blk.0.attn_q_norm.weight", "a", ""]
)
def test_unknown_names(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' that this architecture has no use for"):
        GGUFNames().hf_name(name)


def test_tensors_without_a_use(tmp_path: Path) -> None:
    tensors = {"blk.0.attn_q_norm.weight": np.ones(8, np.float32)}
    path = write_gguf(tmp_path / "m.gguf", read_config("llama"), tensors)
    with pytest.raises(ValueError, match=r"'blk\.0\.attn_q_norm\.weight' that this architecture"):
        load_gguf(path)


def test_rows_that_heads_cannot_share(tmp_path: Path) -> None:
    tensors = {"blk.0.attn_q.weight": np.ones((6, 32), np.float32)}
    path = write_gguf(tmp_path / "m.gguf", read_config("llama"), tensors)
    with pytest.raises(ValueError, match="6 rows, which 4 heads"):
        load_gguf(path)


@pytest.mark.parametrize("kind", [TensorType.F32, TensorType.BF16])
@pytest.mark.parametrize(
    ("embedding", "dtype"), [(np.float16, mx.float16), (np.float32, None)], ids=["float16", "same"]
)
def test_one_floating_type(
    tmp_path: Path, kind: TensorType, embedding: Any, dtype: mx.Dtype | None
) -> None:
    """The narrowest that the file has, float16 before bfloat16."""
    tensors = {
        "token_embd.weight": np.ones((96, 32), embedding),
        "output.weight": np.ones((96, 32), np.float32),
        "output_norm.weight": np.ones(32, np.float32),
    }
    path = write_gguf(tmp_path / "m.gguf", read_config("llama"), tensors, kind)
    expected = dtype or {TensorType.F32: mx.float32, TensorType.BF16: mx.bfloat16}[kind]
    assert {value.dtype for value in load_gguf(path)[0].values()} == {expected}


@pytest.mark.parametrize("name", ["llama", "qwen3"])
@pytest.mark.parametrize(
    ("kind", "bits"), [(TensorType.Q4_0, 4), (TensorType.Q4_1, 4), (TensorType.Q8_0, 8)]
)
def test_packed_weights_are_those_of_the_checkpoint(
    tmp_path: Path, name: str, kind: TensorType, bits: int
) -> None:
    weights, config, metadata = load_gguf(make_gguf(tmp_path / "m.gguf", name, kind))
    assert config["model_type"] == metadata["general.architecture"] == name
    for key, value in read_weights(name).items():
        loaded, original = weights[key], np.array(value)
        if value.ndim > 1:
            scales, biases = (weights[key.replace("weight", part)] for part in ("scales", "biases"))
            loaded = mx.dequantize(loaded, scales, biases, group_size=32, bits=bits)
            original = gguf.quants.dequantize(gguf.quants.quantize(original, kind), kind)
        np.testing.assert_allclose(np.array(loaded, np.float32), original, atol=2e-3)


WIDE = {
    "hidden_size": 256,
    "num_hidden_layers": 1,
    "intermediate_size": 512,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"},
}
MATRICES = {
    "token_embd": (96, 256), "output": (96, 256),
    "blk.0.attn_q": (256, 256), "blk.0.attn_k": (128, 256), "blk.0.attn_v": (128, 256),
    "blk.0.attn_output": (256, 256), "blk.0.ffn_gate": (512, 256), "blk.0.ffn_up": (512, 256),
    "blk.0.ffn_down": (256, 512),
}  # fmt: skip
IN_BLOCKS = [
    "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q5_0", "Q5_1", "IQ4_NL", "IQ4_XS", "IQ2_S", "IQ3_S",
    "IQ1_S", "TQ1_0", "TQ2_0",
]  # fmt: skip


def wide_tensors(kind: TensorType, dequantized: bool) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {
        f"{name}.weight": np.ones(256, np.float32)
        for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm")
    }
    for seed, (name, shape) in enumerate(MATRICES.items()):
        blocks = make_blocks(kind, *shape, seed)
        tensors[f"{name}.weight"] = gguf.quants.dequantize(blocks, kind) if dequantized else blocks
    return tensors


@pytest.mark.parametrize("name", IN_BLOCKS)
def test_models_in_blocks(tmp_path: Path, name: str) -> None:
    """They have the logits of the same model in float32, and take no more memory than the file."""
    kind = TensorType[name]
    path = write_gguf(tmp_path / "m.gguf", WIDE, wide_tensors(kind, False), kind)
    plain = write_gguf(tmp_path / "f32.gguf", WIDE, wide_tensors(kind, True))
    model: Any = load(path)[0]
    other = load(plain)[0]
    layer = model.model.layers[0].mlp.down_proj
    assert isinstance(layer, nn.BlockLinear)
    assert layer.type == name
    assert isinstance(model.model.embed_tokens, nn.BlockEmbedding)
    size, nbytes = gguf.GGML_QUANT_SIZES[kind]
    assert layer.weight.nbytes == 256 * 512 // size * nbytes
    for length in (1, 20):
        tokens = mx.arange(length).reshape(1, -1)
        want = np.array(other(tokens), np.float32)
        got = np.array(model(tokens).astype(mx.float32))
        np.testing.assert_allclose(got, want, atol=0.02 * np.abs(want).max())


def test_models_of_split_files(tmp_path: Path) -> None:
    whole = write_gguf(tmp_path / "m.gguf", WIDE, wide_tensors(TensorType.Q4_K, True))
    reader = gguf.GGUFReader(whole)
    writer = gguf.GGUFWriter(tmp_path / "s.gguf", "llama", split_max_tensors=5)
    for field in reader.fields.values():
        if field.name.startswith("GGUF.") or field.name == "general.architecture":
            continue
        kinds = field.types
        writer.add_key_value(
            field.name, field.contents(), kinds[0], kinds[-1] if len(kinds) > 1 else None
        )
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, np.array(tensor.data))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    parts = sorted(tmp_path.glob("s-*.gguf"))
    assert len(parts) == 3
    want, _ = load(whole)
    tokens = mx.array([[1, 2, 3]])
    for part in parts:
        got, _ = load(part)
        np.testing.assert_array_equal(np.array(got(tokens)), np.array(want(tokens)))


@pytest.mark.parametrize(
    "name", [name for name in MODELS if (FIXTURES / name / "gguf.json").exists()]
)
def test_architectures_in_blocks(tmp_path: Path, name: str) -> None:
    """They have the logits of the same weights in float32, those that they divide or join too."""
    path = make_gguf(tmp_path / "m.gguf", name, TensorType.Q5_0)
    weights, config, _ = load_gguf(path)
    # In half precision a router may choose another expert.
    weights = {
        name: value.astype(mx.float32) if mx.issubdtype(value.dtype, mx.floating) else value
        for name, value in weights.items()
    }
    types = config["block_types"]
    dense = {
        key: value
        if key.removesuffix(".weight") not in types
        else mx.dequantize_blocks(value, types[key.removesuffix(".weight")])
        for key, value in weights.items()
    }
    want = load_model(dense, {key: value for key, value in config.items() if key != "block_types"})
    got = load_model(weights, config)
    for length in (1, 12):
        tokens = mx.arange(length).reshape(1, -1)
        logits = np.array(want(tokens).astype(mx.float32))
        found = np.array(got(tokens).astype(mx.float32))
        np.testing.assert_allclose(found, logits, atol=2e-3 * np.abs(logits).max())


@pytest.mark.parametrize("kind", [TensorType.Q8_0, TensorType.Q5_0, TensorType.F16])
@pytest.mark.parametrize("name", ["llama", "qwen3"])
def test_features_beyond_the_range_of_float16(tmp_path: Path, name: str, kind: TensorType) -> None:
    """Those within the feed-forward layers of Llama 2 are; what they come to is not."""
    weights = read_weights(name)
    for key, value in weights.items():
        for part, factor in (("gate_proj", 60.0), ("up_proj", 60.0), ("down_proj", 0.0005)):
            if part in key and key.endswith("weight"):
                weights[key] = value * factor
    path = make_gguf(tmp_path / "m.gguf", name, kind, weights=weights)
    model: Any = load(path)[0]
    tokens, _ = read_expected(name)
    logits = model(tokens)
    assert logits.dtype == mx.float16
    exact = load(path, dtype=mx.float32)[0](tokens)
    assert exact.dtype == mx.float32
    assert mx.linalg.norm(logits.astype(mx.float32) - exact) < 0.02 * mx.linalg.norm(exact)


@pytest.mark.parametrize("kind", [TensorType.Q8_0, TensorType.Q5_0, TensorType.F16])
@pytest.mark.parametrize("name", ["gemma2", "gemma3_text"])
def test_hidden_states_beyond_the_range_of_float16(
    tmp_path: Path, name: str, kind: TensorType
) -> None:
    """Those of Gemma are, so that it computes in bfloat16 whatever its files hold."""
    weights = read_weights(name)
    for key, value in weights.items():
        if "post_feedforward_layernorm" in key:
            weights[key] = value + 1e5
    path = make_gguf(tmp_path / "m.gguf", name, kind, weights=weights)
    tokens, _ = read_expected(name)
    logits = load(path)[0](tokens)
    assert logits.dtype == mx.bfloat16
    exact = load(path, dtype=mx.float32)[0](tokens)
    assert mx.linalg.norm(logits.astype(mx.float32) - exact) < 0.05 * mx.linalg.norm(exact)


def test_a_dtype_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dtype must be a floating type, not"):
        load(make_gguf(tmp_path / "m.gguf", "llama"), dtype=mx.int32)


@pytest.mark.parametrize("name", ["glm4", "stablelm", "nemotron", "gpt_neox"])
def test_heads_that_rotate_as_a_whole(name: str) -> None:
    """What a file says goes before what an architecture usually has."""
    recorded = json.loads((FIXTURES / name / "gguf.json").read_text())
    kind = recorded["architecture"]
    metadata = {f"{kind}.{key}": value for key, (_, value) in recorded["metadata"].items()}
    metadata |= {"general.architecture": kind, f"{kind}.rope.dimension_count": 16}
    metadata[f"{kind}.attention.key_length"] = 16
    config = gguf_config(GGUFHeader(metadata, {}))
    assert config["partial_rotary_factor"] == 1.0
    decoder = find_architecture(config["model_type"]).spec(Config(config | {"vocab_size": 96}))
    assert decoder.layers[0].mixer.rope.dims == 16  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["glm4_moe", "qwen3_5"])
def test_layers_that_predict_further_tokens_are_left_out(tmp_path: Path, name: str) -> None:
    recorded = json.loads((FIXTURES / name / "gguf.json").read_text())
    depth = recorded["metadata"]["block_count"][1]
    metadata = recorded["metadata"] | {
        "block_count": ["UINT32", depth + 1],
        "nextn_predict_layers": ["UINT32", 1],
    }
    tensors = gguf_tensors(name)
    last = f"blk.{depth - 1}."
    tensors |= {
        key.replace(last, f"blk.{depth}."): value + 1
        for key, value in tensors.items()
        if key.startswith(last)
    }
    tensors[f"blk.{depth}.nextn.eh_proj.weight"] = np.ones((32, 64), np.float32)
    path = write_tensors(tmp_path / "m.gguf", recorded["architecture"], metadata, tensors)
    tokens, logits = read_expected(name)
    np.testing.assert_allclose(np.array(load(path)[0](tokens)), np.array(logits), atol=2e-3)


def test_experts_whose_gates_are_in_one_tensor(tmp_path: Path) -> None:
    """As the converter fuses them if it is asked to."""
    recorded = json.loads((FIXTURES / "qwen3_moe" / "gguf.json").read_text())
    tensors = gguf_tensors("qwen3_moe")
    for key in [key for key in tensors if "ffn_gate_exps" in key]:
        both = tensors.pop(key), tensors.pop(key.replace("gate", "up"))
        tensors[key.replace("gate", "gate_up")] = np.concatenate(both, axis=1)
    tokens, logits = read_expected("qwen3_moe")
    for kind in (TensorType.F32, TensorType.Q8_0):
        path = tmp_path / f"{kind.name}.gguf"
        write_tensors(path, recorded["architecture"], recorded["metadata"], tensors, kind)
        found = np.array(load(path, dtype=mx.float32)[0](tokens))
        error = np.abs(found - np.array(logits)).max()
        assert error < (2e-3 if kind == TensorType.F32 else 0.5) * np.abs(np.array(logits)).max()


@pytest.mark.parametrize(("own", "expected"), [(None, 8**-0.5), (0.25, 0.25)])
def test_scale_of_attention_of_granite(own: float | None, expected: float) -> None:
    """llama.cpp takes the usual one where a file has none, a configuration means one then."""
    change = {key.replace("llama", "granite"): value for key, value in METADATA.items()}
    change |= {"general.architecture": "granite", "granite.attention.scale": own}
    assert config_of(change)["attention_multiplier"] == pytest.approx(expected)


@pytest.mark.parametrize("kind", [TensorType.Q4_0, TensorType.Q4_1, TensorType.Q8_0])
def test_scales_of_models_beyond_float16_are_not_rounded(tmp_path: Path, kind: TensorType) -> None:
    """They compute in bfloat16, which has three bits less than the scales of the file."""
    path = make_gguf(tmp_path / "m.gguf", "gemma3_text", kind)
    model: Any = load(path)[0]
    layer = model.model.layers[0].mlp.down_proj
    assert type(layer) is nn.BlockLinear
    assert model.model.norm.weight.dtype == mx.bfloat16
    written = next(
        tensor for tensor in gguf.GGUFReader(path).tensors if tensor.name == "blk.0.ffn_down.weight"
    )
    held = np.array(mx.dequantize_blocks(layer.weight, layer.type))
    np.testing.assert_array_equal(held, gguf.quants.dequantize(written.data, kind))
    # For conversion they are those of checkpoints.
    lazy: Any = load(path, lazy=True)[0]
    assert type(lazy.model.layers[0].mlp.down_proj) is nn.QuantizedLinear
    tokens = mx.array([[1, 2, 3]])
    want = np.array(load(path, dtype=mx.float32)[0](tokens))
    for one in (model, lazy):
        got = np.array(one(tokens).astype(mx.float32))
        np.testing.assert_allclose(got, want, atol=0.04 * np.abs(want).max())


@pytest.mark.parametrize("kind", [TensorType.Q4_0, TensorType.Q4_1, TensorType.Q8_0])
def test_blocks_where_they_are_multiplied_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: TensorType
) -> None:
    path = make_gguf(tmp_path / "m.gguf", "llama", kind)
    plain: Any = load(path, dtype=mx.float32)[0]
    tokens = mx.array([[3, 1, 4, 1, 5]])
    held = {}
    for prefers in (False, True):
        monkeypatch.setattr("mlx_lm_py.loading.gguf.weights.prefers_blocks", lambda p=prefers: p)
        model: Any = load(path)[0]
        layer = model.model.layers[0].mlp.up_proj
        assert type(layer) is (nn.BlockLinear if prefers else nn.QuantizedLinear)
        want, got = plain(tokens), model(tokens).astype(mx.float32)
        assert mx.linalg.norm(got - want) < 0.02 * mx.linalg.norm(want)
        held[prefers] = sum(value.nbytes for _, value in tree_flatten(model.parameters()))
        # What is converted is packed as checkpoints have it.
        lazy: Any = load(path, lazy=True)[0]
        assert type(lazy.model.layers[0].mlp.up_proj) is nn.QuantizedLinear
    assert held[True] < held[False] or kind is TensorType.Q4_1
