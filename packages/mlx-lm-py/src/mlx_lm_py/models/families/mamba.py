"""Mamba and what is made of it.

Papers: https://arxiv.org/abs/2312.00752, https://arxiv.org/abs/2405.21060,
https://arxiv.org/abs/2410.05355 (Falcon Mamba), https://arxiv.org/abs/2403.19887 (Jamba),
https://arxiv.org/abs/2507.22448 (Falcon-H1).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import states
from mlx_lm_py.models.gguf_names import EXPERTS as GGUF_EXPERTS
from mlx_lm_py.models.gguf_names import INTERLEAVED, LAYER, SHARED, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule, Split
from mlx_lm_py.models.spec import (
    Decoder,
    Layer,
    Mamba,
    Mamba2,
    Mlp,
    Moe,
    Norm,
    Parallel,
    Router,
    each,
)

from .common import ATTENDS, CONVOLUTIONS, change_attention, decoder, kinds, plain, renamed
from .llama import granite
from .others import granite_moe_rules
from .qwen import EXPERTS, experts_of

__all__ = ["ARCHITECTURES", "hybrid_states", "step_limits"]


def __dir__() -> list[str]:
    return __all__


def step_limits(c: Config) -> tuple[float, float]:
    """What the steps of a state space are kept within.

    Args:
        c: The configuration.

    Returns:
        The lowest and the highest.
    """
    limits: list[Any] = c("time_step_limit", [0.0, math.inf])
    # The library writes infinity as an object.
    low, high = (float(x["__float__"]) if isinstance(x, dict) else float(x) for x in limits)
    return low, high


def _inner(c: Config, name: str = "expand") -> int:
    return int(c(name, 2) * c.width)


def mamba(c: Config) -> Decoder:
    """One state space a layer."""
    inner = c(c.first("intermediate_size", "d_inner"), _inner(c))
    norm = Norm(c("layer_norm_epsilon", 1e-5))
    mixer = Mamba(
        inner,
        c(c.first("state_size", "d_state"), 16),
        c("time_step_rank", math.ceil(c.width / 16)),
        taps=c(c.first("conv_kernel", "d_conv"), 4),
        bias=c("use_bias", False),
        conv_bias=c("use_conv_bias", True),
    )
    return decoder(c, Layer(mixer, None, norm), tied=True)


def falcon_mamba(c: Config) -> Decoder:
    """Steps, keys and queries are normalized."""
    norm = Norm(c("mixer_rms_eps", 1e-6), weight=False)
    return each(mamba(c), lambda one: change_attention(one, norm=norm))


def mamba2(c: Config) -> Decoder:
    """Heads that decay as one."""
    norm = Norm(c("layer_norm_epsilon", 1e-5))
    heads = c("num_heads", 128)
    mixer = Mamba2(
        heads,
        c("head_dim", 0) or _inner(c) // heads,
        c("state_size", 128),
        c("n_groups", 8),
        c("conv_kernel", 4),
        c("use_bias", False),
        c("use_conv_bias", True),
        norm,
        norm_groups=c("n_groups", 8),
        step_limits=step_limits(c),
    )
    return decoder(c, Layer(mixer, None, norm))


def jamba(c: Config) -> Decoder:
    """Attention without positions in every eighth layer, experts in every other."""
    norm = c.norm(default=1e-6)
    mixer = Mamba(
        _inner(c, "mamba_expand"),
        c("mamba_d_state", 16),
        c("mamba_dt_rank", math.ceil(c.width / 16)),
        c("mamba_d_conv", 4),
        c("mamba_proj_bias", False),
        c("mamba_conv_bias", True),
        norm,
    )
    model = decoder(c, Layer(mixer, Mlp(c.hidden, c.act()), norm))
    attention = c.attention()
    experts = Moe(c("num_experts", 16), c("num_experts_per_tok", 2), c.hidden, act=c.act())
    model = each(
        model,
        lambda one: dataclasses.replace(one, mixer=attention),
        _periodic(c, "attn_layer", 8, 4),
    )
    if experts.experts == 1:
        return model
    return each(
        model,
        lambda one: dataclasses.replace(one, ffn=experts),
        _periodic(c, "expert_layer", 2, 1),
    )


def _periodic(c: Config, name: str, period: int, offset: int) -> list[int]:
    period = c.positive(f"{name}_period", period)
    offset = c(f"{name}_offset", offset)
    return [i for i in range(c.depth) if i % period == offset]


def hybrid_states(c: Config, **options: Any) -> Mamba2:
    """The state space of a layer beside layers of attention.

    Args:
        c: The configuration.
        **options: Further attributes of `Mamba2`.

    Returns:
        The state space.
    """
    heads = c.positive("mamba_n_heads", 128)
    inner = c("mamba_d_ssm", 0) or _inner(c, "mamba_expand")
    return Mamba2(
        heads,
        inner // heads,
        c("mamba_d_state", 256),
        c("mamba_n_groups", 1),
        c("mamba_d_conv", 4),
        c("mamba_proj_bias", False),
        c("mamba_conv_bias", True),
        step_limits=step_limits(c),
        **options,
    )


def falcon_h1(c: Config) -> Decoder:
    """Attention and a state space side by side, and multipliers everywhere."""
    norm = c.norm(default=1e-5)
    bias = c("attention_bias", False)
    layer = plain(
        c,
        norm=norm,
        mlp_bias=c("mlp_bias", False),
        qkv_bias=bias,
        out_bias=bias,
        key_scale=c("key_multiplier", 1.0),
    )
    groups = c("mamba_n_groups", 1)
    states = hybrid_states(
        c,
        norm=norm if c("mamba_rms_norm", False) else None,
        norm_groups=groups,
        gate_first=not c("mamba_norm_before_gate", True),
        multipliers=tuple(float(x) for x in c("ssm_multipliers", [1.0] * 5)),
    )
    mixer = Parallel(
        layer.mixer,  # type: ignore[arg-type]
        states,
        (c("attention_in_multiplier", 1.0), c("ssm_in_multiplier", 1.0)),
        (c("attention_out_multiplier", 1.0), c("ssm_out_multiplier", 1.0)),
    )
    gate, down = c("mlp_multipliers", [1.0, 1.0])
    ffn = dataclasses.replace(layer.ffn, scales=(float(gate), float(down)))  # type: ignore[type-var]
    return decoder(
        c,
        dataclasses.replace(layer, mixer=mixer, ffn=ffn),
        embed_scale=c("embedding_multiplier", 1.0),
        logit_scale=c("lm_head_multiplier", 1.0),
    )


def granite_hybrid(c: Config) -> Decoder:
    """Granite with state spaces in most layers, and attention mostly without positions."""
    model = granite(Config({"intermediate_size": 1, **c.values}))
    types = kinds(c, ["mamba"] * c.depth, "mamba", "linear_attention", *ATTENDS)
    experts = c("num_local_experts", 0)
    shared = c("shared_intermediate_size", 1024)
    ffn: Mlp | Moe = Mlp(shared, c.act())
    if experts:
        ffn = experts_of(c, Router(before=False), shared=shared)
    norm = c.norm(default=1e-6)
    states = hybrid_states(c, norm=norm, norm_groups=c("mamba_n_groups", 1))
    rope = c.rope() if c("position_embedding_type", "nope") == "rope" else None

    def change(kind: str, layer: Layer) -> Layer:
        if kind not in ATTENDS:
            return dataclasses.replace(layer, mixer=states, ffn=ffn)
        mixer = dataclasses.replace(layer.mixer, rope=rope)  # type: ignore[type-var]
        return dataclasses.replace(layer, mixer=mixer, ffn=ffn)

    layers = tuple(change(*pair) for pair in zip(types, model.layers, strict=True))
    return dataclasses.replace(model, layers=layers)


def granite_moe_shared(c: Config) -> Decoder:
    """Granite with experts, one of which every token uses."""
    entries = {"layer_types": ["attention"] * c.depth, "position_embedding_type": "rope"}
    # No layer is a state space, whatever one would be like.
    defaults = {"shared_intermediate_size": 0, "mamba_n_heads": 1}
    return granite_hybrid(Config({**defaults, **c.values, **entries}))


_MAMBA: Sequence[Rule] = (
    Rename("backbone.embeddings", "model.embed_tokens"),
    Rename("backbone.norm_f", "model.norm"),
    Rename("backbone.layers.*.mixer", "model.layers.*.mamba"),
    Rename("backbone.layers.*.norm", "model.layers.*.input_layernorm"),
    CONVOLUTIONS,
)
_JAMBA: Sequence[Rule] = (
    Rename("model.final_layernorm", "model.norm"),
    *renamed(
        ("feed_forward", "mlp"),
        ("pre_ff_layernorm", "post_attention_layernorm"),
        ("mlp.router", "mlp.gate"),
    ),
    *EXPERTS,
    CONVOLUTIONS,
)
_FALCON: Sequence[Rule] = (
    Rename("model.final_layernorm", "model.norm"),
    *renamed(
        ("feed_forward", "mlp"),
        ("pre_ff_layernorm", "post_attention_layernorm"),
        ("self_attn", "mixer.self_attn"),
        ("mamba", "mixer.mamba"),
    ),
    CONVOLUTIONS,
)


def _granite_rules(c: Config) -> Sequence[Rule]:
    ours = "model.layers.*.mlp." + ("shared_expert." if c("num_local_experts", 0) else "")
    shared = "model.layers.*.shared_mlp."
    size = c("shared_intermediate_size", 1024)
    return (
        *(granite_moe_rules(c) if c("num_local_experts", 0) else ()),
        Split(f"{shared}input_linear", (f"{ours}gate_proj", f"{ours}up_proj"), (size, size)),
        Rename(f"{shared}output_linear", f"{ours}down_proj"),
        CONVOLUTIONS,
    )


_ALONE = {"attn_norm": "input_layernorm", **states.STATES}
_HEADS = {"ssm_dt.bias": "mamba.dt_bias"}
_GRANITE_GGUF = GGUFNames(
    LAYER | states.STATES | _HEADS | GGUF_EXPERTS | SHARED,
    INTERLEAVED,
    changes=states.STATE_CHANGES,
    entries=states.granite_hybrid_entries,
    each_layer=True,
)
_MAMBA_LAYER = _ALONE | {f"ssm_{part}_norm": f"mamba.{part}_layernorm" for part in ("dt", "b", "c")}
_MAMBA_GGUF = GGUFNames(
    _MAMBA_LAYER,
    changes=states.MAMBA_CHANGES,
    entries=states.mamba_entries,
    each_layer=True,
)

ARCHITECTURES = {
    "falcon_h1": Architecture(
        falcon_h1,
        _FALCON,
        gguf=GGUFNames(
            {
                name: f"mixer.{target}" if target.startswith("self_attn") else target
                for name, target in LAYER.items()
            }
            | states.states_at("mixer.mamba")
            | {
                "ssm_dt.bias": "mixer.mamba.dt_bias",
                # Its name has no kind.
                "ffn_norm": "post_attention_layernorm.weight",
            },
            changes=states.STATE_CHANGES,
            entries=states.falcon_h1_entries,
        ),
    ),
    "falcon_mamba": Architecture(falcon_mamba, _MAMBA, gguf=_MAMBA_GGUF),
    "granitemoeshared": Architecture(granite_moe_shared, _granite_rules),
    "granitemoehybrid": Architecture(granite_hybrid, _granite_rules, gguf=_GRANITE_GGUF),
    "jamba": Architecture(
        jamba,
        _JAMBA,
        gguf=GGUFNames(
            LAYER | _MAMBA_LAYER | GGUF_EXPERTS,
            changes=states.MAMBA_CHANGES,
            entries=states.jamba_entries,
            each_layer=True,
        ),
    ),
    "mamba": Architecture(mamba, _MAMBA, gguf=_MAMBA_GGUF),
    "mamba2": Architecture(
        mamba2,
        _MAMBA,
        gguf=GGUFNames(
            _ALONE | _HEADS,
            changes=states.STATE_CHANGES,
            entries=states.mamba2_entries,
            each_layer=True,
        ),
    ),
}
