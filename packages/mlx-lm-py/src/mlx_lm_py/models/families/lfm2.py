"""LFM2 (https://arxiv.org/abs/2511.23404)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Convert, Rename, Rule
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, ShortConv, each

from .common import decoder

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def lfm2(c: Config) -> Decoder:
    """Short convolutions in most layers, attention in the others."""
    norm = c.norm("norm_eps", 1e-5)
    layer = Layer(c.attention(c.rope(base=1e6), qk_norm=norm), Mlp(_hidden(c)), norm)
    tied = c("tie_embedding", True)
    model = decoder(Config({"tie_word_embeddings": tied, **c.values}), layer)
    attends = c("full_attn_idxs", list(range(c.depth)))
    types = c("layer_types", ["full_attention" if i in attends else "conv" for i in range(c.depth)])
    if len(types) != c.depth or not set(types) <= {"full_attention", "conv"}:
        raise ValueError(
            "'layer_types' in the configuration must name full_attention or conv for each of the "
            f"{c.depth} layers, not {types}"
        )
    conv = ShortConv(c("conv_L_cache", 3), c("conv_bias", False))
    return each(
        model,
        lambda one: dataclasses.replace(one, mixer=conv),
        [i for i, kind in enumerate(types) if kind == "conv"],
    )


def _hidden(c: Config) -> int:
    hidden = c(c.first("block_ff_dim", "intermediate_size"), int)
    if c("block_auto_adjust_ff_dim", True):
        factor = c("block_ffn_dim_multiplier", 1.0)
        multiple = c.positive("block_multiple_of", 256)
        hidden = int(factor * int(2 * hidden / 3))
        hidden = -(-hidden // multiple) * multiple
    return hidden


_LAYER = "model.layers.*."
_CONV = ".conv.conv.weight"


def _swapped(weights: dict[str, mx.array]) -> dict[str, mx.array]:
    # Taps are the second axis here and the last one there.
    return {
        name: value.swapaxes(1, 2) if name.endswith(_CONV) else value
        for name, value in weights.items()
    }


_RULES: Sequence[Rule] = (
    Rename("model.embedding_norm", "model.norm"),
    *(
        Rename(f"{_LAYER}{theirs}", f"{_LAYER}{ours}")
        for theirs, ours in (
            ("operator_norm", "input_layernorm"),
            ("ffn_norm", "post_attention_layernorm"),
            ("feed_forward.w1", "mlp.gate_proj"),
            ("feed_forward.w3", "mlp.up_proj"),
            ("feed_forward.w2", "mlp.down_proj"),
            ("self_attn.out_proj", "self_attn.o_proj"),
            ("self_attn.q_layernorm", "self_attn.q_norm"),
            ("self_attn.k_layernorm", "self_attn.k_norm"),
        )
    ),
    Convert(_swapped, _swapped),
)

ARCHITECTURES = {"lfm2": Architecture(lfm2, _RULES)}
