"""Functions on trees of arrays with transformations of their own."""

from __future__ import annotations

from types import GenericAlias

from mlx_sys_py import transforms as sys_transforms
from mlx_sys_py.ops import zeros_like
from mlx_sys_py.tree_transforms import update_wrapper

from mlx_core_py.transforms._checks import check_callable
from mlx_core_py.trees import arrays_of, leaves_of, with_arrays, without_arrays

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, ParamSpec, TypeVar
    from typing import Generic as _Generic

    from mlx_sys_py import array

    P = ParamSpec("P")
    R = TypeVar("R")
else:
    P = R = object

    class _Generic:
        __class_getitem__ = classmethod(GenericAlias)


__all__ = ["custom_function"]


def __dir__() -> list[str]:
    return __all__


# How the layer below spells "not vectorized".
NO_AXIS = -1


class custom_function(_Generic[P, R]):  # noqa: N801 - the name that it has in MLX
    """A function whose derivatives and vectorization can be given.

    It is used as a decorator, and so are its methods ``vjp``, ``jvp`` and ``vmap``. What is not
    given is derived from the function itself. A rule finds the arguments as one tree: the tuple of
    them, or the argument itself if there is one only; keyword arguments come as such.

    Args:
        f: Takes trees with arrays and returns one. Arrays that it captures are constants, and so
            are keyword arguments where ``vjp`` is given.

    Raises:
        TypeError: If ``f`` or a rule is not callable.

    Example:
        >>> @mx.custom_function
        ... def f(x, y):
        ...     return mx.sin(x) * y
        >>> @f.vjp
        ... def f_vjp(primals, cotangent, output):
        ...     x, y = primals
        ...     return cotangent * mx.cos(x) * y, 100 * cotangent
        >>> mx.grad(f, argnums=1)(mx.array(1.0), mx.array(2.0))
        array(100, dtype=float32)
    """

    def __init__(self, f: Callable[P, R]) -> None:
        check_callable(f, "custom_function", "f")
        update_wrapper(self, f)
        # After that, which takes over the attributes of `f`: it may be a custom function, too.
        self._rules: dict[str, Callable[..., Any]] = {}
        self._fun = f

    def vjp(self, f: Callable[..., Any]) -> custom_function[P, R]:
        """Set the vector-Jacobian product.

        Args:
            f: Called with the arguments, the cotangents and the outputs, trees like the arguments
                and the output; returns a tree like the arguments.
        """
        return self._with_rule("vjp", f)

    def jvp(self, f: Callable[..., Any]) -> custom_function[P, R]:
        """Set the Jacobian-vector product.

        Args:
            f: Called with the arguments and the tangents, a tree like the arguments with ``None``
                for those without one; returns a tree like the output.
        """
        return self._with_rule("jvp", f)

    def vmap(self, f: Callable[..., Any]) -> custom_function[P, R]:
        """Set the vectorization.

        Args:
            f: Called with the arguments and their axes, a tree like the arguments with ``None``
                for those that are the same for all; returns the output and a tree of its axes.
        """
        return self._with_rule("vmap", f)

    def _with_rule(self, name: str, f: Callable[..., Any]) -> custom_function[P, R]:
        check_callable(f, "custom_function", name)
        self._rules[name] = f
        return self

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Compute the function in a way that transformations can replace by the rules."""
        call = _Call(self._fun, self._rules, args, kwargs)
        rules = {name: getattr(call, name) for name in self._rules}
        outputs = sys_transforms.custom_function(call.fun, **rules)(arrays_of((args, kwargs)))
        results: R = with_arrays(call.result, iter(outputs))
        return results


class _Call:
    """The functions of lists of arrays behind one call, which know the trees of it."""

    def __init__(
        self,
        fun: Callable[..., Any],
        rules: dict[str, Callable[..., Any]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> None:
        self.on_trees = fun
        self.rules = dict(rules)
        # Without the arrays: this lives as long as the graph, in which they are already.
        self.args, self.kwargs = without_arrays((args, kwargs))
        self.result: Any = None

    def fun(self, inputs: list[array]) -> list[array]:
        args, kwargs = with_arrays((self.args, self.kwargs), iter(inputs))
        result = self.on_trees(*args, **kwargs)
        self.result = without_arrays(result)
        return arrays_of(result)

    def vjp(
        self, primals: list[array], cotangents: list[array], outputs: list[array]
    ) -> list[array]:
        remaining = iter(primals)
        args = with_arrays(self.args, remaining)
        by_name = list(remaining)
        result = self.rules["vjp"](
            _one_or_all(args),
            with_arrays(self.result, iter(cotangents)),
            with_arrays(self.result, iter(outputs)),
            **with_arrays(self.kwargs, iter(by_name)),
        )
        return [*arrays_of(result), *map(zeros_like, by_name)]

    def jvp(self, primals: list[array], tangents: list[array], argnums: list[int]) -> list[array]:
        given = dict(zip(argnums, tangents, strict=True))
        slots = iter([given.get(number) for number in range(len(primals))])
        return arrays_of(self._apply("jvp", primals, slots))

    def vmap(self, inputs: list[array], axes: list[int]) -> tuple[list[array], list[int]]:
        slots = iter([None if axis == NO_AXIS else axis for axis in axes])
        result = self._apply("vmap", inputs, slots)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise ValueError("[custom_function] vmap must return a pair of outputs and axes")
        outputs, output_axes = result
        axes_by_output = [NO_AXIS if axis is None else axis for axis in leaves_of(output_axes)]
        return arrays_of(outputs), axes_by_output

    def _apply(self, name: str, inputs: list[array], slots: Iterator[Any]) -> Any:
        args, kwargs = with_arrays((self.args, self.kwargs), iter(inputs))
        beside = with_arrays(self.args, slots, constants=False)
        return self.rules[name](_one_or_all(args), _one_or_all(beside), **kwargs)


def _one_or_all(args: tuple[Any, ...]) -> Any:
    return args[0] if len(args) == 1 else args
