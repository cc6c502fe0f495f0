"""What generation and layers ask of a cache, and what all kinds of caches do alike."""

from __future__ import annotations

from copy import copy
from typing import Any, Protocol, Self, runtime_checkable

import mlx_core_py as mx

from .parts import arrays_in, own

__all__ = ["AttentionCache", "BaseCache", "Cache", "check_trim"]


def __dir__() -> list[str]:
    return __all__


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


class BaseCache:
    """What all caches have in common: a state, from which they can be made again.

    A kind of cache says what its state is in ``_state``, checks and takes one in ``_restore``, and
    makes an empty cache of its kind in ``_blank``.
    """

    @property
    def state(self) -> Any:
        """All that the cache is: arrays, numbers and ``None``, in tuples and lists.

        Raises:
            ValueError: If it is set to what cannot be the state of such a cache.
        """
        return self._state()

    @state.setter
    def state(self, state: Any) -> None:
        self._restore(state)

    def _state(self) -> Any:
        raise NotImplementedError

    def _restore(self, state: Any) -> None:
        raise NotImplementedError

    @classmethod
    def _blank(cls) -> Self:
        return cls()

    @classmethod
    def from_state(cls, state: Any) -> Self:
        """Make a cache of the ``state`` of one.

        Raises:
            ValueError: If the state cannot be that of such a cache.
        """
        cache = cls._blank()
        cache._restore(state)
        return cache

    def copy(self) -> Self:
        """A cache of its own with the same content, copied when one of both grows."""
        other = copy(self)
        vars(other).update({name: own(value) for name, value in vars(self).items()})
        return other

    @property
    def nbytes(self) -> int:
        """Number of bytes of the arrays."""
        return sum(array.nbytes for array in arrays_in(self._state()))


def check_trim(n: int) -> None:
    """Raise a `ValueError` if ``n`` positions cannot be meant."""
    if n < 0:
        raise ValueError(f"n must not be negative, not {n}")
