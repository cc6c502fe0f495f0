"""The feed-forward layers of experts, whose weights lie in one array."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_core_py.gguf import TENSOR_TYPES

from mlx_lm_py.models.spec import Moe

from .activations import activation, gated_activation

__all__ = ["BlockSwitchLinear", "Experts", "QuantizedSwitchLinear", "SwitchLinear"]


def __dir__() -> list[str]:
    return __all__


class SwitchLinear(nn.Module):
    """A linear layer of many, of which each token uses some.

    Args:
        experts: The number of layers.
        input_dims: Number of features in.
        output_dims: Number of features out.
        bias: Whether there are biases. Default: ``False``.
    """

    def __init__(self, experts: int, input_dims: int, output_dims: int, bias: bool = False) -> None:
        super().__init__()
        if bias:
            self.bias: mx.array = mx.zeros((experts, output_dims))
        bound = input_dims**-0.5
        self.weight: mx.array = mx.random.uniform(-bound, bound, (experts, output_dims, input_dims))

    def __call__(self, x: mx.array, chosen: mx.array, *, is_sorted: bool = False) -> mx.array:
        """Transform ``x`` of shape ``(..., 1, input_dims)`` by the chosen layers."""
        y = mx.gather_mm(
            x, self.weight.swapaxes(-1, -2), rhs_indices=chosen, sorted_indices=is_sorted
        )
        return y + self.bias[chosen][..., None, :] if "bias" in self else y

    def to_quantized(
        self, group_size: int = 64, bits: int = 4, mode: str = "affine", **_: Any
    ) -> QuantizedSwitchLinear:
        """The layer with its weight quantized, as `nn.quantize` asks for it.

        Args:
            group_size: Number of weights that share a scale. Default: 64.
            bits: Number of bits of a weight. Default: 4.
            mode: The mode of `mx.quantize`. Default: ``"affine"``.

        Returns:
            The layer.
        """
        layer = QuantizedSwitchLinear(group_size, bits, mode)
        packed = mx.quantize(self.weight, group_size, bits, mode=mode)
        for name, array in zip(("weight", "scales", "biases"), packed, strict=False):
            setattr(layer, name, array)
        if "bias" in self:
            layer.bias = self.bias
        layer.freeze()
        return layer


class QuantizedSwitchLinear(nn.Module):
    """A `SwitchLinear` whose weight is quantized.

    Args:
        group_size: Number of weights that share a scale.
        bits: Number of bits of a weight.
        mode: The mode of `mx.quantize`.
    """

    weight: mx.array
    scales: mx.array
    bias: mx.array

    def __init__(self, group_size: int, bits: int, mode: str) -> None:
        super().__init__()
        self.group_size = group_size
        self.bits = bits
        self.mode = mode

    def __call__(self, x: mx.array, chosen: mx.array, *, is_sorted: bool = False) -> mx.array:
        """Transform ``x`` of shape ``(..., 1, input_dims)`` by the chosen layers."""
        y = mx.gather_qmm(
            x,
            self.weight,
            self.scales,
            self.get("biases"),
            rhs_indices=chosen,
            transpose=True,
            group_size=self.group_size,
            bits=self.bits,
            mode=self.mode,
            sorted_indices=is_sorted,
        )
        return y + self.bias[chosen][..., None, :] if "bias" in self else y


class BlockSwitchLinear(nn.Module):
    """A `SwitchLinear` whose weight is in blocks of a quantized type of GGUF.

    The weight begins as zeros and is to be loaded.

    Args:
        experts: The number of layers.
        input_dims: Number of features in, a whole number of blocks.
        output_dims: Number of features out.
        type: The name of the type, such as ``"Q4_K"``.
        bias: Whether there are biases. Default: ``False``.
    """

    def __init__(
        self, experts: int, input_dims: int, output_dims: int, type: str, bias: bool = False
    ) -> None:
        super().__init__()
        kind = TENSOR_TYPES[type]
        nbytes = input_dims // kind.block_size * kind.block_nbytes
        self.type = type
        self.weight: mx.array = mx.zeros((experts, output_dims, nbytes), mx.uint8)
        if bias:
            self.bias: mx.array = mx.zeros((experts, output_dims))
        self.freeze()

    def __call__(self, x: mx.array, chosen: mx.array, *, is_sorted: bool = False) -> mx.array:
        """Transform ``x`` of shape ``(..., 1, input_dims)`` by the chosen layers."""
        y = mx.gather_blocks_matmul(x, self.weight, self.type, rhs_indices=chosen)
        return y + self.bias[chosen][..., None, :] if "bias" in self else y


class Experts(nn.Module):
    """Feed-forward layers, of which each token uses some.

    Args:
        spec: What they are like.
        dim: Number of features in and out.
    """

    def __init__(self, spec: Moe, dim: int) -> None:
        super().__init__()
        count, hidden, bias = spec.experts, spec.hidden, spec.bias
        if spec.gated:
            self.gate_proj: SwitchLinear = SwitchLinear(count, dim, hidden, bias)
            self.gated: Callable[[mx.array, mx.array], mx.array] = gated_activation(
                spec.act, spec.limit
            )
        else:
            self.act: Callable[[mx.array], mx.array] = activation(spec.act)
        self.up_proj: SwitchLinear = SwitchLinear(count, dim, hidden, bias)
        self.down_proj: SwitchLinear = SwitchLinear(count, hidden, dim, bias)

    def __call__(self, x: mx.array, chosen: mx.array, weights: mx.array | None = None) -> mx.array:
        """What each of the chosen experts makes of its token.

        Args:
            x: Features of shape ``(..., dim)``.
            chosen: Numbers of experts, of shape ``(..., top_k)``.
            weights: What the features are multiplied by for each, of shape ``(..., top_k)``.
                Default: ``None``, nothing.

        Returns:
            Features of shape ``(..., top_k, dim)``.
        """
        shape, top_k = chosen.shape, chosen.shape[-1]
        picked = chosen.reshape(-1, top_k)
        rows = x.reshape(-1, 1, 1, x.shape[-1])
        if weights is not None:
            rows = rows * weights.reshape(-1, top_k, 1, 1).astype(x.dtype)
        if weights is not None or picked.size < 64 or self._finds_rows():
            return self._apply(rows, picked, False).reshape(*shape, -1)
        # Tokens of one expert side by side are one product.
        flat = picked.flatten()
        order = mx.argsort(flat)
        y = self._apply(rows.flatten(0, 1)[order // top_k], flat[order], True)
        return y[mx.argsort(order)].reshape(*shape, -1)

    def _finds_rows(self) -> bool:
        """Whether products find the tokens of each expert themselves, as kernels of the CPU do."""
        return type(self.up_proj) is not SwitchLinear and mx.default_device() == mx.cpu

    def _apply(self, x: mx.array, chosen: mx.array, is_sorted: bool) -> mx.array:
        up = self.up_proj(x, chosen, is_sorted=is_sorted)
        if "gate_proj" in self:
            hidden = self.gated(self.gate_proj(x, chosen, is_sorted=is_sorted), up)
        else:
            hidden = self.act(up)
        return self.down_proj(hidden, chosen, is_sorted=is_sorted)
