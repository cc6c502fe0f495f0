"""Transformations of functions of modules.

Source: https://ml-explore.github.io/mlx/build/html/python/nn.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
from mlx_core_py.nn.layers.base import Module

__all__ = ["checkpoint", "value_and_grad"]


def value_and_grad(
    model: Module, fn: Callable[..., Any]
) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """Return a function that computes the value of ``fn`` and its gradient by a model.

    Args:
        model: The model whose trainable parameters to differentiate by.
        fn: A function that uses the model and returns a scalar array, or a tuple whose first
            entry is one.

    Returns:
        A function with the arguments of ``fn``. It returns a pair: what ``fn`` returns, and a
        tree of gradients like ``model.trainable_parameters()``.

    Raises:
        TypeError: If ``model`` is not a module or ``fn`` is not callable.
        ValueError: In the call, if no parameter is trainable or ``fn`` returns something else.

    Example:
        >>> model = nn.Linear(2, 1)
        >>> step = nn.value_and_grad(model, lambda x: mx.sum(model(x)))
        >>> value, gradients = step(mx.array([[1.0, 2.0]]))
        >>> gradients["weight"]
        array([[1, 2]], dtype=float32)
    """
    if not isinstance(model, Module):
        raise TypeError(f"model must be a Module, not {type(model).__name__}")
    if not callable(fn):
        raise TypeError(f"fn must be callable, but is a {type(fn).__name__}")

    def with_parameters(parameters: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        model.update(parameters)
        return fn(*args, **kwargs)

    transformed = mx.value_and_grad(with_parameters)

    @functools.wraps(fn)
    def value_and_gradient(*args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        parameters = model.trainable_parameters()
        try:
            return transformed(parameters, *args, **kwargs)
        finally:
            # While fn ran, the model held what was traced in place of its parameters.
            model.update(parameters)

    return value_and_gradient


def checkpoint(module: Module, fn: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Return a function that computes a module again when its gradient is needed.

    This needs less memory for intermediate results, and more time.

    Args:
        module: The module whose parameters ``fn`` uses.
        fn: The function. Default: the module itself.

    Returns:
        A function with the arguments and the result of ``fn``.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> x = mx.ones((1, 2))
        >>> mx.array_equal(nn.utils.checkpoint(layer)(x), layer(x)).item()
        True
    """
    function = module if fn is None else fn

    def with_parameters(parameters: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        module.update(parameters)
        return function(*args, **kwargs)

    checkpointed = mx.checkpoint(with_parameters)

    def call(*args: Any, **kwargs: Any) -> Any:
        parameters = module.trainable_parameters()
        try:
            return checkpointed(parameters, *args, **kwargs)
        finally:
            module.update(parameters)

    return call
