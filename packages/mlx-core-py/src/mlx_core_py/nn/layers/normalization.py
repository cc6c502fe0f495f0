"""Layers that normalize their input.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_arrays, positive
from mlx_core_py.nn.layers.base import Module

__all__ = ["InstanceNorm", "LayerNorm", "RMSNorm"]


def __dir__() -> list[str]:
    return __all__


class InstanceNorm(Module):
    r"""Shift and scale each feature of each instance to mean 0 and variance 1 [1].

    .. math::

        y = \frac{x - E[x]}{\sqrt{Var[x] + \epsilon}} \gamma + \beta

    The mean and the variance are those of the axes between the first and the last, computed in
    float32 whatever the type of the input. With ``affine``, ``weight`` (:math:`\gamma`) begins as
    ones, ``bias`` (:math:`\beta`) as zeros, both of shape ``(dims,)``.

    [1]: https://arxiv.org/abs/1607.08022

    Args:
        dims: The number of features, which is the size of the last axis.
        eps: Added to the variance, greater than 0. Default: ``1e-5``.
        affine: Whether to multiply by a weight and add a bias. Default: ``False``.

    Shape:
        ``(N, ..., dims)``, with at least three axes, to the same.

    Raises:
        TypeError: If ``dims`` is not an integer, or the input not an array.
        ValueError: If ``dims`` is less than one, ``eps`` is not greater than 0, or the input has
            another shape.

    Example:
        >>> x = mx.array([[[1.0, 5.0], [3.0, 5.0]]])
        >>> nn.InstanceNorm(2)(x).round(2)
        array([[[-1, 0],
                [1, 0]]], dtype=float32)
    """

    def __init__(self, dims: int, eps: float = 1e-5, affine: bool = False) -> None:
        positive(dims=dims)
        _check_eps(eps)
        super().__init__()
        if affine:
            self.weight: mx.array = mx.ones((dims,))
            self.bias: mx.array = mx.zeros((dims,))
        self.dims = dims
        self.eps = eps

    def _extra_repr(self) -> str:
        return f"{self.dims}, eps={self.eps}, affine={'weight' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        check_arrays(x=x)
        if x.ndim < 3 or x.shape[-1] != self.dims:
            raise ValueError(
                f"x must have at least 3 axes, the last of size {self.dims}, "
                f"but has the shape {x.shape}"
            )
        # The fused op normalizes the last axis: there go the axes between, as one.
        by_feature = mx.moveaxis(x, -1, 1)
        y = mx.fast.layer_norm(mx.flatten(by_feature, 2), None, None, self.eps)
        y = mx.moveaxis(mx.reshape(y, by_feature.shape), 1, -1)
        return y * self["weight"] + self["bias"] if "weight" in self else y


class LayerNorm(Module):
    r"""Shift and scale the last axis to mean 0 and variance 1 [1].

    .. math::

        y = \frac{x - E[x]}{\sqrt{Var[x] + \epsilon}} \gamma + \beta

    ``weight`` (:math:`\gamma`) begins as ones, ``bias`` (:math:`\beta`) as zeros, both of shape
    ``(dims,)``.

    [1]: https://arxiv.org/abs/1607.06450

    Args:
        dims: The size of the last axis.
        eps: Added to the variance, greater than 0. Default: ``1e-5``.
        affine: Whether to multiply by a weight. Default: ``True``.
        bias: Whether to add a bias, if ``affine``. Default: ``True``.

    Shape:
        ``(..., dims)`` to the same.

    Raises:
        TypeError: If ``dims`` is not an integer.
        ValueError: If ``dims`` is less than one, or ``eps`` is not greater than 0.

    Example:
        >>> nn.LayerNorm(2)(mx.array([1.0, 3.0])).round(2)
        array([-1, 1], dtype=float32)
    """

    def __init__(
        self, dims: int, eps: float = 1e-5, affine: bool = True, bias: bool = True
    ) -> None:
        positive(dims=dims)
        _check_eps(eps)
        super().__init__()
        if affine:
            self.weight: mx.array = mx.ones((dims,))
            if bias:
                self.bias: mx.array = mx.zeros((dims,))
        self.dims = dims
        self.eps = eps

    def _extra_repr(self) -> str:
        return f"{self.dims}, eps={self.eps}, affine={'weight' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        return mx.fast.layer_norm(x, self.get("weight"), self.get("bias"), self.eps)


class RMSNorm(Module):
    r"""Scale the last axis by its root mean square [1].

    .. math::

        y = \frac{x}{\sqrt{E[x^2] + \epsilon}} \gamma

    ``weight`` (:math:`\gamma`) has the shape ``(dims,)`` and begins as ones. The mean is
    computed in float32 whatever the type of the input.

    [1]: https://arxiv.org/abs/1910.07467

    Args:
        dims: The size of the last axis.
        eps: Added to the mean of squares, greater than 0. Default: ``1e-5``.

    Shape:
        ``(..., dims)`` to the same.

    Raises:
        TypeError: If ``dims`` is not an integer.
        ValueError: If ``dims`` is less than one, or ``eps`` is not greater than 0.

    Example:
        >>> nn.RMSNorm(2)(mx.array([3.0, 3.0])).round(2)
        array([1, 1], dtype=float32)
    """

    def __init__(self, dims: int, eps: float = 1e-5) -> None:
        positive(dims=dims)
        _check_eps(eps)
        super().__init__()
        self.weight: mx.array = mx.ones((dims,))
        self.eps = eps

    def _extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, eps={self.eps}"

    def __call__(self, x: mx.array) -> mx.array:
        return mx.fast.rms_norm(x, self["weight"], self.eps)


def _check_eps(eps: float) -> None:
    if not eps > 0:
        raise ValueError(f"eps must be positive, but is {eps}")
