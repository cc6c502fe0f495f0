"""Functions of slices and of elements, applied to whole arrays."""

from __future__ import annotations

from operator import index

from mlx_sys_py import array
from mlx_sys_py.ops import (
    broadcast_shapes,
    broadcast_to,
    logical_not,
    moveaxis,
    reshape,
    stack,
    where,
    zeros_like,
)
from mlx_sys_py.tree_transforms import update_wrapper

from mlx_core_py.transforms._checks import check_callable
from mlx_core_py.transforms.vmap import vmap

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from mlx_sys_py import ArrayLike

__all__ = ["apply_along_axis", "piecewise", "vectorize"]


def __dir__() -> list[str]:
    return __all__


def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: ArrayLike, *args: Any, **kwargs: Any
) -> array:
    """Apply a function to the slices of an array along an axis.

    The function is called once, for all slices at a time, as by :func:`vmap`: what it does may not
    depend on values.

    Args:
        func1d: Takes a vector and returns an array.
        axis: The axis that the slices are along.
        arr: Array of at least one dimension.
        *args: Further arguments of the function.
        **kwargs: Further arguments of the function, by name.

    Returns:
        Array of the results, whose axes are in place of the one that the slices are along.

    Raises:
        IndexError: If the axis is out of bounds.
        TypeError: If ``func1d`` is not callable or ``axis`` is not an integer.
        ValueError: If an axis of ``arr`` is empty.

    Example:
        >>> mx.apply_along_axis(lambda v: v[::-1] - v[0], 1, mx.array([[1, 2], [5, 9]]))
        array([[1, 0],
               [4, 0]], dtype=int32)

    See: NumPy ``numpy.apply_along_axis``.
    """
    check_callable(func1d, "apply_along_axis")
    arr = arr if isinstance(arr, array) else array(arr)
    try:
        axis = index(axis)
    except TypeError:
        raise TypeError(f"axis must be an int, not {type(axis).__name__}") from None
    if not -arr.ndim <= axis < arr.ndim:
        raise IndexError(f"axis {axis} is out of bounds for {arr.ndim} dimensions")
    if arr.size == 0:
        raise ValueError(f"arr has an empty axis: {arr.shape}")
    axis %= arr.ndim
    moved = moveaxis(arr, axis, -1)
    rows = reshape(moved, (-1, arr.shape[axis]))

    def of_row(row: array) -> array:
        result = func1d(row, *args, **kwargs)
        return result if isinstance(result, array) else array(result)

    results = vmap(of_row)(rows)
    results = reshape(results, (*moved.shape[:-1], *results.shape[1:]))
    # The axes of a result come last: they go, in order, where the slices were along.
    others = arr.ndim - 1
    for number in range(results.ndim - others):
        results = moveaxis(results, others + number, axis + number)
    return results


def _all_scalars(arrays: list[array]) -> bool:
    """Whether no array has an axis."""
    return not [a for a in arrays if a.ndim]


def piecewise(
    x: ArrayLike,
    condlist: Sequence[ArrayLike] | array,
    funclist: Sequence[Any],
    *args: Any,
    **kw: Any,
) -> array:
    """Evaluate a function that is defined piece by piece.

    Every piece is evaluated for all of ``x``, and the right one chosen.

    Args:
        x: Array of any shape.
        condlist: Boolean arrays, or one: where each piece holds. The last that does is chosen.
        funclist: The pieces, functions of an array or numbers: one for each condition, and perhaps
            one more, for where none holds; that is 0 otherwise.
        *args: Further arguments of the functions.
        **kw: Further arguments of the functions, by name.

    Returns:
        Array of the shape and dtype of ``x``.

    Raises:
        ValueError: If there are not as many pieces as conditions, or one more.

    Example:
        >>> x = mx.array([-2.0, -1.0, 3.0])
        >>> mx.piecewise(x, [x < 0, x >= 0], [lambda x: -x, lambda x: x * x])
        array([2, 1, 9], dtype=float32)

    See: NumPy ``numpy.piecewise``.
    """
    x = x if isinstance(x, array) else array(x)
    if isinstance(condlist, array):
        # One condition, or one in each row.
        conditions = [condlist] if condlist.ndim <= x.ndim else list(condlist)
    else:
        parts = [c if isinstance(c, array) else array(c) for c in condlist]
        bare = x.ndim > 0 and parts and _all_scalars(parts)
        conditions = [stack(parts)] if bare else parts
    pieces = list(funclist)
    if len(pieces) == len(conditions) + 1:
        covered = conditions[0]
        for condition in conditions[1:]:
            covered = covered | condition
        conditions.insert(0, logical_not(covered))
        pieces.insert(0, pieces.pop())
    if len(pieces) != len(conditions):
        raise ValueError(
            f"{len(conditions)} conditions need as many functions, or one more, not {len(pieces)}"
        )
    result = zeros_like(x)
    for condition, piece in zip(conditions, pieces, strict=True):
        value = piece(x, *args, **kw) if callable(piece) else piece
        value = value if isinstance(value, array) else array(value)
        result = where(condition, value.astype(x.dtype), result)
    return result


def _core_dimensions(signature: str) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """The names of the core dimensions of inputs and outputs, as in ``(m,n),(n)->(m)``."""
    sides = signature.replace(" ", "").split("->")
    if len(sides) != 2:
        raise ValueError(f"signature must have the form '(m,n),(n)->(m)', not {signature!r}")
    read = []
    for side in sides:
        if not (side.startswith("(") and side.endswith(")")):
            raise ValueError(f"signature must have the form '(m,n),(n)->(m)', not {signature!r}")
        groups = side[1:-1].split("),(")
        names = [tuple(group.split(",")) if group else () for group in groups]
        if [n for group in names for n in group if not n.isidentifier()]:
            raise ValueError(f"signature must have the form '(m,n),(n)->(m)', not {signature!r}")
        read.append(names)
    return read[0], read[1]


def vectorize(
    pyfunc: Callable[..., Any],
    *,
    excluded: Sequence[int] = (),
    signature: str | None = None,
) -> Callable[..., Any]:
    """Return a function that applies another to the elements of arrays, which broadcast.

    The function is called once, for all elements at a time, as by :func:`vmap`: what it does may
    not depend on values.

    Args:
        pyfunc: Takes scalars, or arrays as the signature says, and returns an array or a tuple.
        excluded: Positions of arguments that are passed on as they are. Default: none.
        signature: The core dimensions that ``pyfunc`` works on, such as ``"(m,n),(n)->(m)"``.
            ``None`` (default) means that it works on scalars.

    Returns:
        A function with the arguments of ``pyfunc``.

    Raises:
        TypeError: If ``pyfunc`` is not callable, or the call has too few or too many arguments for
            the signature.
        ValueError: If the signature has another form, an argument has too few dimensions, or shapes
            do not broadcast.

    Example:
        >>> solve = mx.vectorize(lambda a, b: a @ b, signature="(m,n),(n)->(m)")
        >>> solve(mx.ones((4, 2, 3)), mx.ones(3)).shape
        (4, 2)

    See: NumPy ``numpy.vectorize``.
    """
    check_callable(pyfunc, "vectorize")
    skipped = frozenset(excluded)
    cores = None if signature is None else _core_dimensions(signature)[0]

    def vectorized(*args: Any, **kwargs: Any) -> Any:
        places = [i for i in range(len(args)) if i not in skipped]
        arrays = [a if isinstance(a, array) else array(a) for a in (args[i] for i in places)]
        dims = [0] * len(arrays) if cores is None else [len(core) for core in cores]
        if len(dims) != len(arrays):
            raise TypeError(f"{signature} takes {len(dims)} arrays, not {len(arrays)}")
        lengths: dict[str, int] = {}
        for number, (a, count) in enumerate(zip(arrays, dims, strict=True)):
            if a.ndim < count:
                raise ValueError(
                    f"argument {places[number]} has {a.ndim} dimensions, but {signature} needs "
                    f"{count}"
                )
            for name, length in zip(
                cores[number] if cores else (), a.shape[a.ndim - count :], strict=True
            ):
                if lengths.setdefault(name, length) != length:
                    raise ValueError(
                        f"dimension {name} of {signature} is both {lengths[name]} and {length}"
                    )
        batches = [a.shape[: a.ndim - count] for a, count in zip(arrays, dims, strict=True)]
        batch = broadcast_shapes(*batches) if batches else ()

        def of_element(*elements: array) -> Any:
            values = list(args)
            for place, element in zip(places, elements, strict=True):
                values[place] = element
            return pyfunc(*values, **kwargs)

        if not batch:
            return of_element(*arrays)
        inputs = []
        for a, count in zip(arrays, dims, strict=True):
            core = a.shape[a.ndim - count :]
            inputs.append(reshape(broadcast_to(a, (*batch, *core)), (-1, *core)))
        results = vmap(of_element)(*inputs)
        if isinstance(results, array):
            return reshape(results, (*batch, *results.shape[1:]))
        return type(results)(reshape(r, (*batch, *r.shape[1:])) for r in results)

    return update_wrapper(vectorized, pyfunc)
