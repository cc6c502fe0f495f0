"""Tuples with names, which some operations return."""

from __future__ import annotations

from operator import itemgetter

__all__ = ["UniqueAllResult", "UniqueCountsResult", "UniqueInverseResult"]


def __dir__() -> list[str]:
    return __all__


# `collections.namedtuple` compiles code for each class, which takes longer than the imports here.
class _Result(tuple):
    """A tuple whose elements are attributes as well."""

    __slots__ = ()
    _fields = ()

    def __new__(cls, *values):
        return super().__new__(cls, values)

    def __getnewargs__(self):
        return tuple(self)

    def __repr__(self):
        named = ", ".join(f"{n}={v!r}" for n, v in zip(self._fields, self, strict=True))
        return f"{type(self).__name__}({named})"


class UniqueAllResult(_Result):
    """What `unique_all` returns."""

    __slots__ = ()
    _fields = ("values", "indices", "inverse_indices", "counts")
    values = property(itemgetter(0))
    indices = property(itemgetter(1))
    inverse_indices = property(itemgetter(2))
    counts = property(itemgetter(3))


class UniqueCountsResult(_Result):
    """What `unique_counts` returns."""

    __slots__ = ()
    _fields = ("values", "counts")
    values = property(itemgetter(0))
    counts = property(itemgetter(1))


class UniqueInverseResult(_Result):
    """What `unique_inverse` returns."""

    __slots__ = ()
    _fields = ("values", "inverse_indices")
    values = property(itemgetter(0))
    inverse_indices = property(itemgetter(1))
