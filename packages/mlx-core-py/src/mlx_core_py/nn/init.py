"""Functions that make functions that fill arrays with initial values.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/init.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import mlx_core_py as mx

__all__ = [
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "identity",
    "normal",
    "orthogonal",
    "sparse",
    "uniform",
]


def __dir__() -> list[str]:
    return __all__


Initializer = Callable[[mx.array], mx.array]
Fan = Literal["fan_in", "fan_out"]


def constant(value: float, dtype: mx.Dtype = mx.float32) -> Initializer:
    """Return a function that fills arrays with a constant.

    Args:
        value: The constant.
        dtype: The data type of the result. Default: ``float32``.

    Returns:
        A function from an array to another of its shape.

    Example:
        >>> nn.init.constant(0.5)(mx.zeros((2,)))
        array([0.5, 0.5], dtype=float32)
    """
    return lambda a: mx.full(a.shape, value, dtype=dtype)


def normal(mean: float = 0.0, std: float = 1.0, dtype: mx.Dtype = mx.float32) -> Initializer:
    """Return a function that draws from a normal distribution.

    Args:
        mean: The mean. Default: ``0.0``.
        std: The standard deviation. Default: ``1.0``.
        dtype: The data type of the result. Default: ``float32``.

    Returns:
        A function from an array to another of its shape.

    Example:
        >>> nn.init.normal(std=0.02)(mx.zeros((2, 3))).shape
        (2, 3)
    """
    return lambda a: mx.random.normal(a.shape, dtype, mean, std)


def uniform(low: float = 0.0, high: float = 1.0, dtype: mx.Dtype = mx.float32) -> Initializer:
    """Return a function that draws from a uniform distribution.

    Args:
        low: The lower bound. Default: ``0.0``.
        high: The upper bound. Default: ``1.0``.
        dtype: The data type of the result. Default: ``float32``.

    Returns:
        A function from an array to another of its shape.

    Example:
        >>> nn.init.uniform(-1, 1)(mx.zeros((2, 3))).shape
        (2, 3)
    """
    return lambda a: mx.random.uniform(low, high, a.shape, dtype)


def identity(dtype: mx.Dtype = mx.float32) -> Initializer:
    """Return a function that makes identity matrices.

    Args:
        dtype: The data type of the result. Default: ``float32``.

    Returns:
        A function from a square matrix to another of its shape. It raises ``ValueError`` for
        other arrays.

    Example:
        >>> nn.init.identity()(mx.zeros((2, 2))).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """

    def initialize(a: mx.array) -> mx.array:
        if a.ndim != 2 or a.shape[0] != a.shape[1]:
            raise ValueError(f"a must be a square matrix, but has the shape {a.shape}")
        return mx.eye(a.shape[0], dtype=dtype)

    return initialize


def glorot_normal(dtype: mx.Dtype = mx.float32) -> Callable[..., mx.array]:
    r"""Return a function that draws from a normal distribution for the fans of an array [1].

    The standard deviation is
    :math:`\text{gain} \sqrt{2 / (\text{fan\_in} + \text{fan\_out})}`.

    [1]: https://proceedings.mlr.press/v9/glorot10a.html

    Args:
        dtype: The data type of the result. Default: ``float32``.

    Returns:
        A function from an array and a ``gain`` (default: 1) to another array of its shape.

    Example:
        >>> nn.init.glorot_normal()(mx.zeros((2, 3)), gain=2.0).shape
        (2, 3)
    """

    def initialize(a: mx.array, gain: float = 1.0) -> mx.array:
        fan_in, fan_out = _fans(a)
        std = gain * math.sqrt(2 / (fan_in + fan_out))
        return mx.random.normal(a.shape, dtype, scale=std)

    return initialize


def glorot_uniform(dtype: mx.Dtype = mx.float32) -> Callable[..., mx.array]:
    r"""Return a function that draws from a uniform distribution for the fans of an array [1].

    The bounds are
    :math:`\pm \text{gain} \sqrt{6 / (\text{fan\_in} + \text{fan\_out})}`.

    [1]: https://proceedings.mlr.press/v9/glorot10a.html

    Args:
        dtype: The data type of the result. Default: ``float32``.

    Returns:
        A function from an array and a ``gain`` (default: 1) to another array of its shape.

    Example:
        >>> nn.init.glorot_uniform()(mx.zeros((2, 3)), gain=2.0).shape
        (2, 3)
    """

    def initialize(a: mx.array, gain: float = 1.0) -> mx.array:
        fan_in, fan_out = _fans(a)
        bound = gain * math.sqrt(6 / (fan_in + fan_out))
        return mx.random.uniform(-bound, bound, a.shape, dtype)

    return initialize


def he_normal(dtype: mx.Dtype = mx.float32) -> Callable[..., mx.array]:
    r"""Return a function that draws from a normal distribution for a fan of an array [1].

    The standard deviation is :math:`\text{gain} / \sqrt{\text{fan}}`.

    [1]: https://arxiv.org/abs/1502.01852

    Args:
        dtype: The data type of the result. Default: ``float32``.

    Returns:
        A function from an array, a ``mode`` (``"fan_in"`` or ``"fan_out"``; default: the
        former) and a ``gain`` (default: 1) to another array of its shape.

    Example:
        >>> nn.init.he_normal()(mx.zeros((2, 3)), mode="fan_out").shape
        (2, 3)
    """

    def initialize(a: mx.array, mode: Fan = "fan_in", gain: float = 1.0) -> mx.array:
        return mx.random.normal(a.shape, dtype, scale=gain / math.sqrt(_fan(a, mode)))

    return initialize


def he_uniform(dtype: mx.Dtype = mx.float32) -> Callable[..., mx.array]:
    r"""Return a function that draws from a uniform distribution for a fan of an array [1].

    The bounds are :math:`\pm \text{gain} \sqrt{3 / \text{fan}}`.

    [1]: https://arxiv.org/abs/1502.01852

    Args:
        dtype: The data type of the result. Default: ``float32``.

    Returns:
        A function from an array, a ``mode`` (``"fan_in"`` or ``"fan_out"``; default: the
        former) and a ``gain`` (default: 1) to another array of its shape.

    Example:
        >>> nn.init.he_uniform()(mx.zeros((2, 3)), mode="fan_out").shape
        (2, 3)
    """

    def initialize(a: mx.array, mode: Fan = "fan_in", gain: float = 1.0) -> mx.array:
        bound = gain * math.sqrt(3 / _fan(a, mode))
        return mx.random.uniform(-bound, bound, a.shape, dtype)

    return initialize


def sparse(
    sparsity: float, mean: float = 0.0, std: float = 1.0, dtype: mx.Dtype = mx.float32
) -> Initializer:
    """Return a function that draws from a normal distribution and sets a part to zero [1].

    [1]: https://www.cs.toronto.edu/~jmartens/docs/Deep_HessianFree.pdf

    Args:
        sparsity: The part of each row that is zero, rounded up, from 0 to 1.
        mean: The mean of the others. Default: ``0.0``.
        std: The standard deviation of the others. Default: ``1.0``.
        dtype: The data type of the result. Default: ``float32``.

    Returns:
        A function from a matrix to another of its shape. It raises ``ValueError`` for other
        arrays.

    Raises:
        ValueError: If ``sparsity`` is not from 0 to 1.

    Example:
        >>> weight = nn.init.sparse(0.5)(mx.zeros((3, 4)))
        >>> mx.sum(weight == 0, axis=1)
        array([2, 2, 2], dtype=int32)
    """
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparsity must be from 0 to 1, but is {sparsity}")

    def initialize(a: mx.array) -> mx.array:
        if a.ndim != 2:
            raise ValueError(
                f"a must be a 2D array, but is a {a.ndim}D array of shape {tuple(a.shape)}"
            )
        zeros = math.ceil(sparsity * a.shape[1])
        rank = mx.argsort(mx.argsort(mx.random.uniform(shape=a.shape), axis=1), axis=1)
        return mx.where(rank < zeros, 0, mx.random.normal(a.shape, dtype, mean, std))

    return initialize


def orthogonal(gain: float = 1.0, dtype: mx.Dtype = mx.float32) -> Initializer:
    """Return a function that makes matrices whose shorter side is orthonormal [1].

    [1]: https://arxiv.org/abs/1312.6120

    Args:
        gain: What the matrix is multiplied by. Default: ``1.0``.
        dtype: The data type of the result. Default: ``float32``.

    Returns:
        A function from a matrix to another of its shape. It raises ``ValueError`` for other
        arrays.

    Example:
        >>> weight = nn.init.orthogonal()(mx.zeros((2, 5)))
        >>> mx.allclose(weight @ weight.T, mx.eye(2), atol=1e-5).item()
        True
    """

    def initialize(a: mx.array) -> mx.array:
        if a.ndim != 2:
            raise ValueError(
                f"a must be a 2D array, but is a {a.ndim}D array of shape {tuple(a.shape)}"
            )
        rows, columns = a.shape
        size = max(rows, columns)
        q, r = mx.linalg.qr(mx.random.normal((size, size)), stream=mx.cpu)
        # The signs of the diagonal make the distribution uniform: https://arxiv.org/abs/math-ph/0609050
        q = q * mx.sign(mx.diag(r))
        return (gain * q[:rows, :columns]).astype(dtype)

    return initialize


def _fans(a: mx.array) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a weight of shape (out, ..., in)."""
    if a.ndim < 2:
        raise ValueError(f"a must have at least two axes, but has the shape {a.shape}")
    window = math.prod(a.shape[1:-1])
    # What has no elements has no spread either, whatever it would be.
    return max(1, a.shape[-1] * window), max(1, a.shape[0] * window)


def _fan(a: mx.array, mode: str) -> int:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode must be 'fan_in' or 'fan_out', but is {mode!r}")
    fan_in, fan_out = _fans(a)
    return fan_in if mode == "fan_in" else fan_out
