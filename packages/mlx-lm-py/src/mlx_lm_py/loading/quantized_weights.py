"""Layers that are quantized as the weights of a checkpoint are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_core_py.trees import tree_map_with_path

from mlx_lm_py.models.blocks.rotated import RotatedEmbedding, RotatedLinear

__all__ = ["quantize_as", "use_blocks"]


def __dir__() -> list[str]:
    return __all__


# The group sizes and bits of each mode.
_SIZES = {
    "affine": ((32, 64, 128), (2, 3, 4, 5, 6, 8)),
    "mxfp4": ((32,), (4,)),
    "nvfp4": ((16,), (4,)),
    "mxfp8": ((32,), (8,)),
}
# What becomes of layers with signs, by which their inputs are rotated.
_ROTATED: dict[type, type] = {
    nn.QuantizedLinear: RotatedLinear,
    nn.QuantizedEmbedding: RotatedEmbedding,
}
# Those whose scales are of eight bits, by group size and bits.
_MODES = {(32, 4): "mxfp4", (16, 4): "nvfp4", (32, 8): "mxfp8"}


def quantize_as(
    model: nn.Module, weights: Mapping[str, mx.array], config: Mapping[str, Any]
) -> None:
    """Make those layers quantized that the weights have scales for.

    The shapes and the type of the scales tell the mode, the bits and the group size of each layer,
    so that GGUF files and checkpoints with mixed quantization need no description; where
    ``quantization`` in the configuration names a mode that is not known, nothing is read.

    Args:
        model: The model, whose layers are replaced.
        weights: The weights by name.
        config: As ``config.json`` has it.

    Raises:
        ValueError: If the kind of quantization is not supported, or the shapes make no sense.
    """
    quantization = config.get("quantization") or {}
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
        columns = module.weight.shape[-1]
        group_size = columns // max(scales.shape[-1], 1) if scales.ndim == packed.ndim else 0
        bits = packed.shape[-1] * 32 // columns
        mode = _MODES.get((group_size, bits), "") if scales.dtype == mx.uint8 else "affine"
        if not mode or group_size not in _SIZES[mode][0] or bits not in _SIZES[mode][1]:
            raise ValueError(f"the quantized weight '{path}' has shapes that make no sense")
        return {"group_size": group_size, "bits": bits, "mode": mode}

    nn.quantize(model, class_predicate=predicate)
    layers = dict(model.named_modules())
    for name, signs in weights.items():
        path, _, kind = name.rpartition(".")
        if kind != "signs":
            continue
        layer = layers.get(path)
        if layer is None or type(layer) not in _ROTATED:
            raise ValueError(f"the weight '{name}' is of no quantized layer")
        layer.__class__ = _ROTATED[type(layer)]
        layer.signs = signs


def use_blocks(
    model: nn.Module, weights: Mapping[str, mx.array], types: Mapping[str, str]
) -> tuple[dict[str, mx.array], dict[str, str]]:
    """Give weights the names of a model, and make layers whose weights are blocks ones of blocks.

    Weights that belong to no linear layer or embedding, or that the model divides or joins, are
    dequantized.

    Args:
        model: The model, whose layers are replaced.
        weights: The weights by the names of the checkpoint.
        types: The types of those that are blocks, by the paths of their layers.

    Returns:
        The weights by the names of the model, and the types of those that are still blocks.
    """
    named = model.sanitize(dict(weights))
    layers = dict(model.named_modules())
    kept = {
        path: kind
        for path, kind in types.items()
        if named.get(f"{path}.weight") is weights[f"{path}.weight"]
        and type(layers.get(path)) in (nn.Linear, nn.Embedding)
    }
    dtype = next((x.dtype for x in weights.values() if mx.issubdtype(x.dtype, mx.floating)), None)
    dtype = dtype or mx.float16
    if len(kept) < len(types):
        dense = {
            f"{path}.weight": mx.dequantize_blocks(weights[f"{path}.weight"], kind, dtype)
            for path, kind in types.items()
            if path not in kept
        }
        named = model.sanitize({**weights, **dense})

    def replaced(path: str, module: nn.Module) -> nn.Module:
        if path not in kept:
            return module
        rows, columns = module.weight.shape
        if isinstance(module, nn.Embedding):
            return nn.BlockEmbedding(rows, columns, kept[path], dtype)
        return nn.BlockLinear(columns, rows, kept[path], "bias" in module)

    if kept:
        leaves = tree_map_with_path(replaced, model.leaf_modules(), is_leaf=nn.Module.is_module)
        model.update_modules(leaves)
    return named, kept
