"""Checks of the functions that are transformed."""

from __future__ import annotations

from typing import Any

from mlx_sys_py import array


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
