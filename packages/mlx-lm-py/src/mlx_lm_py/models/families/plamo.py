"""PLaMo.

https://tech.preferred.jp/ja/blog/plamo-13b, https://arxiv.org/abs/2509.04897,
https://huggingface.co/pfnet/plamo-3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import plamo_changes, plamo_entries
from mlx_lm_py.models.gguf.per_layer import PLAMO2_CHANGES, plamo2_entries
from mlx_lm_py.models.gguf_names import FUSED, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule, Split
from mlx_lm_py.models.spec import Attention, Decoder, Layer, MambaHeads, each

from .common import CONVOLUTIONS, change_attention, decoder, plain, renamed
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


def _recurrent(c: Config) -> list[int]:
    """The layers of PLaMo 2 that do not attend."""
    if not c("mamba_enabled", True):
        return []
    step = c("mamba_step", 2)
    if step < 2:
        raise ValueError(f"'mamba_step' in the configuration must be 2 at least, not {step}")
    if c.depth <= step // 2:
        return list(range(c.depth - 1))
    return [i for i in range(c.depth) if i % step != step // 2]


def plamo2(c: Config) -> Decoder:
    """State spaces of heads, and attention in every other layer; norms as those of PLaMo 3."""
    width = c("hidden_size_per_head", 128)
    norm = c.norm(default=1e-6)
    c = Config({**c.values, "head_dim": width})
    weighted = dataclasses.replace(norm, eps=1e-6)
    layer = _between(plain(c, norm=norm, qk_norm=weighted, qk_norm_over="each"))
    model = decoder(c, layer, tied=True)
    if "full_attention_idx" in c:
        full: list[int] = c("full_attention_idx", [])
        window = c("attention_window_size", 2048)
        model = each(
            model,
            lambda one: change_attention(one, window=window),
            [i for i in range(c.depth) if i not in full],
        )
    states = MambaHeads(
        c("mamba_num_heads", 64),
        width,
        c("mamba_d_state", 64),
        max(64, c.width // 16),
        c("mamba_d_conv", 4),
        norm,
    )
    return each(model, lambda one: dataclasses.replace(one, mixer=states), _recurrent(c))


def _between(layer: Layer) -> Layer:
    """Norms on both sides, less one, and those after the parts less a fraction of one."""
    return dataclasses.replace(
        layer,
        order="sandwich",
        norm=dataclasses.replace(layer.norm, offset=1.0),
        after=dataclasses.replace(layer.norm, offset=1 / 5),
        after_ffn=dataclasses.replace(layer.norm, offset=1 / 5**1.5),
    )


def plamo3(c: Config) -> Decoder:
    """Seven windows to one layer without, norms on both sides, which are less one."""
    norm = dataclasses.replace(c.norm(default=1e-6), offset=1.0)
    layer = plain(c, norm=norm, rope=c.rope(base=1e6), qk_norm=norm)
    layer = _between(layer)
    window = c(c.first("sliding_window", "window_size"), 2048)
    pattern = c.positive("sliding_window_pattern", 8)
    local = dataclasses.replace(c.rope(), base=c("rope_local_theta", 10000.0))
    # Positions beside the one that asks.
    return each(
        decoder(c, layer, tied=True),
        lambda one: change_attention(one, rope=local, window=window + 1),
        [i for i in range(c.depth) if (i + 1) % pattern],
    )


def _plamo2_rules(c: Config) -> Sequence[Rule]:
    ours = (("B", "b"), ("C", "c"), ("dt", "dt"))
    return (
        *_plamo3_rules(Config({**c.values, "head_dim": c("hidden_size_per_head", 128)})),
        *renamed(*((f"self_attn.{p}_weight", f"self_attn.{p}_norm.weight") for p in "qk")),
        *(Rename(f"model.layers.{i}.self_attn", f"model.layers.{i}.mamba") for i in _recurrent(c)),
        *renamed(*((f"mamba.{a}_norm_weight", f"mamba.{b}_norm.weight") for a, b in ours)),
        CONVOLUTIONS,
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

_GGUF = {
    name: f"model.layers.layers.*.{target}"
    for name, target in {
        **FUSED,
        "attn_norm": "pre_mixer_norm",
        "attn_qkv": "mixer.qkv_proj",
        "attn_output": "mixer.o_proj",
        "attn_q_norm": "mixer.q_norm",
        "attn_k_norm": "mixer.k_norm",
        "ffn_norm": "pre_mlp_norm",
        # Their names have no kind.
        "post_attention_norm": "post_mixer_norm.weight",
        "post_ffw_norm": "post_mlp_norm.weight",
    }.items()
}

# Those of no kind stand as they are.
_GGUF2 = {
    **_GGUF,
    **{
        name: f"model.layers.layers.*.mixer.{target}"
        for name, target in {
            "attn_q_norm.weight": "q_weight",
            "attn_k_norm.weight": "k_weight",
            "ssm_in": "in_proj",
            "ssm_conv1d": "conv1d",
            "ssm_x": "bcdt_proj",
            "ssm_dt": "dt_proj",
            "ssm_dt.bias": "dt_bias",
            "ssm_a": "A_log",
            "ssm_d": "D",
            "ssm_out": "out_proj",
            "ssm_b_norm": "B_norm_weight",
            "ssm_c_norm": "C_norm_weight",
            "ssm_dt_norm": "dt_norm_weight",
        }.items()
    },
}

ARCHITECTURES = {
    "plamo": Architecture(plamo, _PLAMO),
    "plamo2": Architecture(
        plamo2,
        _plamo2_rules,
        gguf=GGUFNames(
            _GGUF2,
            norms_hold_one=True,
            changes=PLAMO2_CHANGES,
            entries=plamo2_entries,
            each_layer=True,
        ),
    ),
    "plamo3": Architecture(
        plamo3,
        _plamo3_rules,
        gguf=GGUFNames(_GGUF, norms_hold_one=True, changes=plamo_changes(), entries=plamo_entries),
    ),
}
