"""The cache of a layer whose parts each keep one."""

from __future__ import annotations

from typing import Any, Self

from .base import BaseCache

__all__ = ["CacheList"]


def __dir__() -> list[str]:
    return __all__


class CacheList(BaseCache):
    """Several caches of one layer.

    Its ``state`` has the state of each and the name of its class.

    Args:
        *caches: The caches.

    Attributes:
        caches: The caches.

    Example:
        >>> from mlx_lm_py.cache import ArraysCache, KVCache
        >>> CacheList(KVCache(), ArraysCache(2)).is_trimmable()
        False

    See: mlx-lm ``mlx_lm.models.cache.CacheList``.
    """

    def __init__(self, *caches: Any) -> None:
        self.caches: tuple[Any, ...] = caches

    def __getitem__(self, index: int) -> Any:
        """One of the caches."""
        return self.caches[index]

    @property
    def offset(self) -> int:
        """Number of positions seen."""
        return max((getattr(cache, "offset", 0) for cache in self.caches), default=0)

    def _state(self) -> list[tuple[Any, str]]:
        return [(cache.state, type(cache).__name__) for cache in self.caches]

    def _restore(self, state: Any) -> None:
        from .files import from_state

        self.caches = tuple(from_state(name, one) for one, name in state)

    def copy(self) -> Self:
        """A cache of its own with the same content."""
        return type(self)(*(cache.copy() for cache in self.caches))

    def size(self) -> int:
        """Number of positions held."""
        return max((cache.size() for cache in self.caches), default=0)

    def empty(self) -> bool:
        """Whether nothing has been added."""
        return all(cache.empty() for cache in self.caches)

    def is_trimmable(self) -> bool:
        """Whether all of them can forget any number of positions."""
        return all(cache.is_trimmable() for cache in self.caches)

    def can_trim(self, n: int) -> bool:
        """Whether all of them can forget the latest ``n`` positions."""
        return all(cache.can_trim(n) for cache in self.caches)

    def trim(self, n: int) -> int:
        """Forget the latest ``n`` positions in all of them; return how many were forgotten.

        None is forgotten if one of them cannot.
        """
        if not self.can_trim(n):
            return 0
        return max((cache.trim(n) for cache in self.caches), default=0)
