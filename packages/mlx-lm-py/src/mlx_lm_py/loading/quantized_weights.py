"""Layers that are quantized as the weights of a checkpoint are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn

__all__ = ["quantize_as"]


def __dir__() -> list[str]:
    return __all__


# The group sizes and bits of each mode.
_SIZES = {
    "affine": ((32, 64, 128), (2, 3, 4, 5, 6, 8)),
    "mxfp4": ((32,), (4,)),
    "nvfp4": ((16,), (4,)),
    "mxfp8": ((32,), (8,)),
}


def quantize_as(
    model: nn.Module, weights: Mapping[str, mx.array], config: Mapping[str, Any]
) -> None:
    """Make those layers quantized that the weights have scales for.

    What ``quantization`` in the configuration says of all layers, or of one by its name, is the
    mode; in the affine one the shapes tell the bits and the group size of each layer, so that GGUF
    files and checkpoints with mixed quantization need no description.

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
    if not isinstance(quantization, dict):
        raise ValueError(f"the quantization {quantization!r} is not supported; it is no object")
    for path, own in {"": quantization, **quantization}.items():
        mode = own.get("mode", "affine") if isinstance(own, dict) else "affine"
        if mode not in _SIZES:
            of = f" of '{path}'" if path else ""
            known = ", ".join(_SIZES)
            raise ValueError(f"the quantization mode {mode!r}{of} is not supported; known: {known}")

    def predicate(path: str, module: nn.Module) -> bool | dict[str, int | str]:
        scales = weights.get(f"{path}.scales")
        packed = weights.get(f"{path}.weight")
        if scales is None or packed is None or not hasattr(module, "to_quantized"):
            return False
        own = quantization.get(path)
        mode = (own if isinstance(own, dict) else quantization).get("mode", "affine")
        columns = module.weight.shape[-1]
        group_size = columns // max(scales.shape[-1], 1) if scales.ndim == packed.ndim else 0
        bits = packed.shape[-1] * 32 // columns
        if group_size not in _SIZES[mode][0] or bits not in _SIZES[mode][1]:
            raise ValueError(f"the quantized weight '{path}' has shapes that make no sense")
        return {"group_size": group_size, "bits": bits, "mode": mode}

    nn.quantize(model, class_predicate=predicate)
