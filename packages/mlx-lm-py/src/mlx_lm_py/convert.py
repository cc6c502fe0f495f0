"""Conversion, under the name that mlx-lm has for it."""

from .saving import (
    MODEL_CONVERSION_DTYPES,
    QUANT_RECIPES,
    convert,
    mixed_quant_predicate_builder,
)

__all__ = [
    "MODEL_CONVERSION_DTYPES",
    "QUANT_RECIPES",
    "convert",
    "mixed_quant_predicate_builder",
]


def __dir__() -> list[str]:
    return __all__
