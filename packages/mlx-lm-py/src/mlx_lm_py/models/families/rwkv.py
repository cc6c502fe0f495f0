"""RWKV-7 (https://arxiv.org/abs/2503.14456)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.rwkv import RWKV7, RWKV7_CHANGES, RWKV7_RULES, rwkv7_entries
from mlx_lm_py.models.gguf_names import GGUFNames
from mlx_lm_py.models.rules import Convert, Rename, Rule
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Norm, Rwkv7

from .common import decoder, refuse, renamed

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def rwkv7(c: Config) -> Decoder:
    """Features of the position before; a state that is asked, and written to, at other keys."""
    refuse(c, hidden_act="sqrelu", norm_bias=True)
    width = c.positive("head_dim", 64)
    if c.width % width:
        raise ValueError(f"'head_dim' ({width}) must divide 'hidden_size' ({c.width})")
    norm = Norm(c("norm_eps", 1e-5), kind="layer", bias=True)
    mixer = Rwkv7(
        c.width // width,
        width,
        c("decay_low_rank_dim", int),
        c("a_low_rank_dim", int),
        c("v_low_rank_dim", int),
        c("gate_low_rank_dim", int),
    )
    model = decoder(c, Layer(mixer, Mlp(c.hidden, "relu2", gated=False), norm), embed_norm=norm)
    first = dataclasses.replace(model.layers[0], mixer=dataclasses.replace(mixer, value_rank=0))
    return dataclasses.replace(model, layers=(first, *model.layers[1:]))


def _flat(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    """mlx-lm saves vectors of all heads as rows of them."""
    ends = ("attn.k_k", "attn.k_a", "attn.g_norm.weight", "attn.g_norm.bias")
    return {k: v.flatten() if k.endswith(ends) else v for k, v in weights.items()}


_RULES: Sequence[Rule] = (
    Convert(_flat, lambda weights: weights),
    Rename("model.embeddings", "model.embed_tokens"),
    Rename("model.layers.0.pre_norm", "model.embed_norm"),
    *renamed(
        *(
            (f"attn.{name}_lora.lora.{theirs}", f"attn.{name}_lora.{ours}")
            for name in "wavg"
            for theirs, ours in ((0, "down"), (2, "up"))
        )
    ),
)

ARCHITECTURES = {
    "rwkv7": Architecture(
        rwkv7,
        _RULES,
        gguf=GGUFNames(
            RWKV7,
            outside={"token_embd_norm": "model.layers.0.pre_norm"},
            changes=RWKV7_CHANGES,
            joined=("time_mix_lerp_fused.weight",),
            rules=lambda _: RWKV7_RULES,
            entries=rwkv7_entries,
            each_layer=True,
        ),
    )
}
