"""Checks of the functions that are transformed."""

from __future__ import annotations

from operator import index

from mlx_sys_py import array

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def check_callable(fun: Any, transform: str, argument: str = "fun") -> None:
    """Raise unless ``fun`` is callable, naming the transform and its argument."""
    if not callable(fun):
        raise TypeError(f"[{transform}] {argument} must be callable, but is a {type(fun).__name__}")


def output_list(result: Any, transform: str) -> list[array]:
    """Return what a function gave, one array or a list or tuple of them, as a list."""
    outputs = list(result) if isinstance(result, list | tuple) else [result]
    for output in outputs:
        if not isinstance(output, array):
            raise ValueError(
                f"[{transform}] fun must return an array or a list or tuple of arrays, "
                f"but gave a {type(output).__name__}"
            )
    return outputs


def argument_numbers(name: str, argnums: int | Sequence[int] | None, has_names: bool) -> list[int]:
    """Return the positions of the arguments to differentiate by, the first one by default."""
    if argnums is None:
        return [] if has_names else [0]
    given: Any = argnums
    # NumPy's integers, and arrays of one, have a length or not, but no axis.
    alone = isinstance(given, int) or getattr(given, "ndim", 1) == 0
    entries: list[Any] = [given] if alone else list(given)
    numbers: list[int] = []
    for entry in entries:
        if isinstance(entry, bool) or not hasattr(entry, "__index__"):
            raise TypeError(f"[{name}] argnums must be integers, not {type(entry).__name__}")
        numbers.append(index(entry))
    for number in numbers:
        if number < 0:
            raise ValueError(f"[{name}] argnums must not be negative, but holds {number}")
        if numbers.count(number) > 1:
            raise ValueError(f"[{name}] argnums holds {number} more than once")
    if not numbers and not has_names:
        raise ValueError(f"[{name}] argnums and argnames ask for no argument at all")
    return numbers
