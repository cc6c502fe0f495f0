"""Checkpoints that others than MLX have quantized, in MLX's terms."""

from .convert_weights import FORMATS, to_mlx

__all__ = ["FORMATS", "to_mlx"]


def __dir__() -> list[str]:
    return __all__
