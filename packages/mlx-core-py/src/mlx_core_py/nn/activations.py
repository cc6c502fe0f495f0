"""Activation functions, element by element unless said otherwise.

The modules that wrap them are in :mod:`mlx_core_py.nn.activation_layers`. Source:
https://ml-explore.github.io/mlx/build/html/python/nn/functions.html
"""

from __future__ import annotations

import math

import mlx_core_py as mx

__all__ = [
    "celu",
    "elu",
    "gelu",
    "gelu_approx",
    "gelu_fast_approx",
    "glu",
    "hard_shrink",
    "hard_tanh",
    "hardswish",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "prelu",
    "relu",
    "relu2",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softmin",
    "softplus",
    "softshrink",
    "softsign",
    "step",
    "tanh",
]

# The constants of SELU, https://arxiv.org/abs/1706.02515: with them activations keep mean 0 and
# variance 1 from layer to layer.
_SELU_SCALE = 1.0507009873554805
_SELU_ALPHA = 1.6732632423543772


def sigmoid(x: mx.array) -> mx.array:
    r"""Return :math:`\sigma(x) = 1 / (1 + e^{-x})`.

    Example:
        >>> nn.sigmoid(mx.array([0.0, 100.0]))
        array([0.5, 1], dtype=float32)
    """
    return mx.sigmoid(x)


def tanh(x: mx.array) -> mx.array:
    r"""Return :math:`\tanh(x)`.

    Example:
        >>> nn.tanh(mx.array([0.0, 100.0]))
        array([0, 1], dtype=float32)
    """
    return mx.tanh(x)


def relu(x: mx.array) -> mx.array:
    r"""Return :math:`\max(x, 0)`.

    Example:
        >>> nn.relu(mx.array([-2.0, 3.0]))
        array([0, 3], dtype=float32)
    """
    return mx.maximum(x, 0)


def relu2(x: mx.array) -> mx.array:
    r"""Return :math:`\max(x, 0)^2`.

    Example:
        >>> nn.relu2(mx.array([-2.0, 3.0]))
        array([0, 9], dtype=float32)
    """
    return mx.square(mx.maximum(x, 0))


def relu6(x: mx.array) -> mx.array:
    r"""Return :math:`\min(\max(x, 0), 6)`.

    Example:
        >>> nn.relu6(mx.array([-2.0, 3.0, 8.0]))
        array([0, 3, 6], dtype=float32)
    """
    return mx.minimum(mx.maximum(x, 0), 6)


def leaky_relu(x: mx.array, negative_slope: float = 0.01) -> mx.array:
    r"""Return :math:`\max(s x, x)` with the slope :math:`s`.

    Args:
        x: The input.
        negative_slope: The slope for negative input, at most 1. Default: ``0.01``.

    Example:
        >>> nn.leaky_relu(mx.array([-2.0, 3.0]), 0.5)
        array([-1, 3], dtype=float32)
    """
    return mx.maximum(negative_slope * x, x)


def prelu(x: mx.array, alpha: mx.array) -> mx.array:
    r"""Return :math:`\max(x, 0) + \alpha \min(x, 0)`.

    Args:
        x: The input.
        alpha: The slopes for negative input, of a shape that broadcasts to that of ``x``.

    Example:
        >>> nn.prelu(mx.array([-2.0, 3.0]), mx.array([0.5]))
        array([-1, 3], dtype=float32)
    """
    return mx.maximum(x, 0) + alpha * mx.minimum(x, 0)


def elu(x: mx.array, alpha: float = 1.0) -> mx.array:
    r"""Return :math:`x` where it is positive, and :math:`\alpha (e^x - 1)` elsewhere.

    Args:
        x: The input.
        alpha: The factor. Default: ``1.0``.

    Example:
        >>> nn.elu(mx.array([-100.0, 3.0]))
        array([-1, 3], dtype=float32)
    """
    # The minimum keeps the branch that is not taken finite, and so its gradient.
    return mx.where(x > 0, x, alpha * mx.expm1(mx.minimum(x, 0)))


def celu(x: mx.array, alpha: float = 1.0) -> mx.array:
    r"""Return :math:`\max(x, 0) + \min(\alpha (e^{x / \alpha} - 1), 0)`.

    Args:
        x: The input.
        alpha: The factor, greater than 0. Default: ``1.0``.

    Example:
        >>> nn.celu(mx.array([-100.0, 3.0]), 2.0)
        array([-2, 3], dtype=float32)
    """
    return mx.maximum(x, 0) + alpha * mx.expm1(mx.minimum(x, 0) / alpha)


def selu(x: mx.array) -> mx.array:
    r"""Return :func:`elu` with :math:`\alpha \approx 1.67`, times 1.05.

    Example:
        >>> nn.selu(mx.array([0.0, 1.0])).round(2)
        array([0, 1.05], dtype=float32)
    """
    return _SELU_SCALE * elu(x, _SELU_ALPHA)


def silu(x: mx.array) -> mx.array:
    r"""Return :math:`x \sigma(x)`, also known as swish.

    Example:
        >>> nn.silu(mx.array([0.0, 100.0]))
        array([0, 100], dtype=float32)
    """
    return x * mx.sigmoid(x)


def gelu(x: mx.array) -> mx.array:
    r"""Return :math:`x \Phi(x)`, where :math:`\Phi` is the cumulative normal distribution.

    Example:
        >>> nn.gelu(mx.array([0.0, 100.0]))
        array([0, 100], dtype=float32)
    """
    return x * (1 + mx.erf(x * math.sqrt(0.5))) / 2


def gelu_approx(x: mx.array) -> mx.array:
    r"""Return :math:`0.5 x (1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3)))`.

    This differs from :func:`gelu` by less than 0.0005.

    Example:
        >>> nn.gelu_approx(mx.array([0.0, 100.0]))
        array([0, 100], dtype=float32)
    """
    return 0.5 * x * (1 + mx.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu_fast_approx(x: mx.array) -> mx.array:
    r"""Return :math:`x \sigma(1.702 x)`, which differs from :func:`gelu` by less than 0.025.

    Example:
        >>> nn.gelu_fast_approx(mx.array([0.0, 100.0]))
        array([0, 100], dtype=float32)
    """
    return x * mx.sigmoid(1.702 * x)


def glu(x: mx.array, axis: int = -1) -> mx.array:
    r"""Return :math:`a \sigma(b)`, where :math:`a` and :math:`b` are the halves of :math:`x`.

    Args:
        x: The input.
        axis: The axis to split, of even size. Default: the last.

    Returns:
        An array with half the size of that axis.

    Example:
        >>> nn.glu(mx.array([2.0, 0.0]))
        array([1], dtype=float32)
    """
    a, b = mx.split(x, 2, axis=axis)
    return a * mx.sigmoid(b)


def mish(x: mx.array) -> mx.array:
    r"""Return :math:`x \tanh(\log(1 + e^x))`.

    Example:
        >>> nn.mish(mx.array([0.0, 100.0]))
        array([0, 100], dtype=float32)
    """
    return x * mx.tanh(softplus(x))


def hardswish(x: mx.array) -> mx.array:
    r"""Return :math:`x \min(\max(x + 3, 0), 6) / 6`.

    Example:
        >>> nn.hardswish(mx.array([-5.0, 0.0, 3.0]))
        array([-0, 0, 3], dtype=float32)
    """
    return x * relu6(x + 3) / 6


def hard_tanh(x: mx.array, min_val: float = -1.0, max_val: float = 1.0) -> mx.array:
    r"""Return :math:`\min(\max(x, a), b)`.

    Args:
        x: The input.
        min_val: The lower bound :math:`a`. Default: ``-1.0``.
        max_val: The upper bound :math:`b`. Default: ``1.0``.

    Example:
        >>> nn.hard_tanh(mx.array([-2.0, 0.5, 2.0]))
        array([-1, 0.5, 1], dtype=float32)
    """
    return mx.minimum(mx.maximum(x, min_val), max_val)


def hard_shrink(x: mx.array, lambd: float = 0.5) -> mx.array:
    r"""Return :math:`x` where :math:`|x| > \lambda`, and 0 elsewhere.

    Args:
        x: The input.
        lambd: The bound :math:`\lambda`. Default: ``0.5``.

    Example:
        >>> nn.hard_shrink(mx.array([-1.0, 0.25]))
        array([-1, 0], dtype=float32)
    """
    return mx.where(mx.abs(x) > lambd, x, 0)


def softshrink(x: mx.array, lambd: float = 0.5) -> mx.array:
    r"""Return :math:`x`, moved by :math:`\lambda` towards 0, and 0 where it would cross it.

    Args:
        x: The input.
        lambd: The distance :math:`\lambda`. Default: ``0.5``.

    Example:
        >>> nn.softshrink(mx.array([-1.0, 0.25]))
        array([-0.5, 0], dtype=float32)
    """
    return mx.where(mx.abs(x) > lambd, x - mx.sign(x) * lambd, 0)


def softsign(x: mx.array) -> mx.array:
    r"""Return :math:`x / (1 + |x|)`.

    Example:
        >>> nn.softsign(mx.array([-1.0, 3.0]))
        array([-0.5, 0.75], dtype=float32)
    """
    return x / (1 + mx.abs(x))


def softplus(x: mx.array) -> mx.array:
    r"""Return :math:`\log(1 + e^x)`.

    Example:
        >>> nn.softplus(mx.array([-200.0, 200.0]))
        array([0, 200], dtype=float32)
    """
    return mx.logaddexp(x, 0)


def log_sigmoid(x: mx.array) -> mx.array:
    r"""Return :math:`\log(\sigma(x))`.

    Example:
        >>> nn.log_sigmoid(mx.array([-200.0, 200.0]))
        array([-200, -0], dtype=float32)
    """
    return -softplus(-x)


def softmax(x: mx.array, axis: int = -1) -> mx.array:
    r"""Return :math:`e^{x_i} / \sum_j e^{x_j}` along an axis.

    Args:
        x: The input.
        axis: The axis of the sum. Default: the last.

    Example:
        >>> nn.softmax(mx.array([0.0, 0.0]))
        array([0.5, 0.5], dtype=float32)
    """
    return mx.softmax(x, axis=axis)


def softmin(x: mx.array, axis: int = -1) -> mx.array:
    r"""Return :math:`e^{-x_i} / \sum_j e^{-x_j}` along an axis.

    Args:
        x: The input.
        axis: The axis of the sum. Default: the last.

    Example:
        >>> nn.softmin(mx.array([0.0, 200.0]))
        array([1, 0], dtype=float32)
    """
    return mx.softmax(-x, axis=axis)


def log_softmax(x: mx.array, axis: int = -1) -> mx.array:
    r"""Return :math:`x_i - \log \sum_j e^{x_j}` along an axis.

    Args:
        x: The input.
        axis: The axis of the sum. Default: the last.

    Example:
        >>> nn.log_softmax(mx.array([0.0, 100.0]))
        array([-100, 0], dtype=float32)
    """
    return x - mx.logsumexp(x, axis=axis, keepdims=True)


def step(x: mx.array, threshold: float = 0.0) -> mx.array:
    """Return 1 where ``x`` is greater than the threshold, and 0 elsewhere, as integers.

    Args:
        x: The input.
        threshold: The threshold. Default: ``0.0``.

    Example:
        >>> nn.step(mx.array([-1.0, 2.0]))
        array([0, 1], dtype=int32)
    """
    return mx.where(x > threshold, 1, 0)
