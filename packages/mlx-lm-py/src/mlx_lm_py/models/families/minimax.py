"""MiniMax-M3 (https://huggingface.co/MiniMaxAI/MiniMax-M3)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.per_layer import minimax_entries
from mlx_lm_py.models.gguf_names import BIAS, EXPERTS, LAYER, QK_NORM, SHARED, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule, Stack
from mlx_lm_py.models.spec import Blocks, Decoder, Layer, Mlp, Moe, Router, each

from .common import change_attention, decoder, refuse, renamed

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def _sparse(c: Config, name: str, freq: list[Any], dense: str) -> list[int]:
    """The layers that have what others have not: named, or with a 1 in a list."""
    kinds: list[Any] = c(name, freq or [1] * c.depth)
    if len(kinds) != c.depth:
        raise ValueError(f"{name!r} in the configuration must be of each of the {c.depth} layers")
    return [i for i, kind in enumerate(kinds) if kind not in (0, dense)]


def minimax_m3(c: Config) -> Decoder:
    """Blocks of keys are chosen; bounded gates; norms less one."""
    refuse(c, swiglu_alpha=1.702, swiglu_limit=7.0)
    norm = c.norm(default=1e-6)
    if c("use_gemma_norm", True):
        norm = dataclasses.replace(norm, offset=1.0)
    share = c("rotary_dim", 0) / c.head_dim or 0.5
    rope = c.rope(share, base=5e6)
    mixer = c.attention(rope, qk_norm=norm if c("use_qk_norm", True) else None)
    act = "clamped_swiglu"
    dense = Mlp(c("dense_intermediate_size", 12288), act)
    experts = Moe(
        c(c.first("num_local_experts", "num_experts"), 128),
        c("num_experts_per_tok", 4),
        c.hidden,
        Router("sigmoid", normalize=True, scale=c("routed_scaling_factor", 2.0), bias=True),
        act,
        shared=c("shared_intermediate_size", 3072),
    )
    model = decoder(c, Layer(mixer, dense, norm))
    sparse = _sparse(c, "mlp_layer_types", c("moe_layer_freq", []), "dense")
    model = each(model, lambda one: dataclasses.replace(one, ffn=experts), sparse)
    own: dict[str, Any] = c("sparse_attention_config", {})
    nested = Config(own)
    if "sparse_block_size" not in nested and "index_block_size" not in c:
        return model
    width = nested("sparse_index_dim", c("index_head_dim", 128))
    blocks = Blocks(
        nested("sparse_num_index_heads", c("index_n_heads", 4)),
        width,
        nested("sparse_block_size", c("index_block_size", 128)),
        nested("sparse_topk_blocks", c("index_topk_blocks", 16)),
        nested("sparse_local_block", c("index_local_blocks", 1)),
        norm,
        dataclasses.replace(rope, dims=min(rope.dims, width)),
    )
    chosen = _sparse(c, "layer_types", nested("sparse_attention_freq", []), "full_attention")
    return each(model, lambda one: change_attention(one, blocks=blocks), chosen)


_EXPERTS = (("w1", "gate_proj"), ("w3", "up_proj"), ("w2", "down_proj"))
_RULES: Sequence[Rule] = (
    *renamed(
        ("self_attn.index_q_proj", "self_attn.index.q_proj"),
        ("self_attn.index_k_proj", "self_attn.index.k_proj"),
        ("self_attn.index_q_norm", "self_attn.index.q_norm"),
        ("self_attn.index_k_norm", "self_attn.index.k_norm"),
    ),
    Rename("model.layers.*.block_sparse_moe", "model.layers.*.mlp"),
    *(
        Stack(f"model.layers.*.mlp.experts.*.{theirs}", f"model.layers.*.mlp.switch_mlp.{ours}")
        for theirs, ours in _EXPERTS
    ),
    *renamed(
        ("mlp.shared_experts", "mlp.shared_expert"),
        ("mlp.e_score_correction_bias", "mlp.gate.e_score_correction_bias"),
    ),
)

_GGUF = GGUFNames(
    {
        **LAYER,
        **QK_NORM,
        **EXPERTS,
        **SHARED,
        **BIAS,
        **{
            f"indexer.{name}": f"self_attn.index_{name}"
            for name in ("q_proj", "k_proj", "q_norm", "k_norm")
        },
    },
    norms_hold_one=True,
    entries=minimax_entries,
)

ARCHITECTURES = {"minimax_m3_vl_text": Architecture(minimax_m3, _RULES, gguf=_GGUF)}
