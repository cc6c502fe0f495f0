"""Checks of the arguments of layers."""

from __future__ import annotations

import math
from typing import Any

import mlx_core_py as mx


def positive(**sizes: Any) -> None:
    """Raise unless all sizes are integers greater than zero, naming the one that is not."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"{name} must be an integer, not {type(size).__name__}")
        if size < 1:
            raise ValueError(f"{name} must be greater than 0, but is {size}")


def check_numbers(**values: Any) -> None:
    """Raise unless all values are numbers, naming the one that is not."""
    for name, value in values.items():
        if not hasattr(value, "__float__"):
            raise TypeError(f"{name} must be a number, not {type(value).__name__}")


def check_max_norm(max_norm: Any) -> None:
    """Raise unless ``max_norm`` is a number that a norm can be."""
    check_numbers(max_norm=max_norm)
    if not max_norm >= 0:
        raise ValueError(f"max_norm must be at least 0, but is {max_norm}")


def check_arrays(**values: Any) -> None:
    """Raise unless all values are arrays, naming the one that is not."""
    for name, value in values.items():
        if not isinstance(value, mx.array):
            raise TypeError(f"{name} must be an array, not {type(value).__name__}")


def each_axis(value: Any, axes: int, name: str, least: int = 1) -> Any:
    """Return a tuple of an integer for each axis, from an integer or as many of them as axes.

    Raises:
        TypeError: If ``value`` is neither an integer nor a tuple or list of integers.
        ValueError: If there are more or fewer than ``axes``, or one is less than ``least``.
    """
    sizes = tuple(value) if isinstance(value, tuple | list) else (value,) * axes
    for size in sizes:
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(
                f"{name} must be an integer, or a tuple of {axes}, but holds a "
                f"{type(size).__name__}"
            )
    if len(sizes) != axes or min(sizes) < least:
        raise ValueError(
            f"{name} must be an integer of at least {least}, or a tuple of {axes} such integers, "
            f"but is {value}"
        )
    return sizes


def uniform_of_fan_in(fan_in: int, shape: tuple[int, ...]) -> mx.array:
    """Draw a parameter between plus and minus the inverse of the square root of the fan-in."""
    bound = math.sqrt(1 / fan_in)
    return mx.random.uniform(-bound, bound, shape)


def check_last_axis(x: Any, size: int, name: str = "x") -> None:
    """Raise unless ``x`` is an array whose last axis has a size."""
    check_arrays(**{name: x})
    if x.ndim == 0 or x.shape[-1] != size:
        raise ValueError(
            f"the last axis of {name} must have the size {size}, but {name} has the shape {x.shape}"
        )
