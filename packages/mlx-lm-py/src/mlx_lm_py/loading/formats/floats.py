"""Weights that are floats of 8 or 4 bits with scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx

from .layers import Layers

__all__ = ["from_fp8", "from_modelopt", "put_fp4", "put_fp8"]


def __dir__() -> list[str]:
    return __all__


# What is for activations and caches.
_ACTIVATIONS = (
    "input_scale", "activation_scale", "input_global_scale", "k_scale", "v_scale",
    "input_scale_ub", "input_zero_point",
)  # fmt: skip


def from_fp8(layers: Layers, settings: Mapping[str, Any]) -> None:
    """Weights of E4M3 with a scale for all, for each row or for each block.

    Args:
        layers: The weights.
        settings: The ``quantization_config``.

    Raises:
        ValueError: If the scales do not fit the weights.

    See: DeepSeek-V3, https://arxiv.org/abs/2412.19437, section 3.3
    """
    blocks = settings.get("weight_block_size")
    layers.drop(*_ACTIVATIONS)
    for kind in ("weight_scale_inv", "weight_scale"):
        for layer in list(layers.having(kind)):
            scale = layers.take(layer, kind)
            put_fp8(layers, layer, layers.take(layer, "weight"), scale, blocks)


def put_fp8(
    layers: Layers, layer: str, weight: mx.array, scale: mx.array, blocks: Any = None
) -> None:
    """Put in a weight of E4M3 times scales.

    Args:
        layers: The weights.
        layer: The name of the layer.
        weight: Bytes of shape ``(..., rows, columns)``.
        scale: One number; one for each row; or one for each block. Bytes are powers of two.
        blocks: How many rows and columns a block has. Default: ``None``, as the shapes say.

    Raises:
        ValueError: If the scales do not fit the weights.
    """
    if weight.dtype != mx.uint8 or weight.ndim < 2:
        raise ValueError(f"the weight of '{layer}' is of type {weight.dtype}, not of float8")
    rows, columns = weight.shape[-2:]
    if scale.ndim == 1 and scale.size == rows > 1:
        scale = scale[:, None]
    if scale.size == 1:
        scale = scale.reshape((1,) * weight.ndim)
    if scale.ndim != weight.ndim:
        raise ValueError(
            f"the quantized layer '{layer}' has shapes that make no sense: {weight.shape} numbers "
            f"and {scale.shape} scales"
        )
    sizes = zip((rows, columns), scale.shape[-2:], strict=True)
    high, wide = (-(-size // max(count, 1)) for size, count in sizes)
    if isinstance(blocks, list) and len(blocks) == 2 and scale.shape[-2:] != (1, 1):
        high, wide = blocks
    if (-(-rows // high), -(-columns // wide)) != scale.shape[-2:]:
        raise ValueError(
            f"the quantized layer '{layer}' has {scale.shape} scales, which do not fit "
            f"{weight.shape} numbers in blocks of {high} by {wide}"
        )
    if scale.dtype == mx.uint8:
        if wide % 32 == 0 and columns % 32 == 0:
            groups = mx.repeat(mx.repeat(scale, wide // 32, axis=-1), high, axis=-2)
            layers.put(
                layer,
                weight=mx.contiguous(weight).view(mx.uint32),
                scales=mx.contiguous(groups[..., :rows, : columns // 32]),
            )
            return
        scale = mx.power(2.0, scale.astype(mx.float32) - 127)
    full = mx.repeat(mx.repeat(scale.astype(mx.float32), high, axis=-2), wide, axis=-1)
    layers.put_float(layer, mx.from_fp8(weight, mx.float32) * full[..., :rows, :columns])


def put_fp4(
    layers: Layers, layer: str, packed: mx.array, scales: mx.array, factor: mx.array | None
) -> None:
    """Put in a weight of E2M1, two in a byte, times scales of groups.

    Args:
        layers: The weights.
        layer: The name of the layer.
        packed: Bytes of shape ``(..., columns / 2)``.
        scales: Bytes of shape ``(..., groups)``: E4M3 for groups of 16, powers of two for 32.
        factor: One number for all. Default: ``None``.

    Raises:
        ValueError: If the groups are of other sizes, or the types others.
    """
    size = packed.shape[-1] * 2 // max(scales.shape[-1], 1) if packed.ndim > 1 else 0
    if packed.dtype != mx.uint8 or scales.dtype != mx.uint8 or size not in (16, 32):
        raise ValueError(
            f"the quantized layer '{layer}' has shapes or types that make no sense: {packed.shape} "
            f"{packed.dtype} and {scales.shape} {scales.dtype}"
        )
    words = mx.contiguous(packed).view(mx.uint32)
    if factor is None:
        layers.put(layer, weight=words, scales=scales)
        return
    mode = "nvfp4" if size == 16 else "mxfp4"
    plain = mx.dequantize(words, scales, None, size, 4, mode).astype(mx.float32)
    layers.put_float(layer, plain * factor.astype(mx.float32).reshape(()))


def from_modelopt(layers: Layers, settings: Mapping[str, Any]) -> None:
    """Weights of NVIDIA's Model Optimizer.

    Args:
        layers: The weights.
        settings: The ``quantization_config``.

    Raises:
        ValueError: If they are of another algorithm than NVFP4 and FP8.

    See: https://github.com/NVIDIA/Model-Optimizer
    """
    algorithm = settings.get("quant_algo")
    if algorithm not in ("NVFP4", "FP8"):
        raise ValueError(
            f"weights of the algorithm {algorithm!r} of ModelOpt are not supported; "
            "supported: NVFP4, FP8"
        )
    if any(name.endswith(".pre_quant_scale") for name in layers.weights):
        raise ValueError("weights of ModelOpt with a pre_quant_scale are not supported")
    layers.drop(*_ACTIVATIONS)
    for layer in list(layers.having("weight_scale")):
        weight, scale = layers.take(layer, "weight"), layers.take(layer, "weight_scale")
        if algorithm == "FP8":
            put_fp8(layers, layer, weight, scale)
        else:
            put_fp4(layers, layer, weight, scale, layers.take(layer, "weight_scale_2"))
