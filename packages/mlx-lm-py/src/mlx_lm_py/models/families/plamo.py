"""PLaMo: https://tech.preferred.jp/ja/blog/plamo-13b, https://huggingface.co/pfnet/plamo-3."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.rules import Rename, Rule, Split
from mlx_lm_py.models.spec import Attention, Decoder, each

from .common import change_attention, decoder, plain, renamed
from .phi import fused_mlp

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def plamo(c: Config) -> Decoder:
    """Both parts on one norm, side by side; heads take turns in asking those of keys."""
    share = c.positive("n_shared_head", 8)
    if c.heads % share:
        raise ValueError(f"'n_shared_head' ({share}) must divide the {c.heads} heads")
    mixer = Attention(c.heads, c.heads // share, c.head_dim, c.rope(), in_turns=True)
    layer = dataclasses.replace(plain(c, norm=c.norm(default=1e-6)), mixer=mixer, order="parallel")
    return decoder(c, layer)


def plamo3(c: Config) -> Decoder:
    """Seven windows to one layer without, norms on both sides, which are less one."""
    # Those after the parts are less a fraction of one.
    norm = dataclasses.replace(c.norm(default=1e-6), offset=1.0)
    layer = plain(c, norm=norm, rope=c.rope(base=1e6), qk_norm=norm)
    layer = dataclasses.replace(
        layer,
        order="sandwich",
        after=dataclasses.replace(norm, offset=1 / 5),
        after_ffn=dataclasses.replace(norm, offset=1 / 5**1.5),
    )
    window = c(c.first("sliding_window", "window_size"), 2048)
    pattern = c.positive("sliding_window_pattern", 8)
    local = dataclasses.replace(c.rope(), base=c("rope_local_theta", 10000.0))
    # Positions beside the one that asks.
    return each(
        decoder(c, layer, tied=True),
        lambda one: change_attention(one, rope=local, window=window + 1),
        [i for i in range(c.depth) if (i + 1) % pattern],
    )


def _plamo3_rules(c: Config) -> Sequence[Rule]:
    width = c.head_dim
    rows = (c.heads * width, c.kv_heads * width, c.kv_heads * width)
    names = tuple(f"model.layers.*.self_attn.{part}_proj" for part in "qkv")
    return (
        Rename("model.layers.layers", "model.layers"),
        *renamed(
            ("mixer", "self_attn"),
            ("pre_mixer_norm", "input_layernorm"),
            ("post_mixer_norm", "post_attention_layernorm"),
            ("pre_mlp_norm", "pre_feedforward_layernorm"),
            ("post_mlp_norm", "post_feedforward_layernorm"),
        ),
        Split("model.layers.*.self_attn.qkv_proj", names, rows),
        fused_mlp(c),
    )


_PLAMO = (
    Rename("model.layers.layers", "model.layers"),
    *renamed(("norm", "input_layernorm")),
)

ARCHITECTURES = {
    "plamo": Architecture(plamo, _PLAMO),
    "plamo3": Architecture(plamo3, _plamo3_rules),
}
