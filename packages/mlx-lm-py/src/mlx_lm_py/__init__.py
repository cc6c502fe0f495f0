"""Run language models: loading, caches, sampling, generation, and a command line."""

# The packages share one version.
from mlx_core_py import __version__

from . import cache, sample_utils
from .convert import convert
from .embedding import embed, load_embedder
from .generate import GenerationResponse, generate, generate_step, stream_generate
from .loading import load, load_model

__all__ = [
    "GenerationResponse",
    "__version__",
    "cache",
    "convert",
    "embed",
    "generate",
    "generate_step",
    "load",
    "load_embedder",
    "load_model",
    "sample_utils",
    "stream_generate",
]


def __dir__() -> list[str]:
    return __all__
