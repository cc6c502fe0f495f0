"""Keys or values as caches hold them: arrays, or integers with their scales and biases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar, cast

import mlx_core_py as mx

__all__ = [
    "P",
    "Packed",
    "Part",
    "arrays_in",
    "check_fits",
    "cut",
    "each",
    "joined",
    "length_of",
    "own",
    "room",
    "write",
]


def __dir__() -> list[str]:
    return __all__


Packed: TypeAlias = tuple[mx.array, mx.array, mx.array]
"""Integers packed in ``uint32``, and the scale and the bias of each group of them."""

Part: TypeAlias = mx.array | Packed
"""Keys or values: an array, or packed integers with their scales and biases."""

P = TypeVar("P", bound=mx.array | Packed)
"""One of both kinds of parts."""


def each(function: Callable[..., mx.array], *parts: P) -> P:
    """Call a function with the arrays of parts of one kind, one after the other.

    Args:
        function: What takes an array of each part.
        *parts: The parts.

    Returns:
        What it gave, a part of the same kind.
    """
    given: Any = parts
    made: Any = tuple(map(function, *given)) if isinstance(given[0], tuple) else function(*given)
    return cast("P", made)


def arrays_in(tree: Any) -> Iterator[mx.array]:
    """The arrays of a part, of a state, or of anything else in lists and tuples."""
    if isinstance(tree, mx.array):
        yield tree
    elif isinstance(tree, (list, tuple)):
        for one in tree:
            yield from arrays_in(one)


def own(part: Any) -> Any:
    """The same arrays for another holder: what one writes into its own, the other does not see.

    Nothing is copied before one of both writes.
    """
    if isinstance(part, mx.array):
        return part[...]
    if isinstance(part, (tuple, list)):
        return type(part)(own(one) for one in part)
    return part


def length_of(part: Part) -> int:
    """For how many positions a part has room."""
    return (part[0] if isinstance(part, tuple) else part).shape[2]


def cut(part: P, start: int, end: int) -> P:
    """Some positions of a part, from the first one to the one before the last."""
    return each(lambda one: one[:, :, start:end], part)


def joined(*parts: P) -> P:
    """Parts one behind the other, one of which has positions at least."""
    kept = [part for part in parts if length_of(part)]
    if len(kept) == 1:
        return kept[0]
    return each(lambda *ones: mx.concatenate(list(ones), axis=2), *kept)


def room(like: P, length: int) -> P:
    """Zeros for so many positions of such a part."""
    return each(
        lambda one: mx.zeros((*one.shape[:2], length, one.shape[3]), one.dtype),
        like,
    )


def write(part: P, start: int, end: int, new: P) -> None:
    """Write over some positions of a part."""
    if isinstance(part, tuple):
        for one, other in zip(part, new, strict=True):
            one[:, :, start:end] = other
    else:
        part[:, :, start:end] = cast("mx.array", new)


def check_fits(held: Part | None, new: Part) -> None:
    """Raise a `ValueError` if new positions cannot go where those are that are held."""
    for one, other in zip(arrays_in(held), arrays_in(new), strict=False):
        if (*one.shape[:2], one.shape[3]) != (*other.shape[:2], other.shape[3]):
            raise ValueError(
                f"an array of shape {other.shape} does not fit a cache of shape {one.shape}"
            )
