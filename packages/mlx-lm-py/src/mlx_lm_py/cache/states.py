"""The cache of a layer that keeps a state, whatever the number of positions that it has seen."""

from __future__ import annotations

import mlx_core_py as mx

__all__ = ["StateCache"]


def __dir__() -> list[str]:
    return __all__


class StateCache:
    """Arrays that a layer replaces at each step, such as the latest inputs of a convolution.

    A state does not tell what it was before: it cannot be trimmed.

    Args:
        count: The number of arrays. Default: 1.

    Attributes:
        arrays: The arrays; ``None`` before the first step.

    Example:
        >>> cache = StateCache()
        >>> cache.arrays[0] = mx.zeros((1, 2, 3))
        >>> cache.nbytes, cache.trim(1)
        (24, 0)
    """

    trimmable = False

    def __init__(self, count: int = 1) -> None:
        self.arrays: list[mx.array | None] = [None] * count

    @property
    def state(self) -> list[mx.array]:
        """The arrays that hold the cache, for `mx.eval`; empty before the first step."""
        return [array for array in self.arrays if array is not None]

    def copy(self) -> StateCache:
        """A cache of its own with the same content."""
        other = StateCache(len(self.arrays))
        other.arrays = list(self.arrays)
        return other

    @property
    def nbytes(self) -> int:
        """Number of bytes of the arrays."""
        return sum(array.nbytes for array in self.state)

    def trim(self, n: int) -> int:
        """Forget nothing.

        Args:
            n: How many positions to forget.

        Returns:
            0.
        """
        return 0
