"""Compilation of functions on trees of arrays."""

from __future__ import annotations

from mlx_sys_py.transforms import disable_compile, enable_compile
from mlx_sys_py.tree_transforms import Compiled, update_wrapper

from mlx_core_py.transforms._checks import check_callable

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

__all__ = ["compile", "disable_compile", "enable_compile"]


def __dir__() -> list[str]:
    return __all__


def compile(
    fun: Callable[P, R],
    inputs: Any = None,
    outputs: Any = None,
    shapeless: bool = False,
) -> Callable[P, R]:
    """Return a function that records the operations of ``fun`` once and then repeats them.

    The function is recorded anew when the structure of the arguments, a constant among them, or
    the data type or shape of an array changes.

    Args:
        fun: Takes trees of arrays and constants (numbers, strings, ``None``) and returns a tree
            with arrays. Its effects on anything but ``outputs`` happen only when it is recorded.
        inputs: Lists or dictionaries with arrays that ``fun`` reads besides its arguments.
            Default: none; other arrays that ``fun`` reads are constants.
        outputs: Lists or dictionaries with arrays that ``fun`` replaces. Default: none.
        shapeless: Whether one recording serves all shapes of the same rank. The function must
            not depend on shapes then. Default: ``False``.

    Returns:
        A function with the arguments and the result of ``fun``.

    Raises:
        TypeError: If ``fun`` is not callable, or ``inputs`` or ``outputs`` holds an array that
            is not in a list or dictionary.
        ValueError: If an argument is neither an array nor a constant, or ``fun`` evaluates an
            array that depends on its arguments, or, for a function of all shapes, an operation
            was recorded with lengths that the arguments do not fit.

    Example:
        >>> scaled = mx.compile(lambda x, scale=2.0: mx.exp(-x) * scale)
        >>> scaled(mx.array(0.0))
        array(2, dtype=float32)
    """
    check_callable(fun, "compile")
    transformed = Compiled(fun, inputs, outputs, shapeless)

    def compiled(*args: P.args, **kwargs: P.kwargs) -> R:
        results: R = transformed(args, kwargs)
        return results

    return update_wrapper(compiled, fun)
