"""Automatic vectorization of functions on trees of arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from mlx_sys_py import OutOfRangeError, array
from mlx_sys_py import transforms as sys_transforms

from mlx_core_py.transforms._checks import check_callable
from mlx_core_py.trees import leaves_of, only_arrays_of, with_arrays

__all__ = ["vmap"]

P = ParamSpec("P")
R = TypeVar("R")

# How the layer below spells "not vectorized".
NO_AXIS = -1


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

    @functools.wraps(fun)
    def vectorized(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs:
            raise TypeError("[vmap] keyword arguments are not supported")
        inputs = only_arrays_of(args, "[vmap] an argument")
        axes = _input_axes(in_axes, args, inputs)
        result: Any = None

        def on_arrays(traced: list[array]) -> list[array]:
            nonlocal result
            result = fun(*with_arrays(args, iter(traced)), **kwargs)
            return only_arrays_of(result, "[vmap] the result of fun")

        traced_inputs, traced_outputs = sys_transforms.vmap_trace(on_arrays, inputs, axes)
        outputs = sys_transforms.vmap_replace(
            inputs,
            traced_inputs,
            traced_outputs,
            axes,
            _output_axes(out_axes, result, traced_outputs),
        )
        results: R = with_arrays(result, iter(outputs))
        return results

    return vectorized


def _input_axes(in_axes: Any, args: tuple[Any, ...], inputs: list[array]) -> list[int]:
    if len(args) == 1 and not (isinstance(in_axes, tuple) and len(in_axes) == 1):
        in_axes = (in_axes,)
    axes = [
        NO_AXIS if axis is None else _normalize(axis, array.ndim, array.shape, "in_axes")
        for axis, array in zip(_spread(in_axes, args, "in_axes"), inputs, strict=True)
    ]
    sizes = {x.shape[axis] for axis, x in zip(axes, inputs, strict=True) if axis != NO_AXIS}
    if not sizes:
        raise ValueError("[vmap] in_axes must name an axis of at least one array")
    if len(sizes) > 1:
        raise ValueError(f"[vmap] the axes in in_axes have different sizes: {sorted(sizes)}")
    return axes


def _output_axes(out_axes: Any, result: Any, outputs: list[array]) -> list[int]:
    if isinstance(out_axes, list | tuple) and len(out_axes) == 1 and isinstance(result, array):
        (out_axes,) = out_axes
    return [
        # An output has one axis more than its trace.
        NO_AXIS if axis is None else _normalize(axis, x.ndim + 1, x.shape, "out_axes")
        for axis, x in zip(_spread(out_axes, result, "out_axes"), outputs, strict=True)
    ]


def _normalize(axis: int, ndim: int, shape: Any, name: str) -> int:
    if not -ndim <= axis < ndim:
        raise OutOfRangeError(
            f"[vmap] {name} asks for axis {axis} for an array with shape {tuple(shape)}"
        )
    return axis % ndim


def _spread(axes: Any, tree: Any, name: str) -> list[int | None]:
    """Return the axis for each leaf of ``tree``, of which ``axes`` is a prefix."""
    if axes is None or (isinstance(axes, int) and not isinstance(axes, bool)):
        return [axes] * len(leaves_of(tree))
    pairs: list[tuple[Any, Any]] = []
    fits = False
    if isinstance(axes, dict) and isinstance(tree, dict):
        pairs = [(axes.get(key, ...), child) for key, child in tree.items()]
        fits = axes.keys() == tree.keys()
    elif isinstance(axes, list | tuple) and isinstance(tree, list | tuple):
        pairs = list(zip(axes, tree, strict=False))
        fits = len(axes) == len(tree)
    elif not isinstance(axes, dict | list | tuple):
        raise ValueError(f"[vmap] {name} must hold integers or None, not {type(axes).__name__}")
    if not fits:
        raise ValueError(f"[vmap] {name} is not a prefix of what it gives the axes of")
    return [axis for prefix, child in pairs for axis in _spread(prefix, child, name)]
