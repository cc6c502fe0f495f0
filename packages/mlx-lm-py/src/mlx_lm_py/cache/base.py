"""What generation and layers ask of a cache."""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

import mlx_core_py as mx

__all__ = ["AttentionCache", "Cache"]


def __dir__() -> list[str]:
    return __all__


class Cache(Protocol):
    """What a layer keeps of the positions that it has seen, whatever kind of layer it is."""

    @property
    def state(self) -> list[mx.array]:
        """The arrays that hold the cache, for `mx.eval`; empty before the first update."""
        ...

    @property
    def nbytes(self) -> int:
        """Number of bytes of the arrays."""
        ...

    def copy(self) -> Self:
        """A cache of its own with the same content."""
        ...

    def trim(self, n: int) -> int:
        """Forget the latest ``n`` positions; return how many there were to forget."""
        ...


@runtime_checkable
class AttentionCache(Cache, Protocol):
    """Keys and values of a layer that attends.

    Attributes:
        offset: Number of positions held.
    """

    offset: int

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Add positions of shape ``(batch, heads, length, width)``; return all that are held."""
        ...

    def reserve(self, length: int) -> None:
        """Have room for ``length`` positions, those already held included."""
        ...
