"""Checks of the arguments of layers."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx


def positive(**sizes: Any) -> None:
    """Raise unless all sizes are integers greater than zero, naming the one that is not."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool):
            raise TypeError(f"{name} must be an integer, not {type(size).__name__}")
        if size < 1:
            raise ValueError(f"{name} must be greater than 0, but is {size}")


def check_arrays(**values: Any) -> None:
    """Raise unless all values are arrays, naming the one that is not."""
    for name, value in values.items():
        if not isinstance(value, mx.array):
            raise TypeError(f"{name} must be an array, not {type(value).__name__}")
