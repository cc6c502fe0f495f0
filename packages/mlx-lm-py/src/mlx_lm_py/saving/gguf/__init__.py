"""Models written as GGUF files."""

from .blocks import BLOCK_TYPES, quantize_blocks
from .metadata import gguf_metadata
from .model import GGUF_KINDS, save_gguf
from .tokenizer import tokenizer_metadata

__all__ = [
    "BLOCK_TYPES",
    "GGUF_KINDS",
    "gguf_metadata",
    "quantize_blocks",
    "save_gguf",
    "tokenizer_metadata",
]


def __dir__() -> list[str]:
    return __all__
