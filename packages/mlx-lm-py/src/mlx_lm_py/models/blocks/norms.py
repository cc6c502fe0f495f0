"""Normalization."""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.models.spec import Norm

__all__ = ["make_norm"]


def __dir__() -> list[str]:
    return __all__


class OffsetRMSNorm(nn.Module):
    """Root-mean-square normalization whose weight is stored less a number.

    Args:
        dims: The number of features.
        eps: Added to the mean of squares.
        offset: The number.
    """

    def __init__(self, dims: int, eps: float, offset: float) -> None:
        super().__init__()
        self.weight: mx.array = mx.full((dims,), 1.0 - offset)
        self.eps = eps
        self.offset = offset

    def __call__(self, x: mx.array) -> mx.array:
        """Normalize the last axis of ``x``."""
        return mx.fast.rms_norm(x, self.offset + self.weight, self.eps)


class OffsetLayerNorm(nn.Module):
    """Normalization by mean and deviation whose weight is stored less a number.

    Args:
        dims: The number of features.
        eps: Added to the variance.
        offset: The number.
        bias: Whether there is a bias.
    """

    def __init__(self, dims: int, eps: float, offset: float, bias: bool) -> None:
        super().__init__()
        self.weight: mx.array = mx.full((dims,), 1.0 - offset)
        if bias:
            self.bias: mx.array = mx.zeros((dims,))
        self.eps = eps
        self.offset = offset

    def __call__(self, x: mx.array) -> mx.array:
        """Normalize the last axis of ``x``."""
        return mx.fast.layer_norm(x, self.offset + self.weight, self.get("bias"), self.eps)


class BareRMSNorm(nn.Module):
    """Root-mean-square normalization without a weight.

    Args:
        eps: Added to the mean of squares.
    """

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def __call__(self, x: mx.array) -> mx.array:
        """Normalize the last axis of ``x``."""
        return mx.fast.rms_norm(x, None, self.eps)


class ScaledRMSNorm(OffsetRMSNorm):
    """Root-mean-square normalization of what has been multiplied by a weight."""

    def __call__(self, x: mx.array) -> mx.array:
        """Normalize the last axis of ``x``."""
        return mx.fast.rms_norm(x * (self.offset + self.weight), None, self.eps)


class HeadsRMSNorm(nn.Module):
    """Root-mean-square normalization of heads, each with weights of its own.

    Args:
        heads: The number of heads.
        dims: The number of features of each.
        eps: Added to the mean of squares.
    """

    def __init__(self, heads: int, dims: int, eps: float) -> None:
        super().__init__()
        self.weight: mx.array = mx.ones((heads, dims))
        self.eps = eps

    def __call__(self, x: mx.array) -> mx.array:
        """Normalize the last axis of ``x`` of shape ``(batch, heads, length, dims)``."""
        return mx.fast.rms_norm(x, None, self.eps) * self.weight[:, None]


def make_norm(norm: Norm, dims: int, heads: int = 0) -> nn.Module:
    """Make the module of a norm.

    Args:
        norm: The norm.
        dims: The number of features.
        heads: The number of heads that have weights of their own. Default: 0, none has.

    Returns:
        The module.

    Example:
        >>> make_norm(Norm(1e-5), 4)(mx.array([1.0, -1.0, 1.0, -1.0])).shape
        (4,)
    """
    if heads:
        return HeadsRMSNorm(heads, dims, norm.eps)
    if norm.kind == "scaled":
        return ScaledRMSNorm(dims, norm.eps, norm.offset)
    if norm.kind == "layer":
        if norm.offset:
            return OffsetLayerNorm(dims, norm.eps, norm.offset, norm.bias)
        return nn.LayerNorm(dims, eps=norm.eps, affine=norm.weight, bias=norm.bias)
    if not norm.weight:
        return BareRMSNorm(norm.eps)
    if norm.offset:
        return OffsetRMSNorm(dims, norm.eps, norm.offset)
    return nn.RMSNorm(dims, eps=norm.eps)
