"""Loading and saving, under the names that mlx-lm has for them."""

from .loading import load, load_config
from .loading import load_folder as load_model
from .saving import (
    compute_bits_per_weight,
    dequantize_model,
    get_total_parameters,
    make_shards,
    quantize_model,
    save,
    save_config,
    save_model,
)

__all__ = [
    "compute_bits_per_weight",
    "dequantize_model",
    "get_total_parameters",
    "load",
    "load_config",
    "load_model",
    "make_shards",
    "quantize_model",
    "save",
    "save_config",
    "save_model",
]


def __dir__() -> list[str]:
    return __all__
