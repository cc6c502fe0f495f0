"""Transposed convolutions, which enlarge what strided convolutions make smaller.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py.nn._checks import each_axis, positive
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.nn.layers.convolution import Pair, Triple, initial_weight

__all__ = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


def __dir__() -> list[str]:
    return __all__


class ConvTranspose1d(Module):
    r"""The transpose of :class:`Conv1d` as a linear map: its gradient by the input.

    ``weight`` has the shape ``(out_channels, kernel_size, in_channels)`` and begins uniform
    between :math:`\pm 1 / \sqrt{\text{kernel\_size} \cdot \text{in\_channels}}`; ``bias``, of
    shape ``(out_channels,)``, begins as zeros.

    Args:
        in_channels: The size of the last axis of the input.
        out_channels: The size of the last axis of the output.
        kernel_size: How many positions of the output an input reaches.
        stride: How far apart the outputs of neighbours are. Default: ``1``.
        padding: How many positions are left out at each end. Default: ``0``.
        dilation: How far apart the positions of a window are. Default: ``1``.
        output_padding: How many positions are added at the end. Default: ``0``.
        bias: Whether to add a bias. Default: ``True``.

    Shape:
        ``(N, L, in_channels)`` to ``(N, L', out_channels)``, where ``L' = (L - 1) stride -
        2 padding + dilation (kernel_size - 1) + output_padding + 1``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range.

    Example:
        >>> nn.ConvTranspose1d(4, 2, 3, stride=2)(mx.zeros((1, 5, 4))).shape
        (1, 11, 2)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        dilation: int = 1,
        output_padding: int = 0,
        bias: bool = True,
    ) -> None:
        positive(in_channels=in_channels, out_channels=out_channels)
        kernel = each_axis(kernel_size, 1, "kernel_size")
        super().__init__()
        self.weight: mx.array = initial_weight(out_channels, kernel, in_channels)
        if bias:
            self.bias: mx.array = mx.zeros((out_channels,))
        self.stride: int = each_axis(stride, 1, "stride")[0]
        self.padding: int = each_axis(padding, 1, "padding", least=0)[0]
        self.dilation: int = each_axis(dilation, 1, "dilation")[0]
        self.output_padding: int = each_axis(output_padding, 1, "output_padding", least=0)[0]

    def _extra_repr(self) -> str:
        out_channels, kernel_size, in_channels = self.weight.shape
        return (
            f"{in_channels}, {out_channels}, kernel_size={kernel_size}, stride={self.stride}, "
            f"padding={self.padding}, dilation={self.dilation}, "
            f"output_padding={self.output_padding}, bias={'bias' in self}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.conv_transpose1d(
            x, self["weight"], self.stride, self.padding, self.dilation, self.output_padding
        )
        return y + self["bias"] if "bias" in self else y


class ConvTranspose2d(Module):
    r"""The transpose of :class:`Conv2d` as a linear map: its gradient by the input.

    ``weight`` has the shape ``(out_channels, *kernel_size, in_channels)`` and begins uniform
    between plus and minus the inverse of the square root of how many numbers a window of all
    input channels has; ``bias``, of shape ``(out_channels,)``, begins as zeros.

    Args:
        in_channels: The size of the last axis of the input.
        out_channels: The size of the last axis of the output.
        kernel_size: The height and width that an input reaches; one number stands for both, here
            and below.
        stride: How far apart the outputs of neighbours are. Default: ``1``.
        padding: How many positions are left out on each side. Default: ``0``.
        dilation: How far apart the positions of a window are. Default: ``1``.
        output_padding: How many positions are added at the end. Default: ``0``.
        bias: Whether to add a bias. Default: ``True``.

    Shape:
        ``(N, H, W, in_channels)`` to ``(N, H', W', out_channels)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range.

    Example:
        >>> nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)(mx.zeros((2, 16, 16, 8))).shape
        (2, 32, 32, 3)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Pair,
        stride: Pair = 1,
        padding: Pair = 0,
        dilation: Pair = 1,
        output_padding: Pair = 0,
        bias: bool = True,
    ) -> None:
        positive(in_channels=in_channels, out_channels=out_channels)
        kernel = each_axis(kernel_size, 2, "kernel_size")
        each_axis(dilation, 2, "dilation")
        super().__init__()
        self.weight: mx.array = initial_weight(out_channels, kernel, in_channels)
        if bias:
            self.bias: mx.array = mx.zeros((out_channels,))
        self.stride: tuple[int, int] = each_axis(stride, 2, "stride")
        self.padding: tuple[int, int] = each_axis(padding, 2, "padding", least=0)
        self.output_padding: tuple[int, int] = each_axis(
            output_padding, 2, "output_padding", least=0
        )
        self.dilation = dilation

    def _extra_repr(self) -> str:
        out_channels, *kernel_size, in_channels = self.weight.shape
        return (
            f"{in_channels}, {out_channels}, kernel_size={tuple(kernel_size)}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"output_padding={self.output_padding}, bias={'bias' in self}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.conv_transpose2d(
            x, self["weight"], self.stride, self.padding, self.dilation, self.output_padding
        )
        return y + self["bias"] if "bias" in self else y


class ConvTranspose3d(Module):
    r"""The transpose of :class:`Conv3d` as a linear map: its gradient by the input.

    ``weight`` has the shape ``(out_channels, *kernel_size, in_channels)`` and begins uniform
    between plus and minus the inverse of the square root of how many numbers a window of all
    input channels has; ``bias``, of shape ``(out_channels,)``, begins as zeros.

    Args:
        in_channels: The size of the last axis of the input.
        out_channels: The size of the last axis of the output.
        kernel_size: The depth, height and width that an input reaches; one number stands for
            all, here and below.
        stride: How far apart the outputs of neighbours are. Default: ``1``.
        padding: How many positions are left out on each side. Default: ``0``.
        dilation: How far apart the positions of a window are. Default: ``1``.
        output_padding: How many positions are added at the end. Default: ``0``.
        bias: Whether to add a bias. Default: ``True``.

    Shape:
        ``(N, D, H, W, in_channels)`` to ``(N, D', H', W', out_channels)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range.

    Example:
        >>> nn.ConvTranspose3d(2, 1, 2, stride=2)(mx.zeros((1, 2, 3, 4, 2))).shape
        (1, 4, 6, 8, 1)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Triple,
        stride: Triple = 1,
        padding: Triple = 0,
        dilation: Triple = 1,
        output_padding: Triple = 0,
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
        self.output_padding: tuple[int, int, int] = each_axis(
            output_padding, 3, "output_padding", least=0
        )
        self.dilation = dilation

    def _extra_repr(self) -> str:
        out_channels, *kernel_size, in_channels = self.weight.shape
        return (
            f"{in_channels}, {out_channels}, kernel_size={tuple(kernel_size)}, "
            f"stride={self.stride}, padding={self.padding}, dilation={self.dilation}, "
            f"output_padding={self.output_padding}, bias={'bias' in self}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        y = mx.conv_transpose3d(
            x, self["weight"], self.stride, self.padding, self.dilation, self.output_padding
        )
        return y + self["bias"] if "bias" in self else y
