"""Activation functions, element by element unless said otherwise, and the same as modules.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/functions.html
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import mlx_core_py as mx
from mlx_core_py.nn._checks import positive
from mlx_core_py.nn.layers.base import Module

__all__ = [
    "CELU",
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "HardShrink",
    "HardTanh",
    "Hardswish",
    "LeakyReLU",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "PReLU",
    "ReLU",
    "ReLU2",
    "ReLU6",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softshrink",
    "Softsign",
    "Step",
    "Tanh",
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


def __dir__() -> list[str]:
    return __all__


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
    # Twice a number of float16 may be too large for it.
    return 0.5 * x * (1 + mx.erf(x * math.sqrt(0.5)))


def gelu_approx(x: mx.array) -> mx.array:
    r"""Return :math:`0.5 x (1 + \tanh(\sqrt{2 / \pi} (x + 0.044715 x^3)))`.

    This differs from :func:`gelu` by less than 0.0005.

    Example:
        >>> nn.gelu_approx(mx.array([0.0, 100.0]))
        array([0, 100], dtype=float32)
    """
    # The cube of 41 is too large for float16, and the gradient of the hyperbolic tangent, 0 there,
    # would be multiplied by infinity.
    y = mx.clip(x, -10, 10) if x.dtype == mx.float16 else x
    return 0.5 * x * (1 + mx.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))


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
    # Six times a number of float16 may be too large for it.
    return x * (relu6(x + 3) / 6)


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
    # Near 0, where the logarithm of the sum is not lost beside the largest.
    x = x - mx.stop_gradient(mx.max(x, axis=axis, keepdims=True))
    return x - mx.logsumexp(x, axis=axis, keepdims=True)


def step(x: mx.array, threshold: float = 0.0) -> mx.array:
    """Return 1 where ``x`` is at least the threshold, and 0 elsewhere, as integers.

    Args:
        x: The input.
        threshold: The threshold. Default: ``0.0``.

    Example:
        >>> nn.step(mx.array([-1.0, 2.0]))
        array([0, 1], dtype=int32)
    """
    return mx.where(x >= threshold, 1, 0)


class _Activation(Module):
    """A function as a module: ``class Name(_Activation, function=name)``.

    What ``__init__`` takes, if anything, is an attribute, which the function takes after its input.
    What the docstrings of all these classes say is added to each.
    """

    def __init_subclass__(cls, function: Callable[..., mx.array] | None = None) -> None:
        # Subclasses of the classes below give none, and inherit it.
        if function is None:
            return

        def plain(self: Module, x: mx.array) -> mx.array:
            return function(x)

        def with_option(self: Module, x: mx.array) -> mx.array:
            return function(x, getattr(self, option))

        option = next(iter(inspect.signature(cls).parameters), "")
        cls.__call__ = with_option if option else plain  # type: ignore[method-assign]
        cls.__doc__ = f"""{inspect.cleandoc(cls.__doc__ or "")}

Shape:
    Any, to the same.

Example:
    >>> nn.{cls.__name__}()(mx.zeros((2, 4))).shape
    (2, 4)
"""

    if TYPE_CHECKING:

        def __call__(self, x: mx.array) -> mx.array: ...


class Sigmoid(_Activation, function=sigmoid):
    """:func:`sigmoid` as a module."""


class Tanh(_Activation, function=tanh):
    """:func:`tanh` as a module."""


class ReLU(_Activation, function=relu):
    """:func:`relu` as a module."""


class ReLU2(_Activation, function=relu2):
    """:func:`relu2` as a module."""


class ReLU6(_Activation, function=relu6):
    """:func:`relu6` as a module."""


class SELU(_Activation, function=selu):
    """:func:`selu` as a module."""


class SiLU(_Activation, function=silu):
    """:func:`silu` as a module."""


class Mish(_Activation, function=mish):
    """:func:`mish` as a module."""


class Hardswish(_Activation, function=hardswish):
    """:func:`hardswish` as a module."""


class Softsign(_Activation, function=softsign):
    """:func:`softsign` as a module."""


class Softplus(_Activation, function=softplus):
    """:func:`softplus` as a module."""


class LogSigmoid(_Activation, function=log_sigmoid):
    """:func:`log_sigmoid` as a module."""


class Softmax(_Activation, function=softmax):
    """:func:`softmax` over the last axis as a module."""


class Softmin(_Activation, function=softmin):
    """:func:`softmin` over the last axis as a module."""


class LogSoftmax(_Activation, function=log_softmax):
    """:func:`log_softmax` over the last axis as a module."""


class LeakyReLU(_Activation, function=leaky_relu):
    """:func:`leaky_relu` as a module.

    Args:
        negative_slope: The slope for negative input, at most 1. Default: ``0.01``.
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope


class ELU(_Activation, function=elu):
    """:func:`elu` as a module.

    Args:
        alpha: The factor of the exponential. Default: ``1.0``.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha


class CELU(_Activation, function=celu):
    """:func:`celu` as a module.

    Args:
        alpha: The factor, greater than 0. Default: ``1.0``.
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha


class Softshrink(_Activation, function=softshrink):
    """:func:`softshrink` as a module.

    Args:
        lambd: The distance by which to move towards 0. Default: ``0.5``.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd


class HardShrink(_Activation, function=hard_shrink):
    """:func:`hard_shrink` as a module.

    Args:
        lambd: The bound up to which the output is 0. Default: ``0.5``.
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd


class Step(_Activation, function=step):
    """:func:`step` as a module.

    Args:
        threshold: What input has to exceed for the output 1. Default: ``0.0``.
    """

    def __init__(self, threshold: float = 0.0) -> None:
        super().__init__()
        self.threshold = threshold


class HardTanh(Module):
    """:func:`hard_tanh` as a module.

    Args:
        min_val: The lower bound. Default: ``-1.0``.
        max_val: The upper bound. Default: ``1.0``.

    Shape:
        Any, to the same.

    Example:
        >>> nn.HardTanh()(mx.array([-2.0, 0.5]))
        array([-1, 0.5], dtype=float32)
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        super().__init__()
        self.min_val = min_val
        self.max_val = max_val

    def __call__(self, x: mx.array) -> mx.array:
        return hard_tanh(x, self.min_val, self.max_val)


class GLU(Module):
    """:func:`glu` as a module.

    Args:
        axis: The axis to split, of even size. Default: ``-1``.

    Shape:
        Any, to the same with half the size of the axis.

    Example:
        >>> nn.GLU()(mx.zeros((2, 4))).shape
        (2, 2)
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def __call__(self, x: mx.array) -> mx.array:
        return glu(x, self.axis)


class PReLU(Module):
    """:func:`prelu` as a module, whose slope for negative input is the parameter ``weight``.

    Args:
        num_parameters: How many slopes there are: 1, or the size of the last axis. Default: 1.
        init: What the slopes begin as. Default: ``0.25``.

    Shape:
        Any, to the same.

    Raises:
        TypeError: If ``num_parameters`` is not an integer.
        ValueError: If ``num_parameters`` is less than one.

    Example:
        >>> nn.PReLU()(mx.array([-4.0, 2.0]))
        array([-1, 2], dtype=float32)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        positive(num_parameters=num_parameters)
        super().__init__()
        self.weight: mx.array = mx.full((num_parameters,), init)

    def __call__(self, x: mx.array) -> mx.array:
        return prelu(x, self["weight"])


_GELUS = {
    "none": gelu,
    "precise": gelu_approx,
    "tanh": gelu_approx,
    "fast": gelu_fast_approx,
}


class GELU(Module):
    """:func:`gelu`, or an approximation of it, as a module.

    Args:
        approx: ``"none"`` for :func:`gelu`, ``"precise"`` or ``"tanh"`` for
            :func:`gelu_approx`, ``"fast"`` for :func:`gelu_fast_approx`. Default: ``"none"``.

    Shape:
        Any, to the same.

    Raises:
        ValueError: If ``approx`` is something else.

    Example:
        >>> nn.GELU("tanh")(mx.array([0.0, 100.0]))
        array([0, 100], dtype=float32)
    """

    def __init__(self, approx: str = "none") -> None:
        if approx not in _GELUS:
            raise ValueError(f"approx must be one of {', '.join(_GELUS)}, but is {approx!r}")
        super().__init__()
        self.approx = approx

    def __call__(self, x: mx.array) -> mx.array:
        return _GELUS[self.approx](x)
