"""The cache of a layer whose parts each keep one."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx

__all__ = ["CacheList"]


def __dir__() -> list[str]:
    return __all__


class CacheList:
    """Several caches of one layer.

    Args:
        *caches: The caches.

    Attributes:
        caches: The caches.
    """

    def __init__(self, *caches: Any) -> None:
        self.caches: tuple[Any, ...] = caches

    def __getitem__(self, index: int) -> Any:
        """One of the caches."""
        return self.caches[index]

    @property
    def offset(self) -> int:
        """Number of positions held."""
        return max((getattr(cache, "offset", 0) for cache in self.caches), default=0)

    @property
    def trimmable(self) -> bool:
        """Whether all of them can forget."""
        return all(getattr(cache, "trimmable", True) for cache in self.caches)

    @property
    def state(self) -> list[mx.array]:
        """The arrays that hold the caches, for `mx.eval`."""
        return [array for cache in self.caches for array in cache.state]

    @property
    def nbytes(self) -> int:
        """Number of bytes of the arrays."""
        return sum(cache.nbytes for cache in self.caches)

    def trim(self, n: int) -> int:
        """Forget the latest ``n`` positions; return how many there were to forget."""
        return max((cache.trim(n) for cache in self.caches), default=0) if self.trimmable else 0
