"""Which program has quantized a checkpoint, and what its weights are in MLX's terms."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import mlx_core_py as mx

from .compressed import from_compressed_tensors
from .floats import from_fp8, from_modelopt
from .hadamard import PACK, from_hadamard
from .integers import from_awq, from_bitnet, from_gptq
from .layers import Layers

__all__ = ["FORMATS", "to_mlx"]


def __dir__() -> list[str]:
    return __all__


_log = logging.getLogger(__name__)


def _as_they_are(layers: Layers, settings: Mapping[str, Any]) -> None:
    """The models that have such weights name them themselves."""


_READERS: dict[str, Callable[[Layers, Mapping[str, Any]], None]] = {
    "awq": from_awq,
    "bitnet": from_bitnet,
    "compressed-tensors": from_compressed_tensors,
    "fbgemm_fp8": from_fp8,
    "fp8": from_fp8,
    "gptq": from_gptq,
    "modelopt": from_modelopt,
    "mxfp4": _as_they_are,
    "mxfp8": from_fp8,
}

FORMATS = list(_READERS)
"""The values of ``quant_method`` that are known."""


def to_mlx(
    weights: Mapping[str, mx.array], config: Mapping[str, Any]
) -> tuple[dict[str, mx.array], dict[str, Any]]:
    """Express weights that another program has quantized as MLX's.

    Where one of MLX's modes holds them exactly, they stay packed; else they become floating, which
    is logged.

    Args:
        weights: The weights of a checkpoint by name.
        config: As ``config.json`` has it.

    Returns:
        The weights, and the configuration without what said how they were quantized.

    Raises:
        ValueError: If the program or its format is not known, or a weight is of another shape or
            type than it has.
    """
    if config.get("model_type") == PACK:
        return from_hadamard(weights, config), dict(config)
    nested: Any = config.get("text_config")
    settings = config.get("quantization_config")
    if settings is None and isinstance(nested, dict):
        settings = nested.get("quantization_config")
    rest = {name: value for name, value in config.items() if name != "quantization_config"}
    # MLX says the same in both places.
    if not settings or "quantization" in config:
        return dict(weights), rest
    if not isinstance(settings, dict):
        raise ValueError("'quantization_config' in the configuration must be an object")
    if isinstance(settings.get("quantization"), dict):
        settings = {**settings, **settings["quantization"]}
    method = settings.get("quant_method")
    if method is None and {"bits", "group_size"} <= settings.keys():
        return dict(weights), rest | {"quantization": settings}
    reader = _READERS.get(method) if isinstance(method, str) else None
    if reader is None:
        raise ValueError(
            f"weights quantized by {method!r} are not supported; supported besides MLX's own and "
            f"llama.cpp's: {', '.join(FORMATS)}"
        )
    named = config.get("dtype") or config.get("torch_dtype") or "bfloat16"
    dtype = getattr(mx, named) if named in ("float16", "bfloat16", "float32") else mx.bfloat16
    layers = Layers(weights, dtype)
    reader(layers, settings)
    if layers.widened:
        _log.warning(
            "%d of the weights quantized by %s are in a form that MLX has not: they become %s",
            layers.widened,
            method,
            named,
        )
    if layers.rounded:
        _log.warning(
            "what stands for zero in %d of the weights quantized by %s is rounded: its products "
            "with scales have more digits than these",
            layers.rounded,
            method,
        )
    return layers.weights, rest
