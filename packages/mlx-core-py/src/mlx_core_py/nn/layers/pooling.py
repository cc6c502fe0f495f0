"""Pooling: the mean or the maximum of windows.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_arrays, each_axis
from mlx_core_py.nn.layers.base import Module

__all__ = ["AvgPool1d", "AvgPool2d", "AvgPool3d", "MaxPool1d", "MaxPool2d", "MaxPool3d"]


def __dir__() -> list[str]:
    return __all__


Sizes = int | tuple[int, ...]


class _Pool(Module):
    """What all poolings have in common: windows, and how they are walked through."""

    _axes: int

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        kernel: tuple[int, ...] = each_axis(kernel_size, self._axes, "kernel_size")
        steps: tuple[int, ...] = (
            kernel if stride is None else each_axis(stride, self._axes, "stride")
        )
        pads: tuple[int, ...] = each_axis(padding, self._axes, "padding", least=0)
        super().__init__()
        self.kernel_size = kernel
        self.stride = steps
        self.padding = pads

    def _extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"

    def _pool(
        self, x: mx.array, combine: Callable[[mx.array, mx.array], mx.array], outside: float | int
    ) -> mx.array:
        """Combine the elements of each window.

        The windows are boxes, so this is done along one axis after the other: for 3 by 3 windows
        6 slices are combined and not 9, and each is a view.
        """
        if any(self.padding):
            widths = [(0, 0), *((pad, pad) for pad in self.padding), (0, 0)]
            x = mx.pad(x, widths, constant_values=mx.array(outside, x.dtype))
        for axis in range(self._axes, 0, -1):
            views = self._views(x, axis)
            x = next(views)
            for view in views:
                x = combine(x, view)
        return x

    def _views(self, x: mx.array, axis: int) -> Iterator[mx.array]:
        """Give the first elements of all windows along an axis, the second ones, and so on."""
        size, step = self.kernel_size[axis - 1], self.stride[axis - 1]
        windows = (x.shape[axis] - size) // step + 1
        before = (slice(None),) * axis
        for first in range(size):
            yield x[(*before, slice(first, first + (windows - 1) * step + 1, step))]

    def _check(self, x: mx.array) -> None:
        check_arrays(x=x)
        if x.ndim != self._axes + 2:
            raise ValueError(
                f"x must have {self._axes + 2} axes, the batch first and the channels last, "
                f"but has the shape {x.shape}"
            )
        for size, pad, kernel in zip(x.shape[1:-1], self.padding, self.kernel_size, strict=True):
            if size + 2 * pad < kernel:
                raise ValueError(
                    f"x of the shape {x.shape} is smaller than kernel_size, {self.kernel_size}, "
                    f"with a padding of {self.padding}"
                )


class _MaxPool(_Pool):
    def __call__(self, x: mx.array) -> mx.array:
        self._check(x)
        # Of equal elements the first one has the gradient: of two equal ones that is the
        # second operand of `maximum`.
        return self._pool(x, lambda a, b: mx.maximum(b, a), _least(x.dtype))


class _AvgPool(_Pool):
    def __call__(self, x: mx.array) -> mx.array:
        self._check(x)
        floating = mx.issubdtype(x.dtype, mx.inexact)
        # A sum in half precision would round at each step.
        wide = x if x.dtype in (mx.float64, mx.complex64) else x.astype(mx.float32)
        y = self._pool(wide, mx.add, 0) * (1 / math.prod(self.kernel_size))
        return y.astype(x.dtype) if floating else y


def _least(dtype: mx.Dtype) -> float | int:
    """Return what is no greater than any element."""
    if dtype == mx.bool_:
        return 0
    return mx.iinfo(dtype).min if mx.issubdtype(dtype, mx.integer) else -math.inf


class AvgPool1d(_AvgPool):
    """The means of windows of a sequence. Zeros of the padding count.

    Args:
        kernel_size: How many positions a window has.
        stride: How far apart windows are. Default: ``kernel_size``.
        padding: How many zeros are put before and after the sequence. Default: ``0``.

    Shape:
        ``(N, L, C)`` to ``(N, L', C)``.

    Raises:
        TypeError: If a size is not an integer, or the input no array.
        ValueError: If a size is out of range, or the input smaller than a window.

    Example:
        >>> nn.AvgPool1d(2)(mx.array([[[1.0], [3.0], [5.0], [7.0]]])).tolist()
        [[[2.0], [6.0]]]
    """

    _axes = 1


class AvgPool2d(_AvgPool):
    """The means of windows of images. Zeros of the padding count.

    Args:
        kernel_size: The height and width of a window; one number stands for both, here and below.
        stride: How far apart windows are. Default: ``kernel_size``.
        padding: How many zeros are put on each side. Default: ``0``.

    Shape:
        ``(N, H, W, C)`` to ``(N, H', W', C)``.

    Raises:
        TypeError: If a size is not an integer, or the input no array.
        ValueError: If a size is out of range, or the input smaller than a window.

    Example:
        >>> nn.AvgPool2d(2)(mx.ones((1, 4, 6, 3))).shape
        (1, 2, 3, 3)
    """

    _axes = 2


class AvgPool3d(_AvgPool):
    """The means of windows of volumes. Zeros of the padding count.

    Args:
        kernel_size: The depth, height and width of a window; one number stands for all, here and
            below.
        stride: How far apart windows are. Default: ``kernel_size``.
        padding: How many zeros are put on each side. Default: ``0``.

    Shape:
        ``(N, D, H, W, C)`` to ``(N, D', H', W', C)``.

    Raises:
        TypeError: If a size is not an integer, or the input no array.
        ValueError: If a size is out of range, or the input smaller than a window.

    Example:
        >>> nn.AvgPool3d(2)(mx.ones((1, 2, 4, 6, 3))).shape
        (1, 1, 2, 3, 3)
    """

    _axes = 3


class MaxPool1d(_MaxPool):
    """The greatest elements of windows of a sequence.

    Args:
        kernel_size: How many positions a window has.
        stride: How far apart windows are. Default: ``kernel_size``.
        padding: How many positions, which are never the greatest, are put before and after the
            sequence. Default: ``0``.

    Shape:
        ``(N, L, C)`` to ``(N, L', C)``.

    Raises:
        TypeError: If a size is not an integer, or the input no array.
        ValueError: If a size is out of range, or the input smaller than a window.

    Example:
        >>> nn.MaxPool1d(2)(mx.array([[[1.0], [3.0], [7.0], [5.0]]])).tolist()
        [[[3.0], [7.0]]]
    """

    _axes = 1


class MaxPool2d(_MaxPool):
    """The greatest elements of windows of images.

    Args:
        kernel_size: The height and width of a window; one number stands for both, here and below.
        stride: How far apart windows are. Default: ``kernel_size``.
        padding: How many positions, which are never the greatest, are put on each side. Default:
            ``0``.

    Shape:
        ``(N, H, W, C)`` to ``(N, H', W', C)``.

    Raises:
        TypeError: If a size is not an integer, or the input no array.
        ValueError: If a size is out of range, or the input smaller than a window.

    Example:
        >>> nn.MaxPool2d(3, stride=2, padding=1)(mx.ones((1, 8, 8, 3))).shape
        (1, 4, 4, 3)
    """

    _axes = 2


class MaxPool3d(_MaxPool):
    """The greatest elements of windows of volumes.

    Args:
        kernel_size: The depth, height and width of a window; one number stands for all, here and
            below.
        stride: How far apart windows are. Default: ``kernel_size``.
        padding: How many positions, which are never the greatest, are put on each side. Default:
            ``0``.

    Shape:
        ``(N, D, H, W, C)`` to ``(N, D', H', W', C)``.

    Raises:
        TypeError: If a size is not an integer, or the input no array.
        ValueError: If a size is out of range, or the input smaller than a window.

    Example:
        >>> nn.MaxPool3d(2)(mx.ones((1, 2, 4, 6, 3))).shape
        (1, 1, 2, 3, 3)
    """

    _axes = 3
