"""Models with quantized layers, and without."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Mapping
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_core_py.gguf import TENSOR_TYPES
from mlx_core_py.utils import tree_flatten, tree_unflatten

from mlx_lm_py.models.blocks.experts import (
    BlockSwitchLinear,
    QuantizedSwitchLinear,
    SwitchLinear,
)
from mlx_lm_py.models.blocks.moe import Gate, QuantizedGate
from mlx_lm_py.models.rules import checkpoint_name

__all__ = [
    "QUANT_RECIPES",
    "compute_bits_per_weight",
    "dequantize_model",
    "get_total_parameters",
    "mixed_quant_predicate_builder",
    "quantize_model",
]


def __dir__() -> list[str]:
    return __all__


_log = logging.getLogger(__name__)

Predicate = Callable[[str, nn.Module], bool | dict[str, Any]]

# Group size and bits of each mode, where they are not said.
_DEFAULTS = {"affine": (64, 4), "mxfp4": (32, 4), "nvfp4": (16, 4), "mxfp8": (32, 8)}
# Bits of most layers, and of those whose errors matter most.
_RECIPES = {"mixed_2_6": (2, 6), "mixed_3_4": (3, 4), "mixed_3_6": (3, 6), "mixed_4_6": (4, 6)}

QUANT_RECIPES = list(_RECIPES)
"""The names of recipes that give some layers more bits."""


def mixed_quant_predicate_builder(
    recipe: str, model: nn.Module, group_size: int | None = 64
) -> Predicate:
    """Make a predicate for `quantize_model` that gives some layers more bits.

    They are those of values, those that end a feed-forward layer, of the first and the last eighth
    of all layers and of each third between, and the output layer. Routers stay as they are.

    Args:
        recipe: One of ``QUANT_RECIPES``; ``"mixed_3_6"`` gives 3 bits, and 6 to some.
        model: The model.
        group_size: How many weights share a scale. Default: 64.

    Returns:
        From the path of a layer and the layer to how it is quantized.

    Raises:
        ValueError: If there is no such recipe, or the model has no such layers.
    """
    if recipe not in _RECIPES:
        raise ValueError(f"quant_predicate must be one of {', '.join(_RECIPES)}, not {recipe!r}")
    if not any("down_proj" in path for path, _ in model.named_modules()):
        raise ValueError(f"the recipe {recipe} is for models that have layers named down_proj")
    low, high = _RECIPES[recipe]
    depth = len(model.layers)

    def predicate(path: str, module: nn.Module) -> bool | dict[str, Any]:
        if path.endswith("mlp.gate") or isinstance(module, Gate):
            return False
        index = next((int(part) for part in path.split(".") if part.isdecimal()), 0)
        outer = index < depth // 8 or index >= 7 * depth // 8 or (index - depth // 8) % 3 == 2
        fine = any(name in path for name in ("v_proj", "v_a_proj", "v_b_proj", "down_proj"))
        bits = high if (fine and outer) or "lm_head" in path else low
        return {"group_size": group_size or 64, "bits": bits, "mode": "affine"}

    return predicate


def quantize_model(
    model: nn.Module,
    config: Mapping[str, Any],
    group_size: int | None = None,
    bits: int | None = None,
    mode: str = "affine",
    quant_predicate: Predicate | None = None,
) -> tuple[nn.Module, dict[str, Any]]:
    """Quantize the layers of a model, in place.

    Args:
        model: The model. Layers that are quantized already stay so.
        config: Its configuration.
        group_size: How many weights share a scale. Default: ``None``, the mode's.
        bits: How many bits a weight takes. Default: ``None``, the mode's.
        mode: ``"affine"``, ``"mxfp4"``, ``"mxfp8"`` or ``"nvfp4"``. Default: ``"affine"``.
        quant_predicate: Takes the path of a layer, as checkpoints have it, and the layer, and
            returns whether to quantize it, or the arguments of its ``to_quantized``. Default: all
            layers but the routers of experts.

    Returns:
        The model, and the configuration that says how it is quantized.

    Raises:
        ValueError: If there is no such mode, or group size and bits do not go with it.
    """
    if mode not in _DEFAULTS:
        raise ValueError(f"mode must be one of {', '.join(_DEFAULTS)}, not {mode!r}")
    usual = {
        "group_size": group_size or _DEFAULTS[mode][0],
        "bits": bits or _DEFAULTS[mode][1],
        "mode": mode,
    }
    new_config = copy.deepcopy(dict(config))
    partly = "quantization" in new_config
    described: dict[str, Any] = new_config.setdefault("quantization", dict(usual))
    rules = getattr(model, "rules", ())

    def predicate(path: str, module: nn.Module) -> bool | dict[str, Any]:
        if not hasattr(module, "to_quantized"):
            return False
        # Layers that are one in the checkpoint are quantized alike.
        name = checkpoint_name(path, rules)
        if quant_predicate is not None:
            chosen = quant_predicate(name, module)
        else:
            chosen = not path.endswith("mlp.gate")
        own = chosen if isinstance(chosen, dict) else usual
        columns, size = module.weight.shape[-1], own.get("group_size") or usual["group_size"]
        if not chosen or columns % size:
            return False
        if own != usual or partly:
            described[name] = own
        return own

    nn.quantize(model, class_predicate=predicate)
    # Where programs of Hugging Face look for it.
    new_config["quantization_config"] = described
    _log.info("quantized to %.3f bits per weight", compute_bits_per_weight(model))
    return model, new_config


def dequantize_model(model: nn.Module, dtype: mx.Dtype | None = None) -> nn.Module:
    """Make the quantized layers of a model, and those of blocks of a GGUF file, floating ones.

    Args:
        model: The model, whose layers are replaced.
        dtype: The type of weights that were blocks. Default: ``None``, float32.

    Returns:
        The model.
    """
    dense = [
        (path, layer)
        for path, module in model.named_modules()
        if (layer := _dense(module, dtype or mx.float32)) is not None
    ]
    if dense:
        model.update_modules(tree_unflatten(dense))
    return model


def _dense(module: nn.Module, dtype: mx.Dtype) -> nn.Module | None:
    layer: nn.Module
    if isinstance(module, nn.BlockLinear | nn.BlockEmbedding | BlockSwitchLinear):
        weight = mx.dequantize_blocks(module.weight, module.type, dtype)
    elif isinstance(module, nn.QuantizedLinear | nn.QuantizedEmbedding | QuantizedSwitchLinear):
        weight = mx.dequantize(
            module.weight,
            module.scales,
            module.get("biases"),
            module.group_size,
            module.bits,
            module.mode,
        )
    else:
        return None
    # The layers are made small: all that they hold is replaced.
    if isinstance(module, QuantizedGate):
        return module.to_dense(weight)
    if isinstance(module, QuantizedSwitchLinear | BlockSwitchLinear):
        layer = SwitchLinear(1, 1, 1)
    elif isinstance(module, nn.QuantizedEmbedding | nn.BlockEmbedding):
        layer = nn.Embedding(1, 1)
    else:
        layer = nn.Linear(1, 1, bias=False)
    layer.weight = weight
    if "bias" in module:
        layer.bias = module.bias
    return layer


def get_total_parameters(model: nn.Module) -> int:
    """Count the weights of a model, quantized ones as what they stand for.

    Args:
        model: The model.

    Returns:
        The number.

    Example:
        >>> get_total_parameters(nn.Sequential(nn.QuantizedLinear(64, 8)))
        520
    """
    leaves = tree_flatten(model.leaf_modules(), is_leaf=nn.Module.is_module)
    return sum(_parameters(module) for _, module in leaves)


def _parameters(module: nn.Module) -> int:
    sizes = {name: value.size for name, value in tree_flatten(module.parameters())}
    if isinstance(module, nn.BlockLinear | nn.BlockEmbedding | BlockSwitchLinear):
        kind = TENSOR_TYPES[module.type]
        sizes["weight"] = sizes["weight"] // kind.block_nbytes * kind.block_size
    elif "scales" in module:
        sizes["weight"] = sizes["weight"] * 32 // module.bits
        sizes |= {"scales": 0, "biases": 0}
    return sum(sizes.values())


def compute_bits_per_weight(model: nn.Module) -> float:
    """Divide the size of a model by the number of its weights.

    Args:
        model: The model.

    Returns:
        The bits per weight, scales included.

    Example:
        >>> compute_bits_per_weight(nn.Sequential(nn.QuantizedEmbedding(8, 64, bits=4)))
        5.0
    """
    nbytes: int = sum(value.nbytes for _, value in tree_flatten(model.parameters()))
    return nbytes * 8 / get_total_parameters(model)
