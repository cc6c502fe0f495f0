"""Automatic vectorization of functions on trees of arrays."""

from __future__ import annotations

from mlx_sys_py.tree_transforms import Vectorized, update_wrapper

from mlx_core_py.transforms._checks import check_callable

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

__all__ = ["vmap"]


def __dir__() -> list[str]:
    return __all__


def vmap(fun: Callable[P, R], in_axes: Any = 0, out_axes: Any = 0) -> Callable[P, R]:
    """Return a function that applies ``fun`` along an axis of its arguments.

    Args:
        fun: Takes and returns arrays or trees of arrays.
        in_axes: The axis of each argument to vectorize over: an integer for all, or a tree that
            is a prefix of the tuple of arguments (of the argument itself, if there is one
            only), where ``None`` stands for an argument that is the same for all. Default: 0.
        out_axes: The axis of each output that holds the results: an integer for all, or a tree
            that is a prefix of the output, where ``None`` stands for an output that does not
            depend on a vectorized argument. Of an output that is an array, the tree may be a
            tuple of its axis. Default: 0.

    Returns:
        A function with the arguments of ``fun``, each array with one more axis.

    Raises:
        TypeError: If ``fun`` is not callable, or if keyword arguments are given in the call.
        ValueError: If an axis is neither an integer nor ``None``, a tree of axes does not fit,
            no argument or no argument's array has an axis to vectorize over, the sizes of the
            axes differ, or something else than arrays is passed or returned.
        IndexError: If an axis is out of range.

    Example:
        >>> dot = mx.vmap(lambda x, y: mx.sum(x * y), in_axes=(0, None))
        >>> dot(mx.array([[1.0, 2.0], [3.0, 4.0]]), mx.array([1.0, 10.0]))
        array([21, 43], dtype=float32)
    """
    check_callable(fun, "vmap")
    transformed = Vectorized(fun, in_axes, out_axes)

    def vectorized(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs:
            raise TypeError("[vmap] keyword arguments are not supported")
        results: R = transformed(args)
        return results

    return update_wrapper(vectorized, fun)
