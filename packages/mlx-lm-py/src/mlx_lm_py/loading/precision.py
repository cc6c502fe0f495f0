"""Weights that keep their type, whatever a model computes in."""

from __future__ import annotations

__all__ = ["keeps_float32"]


def __dir__() -> list[str]:
    return __all__


# Biases of routers by the names of checkpoints, how fast states fade, and what makes the matrices
# by which several hidden states are mixed.
_EXACT = (
    *("correction_bias", "expert_bias", "router_bias", ".A_log", ".D", ".dt_bias"),
    *(f"{part}_hc.{kind}" for part in ("attn", "ffn") for kind in ("fn", "base", "scale")),
    *(f".hc_{part}_{kind}" for part in ("attn", "ffn") for kind in ("fn", "base", "scale")),
)


def keeps_float32(name: str) -> bool:
    """Whether a weight would say something else in half precision.

    Experts are chosen by scores between 0 and 1 and biases, of which some are far from 0 and differ
    by less than half precision tells apart there. States of recurrent layers fade by powers.
    Matrices that mix hidden states are made to keep their sum.

    Args:
        name: The name of the weight, in a checkpoint or in a model.

    Returns:
        Whether it is a bias that experts are chosen by, or says how states fade or are mixed.

    Example:
        >>> keeps_float32("model.layers.3.mlp.gate.e_score_correction_bias")
        True
        >>> keeps_float32("model.layers.3.self_attn.q_proj.bias")
        False
    """
    return name.endswith(_EXACT)
