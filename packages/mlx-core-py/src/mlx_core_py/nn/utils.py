"""Transformations of functions of modules.

Source: https://ml-explore.github.io/mlx/build/html/python/nn.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, ParamSpec, TypeVar

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_max_norm
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.trees import only_arrays_of, with_arrays

# Programs for MLX find them here too.
from mlx_core_py.trees import tree_flatten as tree_flatten
from mlx_core_py.trees import tree_map as tree_map
from mlx_core_py.trees import tree_reduce as tree_reduce
from mlx_core_py.trees import tree_unflatten as tree_unflatten

__all__ = ["average_gradients", "checkpoint", "clip_grad_norm_sharded", "value_and_grad"]


def __dir__() -> list[str]:
    return __all__


P = ParamSpec("P")
R = TypeVar("R")


def value_and_grad(model: Module, fn: Callable[P, R]) -> Callable[P, tuple[R, dict[str, Any]]]:
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

    def with_parameters(parameters: dict[str, Any], *args: P.args, **kwargs: P.kwargs) -> R:
        model.update(parameters)
        return fn(*args, **kwargs)

    transformed = mx.value_and_grad(with_parameters)

    @functools.wraps(fn)
    def value_and_gradient(*args: P.args, **kwargs: P.kwargs) -> tuple[R, dict[str, Any]]:
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


def average_gradients(
    gradients: Any,
    group: mx.distributed.Group | None = None,
    all_reduce_size: int = 32 * 1024**2,
    communication_stream: mx.Stream | None = None,
) -> Any:
    """Average gradients over the processes of a group.

    Args:
        gradients: A tree of arrays, the same structure in each process.
        group: The processes. Default: all.
        all_reduce_size: Small arrays are joined until they have this many bytes, and exchanged
            together; 0 or less exchanges each for itself. Default: 32 MiB.
        communication_stream: The stream to exchange on. Default: the backend's own.

    Returns:
        A tree like ``gradients``: itself if there is one process only.

    Raises:
        ValueError: If ``gradients`` holds something else than arrays.

    Example:
        >>> nn.average_gradients({"weight": mx.array([1.0, 2.0])})
        {'weight': array([1, 2], dtype=float32)}
    """
    group = mx.distributed.init() if group is None else group
    size = group.size()
    arrays = only_arrays_of(gradients, "gradients")
    if size == 1:
        return gradients
    averages = list(arrays)
    for chosen in _batches(arrays, all_reduce_size):
        joined = mx.concatenate([arrays[i].reshape(-1) for i in chosen])
        mean = mx.distributed.all_sum(joined, group=group, stream=communication_stream) / size
        ends = list(accumulate(arrays[i].size for i in chosen))
        for i, part in zip(chosen, mx.split(mean, ends[:-1]), strict=True):
            averages[i] = part.reshape(arrays[i].shape)
    return with_arrays(gradients, iter(averages))


def clip_grad_norm_sharded(
    gradients: Any, max_norm: float, group: mx.distributed.Group | None = None
) -> tuple[Any, mx.array]:
    """Limit the norm of gradients of which each process has a part.

    Args:
        gradients: A tree of arrays: this process's part, as of a module that is
            :func:`fully sharded <mlx_core_py.nn.fully_shard>`.
        max_norm: The largest norm of all parts together.
        group: The processes. Default: all.

    Returns:
        The gradients, scaled down where their norm is larger, each of the data type that it had,
        and the norm before, a ``float32`` scalar.

    Raises:
        TypeError: If ``max_norm`` is not a number.
        ValueError: If ``gradients`` holds something else than arrays, or ``max_norm`` is negative
            or NaN.

    Example:
        >>> gradients, norm = nn.utils.clip_grad_norm_sharded([mx.array([3.0, 4.0])], 1.0)
        >>> norm, gradients[0].round(2)
        (array(5, dtype=float32), array([0.6, 0.8], dtype=float32))
    """
    arrays = only_arrays_of(gradients, "gradients")
    check_max_norm(max_norm)
    # A square in half precision would overflow at 256.
    squares = sum((mx.sum(mx.square(array.astype(mx.float32))) for array in arrays), mx.array(0.0))
    norm = mx.sqrt(mx.distributed.all_sum(squares, group=group))
    scale = mx.minimum(max_norm / (norm + 1e-6), 1.0)
    return with_arrays(
        gradients, iter([array * scale.astype(array.dtype) for array in arrays])
    ), norm


def _batches(arrays: list[mx.array], nbytes: int) -> Iterator[list[int]]:
    """Give the indices of arrays to exchange together: of one data type, up to a size."""
    for dtype in {array.dtype: None for array in arrays}:
        batch: list[int] = []
        filled = 0
        for i, array in enumerate(arrays):
            if array.dtype == dtype:
                batch.append(i)
                filled += array.nbytes
                if filled >= nbytes:
                    yield batch
                    batch, filled = [], 0
        if batch:
            yield batch
