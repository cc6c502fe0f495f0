"""Trees of arrays, as the transforms see them: leaves out, transform, leaves back in."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat
from typing import Any, NamedTuple

from mlx_sys_py import array

# Stands for an array in the tree that without_arrays returns.
_HOLE = object()


class Slot(NamedTuple):
    """A place in a list or a dictionary that holds an array."""

    container: Any
    key: Any

    def get(self) -> Any:
        return self.container[self.key]

    def set(self, value: Any) -> None:
        self.container[self.key] = value


def arrays_of(tree: Any) -> list[array]:
    """Return the arrays of a tree, in order, passing over everything else."""
    found: list[array] = []
    _collect(tree, found)
    return found


def only_arrays_of(tree: Any, where: str) -> list[array]:
    """Return the arrays of a tree that must hold nothing but arrays.

    Raises:
        ValueError: If a leaf is not an array; the message names ``where``.
    """
    found: list[array] = []
    _collect(tree, found, where)
    return found


def without_arrays(tree: Any) -> Any:
    """Return the structure and the constants of a tree, to be filled by :func:`with_arrays`."""
    return with_arrays(tree, repeat(_HOLE))


def with_arrays(tree: Any, arrays: Iterator[Any], constants: bool = True) -> Any:
    """Return the tree with its arrays replaced by the next ones of ``arrays``.

    Everything else that is not a container becomes ``None`` unless ``constants``.
    """
    if isinstance(tree, array) or tree is _HOLE:
        return next(arrays)
    if isinstance(tree, dict):
        return {key: with_arrays(child, arrays, constants) for key, child in tree.items()}
    if isinstance(tree, list):
        return [with_arrays(child, arrays, constants) for child in tree]
    if isinstance(tree, tuple):
        children = [with_arrays(child, arrays, constants) for child in tree]
        make = getattr(type(tree), "_make", None)
        return tuple(children) if make is None else make(children)
    return tree if constants else None


def slots_of(tree: Any, where: str) -> list[Slot]:
    """Return the places of a tree's arrays, so that they can be changed in place.

    Raises:
        TypeError: If an array is not inside a list or a dictionary.
    """
    found: list[Slot] = []
    _collect_slots(tree, found, where)
    return found


def _collect(tree: Any, found: list[array], strictly: str | None = None) -> None:
    if isinstance(tree, array):
        found.append(tree)
    elif isinstance(tree, list | tuple):
        for child in tree:
            _collect(child, found, strictly)
    elif isinstance(tree, dict):
        for child in tree.values():
            _collect(child, found, strictly)
    elif strictly is not None:
        raise ValueError(f"{strictly} must hold arrays only, but it holds a {type(tree).__name__}")


def _collect_slots(tree: Any, found: list[Slot], where: str) -> None:
    if isinstance(tree, dict):
        entries = list(tree.items())
    elif isinstance(tree, list | tuple):
        entries = list(enumerate(tree))
    elif isinstance(tree, array):
        raise TypeError(f"{where} must hold its arrays in lists or dictionaries, not be an array")
    else:
        return
    for key, child in entries:
        if not isinstance(child, array):
            _collect_slots(child, found, where)
        elif isinstance(tree, tuple):
            raise TypeError(f"{where} holds an array in a tuple, which cannot be updated")
        else:
            found.append(Slot(tree, key))
