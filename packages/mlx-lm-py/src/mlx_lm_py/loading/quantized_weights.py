"""Layers that are quantized as the weights of a checkpoint are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn

__all__ = ["quantize_as"]


def __dir__() -> list[str]:
    return __all__


def quantize_as(
    model: nn.Module, weights: Mapping[str, mx.array], config: Mapping[str, Any]
) -> None:
    """Make those layers quantized that the weights have scales for.

    The shapes tell the bits and the group size of each layer, so that GGUF files and checkpoints
    with mixed quantization need no description.

    Args:
        model: The model, whose layers are replaced.
        weights: The weights by name.
        config: As ``config.json`` has it.

    Raises:
        ValueError: If the kind of quantization is not supported, or the shapes make no sense.
    """
    quantization = config.get("quantization") or {}
    if "quantization_config" in config and not quantization:
        raise ValueError("only weights quantized by MLX or llama.cpp are supported")
    if not isinstance(quantization, dict) or quantization.get("mode", "affine") != "affine":
        raise ValueError(f"the quantization {quantization!r} is not supported; known: affine")

    def predicate(path: str, module: nn.Module) -> bool | dict[str, int]:
        scales = weights.get(f"{path}.scales")
        packed = weights.get(f"{path}.weight")
        if scales is None or packed is None or not hasattr(module, "to_quantized"):
            return False
        columns = module.weight.shape[-1]
        group_size = columns // max(scales.shape[-1], 1) if scales.ndim == 2 else 0
        bits = packed.shape[-1] * 32 // columns
        if group_size not in (32, 64, 128) or bits not in (2, 3, 4, 5, 6, 8):
            raise ValueError(f"the quantized weight '{path}' has shapes that make no sense")
        return {"group_size": group_size, "bits": bits}

    nn.quantize(model, class_predicate=predicate)
