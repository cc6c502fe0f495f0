"""Talkie (https://huggingface.co/talkie-lm)."""

from __future__ import annotations

from collections.abc import Sequence

import mlx_core_py as mx

from mlx_lm_py.models.architecture import Architecture
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.gguf.dense import talkie_changes, talkie_rules
from mlx_lm_py.models.gguf_names import LAYER, GGUFNames
from mlx_lm_py.models.rules import Convert, Rename, Rule
from mlx_lm_py.models.spec import Decoder, Layer, Mlp, Norm

from .apart import turned
from .common import decoder, renamed

__all__ = ["ARCHITECTURES"]


def __dir__() -> list[str]:
    return __all__


def talkie(c: Config) -> Decoder:
    """Norms without weights, learned gains, and the embedding again behind each layer."""
    # The least step of float32 above one.
    norm = Norm(c("rms_norm_eps", 2.0**-23), weight=False)
    mixer = c.attention(c.rope(base=1e6), qk_norm=norm, norm_after_rope=True, head_gain=True)
    layer = Layer(mixer, Mlp(c.hidden), norm, gains=True)
    return decoder(c, layer, embed_norm=norm, head_gain=True)


def _rename_head(names: dict[str, str], weights: dict[str, mx.array]) -> dict[str, mx.array]:
    return {names.get(name, name): value for name, value in weights.items()}


def _rules(c: Config) -> Sequence[Rule]:
    load, save = {"lm_head": "lm_head.weight"}, {"lm_head.weight": "lm_head"}
    return (
        Convert(lambda w: _rename_head(load, w), lambda w: _rename_head(save, w)),
        Rename("lm_head_gain.w_g", "lm_head_gain"),
        Rename("model.embed", "model.embed_tokens"),
        Rename("model.blocks", "model.layers"),
        *renamed(
            ("attn.attn_query", "self_attn.q_proj"),
            ("attn.attn_key", "self_attn.k_proj"),
            ("attn.attn_value", "self_attn.v_proj"),
            ("attn.attn_resid", "self_attn.o_proj"),
            ("attn.head_gain.head_g", "self_attn.head_gain"),
            ("mlp.mlp_gate", "mlp.gate_proj"),
            ("mlp.mlp_linear", "mlp.up_proj"),
            ("mlp.mlp_resid", "mlp.down_proj"),
            ("attn_gain.a_g", "attn_gain"),
            ("mlp_gain.a_g", "mlp_gain"),
            ("embed_skip.a_g", "embed_skip"),
        ),
        turned(c),
    )


_GGUF = GGUFNames(
    {
        **{name: target for name, target in LAYER.items() if not name.endswith("norm")},
        "attn_q_norm.weight": "self_attn.head_gain",
        "attn_output.scale": "attn_gain",
        "ffn_down.scale": "mlp_gain",
        "layer_output_scale.weight": "embed_skip",
    },
    changes=talkie_changes(),
    rules=talkie_rules,
)

ARCHITECTURES = {"talkie": Architecture(talkie, _rules, gguf=_GGUF)}
