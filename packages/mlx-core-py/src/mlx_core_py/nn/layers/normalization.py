"""Layers that normalize their input.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import math
from typing import Self

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_arrays, check_last_axis, check_numbers, positive
from mlx_core_py.nn.layers.base import Module

__all__ = ["BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "RMSNorm"]


def __dir__() -> list[str]:
    return __all__


class BatchNorm(Module):
    r"""Shift and scale each feature to mean 0 and variance 1 over the batch [1].

    .. math::

        y = \frac{x - E[x]}{\sqrt{Var[x] + \epsilon}} \gamma + \beta

    While training, the mean and the variance are those of the batch, over all axes but the last,
    and ``running_mean`` and ``running_var`` move towards them: ``(1 - momentum) * running +
    momentum * batch``, where the variance is the unbiased one. In evaluation mode these two take
    their place. They are computed in float32 whatever the type of the input, they have no
    gradient, and are frozen for good.

    ``weight`` (:math:`\gamma`) and ``running_var`` begin as ones, ``bias`` (:math:`\beta`) and
    ``running_mean`` as zeros, all of shape ``(num_features,)``.

    [1]: https://arxiv.org/abs/1502.03167

    Args:
        num_features: The size of the last axis.
        eps: Added to the variance, greater than 0. Default: ``1e-5``.
        momentum: How far the running statistics move, from 0 to 1. Default: ``0.1``.
        affine: Whether to multiply by a weight and add a bias. Default: ``True``.
        track_running_stats: Whether to keep running statistics; if not, those of the batch are
            used in evaluation mode too. Default: ``True``.

    Shape:
        ``(N, num_features)``, ``(N, L, num_features)``, ``(N, H, W, num_features)`` or with
        three axes between, to the same.

    Raises:
        TypeError: If ``num_features`` is not an integer, or the input no array.
        ValueError: If ``num_features`` is less than one, ``eps`` is not greater than 0,
            ``momentum`` is not between 0 and 1, or the input has another shape or, while
            training, no more than one element of each feature.

    Example:
        >>> layer = nn.BatchNorm(1, momentum=0.5)
        >>> layer(mx.array([[1.0], [3.0]])).round(2).tolist()
        [[-1.0], [1.0]]
        >>> layer.running_mean, layer.running_var
        (array([1], dtype=float32), array([1.5], dtype=float32))
    """

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        positive(num_features=num_features)
        _check_eps(eps)
        check_numbers(momentum=momentum)
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be between 0 and 1, but is {momentum}")
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.track_running_stats = track_running_stats
        if affine:
            self.weight: mx.array = mx.ones((num_features,))
            self.bias: mx.array = mx.zeros((num_features,))
        if track_running_stats:
            self.running_mean: mx.array = mx.zeros((num_features,))
            self.running_var: mx.array = mx.ones((num_features,))
            self._freeze_statistics()

    def _extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={'weight' in self}, track_running_stats={self.track_running_stats}"
        )

    def unfreeze(
        self,
        *,
        recurse: bool = True,
        keys: str | list[str] | None = None,
        strict: bool = False,
    ) -> Self:
        """Include the weight and the bias in training again; the running statistics never are.

        Args:
            recurse: Whether to unfreeze those of the modules inside too. Default: ``True``.
            keys: The name of a parameter, or the names, to unfreeze. Default: all.
            strict: Whether ``keys`` must exist. Default: ``False``.

        Returns:
            The module.

        Raises:
            KeyError: If ``strict`` and one of ``keys`` does not exist.
        """
        return super().unfreeze(recurse=recurse, keys=keys, strict=strict)

    def _unfreeze_own(self, keys: str | list[str] | None) -> None:
        super()._unfreeze_own(keys)
        if self.track_running_stats:
            self._freeze_statistics()

    def _freeze_statistics(self) -> None:
        self._no_grad |= {"running_mean", "running_var"}

    def __call__(self, x: mx.array) -> mx.array:
        check_last_axis(x, self.num_features)
        if not 2 <= x.ndim <= 5:
            raise ValueError(f"x must have 2 to 5 axes, but has the shape {x.shape}")
        wide = x if x.dtype == mx.float64 else x.astype(mx.float32)
        if self.training or not self.track_running_stats:
            count = x.size // self.num_features
            if count < 2:
                raise ValueError(
                    f"x of the shape {x.shape} has {count} elements of each feature, "
                    "which have no variance: training takes at least 2"
                )
            axes = tuple(range(x.ndim - 1))
            mean, var = mx.mean(wide, axes), mx.var(wide, axes)
            if self.training and self.track_running_stats:
                self._move_statistics(mean, var * (count / (count - 1)))
        else:
            mean, var = self["running_mean"], self["running_var"]
        # One factor and one summand for each feature, so that the input is passed over once.
        factor = mx.rsqrt(var + self.eps)
        if "weight" in self:
            factor = factor * self["weight"]
        y = (wide - mean) * factor
        if "bias" in self:
            y = y + self["bias"]
        return y.astype(x.dtype) if mx.issubdtype(x.dtype, mx.floating) else y

    def _move_statistics(self, mean: mx.array, var: mx.array) -> None:
        for name, batch in (("running_mean", mean), ("running_var", var)):
            running = self[name]
            moved = (1 - self.momentum) * running + self.momentum * mx.stop_gradient(batch)
            self[name] = moved.astype(running.dtype)


class GroupNorm(Module):
    r"""Shift and scale groups of features of each example to mean 0 and variance 1 [1].

    .. math::

        y = \frac{x - E[x]}{\sqrt{Var[x] + \epsilon}} \gamma + \beta

    The mean and the variance are those of all elements of an example whose features are in the
    group, computed in float32 whatever the type of the input. With ``affine``, ``weight``
    (:math:`\gamma`) begins as ones, ``bias`` (:math:`\beta`) as zeros, both of shape
    ``(dims,)``.

    [1]: https://arxiv.org/abs/1803.08494

    Args:
        num_groups: How many groups there are, a divisor of ``dims``.
        dims: The number of features, which is the size of the last axis.
        eps: Added to the variance, greater than 0. Default: ``1e-5``.
        affine: Whether to multiply by a weight and add a bias. Default: ``True``.
        pytorch_compatible: Whether a group is a run of neighbouring features, as in PyTorch and
            in the paper, rather than every ``num_groups``-th feature. Default: ``False``.

    Shape:
        ``(N, ..., dims)``, with at least two axes, to the same.

    Raises:
        TypeError: If a size is not an integer, or the input no array.
        ValueError: If a size is less than one, ``num_groups`` does not divide ``dims``, ``eps`` is
            not greater than 0, or the input has another shape.

    Example:
        >>> x = mx.array([[1.0, 3.0, 10.0, 50.0]])
        >>> nn.GroupNorm(2, 4, pytorch_compatible=True)(x).round(2)
        array([[-1, 1, -1, 1]], dtype=float32)
    """

    def __init__(
        self,
        num_groups: int,
        dims: int,
        eps: float = 1e-5,
        affine: bool = True,
        pytorch_compatible: bool = False,
    ) -> None:
        positive(num_groups=num_groups, dims=dims)
        _check_eps(eps)
        if dims % num_groups:
            raise ValueError(
                f"num_groups must be a divisor of dims, {dims}, but is {num_groups}: the number "
                "of features must be evenly divisible by the number of groups"
            )
        super().__init__()
        if affine:
            self.bias: mx.array = mx.zeros((dims,))
            self.weight: mx.array = mx.ones((dims,))
        self.num_groups = num_groups
        self.dims = dims
        self.eps = eps
        self.pytorch_compatible = pytorch_compatible

    def _extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.dims}, eps={self.eps}, affine={'weight' in self}, "
            f"pytorch_compatible={self.pytorch_compatible}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        check_last_axis(x, self.dims)
        if x.ndim < 2:
            raise ValueError(f"x must have at least 2 axes, but has the shape {x.shape}")
        count, size = math.prod(x.shape[1:-1]), self.dims // self.num_groups
        # The fused op normalizes the last axis: there go the elements of a group.
        if self.pytorch_compatible:
            groups = x.reshape(x.shape[0], count, self.num_groups, size).swapaxes(1, 2)
        else:
            groups = x.reshape(x.shape[0], count, size, self.num_groups).transpose(0, 3, 1, 2)
        y = mx.fast.layer_norm(mx.flatten(groups, 2), None, None, self.eps).reshape(groups.shape)
        y = y.swapaxes(1, 2) if self.pytorch_compatible else y.transpose(0, 2, 3, 1)
        y = y.reshape(x.shape)
        return y * self["weight"] + self["bias"] if "weight" in self else y


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
    check_numbers(eps=eps)
    if not eps > 0:
        raise ValueError(f"eps must be positive, but is {eps}")
