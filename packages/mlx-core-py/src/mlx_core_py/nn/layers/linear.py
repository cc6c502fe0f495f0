"""Linear layers.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_last_axis, positive, uniform_of_fan_in
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.nn.layers.quantized import QQLinear, QuantizedLinear

__all__ = ["Bilinear", "Identity", "Linear"]


def __dir__() -> list[str]:
    return __all__


class Bilinear(Module):
    r"""A map that is linear in each of two inputs: :math:`y_i = x_1^\top W_i x_2 + b_i`.

    ``weight`` has the shape ``(output_dims, input2_dims, input1_dims)`` and ``bias`` the shape
    ``(output_dims,)``; both begin uniform between :math:`\pm 1 / \sqrt{\text{input1\_dims}}`.

    Args:
        input1_dims: The size of the last axis of the first input.
        input2_dims: The size of the last axis of the second input.
        output_dims: The size of the last axis of the output.
        bias: Whether to add a bias. Default: ``True``.

    Shape:
        ``(..., input1_dims)`` and ``(..., input2_dims)`` to ``(..., output_dims)``; the other
        axes are broadcast.

    Raises:
        TypeError: If a size is not an integer, or an input no array.
        ValueError: If a size is less than one, or the last axis of an input has another size.

    Example:
        >>> layer = nn.Bilinear(2, 3, 4)
        >>> layer(mx.ones((5, 2)), mx.ones((5, 3))).shape
        (5, 4)
    """

    def __init__(
        self, input1_dims: int, input2_dims: int, output_dims: int, bias: bool = True
    ) -> None:
        positive(input1_dims=input1_dims, input2_dims=input2_dims, output_dims=output_dims)
        super().__init__()
        self.weight: mx.array = uniform_of_fan_in(
            input1_dims, (output_dims, input2_dims, input1_dims)
        )
        if bias:
            self.bias: mx.array = uniform_of_fan_in(input1_dims, (output_dims,))

    def _extra_repr(self) -> str:
        output_dims, input2_dims, input1_dims = self.weight.shape
        return (
            f"input1_dims={input1_dims}, input2_dims={input2_dims}, output_dims={output_dims}, "
            f"bias={'bias' in self}"
        )

    def __call__(self, x1: mx.array, x2: mx.array) -> mx.array:
        output_dims, input2_dims, input1_dims = self["weight"].shape
        check_last_axis(x1, input1_dims, "x1")
        check_last_axis(x2, input2_dims, "x2")
        # One product for all outputs, then one with a vector for each row.
        rows = x1 @ self["weight"].reshape(-1, input1_dims).T
        rows = rows.reshape(*x1.shape[:-1], output_dims, input2_dims)
        y = mx.squeeze(rows @ x2[..., None], -1)
        return y + self["bias"] if "bias" in self else y


class Identity(Module):
    """A layer that returns its input.

    Args:
        args: Ignored.
        kwargs: Ignored.

    Example:
        >>> nn.Identity()(mx.array([1, 2]))
        array([1, 2], dtype=int32)
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def __call__(self, x: mx.array) -> mx.array:
        return x


class Linear(Module):
    r"""An affine map of the last axis: :math:`y = x W^\top + b`.

    ``weight`` has the shape ``(output_dims, input_dims)`` and ``bias`` the shape
    ``(output_dims,)``; both begin uniform between :math:`\pm 1 / \sqrt{\text{input\_dims}}`.

    Args:
        input_dims: The size of the last axis of the input.
        output_dims: The size of the last axis of the output.
        bias: Whether to add a bias. Default: ``True``.

    Shape:
        ``(..., input_dims)`` to ``(..., output_dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is less than one.

    Example:
        >>> layer = nn.Linear(3, 2)
        >>> layer
        Linear(input_dims=3, output_dims=2, bias=True)
        >>> layer(mx.zeros((4, 3))).shape
        (4, 2)
    """

    def __init__(self, input_dims: int, output_dims: int, bias: bool = True) -> None:
        positive(input_dims=input_dims, output_dims=output_dims)
        super().__init__()
        self.weight: mx.array = uniform_of_fan_in(input_dims, (output_dims, input_dims))
        if bias:
            self.bias: mx.array = uniform_of_fan_in(input_dims, (output_dims,))

    def _extra_repr(self) -> str:
        output_dims, input_dims = self.weight.shape
        return f"input_dims={input_dims}, output_dims={output_dims}, bias={'bias' in self}"

    def __call__(self, x: mx.array) -> mx.array:
        if "bias" in self:
            return mx.addmm(self["bias"], x, self["weight"].T)
        return mx.matmul(x, self["weight"].T)

    def to_quantized(
        self,
        group_size: int | None = None,
        bits: int | None = None,
        mode: str = "affine",
        quantize_input: bool = False,
    ) -> QuantizedLinear | QQLinear:
        """Return the layer with its weight quantized.

        Args:
            group_size: How many weights share a scale. Default: the mode's.
            bits: How many bits a weight takes. Default: the mode's.
            mode: The way of quantization. Default: ``"affine"``.
            quantize_input: Whether to quantize the input too; the layer must have no bias then,
                and the mode is ``"nvfp4"`` or ``"mxfp8"``. Default: ``False``.

        Raises:
            NotImplementedError: If ``quantize_input`` and the layer has a bias.
            ValueError: If the sizes, the bits and the mode do not fit.
        """
        if quantize_input:
            return QQLinear.from_linear(self, group_size, bits, mode)
        return QuantizedLinear.from_linear(self, group_size, bits, mode)
