"""From models to files: saving, quantizing, converting."""

from .convert import MODEL_CONVERSION_DTYPES, convert
from .files import make_shards, save, save_config, save_model
from .gguf import GGUF_KINDS, save_gguf
from .quantize import (
    QUANT_RECIPES,
    compute_bits_per_weight,
    dequantize_model,
    get_total_parameters,
    mixed_quant_predicate_builder,
    quantize_model,
)

__all__ = [
    "GGUF_KINDS",
    "MODEL_CONVERSION_DTYPES",
    "QUANT_RECIPES",
    "compute_bits_per_weight",
    "convert",
    "dequantize_model",
    "get_total_parameters",
    "make_shards",
    "mixed_quant_predicate_builder",
    "quantize_model",
    "save",
    "save_config",
    "save_gguf",
    "save_model",
]


def __dir__() -> list[str]:
    return __all__
