"""Phi: https://arxiv.org/abs/2309.05463, https://arxiv.org/abs/2404.14219."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf_names import FUSED, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule, Split
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Norm, Strides, each

from .common import change_attention, decoder, plain, refuse

__all__ = ["ARCHITECTURES", "fused_mlp"]


def __dir__() -> list[str]:
    return __all__


def phi3(c: Config) -> Decoder:
    """Projections fused in the checkpoint; factors for each wavelength, short and long."""
    layer = plain(
        c,
        norm=c.norm(default=1e-5),
        window=c("sliding_window", 0) if "sliding_window" in c else None,
    )
    return decoder(c, layer)


def phi(c: Config) -> Decoder:
    """Both parts on one norm, side by side; biases everywhere."""
    norm = Norm(c("layer_norm_eps", 1e-5), kind="layer", bias=True)
    if c("qk_layernorm", False):
        raise ValueError("'qk_layernorm' in the configuration is not supported")
    mixer = c.attention(c.rope(0.5), qkv_bias=True, out_bias=True)
    mlp = Mlp(c.hidden, c.act("gelu_new"), gated=False, bias=True)
    return decoder(c, Layer(mixer, mlp, norm, order="parallel"), head_bias=True)


_DUMMIES = (100256, *range(100258, 100261), 100264, 100265, *range(100267, 100352))


def phi3_small(c: Config) -> Decoder:
    """Blocks of keys in most layers; a bounded gate; scales of muP; tokens that are never next.

    The code beside the weights: https://huggingface.co/microsoft/Phi-3-small-8k-instruct
    """
    refuse(c, hidden_act="gegelu", ff_dim_multiplier=None, rope_position_scale=1.0)
    norm = Norm(c("layer_norm_epsilon", 1e-5), kind="layer", bias=True)
    scale = c("mup_attn_multiplier", 1.0) / c.head_dim
    strides = Strides(
        c("blocksparse_block_size", 64),
        c("blocksparse_num_local_blocks", 16),
        c("blocksparse_vert_stride", 8),
        c("blocksparse_homo_head_pattern", False),
    )
    mixer = c.attention(
        dataclasses.replace(c.rope(), base=c("rope_embedding_base", 1e6)),
        qkv_bias=True,
        out_bias=True,
        scale=scale if c("mup_use_scaling", True) else None,
        strides=strides,
    )
    limit = c.positive("gegelu_limit", 20.0)
    mlp = Mlp(c("ff_intermediate_size", int), "clamped_swiglu", bias=True, limit=limit)
    never = c("dummy_token_indices", [one for one in _DUMMIES if one < c.vocab_size])
    model = decoder(
        c,
        Layer(mixer, mlp, norm),
        tied=True,
        embed_scale=c("mup_embedding_multiplier", 10.0) or 1.0,
        logit_scale=1 / (c("mup_width_multiplier", 8.0) or 1.0),
        never=tuple(never),
    )
    full = c("dense_attention_every_n_layers", 2)
    where = [i for i in range(c.depth) if full and (i + 1) % full == 0]
    return each(model, lambda one: change_attention(one, strides=None), where)


def fused_mlp(c: Config) -> Split:
    """The two halves of a gated layer in one weight.

    Args:
        c: The configuration.

    Returns:
        The rule.
    """
    mlp = "model.layers.*.mlp."
    return Split(f"{mlp}gate_up_proj", (f"{mlp}gate_proj", f"{mlp}up_proj"), (c.hidden, c.hidden))


def _fused(c: Config) -> Sequence[Rule]:
    """Queries, keys and values in one weight too."""
    attention = "model.layers.*.self_attn."
    rows = (c.heads * c.head_dim, c.kv_heads * c.head_dim, c.kv_heads * c.head_dim)
    names = tuple(f"{attention}{name}_proj" for name in "qkv")
    return Split(f"{attention}qkv_proj", names, rows), fused_mlp(c)


def _small_rules(c: Config) -> Sequence[Rule]:
    """Queries before the keys and values they ask; gates take turns with what they let through."""
    attention, mlp = "model.layers.*.self_attn.", "model.layers.*.mlp."
    rows = (c.heads // c.kv_heads * c.head_dim, c.head_dim, c.head_dim)
    names = tuple(f"{attention}{name}_proj" for name in "qkv")
    parts = (f"{mlp}gate_proj", f"{mlp}up_proj")
    return (
        Split(f"{attention}query_key_value", names, rows, heads=c.kv_heads),
        Rename(f"{attention}dense", f"{attention}o_proj"),
        Split(f"{mlp}up_proj", parts, (1, 1), heads=c("ff_intermediate_size", int)),
        Rename("model.final_layernorm", "model.norm"),
    )


_PHI = (
    Rename("model.layers.*.self_attn.dense", "model.layers.*.self_attn.o_proj"),
    Rename("model.layers.*.mlp.fc1", "model.layers.*.mlp.up_proj"),
    Rename("model.layers.*.mlp.fc2", "model.layers.*.mlp.down_proj"),
    Rename("model.final_layernorm", "model.norm"),
)


ARCHITECTURES = {
    "phi": Architecture(phi, _PHI, gguf=GGUFNames()),
    "phi3small": Architecture(phi3_small, _small_rules),
    "phi3": Architecture(phi3, _fused, gguf=GGUFNames(FUSED)),
}
