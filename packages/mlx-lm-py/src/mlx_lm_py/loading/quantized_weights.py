"""Layers that are quantized as the weights of a checkpoint are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_core_py.trees import tree_map_with_path

__all__ = ["quantize_as", "use_blocks"]


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


def use_blocks(model: nn.Module, weights: Mapping[str, mx.array], types: Mapping[str, str]) -> None:
    """Make those layers ones of blocks whose weights are blocks of GGUF.

    Args:
        model: The model, whose layers are replaced.
        weights: The weights by name.
        types: The types of the layers by their paths, as `load_gguf` gives them.

    Raises:
        ValueError: If the weight of another kind of layer is quantized.
    """
    floating = (value.dtype for value in weights.values())
    dtype = next((kind for kind in floating if mx.issubdtype(kind, mx.floating)), mx.float32)

    def replaced(path: str, module: nn.Module) -> nn.Module:
        if path not in types:
            return module
        if isinstance(module, nn.Embedding):
            rows, columns = module.weight.shape
            return nn.BlockEmbedding(rows, columns, types[path], dtype)
        if isinstance(module, nn.Linear):
            rows, columns = module.weight.shape
            return nn.BlockLinear(columns, rows, types[path], "bias" in module)
        raise ValueError(
            f"the weight '{path}' is quantized, which a {type(module).__name__} is not"
        )

    leaves = tree_map_with_path(replaced, model.leaf_modules(), is_leaf=nn.Module.is_module)
    model.update_modules(leaves)
