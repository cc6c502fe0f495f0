"""Weights of GGUF files that stay in their blocks: experts, and what is divided or joined."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gguf
import mlx_core_py as mx
import numpy as np
import pytest
from gguf import GGMLQuantizationType as TensorType
from gguf_files import make_blocks, write_tensors
from mlx_core_py import nn
from mlx_core_py.trees import tree_flatten
from mlx_lm_py import load
from mlx_lm_py.loading.quantized_weights import use_blocks
from mlx_lm_py.models.blocks.experts import (
    BlockSwitchLinear,
    Experts,
    QuantizedSwitchLinear,
    SwitchLinear,
)
from mlx_lm_py.models.rules import Join, Rename, Rule, Split, Transpose, load_weights
from mlx_lm_py.models.spec import Moe
from mlx_lm_py.saving.quantize import dequantize_model, get_total_parameters

COMMON: dict[str, Any] = {
    "block_count": ("UINT32", 1),
    "context_length": ("UINT32", 128),
    "embedding_length": ("UINT32", 256),
    "feed_forward_length": ("UINT32", 512),
    "attention.head_count": ("UINT32", 4),
    "attention.head_count_kv": ("UINT32", 2),
    "attention.layer_norm_rms_epsilon": ("FLOAT32", 1e-6),
    "rope.freq_base": ("FLOAT32", 10000.0),
}
EXPERTS = COMMON | {
    "attention.key_length": ("UINT32", 64),
    "attention.value_length": ("UINT32", 64),
    "expert_count": ("UINT32", 6),
    "expert_used_count": ("UINT32", 2),
    "expert_feed_forward_length": ("UINT32", 256),
}
NORMS = ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm")
MATRICES = {
    "token_embd": (96, 256), "output": (96, 256),
    "blk.0.attn_q": (256, 256), "blk.0.attn_k": (128, 256), "blk.0.attn_v": (128, 256),
    "blk.0.attn_output": (256, 256), "blk.0.ffn_gate_exps": (6, 256, 256),
    "blk.0.ffn_up_exps": (6, 256, 256), "blk.0.ffn_down_exps": (6, 256, 256),
}  # fmt: skip
# Those that the CPU multiplies as MLX's own quantized weights.
AFFINE = ["Q4_0", "Q4_1", "Q8_0"]
IN_BLOCKS = [
    "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q5_0", "Q5_1", "IQ4_NL", "IQ4_XS", "IQ2_S", "IQ3_S",
    "IQ1_S", "TQ1_0", "TQ2_0",
]  # fmt: skip


def tensors_of(
    matrices: Mapping[str, tuple[int, ...]], kind: TensorType, widened: bool
) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {f"{name}.weight": np.ones(256, np.float32) for name in NORMS}
    for name in ("q", "k"):
        tensors[f"blk.0.attn_{name}_norm.weight"] = np.ones(64, np.float32)
    rng = np.random.default_rng(9)
    tensors["blk.0.ffn_gate_inp.weight"] = rng.standard_normal((6, 256)).astype(np.float32)
    for seed, (name, shape) in enumerate(matrices.items()):
        blocks = make_blocks(kind, int(np.prod(shape[:-1])), shape[-1], seed)
        value = gguf.quants.dequantize(blocks, kind) if widened else blocks
        tensors[f"{name}.weight"] = value.reshape(*shape[:-1], -1)
    return tensors


def assert_same_logits(model: Any, other: Any, tolerance: float = 0.02) -> None:
    for length in (1, 40):
        tokens = (7 * mx.arange(length) % 96).reshape(1, -1)
        want = np.array(other(tokens).astype(mx.float32))
        got = np.array(model(tokens).astype(mx.float32))
        np.testing.assert_allclose(got, want, atol=tolerance * np.abs(want).max())


@pytest.mark.parametrize("name", AFFINE + IN_BLOCKS)
def test_experts_stay_packed(tmp_path: Path, name: str) -> None:
    """They have the logits of the same experts in float32, and take no more than the file."""
    kind = TensorType[name]
    packed, plain = tmp_path / "m.gguf", tmp_path / "f32.gguf"
    write_tensors(packed, "qwen3moe", EXPERTS, tensors_of(MATRICES, kind, False), kind)
    write_tensors(plain, "qwen3moe", EXPERTS, tensors_of(MATRICES, kind, True))
    model: Any = load(packed)[0]
    other: Any = load(plain)[0]
    experts = model.model.layers[0].mlp.switch_mlp
    for layer in (experts.gate_proj, experts.up_proj, experts.down_proj):
        assert type(layer) is (QuantizedSwitchLinear if name in AFFINE else BlockSwitchLinear)
    held = sum(value.nbytes for _, value in tree_flatten(model.parameters()))
    # Symmetric types have biases here that they do not have there.
    assert held <= packed.stat().st_size * (1.12 if name in AFFINE else 1.0)
    assert get_total_parameters(model) == get_total_parameters(other)
    assert_same_logits(model, other)
    assert_same_logits(dequantize_model(model), other)


def test_gates_and_what_they_let_through_in_one(tmp_path: Path) -> None:
    kind = TensorType.Q4_K
    apart = tensors_of(MATRICES, kind, False)
    joined = dict(apart)
    parts = [joined.pop(f"blk.0.ffn_{part}_exps.weight") for part in ("gate", "up")]
    joined["blk.0.ffn_gate_up_exps.weight"] = np.concatenate(parts, axis=1)
    models: list[Any] = []
    for number, tensors in enumerate((joined, apart)):
        path = tmp_path / f"{number}.gguf"
        write_tensors(path, "qwen3moe", EXPERTS, tensors, kind)
        models.append(load(path)[0])
        experts = models[-1].model.layers[0].mlp.switch_mlp
        assert type(experts.gate_proj) is BlockSwitchLinear
        assert experts.up_proj.weight.shape == (6, 256, 144)
    assert_same_logits(models[0], models[1], tolerance=0)


def test_projections_in_one_stay_packed(tmp_path: Path) -> None:
    """The file has queries, keys and values in one, the model apart."""
    kind = TensorType.Q5_K
    fused = {
        "token_embd": (96, 256), "output": (96, 256), "blk.0.attn_qkv": (512, 256),
        "blk.0.attn_output": (256, 256), "blk.0.ffn_up": (1024, 256), "blk.0.ffn_down": (256, 512),
    }  # fmt: skip
    models: list[Any] = []
    for widened in (False, True):
        tensors = {
            name: value
            for name, value in tensors_of(fused, kind, widened).items()
            if "_q_norm" not in name and "_k_norm" not in name and "gate_inp" not in name
        }
        path = tmp_path / f"{widened}.gguf"
        write_tensors(
            path,
            "phi3",
            COMMON | {"rope.dimension_count": ("UINT32", 64)},
            tensors,
            TensorType.F32 if widened else kind,
        )
        models.append(load(path)[0])
    layer = models[0].model.layers[0]
    for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
        assert type(layer.self_attn[name]) is nn.BlockLinear
    for name in ("gate_proj", "up_proj", "down_proj"):
        assert type(layer.mlp[name]) is nn.BlockLinear
    assert_same_logits(*models)


class Ruled(nn.Module):
    """A model of linear layers, whose checkpoint has them in another way."""

    def __init__(self, rules: list[Rule], **rows: int) -> None:
        super().__init__()
        self.rules = rules
        for name, number in rows.items():
            self[name] = nn.Linear(256, number, bias=False)

    def sanitize(self, weights: dict[str, mx.array]) -> dict[str, mx.array]:
        return load_weights(weights, self.rules)


def blocks_of(name: str, rows: int, seed: int) -> mx.array:
    return mx.array(make_blocks(TensorType[name], rows, 256, seed))


def test_what_becomes_of_blocks(caplog: pytest.LogCaptureFixture) -> None:
    """Rows that are moved stay as they are, unless they would lie among those of another type."""
    rules: list[Rule] = [
        Split("ab", ("a", "b"), (4, 8)),
        Join(("c", "d"), "cd", (4, 4), heads=2),
        Join(("e", "f"), "ef", (4, 4)),
        Rename("g", "h"),
        Transpose("i"),
    ]
    model = Ruled(rules, a=4, b=8, cd=16, ef=8, h=4, i=256)
    types = dict.fromkeys(("ab", "c", "d", "e", "g", "i"), "Q4_K") | {"f": "Q6_K"}
    rows = {"ab": 12, "c": 8, "d": 8, "e": 4, "f": 4, "g": 4, "i": 256}
    weights = {
        f"{name}.weight": blocks_of(types[name], rows[name], seed)
        for seed, name in enumerate(types)
    }
    with caplog.at_level(logging.INFO):
        named, kept = use_blocks(model, weights, types)
    assert kept == dict.fromkeys(("a", "b", "cd", "h"), "Q4_K")
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "the weight 'e' is widened from Q4_K",
        "the weight 'i' is widened from Q4_K",
        "the weight 'f' is widened from Q6_K",
    ]
    wide = {
        name: mx.dequantize_blocks(value, types[name.removesuffix(".weight")], mx.float16)
        for name, value in weights.items()
    }
    for name, value in model.sanitize(wide).items():
        path = name.removesuffix(".weight")
        found = named[name]
        if path in kept:
            assert type(model[path]) is nn.BlockLinear
            found = mx.dequantize_blocks(found, kept[path], mx.float16)
        np.testing.assert_array_equal(np.array(found), np.array(value))


@pytest.mark.parametrize("tokens", [3, 40])
@pytest.mark.parametrize("bits", [0, 8])
def test_rows_are_found_or_sorted(monkeypatch: pytest.MonkeyPatch, bits: int, tokens: int) -> None:
    """What each expert makes of its tokens is the same in either way, and by one at a time."""
    experts = Experts(Moe(experts=4, top_k=2, hidden=64), 32)
    if bits:
        nn.quantize(experts, 32, bits)
    x = mx.random.normal((1, tokens, 32), key=mx.random.key(1))
    chosen = mx.random.randint(0, 4, (1, tokens, 2), key=mx.random.key(2))
    found = np.array(experts(x, chosen))
    monkeypatch.setattr(Experts, "_finds_rows", lambda self: not bits)
    np.testing.assert_allclose(np.array(experts(x, chosen)), found, rtol=1e-4, atol=1e-5)
    dense: Any = dequantize_model(experts)
    assert type(dense.up_proj) is SwitchLinear
    for token in range(tokens):
        for place in range(2):
            expert = chosen[0, token, place].item()
            up, gate, down = (
                dense[f"{part}_proj"].weight[expert] for part in ("up", "gate", "down")
            )
            hidden = nn.silu(gate @ x[0, token]) * (up @ x[0, token])
            np.testing.assert_allclose(
                found[0, token, place], np.array(down @ hidden), rtol=1e-3, atol=1e-4
            )
