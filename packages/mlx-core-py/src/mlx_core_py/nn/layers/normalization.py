"""Layers that normalize the last axis.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py.nn._checks import positive
from mlx_core_py.nn.layers.base import Module

__all__ = ["LayerNorm", "RMSNorm"]


class LayerNorm(Module):
    r"""Shift and scale the last axis to mean 0 and variance 1 [1].

    .. math::

        y = \frac{x - E[x]}{\sqrt{Var[x] + \epsilon}} \gamma + \beta

    ``weight`` (:math:`\gamma`) begins as ones, ``bias`` (:math:`\beta`) as zeros, both of shape
    ``(dims,)``.

    [1]: https://arxiv.org/abs/1607.06450

    Args:
        dims: The size of the last axis.
        eps: Added to the variance. Default: ``1e-5``.
        affine: Whether to multiply by a weight. Default: ``True``.
        bias: Whether to add a bias, if ``affine``. Default: ``True``.

    Shape:
        ``(..., dims)`` to the same.

    Raises:
        TypeError: If ``dims`` is not an integer.
        ValueError: If ``dims`` is less than one.

    Example:
        >>> nn.LayerNorm(2)(mx.array([1.0, 3.0])).round(2)
        array([-1, 1], dtype=float32)
    """

    def __init__(
        self, dims: int, eps: float = 1e-5, affine: bool = True, bias: bool = True
    ) -> None:
        positive(dims=dims)
        super().__init__()
        if affine:
            self.weight = mx.ones((dims,))
            if bias:
                self.bias = mx.zeros((dims,))
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
        eps: Added to the mean of squares. Default: ``1e-5``.

    Shape:
        ``(..., dims)`` to the same.

    Raises:
        TypeError: If ``dims`` is not an integer.
        ValueError: If ``dims`` is less than one.

    Example:
        >>> nn.RMSNorm(2)(mx.array([3.0, 3.0])).round(2)
        array([1, 1], dtype=float32)
    """

    def __init__(self, dims: int, eps: float = 1e-5) -> None:
        positive(dims=dims)
        super().__init__()
        self.weight = mx.ones((dims,))
        self.eps = eps

    def _extra_repr(self) -> str:
        return f"{self.weight.shape[0]}, eps={self.eps}"

    def __call__(self, x: mx.array) -> mx.array:
        return mx.fast.rms_norm(x, self["weight"], self.eps)
