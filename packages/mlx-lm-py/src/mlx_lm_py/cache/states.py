"""The cache of a layer that keeps a state, whatever the number of positions that it has seen."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx

from .base import BaseCache

__all__ = ["ArraysCache", "StateCache"]


def __dir__() -> list[str]:
    return __all__


class ArraysCache(BaseCache):
    """Arrays that a layer replaces at each step, such as the latest inputs of a convolution.

    A state does not tell what it was before: it cannot be trimmed. Its ``state`` has the arrays,
    and what mlx-lm keeps of padding, of which there is none here.

    Args:
        size: The number of arrays. Default: 1.

    Attributes:
        cache: The arrays; ``None`` before the first step.

    Example:
        >>> cache = ArraysCache()
        >>> cache[0] = mx.zeros((1, 2, 3))
        >>> cache.nbytes, cache.trim(1)
        (24, 0)

    See: mlx-lm ``mlx_lm.models.cache.ArraysCache``.
    """

    def __init__(self, size: int = 1) -> None:
        self.cache: list[mx.array | None] = [None] * size

    def __getitem__(self, index: int) -> mx.array | None:
        """One of the arrays."""
        return self.cache[index]

    def __setitem__(self, index: int, array: mx.array | None) -> None:
        """Replace one of the arrays."""
        self.cache[index] = array

    @property
    def arrays(self) -> list[mx.array | None]:
        """The arrays, as ``cache``."""
        return self.cache

    def _state(self) -> tuple[list[mx.array | None], None, None]:
        return self.cache, None, None

    def _restore(self, state: Any) -> None:
        arrays, padding, lengths = state
        if padding is not None or lengths is not None:
            raise ValueError("states of sequences that are padded cannot be taken over")
        if not isinstance(arrays, (list, tuple)) or not all(
            array is None or isinstance(array, mx.array) for array in arrays
        ):
            raise ValueError("the state of a cache must be arrays")
        self.cache = list(arrays)

    def size(self) -> int:
        """0: a state has no positions."""
        return 0

    def empty(self) -> bool:
        """Whether no step has been made."""
        return all(array is None for array in self.cache)

    def is_trimmable(self) -> bool:
        """Whether positions can be forgotten: never."""
        return False

    def can_trim(self, n: int) -> bool:
        """Whether the latest ``n`` positions can be forgotten: never, unless there are none."""
        return n == 0 or self.empty()

    def trim(self, n: int) -> int:
        """Forget nothing.

        Args:
            n: How many positions to forget.

        Returns:
            0.
        """
        return 0


StateCache = ArraysCache
