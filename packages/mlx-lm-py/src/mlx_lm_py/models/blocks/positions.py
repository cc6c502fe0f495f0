"""Positions of heads."""

from __future__ import annotations

from mlx_core_py import nn
from mlx_lm_utils_py import initialize_rope

from mlx_lm_py.models.spec import Rope

__all__ = ["make_rope"]


def __dir__() -> list[str]:
    return __all__


def make_rope(rope: Rope) -> nn.Module:
    """Make the module of rotary positions.

    Args:
        rope: The positions.

    Returns:
        The module.

    Example:
        >>> make_rope(Rope(8))(mx.zeros((1, 2, 3, 8)), offset=4).shape
        (1, 2, 3, 8)
    """
    return initialize_rope(rope.dims, rope.base, rope.interleaved, rope.scaling, rope.context)
