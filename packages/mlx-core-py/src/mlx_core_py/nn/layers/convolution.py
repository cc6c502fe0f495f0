"""Convolutions.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import math

import mlx_core_py as mx
from mlx_core_py.nn._checks import each_axis, positive, uniform_of_fan_in
from mlx_core_py.nn.layers.base import Module

__all__ = ["Conv1d", "Conv2d", "Conv3d"]


def __dir__() -> list[str]:
    return __all__


Pair = int | tuple[int, int]
Triple = int | tuple[int, int, int]


def initial_weight(out_channels: int, kernel_size: tuple[int, ...], in_channels: int) -> mx.array:
    """Draw a weight whose bound is that of the numbers in a window."""
    fan_in = in_channels * math.prod(kernel_size)
    return uniform_of_fan_in(fan_in, (out_channels, *kernel_size, in_channels))


def _check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    positive(in_channels=in_channels, out_channels=out_channels, groups=groups)
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise ValueError(f"{name} must be a multiple of groups, {groups}, but is {channels}")


class Conv1d(Module):
    r"""Convolve sequences: each output is a weighted sum over a window of all channels.

    ``weight`` has the shape ``(out_channels, kernel_size, in_channels / groups)`` and begins
    uniform between :math:`\pm 1 / \sqrt{\text{kernel\_size} \cdot \text{in\_channels} /
    \text{groups}}`; ``bias``, of shape ``(out_channels,)``, begins as zeros.

    Args:
        in_channels: The size of the last axis of the input.
        out_channels: The size of the last axis of the output.
        kernel_size: How many positions a window has.
        stride: How far apart windows are. Default: ``1``.
        padding: How many zeros are put before and after the sequence. Default: ``0``.
        dilation: How far apart the positions of a window are. Default: ``1``.
        groups: Into how many groups the channels are split, each of which is convolved by
            itself. Default: ``1``.
        bias: Whether to add a bias. Default: ``True``.

    Shape:
        ``(N, L, in_channels)`` to ``(N, L', out_channels)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range, or ``groups`` does not divide the channels.

    Example:
        >>> nn.Conv1d(4, 8, 3, padding=1)(mx.zeros((2, 10, 4))).shape
        (2, 10, 8)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        _check_groups(in_channels, out_channels, groups)
        (kernel,) = each_axis(kernel_size, 1, "kernel_size")
        super().__init__()
        self.weight: mx.array = initial_weight(out_channels, (kernel,), in_channels // groups)
        if bias:
            self.bias: mx.array = mx.zeros((out_channels,))
        self.stride: int = each_axis(stride, 1, "stride")[0]
        self.padding: int = each_axis(padding, 1, "padding", least=0)[0]
        self.dilation: int = each_axis(dilation, 1, "dilation")[0]
        self.groups = groups

    def _extra_repr(self) -> str:
        out_channels, kernel_size, in_channels = self.weight.shape
        return (
            f"{in_channels * self.groups}, {out_channels}, kernel_size={kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"groups={self.groups}, bias={'bias' in self}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.conv1d(x, self["weight"], self.stride, self.padding, self.dilation, self.groups)
        return y + self["bias"] if "bias" in self else y


class Conv2d(Module):
    r"""Convolve images: each output is a weighted sum over a window of all channels.

    ``weight`` has the shape ``(out_channels, *kernel_size, in_channels / groups)`` and begins
    uniform between plus and minus the inverse of the square root of how many numbers a window
    has; ``bias``, of shape ``(out_channels,)``, begins as zeros.

    Args:
        in_channels: The size of the last axis of the input.
        out_channels: The size of the last axis of the output.
        kernel_size: The height and width of a window; one number stands for both, here and below.
        stride: How far apart windows are. Default: ``1``.
        padding: How many zeros are put on each side. Default: ``0``.
        dilation: How far apart the positions of a window are. Default: ``1``.
        groups: Into how many groups the channels are split, each of which is convolved by
            itself. Default: ``1``.
        bias: Whether to add a bias. Default: ``True``.

    Shape:
        ``(N, H, W, in_channels)`` to ``(N, H', W', out_channels)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range, or ``groups`` does not divide the channels.

    Example:
        >>> nn.Conv2d(3, 8, 3, stride=2, padding=1)(mx.zeros((2, 32, 32, 3))).shape
        (2, 16, 16, 8)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        groups: int = 1,
        bias: bool = True,
    ) -> None:
        _check_groups(in_channels, out_channels, groups)
        kernel = each_axis(kernel_size, 2, "kernel_size")
        each_axis(dilation, 2, "dilation")
        super().__init__()
        self.weight: mx.array = initial_weight(out_channels, kernel, in_channels // groups)
        if bias:
            self.bias: mx.array = mx.zeros((out_channels,))
        self.stride: tuple[int, int] = each_axis(stride, 2, "stride")
        self.padding: tuple[int, int] = each_axis(padding, 2, "padding", least=0)
        self.dilation = dilation
        self.groups = groups

    def _extra_repr(self) -> str:
        out_channels, *kernel_size, in_channels = self.weight.shape
        return (
            f"{in_channels * self.groups}, {out_channels}, kernel_size={tuple(kernel_size)}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"groups={self.groups}, bias={'bias' in self}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.conv2d(x, self["weight"], self.stride, self.padding, self.dilation, self.groups)
        return y + self["bias"] if "bias" in self else y


class Conv3d(Module):
    r"""Convolve volumes: each output is a weighted sum over a window of all channels.

    ``weight`` has the shape ``(out_channels, *kernel_size, in_channels)`` and begins uniform
    between plus and minus the inverse of the square root of how many numbers a window has;
    ``bias``, of shape ``(out_channels,)``, begins as zeros.

    Args:
        in_channels: The size of the last axis of the input.
        out_channels: The size of the last axis of the output.
        kernel_size: The depth, height and width of a window; one number stands for all, here and
            below.
        stride: How far apart windows are. Default: ``1``.
        padding: How many zeros are put on each side. Default: ``0``.
        dilation: How far apart the positions of a window are. Default: ``1``.
        bias: Whether to add a bias. Default: ``True``.

    Shape:
        ``(N, D, H, W, in_channels)`` to ``(N, D', H', W', out_channels)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range.

    Example:
        >>> nn.Conv3d(1, 2, 3)(mx.zeros((1, 5, 6, 7, 1))).shape
        (1, 3, 4, 5, 2)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Triple,
        stride: Triple = 1,
        padding: Triple = 0,
        dilation: Triple = 1,
        bias: bool = True,
    ) -> None:
        positive(in_channels=in_channels, out_channels=out_channels)
        kernel = each_axis(kernel_size, 3, "kernel_size")
        each_axis(dilation, 3, "dilation")
        super().__init__()
        self.weight: mx.array = initial_weight(out_channels, kernel, in_channels)
        if bias:
            self.bias: mx.array = mx.zeros((out_channels,))
        self.stride: tuple[int, int, int] = each_axis(stride, 3, "stride")
        self.padding: tuple[int, int, int] = each_axis(padding, 3, "padding", least=0)
        self.dilation = dilation

    def _extra_repr(self) -> str:
        out_channels, *kernel_size, in_channels = self.weight.shape
        return (
            f"{in_channels}, {out_channels}, kernel_size={tuple(kernel_size)}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"bias={'bias' in self}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.conv3d(x, self["weight"], self.stride, self.padding, self.dilation)
        return y + self["bias"] if "bias" in self else y
