"""Activation functions as modules, to be placed in :class:`Sequential` and the like.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py.nn import activations
from mlx_core_py.nn.module import Module

_GELUS = {
    "none": activations.gelu,
    "precise": activations.gelu_approx,
    "tanh": activations.gelu_approx,
    "fast": activations.gelu_fast_approx,
}

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
]


class Sigmoid(Module):
    """:func:`sigmoid` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.Sigmoid()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.sigmoid(x)


class Tanh(Module):
    """:func:`tanh` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.Tanh()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.tanh(x)


class ReLU(Module):
    """:func:`relu` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.ReLU()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.relu(x)


class ReLU2(Module):
    """:func:`relu2` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.ReLU2()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.relu2(x)


class ReLU6(Module):
    """:func:`relu6` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.ReLU6()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.relu6(x)


class SELU(Module):
    """:func:`selu` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.SELU()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.selu(x)


class SiLU(Module):
    """:func:`silu` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.SiLU()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.silu(x)


class Mish(Module):
    """:func:`mish` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.Mish()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.mish(x)


class Hardswish(Module):
    """:func:`hardswish` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.Hardswish()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.hardswish(x)


class Softsign(Module):
    """:func:`softsign` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.Softsign()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.softsign(x)


class Softplus(Module):
    """:func:`softplus` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.Softplus()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.softplus(x)


class LogSigmoid(Module):
    """:func:`log_sigmoid` as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.LogSigmoid()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.log_sigmoid(x)


class Softmax(Module):
    """:func:`softmax` over the last axis as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.Softmax()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.softmax(x)


class Softmin(Module):
    """:func:`softmin` over the last axis as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.Softmin()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.softmin(x)


class LogSoftmax(Module):
    """:func:`log_softmax` over the last axis as a module.

    Shape:
        Any, to the same.

    Example:
        >>> nn.LogSoftmax()(mx.zeros((2, 3))).shape
        (2, 3)
    """

    def __call__(self, x: mx.array) -> mx.array:
        return activations.log_softmax(x)


class LeakyReLU(Module):
    """:func:`leaky_relu` as a module.

    Args:
        negative_slope: The slope for negative input, at most 1. Default: ``0.01``.

    Shape:
        Any, to the same.

    Example:
        >>> nn.LeakyReLU()(mx.zeros((2, 4))).shape
        (2, 4)
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def __call__(self, x: mx.array) -> mx.array:
        return activations.leaky_relu(x, self.negative_slope)


class ELU(Module):
    """:func:`elu` as a module.

    Args:
        alpha: The factor of the exponential. Default: ``1.0``.

    Shape:
        Any, to the same.

    Example:
        >>> nn.ELU()(mx.zeros((2, 4))).shape
        (2, 4)
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def __call__(self, x: mx.array) -> mx.array:
        return activations.elu(x, self.alpha)


class CELU(Module):
    """:func:`celu` as a module.

    Args:
        alpha: The factor, greater than 0. Default: ``1.0``.

    Shape:
        Any, to the same.

    Example:
        >>> nn.CELU()(mx.zeros((2, 4))).shape
        (2, 4)
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def __call__(self, x: mx.array) -> mx.array:
        return activations.celu(x, self.alpha)


class Softshrink(Module):
    """:func:`softshrink` as a module.

    Args:
        lambd: The distance by which to move towards 0. Default: ``0.5``.

    Shape:
        Any, to the same.

    Example:
        >>> nn.Softshrink()(mx.zeros((2, 4))).shape
        (2, 4)
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def __call__(self, x: mx.array) -> mx.array:
        return activations.softshrink(x, self.lambd)


class HardShrink(Module):
    """:func:`hard_shrink` as a module.

    Args:
        lambd: The bound up to which the output is 0. Default: ``0.5``.

    Shape:
        Any, to the same.

    Example:
        >>> nn.HardShrink()(mx.zeros((2, 4))).shape
        (2, 4)
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def __call__(self, x: mx.array) -> mx.array:
        return activations.hard_shrink(x, self.lambd)


class Step(Module):
    """:func:`step` as a module.

    Args:
        threshold: What input has to exceed for the output 1. Default: ``0.0``.

    Shape:
        Any, to the same.

    Example:
        >>> nn.Step()(mx.zeros((2, 4))).shape
        (2, 4)
    """

    def __init__(self, threshold: float = 0.0) -> None:
        super().__init__()
        self.threshold = threshold

    def __call__(self, x: mx.array) -> mx.array:
        return activations.step(x, self.threshold)


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
        return activations.glu(x, self.axis)


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
        return activations.hard_tanh(x, self.min_val, self.max_val)


class PReLU(Module):
    """:func:`prelu` as a module, whose slope for negative input is the parameter ``weight``.

    Args:
        num_parameters: How many slopes there are: 1, or the size of the last axis. Default: 1.
        init: What the slopes begin as. Default: ``0.25``.

    Shape:
        Any, to the same.

    Example:
        >>> nn.PReLU()(mx.array([-4.0, 2.0]))
        array([-1, 2], dtype=float32)
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        self.weight = mx.full((num_parameters,), init)

    def __call__(self, x: mx.array) -> mx.array:
        return activations.prelu(x, self["weight"])


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
