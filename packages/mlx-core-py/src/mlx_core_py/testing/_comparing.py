"""Comparisons that say what differs.

They are computed in Python's numbers, so that no operation of what is tested takes part.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product

from mlx_sys_py import Dtype, array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Relative and absolute, of the least precise of two types: some units in the last place.
_TOLERANCES = {
    "float16": (4e-3, 1e-4),
    "bfloat16": (3e-2, 1e-3),
    "float32": (1e-5, 1e-6),
    "complex64": (1e-5, 1e-6),
    "float64": (1e-12, 1e-14),
}
# The others are exact, and Python's numbers have the precision of float64.
_EXACT = _TOLERANCES["float64"]
_SHOWN = 5


class _Values:
    """The shape and the elements of an array, of nested lists, or of a number."""

    def __init__(self, value: Any, name: str) -> None:
        self.dtype = _name(value.dtype) if hasattr(value, "dtype") else None
        self.is_number = not isinstance(value, list | tuple) and not hasattr(value, "shape")
        nested = value.tolist() if hasattr(value, "tolist") else value
        self.elements: list[Any] = []
        self.shape = self._flatten(nested, name)
        # Lists do not tell the axes behind one that is empty.
        if hasattr(value, "shape"):
            self.shape = tuple(value.shape)

    def _flatten(self, value: Any, name: str) -> tuple[int, ...]:
        if isinstance(value, list | tuple):
            shapes = {self._flatten(item, name) for item in value}
            if len(shapes) > 1:
                raise ValueError(f"{name} must be an array, or lists of equal lengths")
            return (len(value), *(shapes.pop() if shapes else ()))
        if isinstance(value, array) or hasattr(value, "tolist"):
            inner = _Values(value, name)
            self.elements += inner.elements
            return inner.shape
        if not isinstance(value, int | float | complex):
            raise TypeError(f"{name} must hold numbers, not {type(value).__name__}")
        self.elements.append(value)
        return ()


def _name(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2].rstrip("_") if isinstance(dtype, Dtype) else str(dtype)


def assert_array_equal(
    actual: Any,
    desired: Any,
    *,
    equal_nan: bool = True,
    check_dtype: bool = True,
    message: str = "",
) -> None:
    """Check that two arrays have the same shape, data type and elements.

    Args:
        actual: The array to check.
        desired: What it should be: an array of any library, nested lists of numbers, or one number,
            which all elements should be.
        equal_nan: Whether a NaN equals a NaN. Default: ``True``.
        check_dtype: Whether the data types have to be the same, where both sides have one.
            Default: ``True``.
        message: What to say first if they differ. Default: nothing.

    Raises:
        AssertionError: If they differ. It tells shapes and data types, how many elements differ,
            and the first of them.
        TypeError: If one side holds something else than numbers.
        ValueError: If ``desired`` is lists of different lengths.

    Example:
        >>> from mlx_core_py import testing
        >>> testing.assert_array_equal(mx.arange(3), [0, 1, 2])
        >>> testing.assert_array_equal(mx.array([1.0, mx.nan, 3.0]), [1.0, mx.nan, 4.0])
        Traceback (most recent call last):
        AssertionError: arrays differ: 1 of 3 elements (33.3 %)
          actual: shape (3,), float32
          desired: shape (3,)
          [2]: 3.0, not 4.0
    """
    _check(actual, desired, None, equal_nan, check_dtype, message)


def assert_allclose(
    actual: Any,
    desired: Any,
    rtol: float | None = None,
    atol: float | None = None,
    *,
    equal_nan: bool = True,
    check_dtype: bool = False,
    message: str = "",
) -> None:
    """Check that two arrays have the same shape and elements that are close.

    Elements are close if ``|actual - desired| <= atol + rtol * |desired|``. Infinities equal
    themselves only.

    Args:
        actual: The array to check.
        desired: What it should be: an array of any library, nested lists of numbers, or one number,
            which all elements should be.
        rtol: The relative tolerance. Default: some units in the last place of the less precise
            type: ``4e-3`` for ``float16``, ``3e-2`` for ``bfloat16``, ``1e-5`` for ``float32`` and
            ``complex64``, ``1e-12`` for others.
        atol: The absolute tolerance. Default: ``1e-4``, ``1e-3``, ``1e-6`` and ``1e-14`` for these.
        equal_nan: Whether a NaN equals a NaN. Default: ``True``.
        check_dtype: Whether the data types have to be the same, where both sides have one.
            Default: ``False``.
        message: What to say first if they differ. Default: nothing.

    Raises:
        AssertionError: If they differ. It tells shapes and data types, how many elements differ,
            the largest differences, and the first elements that differ.
        TypeError: If one side holds something else than numbers.
        ValueError: If a tolerance is negative, or ``desired`` is lists of different lengths.

    Example:
        >>> from mlx_core_py import testing
        >>> testing.assert_allclose(mx.sin(mx.array([0.0, 1.0])), [0.0, 0.8414710])
        >>> testing.assert_allclose(mx.array([1.0, 2.0]), 1.0, rtol=0.1, message="sums")
        Traceback (most recent call last):
        AssertionError: sums: arrays differ: 1 of 2 elements (50.0 %), rtol 0.1, atol 1e-06
          actual: shape (2,), float32
          desired: 1.0
          largest difference: 1.0 absolute, 1.0 relative
          [1]: 2.0, not 1.0
    """
    for name, tolerance in (("rtol", rtol), ("atol", atol)):
        if tolerance is not None and not tolerance >= 0:
            raise ValueError(f"[assert_allclose] {name} must be 0 or more, but is {tolerance}")
    _check(actual, desired, (rtol, atol), equal_nan, check_dtype, message)


def _check(
    actual: Any,
    desired: Any,
    tolerances: tuple[float | None, float | None] | None,
    equal_nan: bool,
    check_dtype: bool,
    message: str,
) -> None:
    mine, other = _Values(actual, "actual"), _Values(desired, "desired")
    lines = [
        f"  actual: shape {mine.shape}" + (f", {mine.dtype}" if mine.dtype else ""),
        f"  desired: {other.elements[0]}"
        if other.is_number
        else f"  desired: shape {other.shape}" + (f", {other.dtype}" if other.dtype else ""),
    ]
    start = f"{message}: " if message else ""
    if not other.is_number and mine.shape != other.shape:
        raise AssertionError("\n".join([f"{start}shapes differ", *lines]))
    if check_dtype and mine.dtype and other.dtype and mine.dtype != other.dtype:
        raise AssertionError("\n".join([f"{start}data types differ", *lines]))
    rtol, atol = _tolerances(mine, other, tolerances)
    pairs = list(zip(mine.elements, _repeated(other, len(mine.elements)), strict=True))
    wrong = [at for at, (a, b) in enumerate(pairs) if not _close(a, b, rtol, atol, equal_nan)]
    if not wrong:
        return
    share = 100 * len(wrong) / len(pairs)
    first = f"{start}arrays differ: {len(wrong)} of {len(pairs)} elements ({share:.1f} %)"
    if tolerances is not None:
        first += f", rtol {rtol:g}, atol {atol:g}"
        lines.append(_largest([pairs[at] for at in wrong]))
    where = list(product(*(range(extent) for extent in mine.shape)))
    for at in wrong[:_SHOWN]:
        lines.append(f"  [{', '.join(map(str, where[at]))}]: {pairs[at][0]}, not {pairs[at][1]}")
    if len(wrong) > _SHOWN:
        lines.append("  ...")
    raise AssertionError("\n".join([first, *lines]))


def _repeated(values: _Values, count: int) -> Iterator[Any]:
    return iter(values.elements * count if values.is_number else values.elements)


def _tolerances(
    mine: _Values, other: _Values, given: tuple[float | None, float | None] | None
) -> tuple[float, float]:
    if given is None:
        return 0.0, 0.0
    usual = max(_TOLERANCES.get(values.dtype or "", _EXACT) for values in (mine, other))
    rtol, atol = (a if a is not None else b for a, b in zip(given, usual, strict=True))
    return rtol, atol


def _is_nan(x: Any) -> bool:
    return bool(x != x)


def _close(a: Any, b: Any, rtol: float, atol: float, equal_nan: bool) -> bool:
    if a == b:
        return True
    if _is_nan(a) or _is_nan(b):
        return equal_nan and _is_nan(a) and _is_nan(b)
    difference, size = abs(a - b), abs(b)
    # Only infinities make these infinite, and they would equal anything.
    if math.isinf(difference) or math.isinf(size):
        return False
    return bool(difference <= atol + rtol * size)


def _largest(pairs: list[tuple[Any, Any]]) -> str:
    finite = [(abs(a - b), abs(b)) for a, b in pairs if math.isfinite(abs(a - b))]
    if not finite:
        return "  largest difference: not finite"
    relative = max((difference / size if size else math.inf) for difference, size in finite)
    return (
        f"  largest difference: {max(difference for difference, _ in finite):.3} absolute, "
        f"{relative:.3} relative"
    )
