"""Models in GGUF files."""

from .config import gguf_config
from .weights import load_gguf

__all__ = ["gguf_config", "load_gguf"]


def __dir__() -> list[str]:
    return __all__
