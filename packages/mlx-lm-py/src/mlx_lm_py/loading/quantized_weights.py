"""Layers that are quantized as the weights of a checkpoint are."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_core_py.trees import tree_map_with_path

from mlx_lm_py.models.blocks.experts import BlockSwitchLinear, SwitchLinear
from mlx_lm_py.models.blocks.rotated import RotatedEmbedding, RotatedLinear

__all__ = ["quantize_as", "use_blocks"]


_log = logging.getLogger(__name__)


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

    Rows of blocks may be divided, joined and put in another order. Weights of which more is asked,
    and those that belong to no linear layer, experts or embedding, are dequantized.

    Args:
        model: The model, whose layers are replaced.
        weights: The weights by the names of the checkpoint.
        types: The types of those that are blocks, by the paths of their layers.

    Returns:
        The weights by the names of the model, and the types of those that are still blocks.
    """
    sources = list(types)
    kept, dense = _kept(model, weights, types) if types else ({}, set[int]())
    dtype = next((x.dtype for x in weights.values() if mx.issubdtype(x.dtype, mx.floating)), None)
    dtype = dtype or mx.float16
    widened = {}
    for number in sorted(dense):
        path = sources[number]
        _log.info("the weight '%s' is widened from %s", path, types[path])
        name = f"{path}.weight"
        widened[name] = mx.dequantize_blocks(weights[name], types[path], dtype)
    named = model.sanitize({**weights, **widened})

    def replaced(path: str, module: nn.Module) -> nn.Module:
        if path not in kept:
            return module
        *experts, rows, columns = module.weight.shape
        if isinstance(module, nn.Embedding):
            return nn.BlockEmbedding(rows, columns, kept[path], dtype)
        if experts:
            return BlockSwitchLinear(experts[0], columns, rows, kept[path], "bias" in module)
        return nn.BlockLinear(columns, rows, kept[path], "bias" in module)

    if kept:
        leaves = tree_map_with_path(replaced, model.leaf_modules(), is_leaf=nn.Module.is_module)
        model.update_modules(leaves)
    return named, kept


def _kept(
    model: nn.Module, weights: Mapping[str, mx.array], types: Mapping[str, str]
) -> tuple[dict[str, str], set[int]]:
    """The types of the model's weights that stay blocks, and the numbers of ``types`` that do not.

    In place of each row of blocks goes the number of its weight: so it is known what the model does
    with rows without a look at them.
    """
    layers = dict(model.named_modules())
    kinds = list(types.values())
    numbered = {
        name: mx.full((*weights[name].shape[:-1], 1), number, mx.int32)
        for number, name in enumerate(f"{path}.weight" for path in types)
    }
    found: dict[str, set[int]] = {}
    dense = set(range(len(kinds)))
    for name, value in model.sanitize({**weights, **numbered}).items():
        path, _, kind = name.rpartition(".")
        layer = layers.get(path)
        if layer is None or type(layer) not in (nn.Linear, nn.Embedding, SwitchLinear):
            continue
        is_numbers = value.dtype == mx.int32 and kind == "weight"
        if is_numbers and value.shape == (*layer.weight.shape[:-1], 1):
            found[path] = _numbers(value)
            dense -= found[path]
    # What is joined with weights that are widened, or that are of another type, is widened too.
    while True:
        kept = {
            path: kinds[min(numbers)]
            for path, numbers in found.items()
            if not numbers & dense and len({kinds[number] for number in numbers}) == 1
        }
        unlike = set().union(*(found[path] for path in found if path not in kept))
        if unlike <= dense:
            return kept, dense
        dense |= unlike


def _numbers(value: mx.array) -> set[int]:
    first, last = int(value.min().item()), int(value.max().item())
    return {first} if first == last else {int(number) for number in value.flatten().tolist()}
