"""Derivatives of functions on trees of arrays.

Source: https://ml-explore.github.io/mlx/build/html/python/transforms.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from mlx_sys_py import WrongTypeError, array
from mlx_sys_py import transforms as sys_transforms

from mlx_core_py.transforms._checks import argument_numbers, check_callable, output_list
from mlx_core_py.trees import Loan, arrays_of, only_arrays_of, with_arrays, without_arrays

__all__ = ["grad", "jvp", "value_and_grad", "vjp"]

P = ParamSpec("P")
R = TypeVar("R")


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
    transformed = _ValueAndGrad("grad", fun, argnums, argnames)

    @functools.wraps(fun)
    def gradient(*args: P.args, **kwargs: P.kwargs) -> Any:
        return transformed(args, kwargs)[1]

    return gradient


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
    transformed = _ValueAndGrad("value_and_grad", fun, argnums, argnames)

    @functools.wraps(fun)
    def value_and_gradient(*args: P.args, **kwargs: P.kwargs) -> tuple[R, Any]:
        return transformed(args, kwargs)

    return value_and_gradient


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


class _ValueAndGrad:
    """The function that :func:`grad` and :func:`value_and_grad` have in common."""

    def __init__(
        self,
        name: str,
        fun: Callable[..., Any],
        argnums: int | Sequence[int] | None,
        argnames: str | Sequence[str],
    ) -> None:
        check_callable(fun, name)
        self.name = name
        self.fun = fun
        self.argnames = _argument_names(name, argnames)
        self.argnums = argument_numbers(name, argnums, bool(self.argnames))

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        wanted = self._wanted(args, kwargs)
        arrays = only_arrays_of(wanted, f"[{self.name}] an argument to differentiate by")
        if not arrays:
            raise ValueError(f"[{self.name}] the arguments to differentiate by hold no array")
        # The function may change the containers.
        structure = without_arrays(wanted)
        value: Any = None

        def on_arrays(traced: list[array]) -> list[array]:
            nonlocal value
            loan = Loan(wanted, iter(traced))
            by_number, by_name = loan.trees
            new_args = list(args)
            for number, argument in zip(self.argnums, by_number, strict=True):
                new_args[number] = argument
            try:
                value = self.fun(*new_args, **{**kwargs, **by_name})
            finally:
                loan.give_back()
            self._check_value(value)
            return arrays_of(value)

        transformed = sys_transforms.value_and_grad(on_arrays, list(range(len(arrays))))
        outputs, gradients = transformed(arrays)
        value = with_arrays(value, iter(outputs))
        by_number, by_name = with_arrays(structure, iter(gradients))
        positional: Any = by_number
        if len(by_number) < 2:
            positional = by_number[0] if by_number else None
        return value, (positional, by_name) if self.argnames else positional

    def _wanted(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        for number in self.argnums:
            if number >= len(args):
                raise ValueError(
                    f"[{self.name}] argnums asks for argument {number}, "
                    f"but only {len(args)} positional arguments were given"
                )
        for name in self.argnames:
            if name not in kwargs:
                raise ValueError(
                    f"[{self.name}] argnames asks for {name!r}, "
                    f"but the keyword arguments given are {sorted(kwargs)}"
                )
        return (
            tuple(args[number] for number in self.argnums),
            {name: kwargs[name] for name in self.argnames},
        )

    def _check_value(self, value: Any) -> None:
        loss = value
        expected = "a scalar array"
        if self.name == "value_and_grad":
            expected += " or a tuple whose first entry is one"
            if isinstance(value, tuple) and value:
                loss = value[0]
        if not isinstance(loss, array):
            given = f"a value of type {type(loss).__name__}"
        elif loss.ndim:
            given = f"an array of shape {tuple(loss.shape)}"
        else:
            return
        raise ValueError(f"[{self.name}] the function must return {expected}, but gave {given}")


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
