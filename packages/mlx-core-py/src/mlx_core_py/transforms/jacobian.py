"""Whole matrices of derivatives: products with unit vectors, computed side by side by ``vmap``."""

from __future__ import annotations

from itertools import accumulate, pairwise

from mlx_sys_py import array, floating, issubdtype
from mlx_sys_py.ops import eye, moveaxis, reshape, zeros
from mlx_sys_py.tree_transforms import update_wrapper

from mlx_core_py.transforms._checks import argument_numbers, check_callable
from mlx_core_py.transforms.grad import jvp, vjp
from mlx_core_py.transforms.vmap import vmap
from mlx_core_py.trees import only_arrays_of, with_arrays, without_arrays

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, ParamSpec

    P = ParamSpec("P")

__all__ = ["hessian", "jacfwd", "jacrev"]


def __dir__() -> list[str]:
    return __all__


def jacrev(fun: Callable[P, Any], argnums: int | Sequence[int] = 0) -> Callable[P, Any]:
    """Return a function that computes the Jacobian of ``fun``, one row after the other.

    It takes a product with the transposed Jacobian for each entry of the output, all in one
    vectorized call: the way for few outputs and many inputs. :func:`jacfwd` gives the same.

    Args:
        fun: Takes and returns floating-point arrays or trees of them. Arguments that it is not
            differentiated by may be anything.
        argnums: The position of the argument, or of each argument, to differentiate by.
            Default: 0.

    Returns:
        A function with the arguments of ``fun``. It returns a tree like the output of ``fun``. In
        place of each array there is a tree like the argument (a tuple of such if ``argnums`` is a
        sequence) of arrays whose shape is that of the output followed by that of the input.

    Raises:
        TypeError: If ``fun`` is not callable or an argument number is not an integer.
        ValueError: If an argument to differentiate by is negative, given twice or absent, or it
            or the output holds something else than floating-point arrays.

    Example:
        >>> mx.jacrev(lambda x: x * x)(mx.array([1.0, 2.0]))
        array([[2, 0],
               [0, 4]], dtype=float32)
    """
    numbers = _numbers("jacrev", fun, argnums)

    def jacobian(*args: P.args, **kwargs: P.kwargs) -> Any:
        flat = _Flat("jacrev", fun, numbers, args, kwargs)
        outputs = flat(*flat.inputs)

        def rows(*cotangents: array) -> list[array]:
            return vjp(flat, flat.inputs, cotangents)[1]

        products = _for_each_unit(rows, outputs, like=flat.inputs)
        blocks = [
            [
                reshape(product[begin:end], (*output.shape, *x.shape))
                for product, x in zip(products, flat.inputs, strict=True)
            ]
            for output, (begin, end) in zip(outputs, _places(outputs), strict=True)
        ]
        return flat.as_trees(blocks, one=not isinstance(argnums, list | tuple))

    return update_wrapper(jacobian, fun)


def jacfwd(fun: Callable[P, Any], argnums: int | Sequence[int] = 0) -> Callable[P, Any]:
    """Return a function that computes the Jacobian of ``fun``, one column after the other.

    It takes a product with the Jacobian for each entry of the input, all in one vectorized call:
    the way for few inputs and many outputs. :func:`jacrev` gives the same.

    Args:
        fun: Takes and returns floating-point arrays or trees of them. Arguments that it is not
            differentiated by may be anything.
        argnums: The position of the argument, or of each argument, to differentiate by.
            Default: 0.

    Returns:
        A function with the arguments of ``fun``. It returns a tree like the output of ``fun``. In
        place of each array there is a tree like the argument (a tuple of such if ``argnums`` is a
        sequence) of arrays whose shape is that of the output followed by that of the input.

    Raises:
        TypeError: If ``fun`` is not callable or an argument number is not an integer.
        ValueError: If an argument to differentiate by is negative, given twice or absent, or it
            or the output holds something else than floating-point arrays.

    Example:
        >>> mx.jacfwd(lambda x, y: x * y, argnums=1)(mx.array([1.0, 2.0]), mx.array(3.0))
        array([1, 2], dtype=float32)
    """
    numbers = _numbers("jacfwd", fun, argnums)

    def jacobian(*args: P.args, **kwargs: P.kwargs) -> Any:
        flat = _Flat("jacfwd", fun, numbers, args, kwargs)
        outputs = flat(*flat.inputs)

        def columns(*tangents: array) -> list[array]:
            return jvp(flat, flat.inputs, tangents)[1]

        products = _for_each_unit(columns, flat.inputs, like=outputs)
        blocks = [
            [
                reshape(moveaxis(product[begin:end], 0, -1), (*output.shape, *x.shape))
                for x, (begin, end) in zip(flat.inputs, _places(flat.inputs), strict=True)
            ]
            for product, output in zip(products, outputs, strict=True)
        ]
        return flat.as_trees(blocks, one=not isinstance(argnums, list | tuple))

    return update_wrapper(jacobian, fun)


def hessian(fun: Callable[P, Any], argnums: int | Sequence[int] = 0) -> Callable[P, Any]:
    """Return a function that computes the second derivatives of ``fun``.

    They are those of the first ones, ``jacrev(jacrev(fun))``: more operations have products with
    the transposed Jacobian than with the Jacobian.

    Args:
        fun: Takes and returns floating-point arrays or trees of them. Arguments that it is not
            differentiated by may be anything.
        argnums: The position of the argument, or of each argument, to differentiate by.
            Default: 0.

    Returns:
        A function with the arguments of ``fun``. For an argument that is an array, it returns a
        tree like the output of ``fun`` of arrays whose shape is that of the output followed twice
        by that of the argument. For others, there are trees of trees, as :func:`jacrev` nests them.

    Raises:
        TypeError: If ``fun`` is not callable or an argument number is not an integer.
        ValueError: If an argument to differentiate by is negative, given twice or absent, or it
            or the output holds something else than floating-point arrays.

    Example:
        >>> mx.hessian(lambda x: mx.sum(x**3))(mx.array([1.0, 2.0]))
        array([[6, 0],
               [0, 12]], dtype=float32)
    """
    _numbers("hessian", fun, argnums)
    return jacrev(jacrev(fun, argnums), argnums)


def _numbers(name: str, fun: Any, argnums: int | Sequence[int]) -> list[int]:
    check_callable(fun, name)
    return argument_numbers(name, argnums, False)


class _Flat:
    """A call of a function of trees as a function of arrays."""

    def __init__(
        self,
        name: str,
        fun: Callable[..., Any],
        numbers: list[int],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        if max(numbers) >= len(args):
            raise ValueError(
                f"[{name}] argnums asks for argument {max(numbers)}, "
                f"but only {len(args)} positional arguments were given"
            )
        self.name, self.fun, self.numbers = name, fun, numbers
        self.args, self.kwargs = args, kwargs
        wanted = tuple(args[number] for number in numbers)
        self.inputs = _floating_arrays(wanted, f"[{name}] an argument to differentiate by")
        self.arguments = without_arrays(wanted)
        self.result: Any = None

    def __call__(self, *arrays: array) -> list[array]:
        args = list(self.args)
        trees = with_arrays(self.arguments, iter(arrays))
        for number, tree in zip(self.numbers, trees, strict=True):
            args[number] = tree
        result = self.fun(*args, **self.kwargs)
        outputs = _floating_arrays(result, f"[{self.name}] the result of fun")
        self.result = without_arrays(result)
        return outputs

    def as_trees(self, blocks: list[list[array]], one: bool) -> Any:
        """Return the blocks, one for each output and input, as a tree of trees."""
        rows = [with_arrays(self.arguments, iter(row)) for row in blocks]
        return with_arrays(self.result, iter([row[0] for row in rows] if one else rows))


def _floating_arrays(tree: Any, where: str) -> list[array]:
    arrays = only_arrays_of(tree, where)
    for one in arrays:
        if not issubdtype(one.dtype, floating):
            raise ValueError(f"{where} must hold floating-point arrays only, not {one.dtype}")
    return arrays


def _places(arrays: list[array]) -> list[tuple[int, int]]:
    """Where each array begins and ends when all of them are joined."""
    return list(pairwise(accumulate((x.size for x in arrays), initial=0)))


def _for_each_unit(
    fun: Callable[..., list[array]], arrays: list[array], like: list[array]
) -> list[array]:
    """Call ``fun`` with each unit vector of the space of all arrays, along a new first axis.

    Args:
        fun: Takes one array for each of ``arrays``, and returns one for each of ``like``.
        arrays: What tells the shapes that ``fun`` takes.
        like: What tells the shapes that it returns, where there is nothing to call it with.
    """
    count = sum(x.size for x in arrays)
    if not count:
        return [zeros((0, *x.shape), x.dtype) for x in like]
    units = [
        reshape(eye(count, x.size, -begin, x.dtype), (count, *x.shape))
        for x, (begin, _) in zip(arrays, _places(arrays), strict=True)
    ]
    results: list[array] = vmap(fun)(*units)
    return results
