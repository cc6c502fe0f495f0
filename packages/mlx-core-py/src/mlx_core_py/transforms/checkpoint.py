"""Gradient checkpointing: intermediate results are computed again instead of being kept."""

from __future__ import annotations

from mlx_sys_py import transforms as sys_transforms
from mlx_sys_py.tree_transforms import update_wrapper

from mlx_core_py.transforms._checks import check_callable
from mlx_core_py.trees import arrays_of, with_arrays, without_arrays

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")

    from mlx_sys_py import array

__all__ = ["checkpoint"]


def __dir__() -> list[str]:
    return __all__


def checkpoint(fun: Callable[P, R]) -> Callable[P, R]:
    """Return a function that computes ``fun`` again when its gradient is needed.

    This needs less memory for intermediate results, and more time.

    Args:
        fun: Takes and returns trees with arrays; the gradient is by the arrays among its
            arguments, so whatever else it reads is a constant.

    Returns:
        A function with the arguments and the result of ``fun``.

    Raises:
        TypeError: If ``fun`` is not callable.

    Example:
        >>> layer = mx.checkpoint(lambda x: mx.exp(mx.sin(x)))
        >>> mx.grad(layer)(mx.array(0.0))
        array(1, dtype=float32)
    """
    check_callable(fun, "checkpoint")

    def checkpointed(*args: P.args, **kwargs: P.kwargs) -> R:
        # Without the arrays: these live as long as the graph, in which the arrays are already.
        arguments = without_arrays((args, kwargs))
        result: Any = None

        def on_arrays(arrays: list[array]) -> list[array]:
            nonlocal result
            new_args, new_kwargs = with_arrays(arguments, iter(arrays))
            outputs = fun(*new_args, **new_kwargs)
            result = without_arrays(outputs)
            return arrays_of(outputs)

        outputs = sys_transforms.checkpoint(on_arrays)(arrays_of((args, kwargs)))
        results: R = with_arrays(result, iter(outputs))
        return results

    return update_wrapper(checkpointed, fun)
