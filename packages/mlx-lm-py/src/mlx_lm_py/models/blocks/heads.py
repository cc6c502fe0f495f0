"""Attention heads: the parts of the features that attend by themselves."""

from __future__ import annotations

import mlx_core_py as mx

__all__ = ["join_heads", "split_heads"]


def __dir__() -> list[str]:
    return __all__


# A node takes a microsecond to make and to schedule, and a token takes hundreds. To swap an axis of
# one element with another moves nothing, so where there is one position it is left out.


def split_heads(x: mx.array, heads: int) -> mx.array:
    """Divide the features among heads.

    Args:
        x: Features of shape ``(batch, length, heads * width)``.
        heads: The number of heads.

    Returns:
        The features of each head, of shape ``(batch, heads, length, width)``.

    Raises:
        ValueError: If the number of features is no multiple of ``heads``.

    Example:
        >>> split_heads(mx.zeros((1, 5, 12)), heads=3).shape
        (1, 3, 5, 4)
    """
    batch, length, _ = x.shape
    if length == 1:
        return x.reshape(batch, heads, 1, -1)
    return x.reshape(batch, length, heads, -1).swapaxes(1, 2)


def join_heads(x: mx.array) -> mx.array:
    """Put the features of all heads together.

    Args:
        x: Features of shape ``(batch, heads, length, width)``.

    Returns:
        The features, of shape ``(batch, length, heads * width)``.

    Example:
        >>> join_heads(mx.zeros((1, 3, 5, 4))).shape
        (1, 5, 12)
    """
    batch, heads, length, width = x.shape
    if length > 1:
        x = x.swapaxes(1, 2)
    return x.reshape(batch, length, heads * width)
