"""Positions of heads."""

from __future__ import annotations

from mlx_core_py import nn
from mlx_lm_utils_py import initialize_rope
from mlx_lm_utils_py.rope import ScaledRoPE

from mlx_lm_py.models.spec import Rope

__all__ = ["make_rope", "paced_rope"]


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


def paced_rope(rope: Rope, pace: float) -> nn.Module:
    """Make the module of rotary positions that are so many apart.

    Args:
        rope: The positions.
        pace: How many; -1 rotates back what `make_rope` has rotated.

    Returns:
        The module.

    Raises:
        ValueError: If the wavelengths depend on how many positions there are.

    Example:
        >>> x = mx.arange(8.0).reshape(1, 1, 1, 8)
        >>> back = paced_rope(Rope(8), -1)(make_rope(Rope(8))(x, offset=4), offset=4)
        >>> bool(mx.allclose(back, x, atol=1e-5))
        True
    """
    made = make_rope(rope)
    if isinstance(made, nn.RoPE):
        made.scale *= pace
    elif isinstance(made, ScaledRoPE) and made.magnitude == 1.0:
        made._wavelengths = made._wavelengths / pace
    else:
        raise ValueError(f"'rope_scaling' in the configuration is {rope.scaling}, not supported")
    return made
