"""Derivatives of functions on trees of arrays.

Source: https://ml-explore.github.io/mlx/build/html/python/transforms.html
"""

from __future__ import annotations

from mlx_sys_py import WrongTypeError, array
from mlx_sys_py import transforms as sys_transforms
from mlx_sys_py.tree_transforms import ValueAndGrad, update_wrapper

from mlx_core_py.transforms._checks import argument_numbers, check_callable, output_list

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

__all__ = ["grad", "jvp", "value_and_grad", "vjp"]


def __dir__() -> list[str]:
    return __all__


def grad(
    fun: Callable[P, Any],
    argnums: int | Sequence[int] | None = None,
    argnames: str | Sequence[str] = (),
) -> Callable[P, Any]:
    """Return a function that computes the gradient of ``fun``.

    Args:
        fun: Takes arrays or trees of arrays, returns an array of shape ``()``.
        argnums: The position of the argument, or of each argument, to differentiate by.
            Default: 0, or none if there are ``argnames``.
        argnames: The name of the keyword argument, or of each, to differentiate by.
            Default: none.

    Returns:
        A function with the arguments of ``fun``. It returns the gradients by position (a tree
        like the argument; a tuple if there are several), and with ``argnames`` a pair: the
        former (or ``None``) and a dictionary of the gradients by name.

    Raises:
        TypeError: If ``fun`` is not callable or an argument number or name is of another type.
        ValueError: If an argument to differentiate by is negative, given twice or absent, or
            holds something that is not an array; if ``fun`` does not return a scalar array.

    Example:
        >>> mx.grad(lambda x: mx.sum(x * x))(mx.array([1.0, 2.0]))
        array([2, 4], dtype=float32)
    """
    transformed = _value_and_grad("grad", fun, argnums, argnames)

    def gradient(*args: P.args, **kwargs: P.kwargs) -> Any:
        return transformed(args, kwargs)[1]

    return update_wrapper(gradient, fun)


def value_and_grad(
    fun: Callable[P, R],
    argnums: int | Sequence[int] | None = None,
    argnames: str | Sequence[str] = (),
) -> Callable[P, tuple[R, Any]]:
    """Return a function that computes the value of ``fun`` and its gradient.

    Args:
        fun: Takes arrays or trees of arrays, returns an array of shape ``()``, or a tuple whose
            first entry is one and whose other entries may be anything.
        argnums: The position of the argument, or of each argument, to differentiate by.
            Default: 0, or none if there are ``argnames``.
        argnames: The name of the keyword argument, or of each, to differentiate by.
            Default: none.

    Returns:
        A function with the arguments of ``fun``. It returns a pair: what ``fun`` returns, and
        the gradients as :func:`grad` returns them.

    Raises:
        TypeError: If ``fun`` is not callable or an argument number or name is of another type.
        ValueError: If an argument to differentiate by is negative, given twice or absent, or
            holds something that is not an array; if ``fun`` does not return a scalar array.

    Example:
        >>> mx.value_and_grad(lambda w, x: (mx.sum(w * x), "more"))(mx.array(2.0), mx.array(3.0))
        ((array(6, dtype=float32), 'more'), array(3, dtype=float32))
    """
    transformed = _value_and_grad("value_and_grad", fun, argnums, argnames)

    def value_and_gradient(*args: P.args, **kwargs: P.kwargs) -> tuple[R, Any]:
        return transformed(args, kwargs)

    return update_wrapper(value_and_gradient, fun)


def vjp(
    fun: Callable[..., Any], primals: Sequence[array], cotangents: Sequence[array]
) -> tuple[list[array], list[array]]:
    """Multiply cotangents by the Jacobian of a function.

    Args:
        fun: Takes arrays, returns an array or a list or tuple of arrays.
        primals: The arguments at which to take the Jacobian.
        cotangents: One array for each output of ``fun``, of the output's shape.

    Returns:
        The outputs of ``fun``, and one product for each of ``primals``.

    Raises:
        TypeError: If ``primals`` or ``cotangents`` is not a list or tuple of arrays.
        ValueError: If the number or the shapes of ``cotangents`` are not those of the outputs,
            or ``fun`` returns something else than arrays.

    Example:
        >>> mx.vjp(mx.sin, [mx.array(0.0)], [mx.array(3.0)])
        ([array(0, dtype=float32)], [array(3, dtype=float32)])
    """
    check_callable(fun, "vjp")
    arguments = _array_list(primals, "vjp", "primals")
    directions = _array_list(cotangents, "vjp", "cotangents")
    outputs, products = sys_transforms.vjp(
        lambda arrays: output_list(fun(*arrays), "vjp"), arguments, directions
    )
    if len(directions) > len(outputs):
        raise ValueError(
            f"[vjp] cotangents holds {len(directions)} arrays for {len(outputs)} outputs"
        )
    return outputs, products


def jvp(
    fun: Callable[..., Any], primals: Sequence[array], tangents: Sequence[array]
) -> tuple[list[array], list[array]]:
    """Multiply the Jacobian of a function by tangents.

    Args:
        fun: Takes arrays, returns an array or a list or tuple of arrays.
        primals: The arguments at which to take the Jacobian.
        tangents: One array for each of ``primals``, of the same shape.

    Returns:
        The outputs of ``fun``, and one product for each output.

    Raises:
        TypeError: If ``primals`` or ``tangents`` is not a list or tuple of arrays.
        ValueError: If the number or the shapes of ``tangents`` are not those of ``primals``,
            or ``fun`` returns something else than arrays.

    Example:
        >>> mx.jvp(mx.sin, [mx.array(0.0)], [mx.array(3.0)])
        ([array(0, dtype=float32)], [array(3, dtype=float32)])
    """
    check_callable(fun, "jvp")
    arguments = _array_list(primals, "jvp", "primals")
    directions = _array_list(tangents, "jvp", "tangents")
    outputs, products = sys_transforms.jvp(
        lambda arrays: output_list(fun(*arrays), "jvp"), arguments, directions
    )
    return outputs, products


def _value_and_grad(
    name: str,
    fun: Callable[..., Any],
    argnums: int | Sequence[int] | None,
    argnames: str | Sequence[str],
) -> ValueAndGrad:
    check_callable(fun, name)
    if argnums is None and argnames == ():
        return ValueAndGrad(name, fun, (0,), ())
    names = _argument_names(name, argnames)
    numbers = argument_numbers(name, argnums, bool(names))
    return ValueAndGrad(name, fun, tuple(numbers), tuple(names))


def _argument_names(name: str, argnames: str | Sequence[str]) -> list[str]:
    names: list[Any] = [argnames] if isinstance(argnames, str) else list(argnames)
    for argument in names:
        if not isinstance(argument, str):
            raise TypeError(f"[{name}] argnames must be strings, not {type(argument).__name__}")
        if names.count(argument) > 1:
            raise ValueError(f"[{name}] argnames holds {argument!r} more than once")
    return names


def _array_list(value: Any, name: str, argument: str) -> list[array]:
    if not isinstance(value, list | tuple):
        raise WrongTypeError(
            f"[{name}] {argument} must be a list or tuple of arrays, not {type(value).__name__}"
        )
    for entry in value:
        if not isinstance(entry, array):
            raise WrongTypeError(
                f"[{name}] {argument} must hold arrays only, but holds a {type(entry).__name__}"
            )
    return list(value)
