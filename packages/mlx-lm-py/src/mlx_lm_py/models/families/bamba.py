"""Bamba (https://huggingface.co/blog/bamba)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf import states
from mlx_lm_py.models.gguf_names import INTERLEAVED, LAYER, GGUFNames
from mlx_lm_py.models.rules import Rename, Rule
from mlx_lm_py.models.spec import Decoder, each

from .common import ATTENDS, CONVOLUTIONS, decoder, kinds, plain, renamed
from .mamba import hybrid_states

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def bamba(c: Config) -> Decoder:
    """State spaces, and attention in a few layers, half of whose heads rotates."""
    norm = c.norm(default=1e-5)
    bias = c("attention_bias", False)
    layer = plain(
        c,
        norm=norm,
        rope=c.rope(0.5),
        mlp_bias=c("mlp_bias", False),
        qkv_bias=bias,
        out_bias=bias,
    )
    attending: list[int] = c("attn_layer_indices", [])
    usual = ["attention" if i in attending else "mamba" for i in range(c.depth)]
    types = kinds(c, usual, "mamba", "linear_attention", *ATTENDS)
    mamba = hybrid_states(c, norm=norm, norm_groups=c("mamba_n_groups", 1))
    return each(
        decoder(c, layer),
        lambda one: dataclasses.replace(one, mixer=mamba),
        [i for i, kind in enumerate(types) if kind not in ATTENDS],
    )


_RULES: Sequence[Rule] = (
    Rename("model.final_layernorm", "model.norm"),
    *renamed(("feed_forward", "mlp"), ("pre_ff_layernorm", "post_attention_layernorm")),
    CONVOLUTIONS,
)

ARCHITECTURES = {
    "bamba": Architecture(
        bamba,
        _RULES,
        gguf=GGUFNames(
            LAYER | states.STATES | {"ssm_dt.bias": "mamba.dt_bias"},
            INTERLEAVED,
            changes=states.STATE_CHANGES,
            entries=states.granite_hybrid_entries,
            each_layer=True,
        ),
    )
}
