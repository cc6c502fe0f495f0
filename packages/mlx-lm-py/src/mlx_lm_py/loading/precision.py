"""Weights that keep their type, whatever a model computes in."""

from __future__ import annotations

__all__ = ["keeps_float32"]


def __dir__() -> list[str]:
    return __all__


# Biases of routers by the names of checkpoints, and how fast states fade.
_EXACT = ("correction_bias", "expert_bias", "router_bias", ".A_log", ".D", ".dt_bias")


def keeps_float32(name: str) -> bool:
    """Whether a weight would say something else in half precision.

    Experts are chosen by scores between 0 and 1 and biases, of which some are far from 0 and differ
    by less than half precision tells apart there. States of recurrent layers fade by powers.

    Args:
        name: The name of the weight, in a checkpoint or in a model.

    Returns:
        Whether it is a bias that experts are chosen by, or says how states fade.

    Example:
        >>> keeps_float32("model.layers.3.mlp.gate.e_score_correction_bias")
        True
        >>> keeps_float32("model.layers.3.self_attn.q_proj.bias")
        False
    """
    return name.endswith(_EXACT)
