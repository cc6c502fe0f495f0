"""What generation and layers ask of a cache."""

from __future__ import annotations

from typing import Any, Protocol, Self, TypeAlias, runtime_checkable

import mlx_core_py as mx

__all__ = ["AttentionCache", "Cache", "Part", "check_trim", "own"]


def __dir__() -> list[str]:
    return __all__


Part: TypeAlias = mx.array | tuple[mx.array, mx.array, mx.array]
"""Keys or values: an array, or packed integers with their scales and biases."""


class Cache(Protocol):
    """What a layer keeps of the positions that it has seen, whatever kind of layer it is.

    See: mlx-lm ``mlx_lm.models.cache``, whose names and meanings these are.
    """

    @property
    def state(self) -> Any:
        """All that the cache is: arrays, numbers and ``None``, in tuples and lists.

        `mx.eval` takes it as it is, and ``from_state`` makes such a cache of it again.
        """
        ...

    @property
    def nbytes(self) -> int:
        """Number of bytes of the arrays."""
        ...

    def copy(self) -> Self:
        """A cache of its own with the same content."""
        ...

    def can_trim(self, n: int) -> bool:
        """Whether the latest ``n`` positions can be forgotten, those that are there at most."""
        ...

    def is_trimmable(self) -> bool:
        """Whether any number of positions can be forgotten."""
        ...

    def trim(self, n: int) -> int:
        """Forget the latest ``n`` positions; return how many were forgotten."""
        ...


@runtime_checkable
class AttentionCache(Cache, Protocol):
    """Keys and values of a layer that attends.

    Attributes:
        offset: Number of positions seen.
    """

    offset: int

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> Any:
        """Add positions of shape ``(batch, heads, length, width)``; return all that are held."""
        ...

    def reserve(self, length: int) -> None:
        """Have room for ``length`` positions, those already held included."""
        ...


def own(part: Any) -> Any:
    """The same arrays for another holder: what one writes into its own, the other does not see.

    Nothing is copied before one of both writes.
    """
    if isinstance(part, mx.array):
        return part[...]
    if isinstance(part, (tuple, list)):
        return type(part)(own(one) for one in part)
    return part


def check_trim(n: int) -> None:
    """Raise a `ValueError` if ``n`` positions cannot be meant."""
    if n < 0:
        raise ValueError(f"n must not be negative, not {n}")
