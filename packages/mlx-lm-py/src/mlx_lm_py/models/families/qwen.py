"""Qwen2 (https://arxiv.org/abs/2412.15115), Qwen3 (https://arxiv.org/abs/2505.09388)."""

from __future__ import annotations

import dataclasses

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.experts import normalized, shared_expert
from mlx_lm_py.models.gguf_names import EXPERTS as GGUF_EXPERTS
from mlx_lm_py.models.gguf_names import LAYER, QK_NORM, SHARED, GGUFNames
from mlx_lm_py.models.rules import Convert, Drop, Rule, Stack
from mlx_lm_py.models.spec import Decoder, Layer, Moe, Router, each

from .common import change_attention, decoder, plain, sliding

__all__ = ["ARCHITECTURES", "EXPERTS", "FUSED_EXPERTS", "experts_of", "fused_experts", "sparse"]


def __dir__() -> list[str]:
    return __all__


def qwen2(c: Config) -> Decoder:
    """Biases of queries, keys and values; a window in the upper layers of some."""
    layer = plain(c, norm=c.norm(default=1e-6), qkv_bias=True)
    return _windowed(c, decoder(c, layer))


def qwen3(c: Config) -> Decoder:
    """Queries and keys are normalized."""
    norm = c.norm(default=1e-6)
    bias = c("attention_bias", False)
    layer = plain(c, norm=norm, qkv_bias=bias, out_bias=bias, qk_norm=norm)
    return _windowed(c, decoder(c, layer))


def _windowed(c: Config, model: Decoder) -> Decoder:
    if not c("use_sliding_window", False):
        return model
    window, first = c("sliding_window", int), c("max_window_layers", 28)
    upper = sliding(c) if "layer_types" in c else range(first, c.depth)
    return each(model, lambda layer: change_attention(layer, window=window), upper)


def sparse(c: Config, model: Decoder, experts: Moe) -> Decoder:
    """Give layers experts.

    Args:
        c: The configuration, which may leave some layers without.
        model: The decoder.
        experts: Of a layer that has them.

    Returns:
        The decoder with experts.
    """
    step = c.positive("decoder_sparse_step", 1)
    dense: list[int] = c("mlp_only_layers", [])
    chosen = [i for i in range(c.depth) if i not in dense and (i + 1) % step == 0]

    def with_experts(layer: Layer) -> Layer:
        return dataclasses.replace(layer, ffn=experts)

    return each(model, with_experts, chosen)


def experts_of(c: Config, router: Router, **options: int | bool) -> Moe:
    """Experts of the usual sizes.

    Args:
        c: The configuration.
        router: How they are chosen.
        **options: Further attributes of `Moe`.

    Returns:
        The experts.
    """
    return Moe(
        c(c.first("num_experts", "num_local_experts", "n_routed_experts"), int),
        c("num_experts_per_tok", int),
        c(c.first("moe_intermediate_size", "intermediate_size"), int),
        router,
        c.act(),
        **options,  # type: ignore[arg-type]
    )


def qwen2_moe(c: Config) -> Decoder:
    """Experts, and one that all tokens use, behind a gate."""
    router = Router(normalize=c("norm_topk_prob", False))
    shared = c("shared_expert_intermediate_size", 5632)
    experts = experts_of(c, router, shared=shared, shared_gate=True)
    layer = plain(c, norm=c.norm(default=1e-6), qkv_bias=c("qkv_bias", True))
    return sparse(c, _windowed(c, decoder(c, layer)), experts)


def qwen3_moe(c: Config) -> Decoder:
    """Experts."""
    router = Router(normalize=c("norm_topk_prob", False))
    return sparse(c, qwen3(c), experts_of(c, router))


def fused_experts(theirs: str, ours: str, *, undone: bool = True) -> Convert:
    """Experts that lie in one array, gates above what they let through; without ``.weight``.

    Args:
        theirs: The part of their names in the checkpoint before ``gate_up_proj``.
        ours: What it is in the model.
        undone: Whether a saved model has them so. Default: ``True``.

    Returns:
        The rule.
    """

    def load(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        loaded: dict[str, mx.array] = {}
        for name, value in weights.items():
            if name.endswith(f"{theirs}gate_up_proj"):
                target = name.removesuffix(f"{theirs}gate_up_proj") + ours
                gate, up = mx.split(value, 2, axis=1)
                loaded |= {f"{target}gate_proj.weight": gate, f"{target}up_proj.weight": up}
            elif name.endswith(f"{theirs}down_proj"):
                loaded[name.removesuffix(f"{theirs}down_proj") + f"{ours}down_proj.weight"] = value
            else:
                loaded[name] = value
        return loaded

    def save(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        # Those of mlx-lm, whose quantized weights are three.
        if any(ours in name and name.endswith(".scales") for name in weights):
            return weights
        saved: dict[str, mx.array] = {}
        for name, value in weights.items():
            stem, _, kind = name.rpartition(ours)
            if kind == "gate_proj.weight":
                up = weights[f"{stem}{ours}up_proj.weight"]
                saved[f"{stem}{theirs}gate_up_proj"] = mx.concatenate([value, up], axis=1)
            elif kind == "down_proj.weight" and stem:
                saved[f"{stem}{theirs}down_proj"] = value
            elif kind != "up_proj.weight" or not stem:
                saved[name] = value
        return saved

    return Convert(load, save if undone else lambda weights: weights)


FUSED_EXPERTS = fused_experts(".mlp.experts.", ".mlp.switch_mlp.", undone=False)
EXPERTS: tuple[Rule, ...] = (
    # As the library has them in memory.
    FUSED_EXPERTS,
    *(
        Stack(f"model.layers.*.mlp.experts.*.{name}", f"model.layers.*.mlp.switch_mlp.{name}")
        for name in ("gate_proj", "up_proj", "down_proj")
    ),
)
_SHARED_GGUF = SHARED | {
    "ffn_gate_inp_shexp": "mlp.shared_expert_gate",
}

ARCHITECTURES = {
    "mimo": Architecture(qwen2, (Drop("model.mtp_layers"),)),
    "qwen2": Architecture(qwen2, gguf=GGUFNames()),
    "qwen2_moe": Architecture(
        qwen2_moe,
        EXPERTS,
        gguf=GGUFNames(LAYER | GGUF_EXPERTS | _SHARED_GGUF, entries=shared_expert),
    ),
    "qwen3": Architecture(qwen3, gguf=GGUFNames(LAYER | QK_NORM)),
    "qwen3_moe": Architecture(
        qwen3_moe, EXPERTS, gguf=GGUFNames(LAYER | QK_NORM | GGUF_EXPERTS, entries=normalized)
    ),
}
