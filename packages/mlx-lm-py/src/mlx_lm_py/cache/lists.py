"""The cache of a layer whose parts each keep one."""

from __future__ import annotations

from typing import Any

__all__ = ["CacheList"]


def __dir__() -> list[str]:
    return __all__


class CacheList:
    """Several caches of one layer.

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

    @property
    def state(self) -> list[tuple[Any, str]]:
        """The state of each cache and the name of its class."""
        return [(cache.state, type(cache).__name__) for cache in self.caches]

    @state.setter
    def state(self, state: Any) -> None:
        from .files import from_state

        self.caches = tuple(from_state(name, one) for one, name in state)

    @classmethod
    def from_state(cls, state: Any) -> CacheList:
        """Make a cache of the ``state`` of one.

        Raises:
            ValueError: If the state cannot be that of such a cache.
        """
        cache = cls()
        cache.state = state
        return cache

    def copy(self) -> CacheList:
        """A cache of its own with the same content."""
        return CacheList(*(cache.copy() for cache in self.caches))

    @property
    def nbytes(self) -> int:
        """Number of bytes of the arrays."""
        return sum(cache.nbytes for cache in self.caches)

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
