"""Packs whose layers rotate what comes in, beside the same weights without rotations."""

import importlib
import json
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_lm_py import load_model
from mlx_lm_py.models import make_model
from tiny_models import close, read_config

WIDTH = 512


def _hadamard(size: int) -> np.ndarray:
    matrix = np.ones((1, 1))
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return np.asarray(matrix / np.sqrt(size))


def _config() -> dict[str, Any]:
    """Qwen3.5 with layers wide enough for a block."""
    text = read_config("qwen3_5")
    text = text.get("text_config", text)
    text |= {
        "model_type": "qwen3_5_text",
        "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "linear_num_key_heads": 2,
        "linear_num_value_heads": 4,
        "linear_key_head_dim": 32,
        "linear_value_head_dim": 32,
        "num_hidden_layers": 2,
        "layer_types": ["linear_attention", "full_attention"],
        "full_attention_interval": 2,
        "vocab_size": 48,
        "tie_word_embeddings": True,
    }
    return {
        "model_type": "prism_hadamard_qwen35",
        "schema_version": 1,
        "tensor_namespace": "mlx-lm-text",
        "gdn_activation_layout": "grouped",
        "quantization": {"bits": 2, "group_size": 128, "mode": "affine"},
        "tie_word_embeddings": True,
        "text_config": text,
    }


def _packed(dtype: mx.Dtype) -> tuple[dict[str, mx.array], dict[str, mx.array], dict[str, Any]]:
    """A pack, the same with floating weights, and the configuration of the pack."""
    config = _config()
    model = make_model(config)
    shapes = {k: v.shape for k, v in model.checkpoint(dict(_leaves(model))).items()}
    mx.random.seed(3)
    pack, floats, modules = {}, {}, []
    for name, shape in shapes.items():
        path = name.removesuffix(".weight")
        scale = 1.0 if "norm" in name or len(shape) > 2 else shape[-1] ** -0.5
        weight = mx.random.normal(shape) * scale
        if len(shape) != 2 or shape[-1] % 128:
            pack[name] = floats[name] = weight
            continue
        # One is packed without a rotation.
        block = 0 if shape[-1] % WIDTH or path.endswith("k_proj") else WIDTH
        words, scales, biases = mx.quantize(weight, 128, 2)
        scales, biases = scales.astype(dtype), biases.astype(dtype)
        pack |= {name: words, f"{path}.scales": scales, f"{path}.biases": biases}
        dense = mx.dequantize(words, scales, biases, 128, 2).astype(mx.float32)
        if block:
            signs = mx.where(mx.random.uniform(shape=(shape[-1],)) < 0.5, -1.0, 1.0)
            pack[f"{path}.signs"] = signs
            blocks = np.array(dense).reshape(shape[0], -1, block) @ _hadamard(block)
            dense = mx.array((blocks.reshape(shape) * np.array(signs)).astype(np.float32))
        floats[name] = dense
        embedding = path == "model.embed_tokens"
        record = {"path": path, "block": block, "embedding": embedding, "dtype": "float16"}
        modules.append(record)
    return pack, floats, config | {"modules": modules}


def _leaves(model: Any) -> list[tuple[str, mx.array]]:
    flat: list[tuple[str, mx.array]] = importlib.import_module("mlx_core_py.utils").tree_flatten(
        model.parameters()
    )
    return flat


TOKENS = mx.array([[1, 5, 9, 40, 2, 2, 17]])


@pytest.fixture(scope="module")
def packed() -> tuple[dict[str, mx.array], dict[str, mx.array], dict[str, Any]]:
    return _packed(mx.float32)


def test_a_pack(packed: tuple[dict[str, mx.array], dict[str, mx.array], dict[str, Any]]) -> None:
    pack, floats, config = packed
    expected = load_model(floats, config["text_config"])(TOKENS)
    for prefix in ("", "language_model."):
        named = {f"{prefix}{key}": value for key, value in pack.items()}
        model: Any = load_model(named, config)
        close(model(TOKENS), expected, 1e-3)
    # What is saved is read again.
    saved = model.checkpoint(dict(_leaves(model)))
    assert saved.keys() == pack.keys()
    close(load_model(saved, config)(TOKENS), expected, 1e-3)


def test_the_pack_as_mlx_lm_reads_it() -> None:
    pytest.importorskip("mlx_lm")
    theirs: Any = pytest.importorskip("mlx.core")
    module: Any = importlib.import_module("mlx_lm.models.prism_hadamard_qwen35")
    pack, _, config = _packed(mx.float16)
    model = module.Model(module.ModelArgs.from_dict(json.loads(json.dumps(config))))
    named = {key: theirs.array(np.array(value)) for key, value in pack.items()}
    model.load_weights(list(model.sanitize(named).items()))
    with theirs.stream(theirs.cpu):
        expected = np.array(model(theirs.array(np.array(TOKENS))).astype(theirs.float32))
    ours = np.array(load_model(pack, config)(TOKENS).astype(mx.float32))
    # Both compute in 16 bits, of which sums have about three digits.
    np.testing.assert_allclose(ours, expected, atol=0.01 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tensor_namespace": "mine"}, "'tensor_namespace' in the configuration is 'mine'"),
        ({"schema_version": [1]}, "'tensor_namespace'"),
        ({"gdn_activation_layout": "flat"}, "'gdn_activation_layout'"),
        ({"modules": None}, "'modules' in the configuration must be a list"),
        ({"modules": []}, "do not rotate '"),
        (
            {"modules": [{"path": "lm_head", "block": 256, "dtype": "float16"}]},
            "describe 'lm_head'",
        ),
        ({"modules": [{"path": "lm_head", "block": 512, "dtype": "float16"}]}, "lm_head.signs'"),
    ],
)
def test_packs_that_are_refused(
    packed: tuple[dict[str, mx.array], dict[str, mx.array], dict[str, Any]],
    change: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        load_model(packed[0], packed[2] | change)


def test_signs_that_are_none(
    packed: tuple[dict[str, mx.array], dict[str, mx.array], dict[str, Any]],
) -> None:
    name = "model.embed_tokens.signs"
    with pytest.raises(ValueError, match=f"'{name}' must have nothing but 1 and -1"):
        load_model(packed[0] | {name: mx.zeros(WIDTH)}, packed[2])
