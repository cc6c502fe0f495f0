"""Gradient checkpointing: intermediate results are computed again instead of being kept."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from mlx_sys_py import array
from mlx_sys_py import transforms as sys_transforms

from mlx_core_py.transforms._checks import check_callable
from mlx_core_py.trees import arrays_of, with_arrays, without_arrays

__all__ = ["checkpoint"]


def checkpoint(fun: Callable[..., Any]) -> Callable[..., Any]:
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

    @functools.wraps(fun)
    def checkpointed(*args: Any, **kwargs: Any) -> Any:
        # Without the arrays: these live as long as the graph, in which the arrays are already.
        arguments, result = without_arrays((args, kwargs)), None

        def on_arrays(arrays: list[array]) -> list[array]:
            nonlocal result
            new_args, new_kwargs = with_arrays(arguments, iter(arrays))
            outputs = fun(*new_args, **new_kwargs)
            result = without_arrays(outputs)
            return arrays_of(outputs)

        outputs = sys_transforms.checkpoint(on_arrays)(arrays_of((args, kwargs)))
        return with_arrays(result, iter(outputs))

    return checkpointed
