"""Weights in the formats of the library compressed-tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx

from .floats import put_fp4, put_fp8
from .layers import Layers, unpack

__all__ = ["from_compressed_tensors"]


def __dir__() -> list[str]:
    return __all__


_FORMATS = (
    "dense", "pack-quantized", "int-quantized", "float-quantized", "naive-quantized",
    "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mixed-precision",
)  # fmt: skip
_ACTIVATIONS = ("input_scale", "input_zero_point", "input_global_scale", "k_scale", "v_scale")


def from_compressed_tensors(layers: Layers, settings: Mapping[str, Any]) -> None:
    """Express the formats of compressed-tensors, which the names and types of weights tell apart.

    Args:
        layers: The weights.
        settings: The ``quantization_config``.

    Raises:
        ValueError: If a format is not known, or a weight does not fit its own.

    See: https://github.com/vllm-project/compressed-tensors
    """
    groups = settings.get("config_groups")
    groups = [g for g in groups.values() if isinstance(g, dict)] if isinstance(groups, dict) else []
    for name in (settings.get("format"), *(group.get("format") for group in groups)):
        if name is not None and name not in _FORMATS:
            raise ValueError(
                f"the format {name!r} of compressed-tensors is not supported; supported: "
                f"{', '.join(_FORMATS)}"
            )
    sparsity = settings.get("sparsity_config")
    if isinstance(sparsity, dict) and sparsity.get("format", "dense") != "dense":
        raise ValueError(f"the sparsity format {sparsity['format']!r} is not supported")
    schemes = [s for group in groups if isinstance(s := group.get("weights"), dict)]
    if settings.get("format") == "dense":
        return
    layers.drop(*_ACTIVATIONS)
    for layer in list(layers.having("weight_packed")):
        packed = layers.take(layer, "weight_packed")
        if packed.dtype == mx.uint8:
            scale = layers.take(layer, "weight_scale")
            # What the library divides by is the inverse of what it has multiplied by.
            factor = layers.take_any(layer, "weight_global_scale")
            put_fp4(layers, layer, packed, scale, None if factor is None else 1 / factor)
        else:
            _put_packed(layers, layer, packed, schemes)
    for layer in list(layers.having("weight_scale")):
        _put_whole(layers, layer, schemes)


def _put_packed(
    layers: Layers, layer: str, packed: mx.array, schemes: list[dict[str, Any]]
) -> None:
    """Integers of 4 or 8 bits in words, with an offset that makes them positive."""
    shape = [int(size) for size in layers.take(layer, "weight_shape").tolist()]
    if len(shape) != 2 or packed.ndim != 2 or shape[1] < 1 or shape[0] != packed.shape[0]:
        raise ValueError(f"the quantized layer '{layer}' has a weight_shape that makes no sense")
    bits = packed.shape[1] * 32 // shape[1]
    if bits not in (4, 8) or not any(scheme.get("num_bits") == bits for scheme in schemes):
        raise ValueError(
            f"the quantized layer '{layer}' is of {bits} bits, which is not supported or not what "
            "its configuration says"
        )
    numbers = unpack(packed, bits)[:, : shape[1]]
    scales = layers.take(layer, "weight_scale")
    zeros = layers.take_any(layer, "weight_zero_point")
    if zeros is None:
        zero = mx.full((1, 1), float(2 ** (bits - 1)))
    elif zeros.dtype == mx.int32:
        # Packed along the rows, in words of their own.
        zero = unpack(zeros.T, bits).T[: shape[0]]
    else:
        zero = zeros.astype(mx.float32) + 2 ** (bits - 1)
    order = layers.take_any(layer, "weight_g_idx")
    if order is not None and not mx.all(order == -1).item():
        if order.shape != (shape[1],) or not mx.all((order >= 0) & (order < scales.shape[-1])):
            raise ValueError(f"the quantized layer '{layer}' has a weight_g_idx without sense")
        scale = scales[:, order].astype(mx.float32)
        zero = mx.broadcast_to(zero, scales.shape)[:, order].astype(mx.float32)
        layers.put_float(layer, (numbers.astype(mx.float32) - zero) * scale)
        return
    layers.put_affine(layer, numbers, bits, scales, zero)


def _put_whole(layers: Layers, layer: str, schemes: list[dict[str, Any]]) -> None:
    """A number in each byte: float or integer."""
    weight, scales = layers.take(layer, "weight"), layers.take(layer, "weight_scale")
    zeros = layers.take_any(layer, "weight_zero_point")
    if weight.dtype == mx.uint8:
        blocks = next((s["block_structure"] for s in schemes if s.get("block_structure")), None)
        put_fp8(layers, layer, weight, scales, blocks)
        return
    if weight.dtype != mx.int8 or weight.ndim != 2:
        raise ValueError(f"the weight of '{layer}' is of type {weight.dtype}, not of 8 bits")
    if scales.ndim == 1 and scales.size in (1, weight.shape[0]):
        scales = scales[:, None]
    if scales.size == 1:
        scales = mx.broadcast_to(scales, (weight.shape[0], 1))
    offset = mx.array(128.0)
    if zeros is not None:
        offset = zeros.astype(mx.float32).reshape(-1, scales.shape[-1]) + 128
    numbers = mx.contiguous(weight).view(mx.uint8) ^ 128
    layers.put_affine(layer, numbers, 8, scales, offset)
