"""Run language models: loading, caches, sampling, generation, and a command line."""

# The packages share one version.
from mlx_core_py import __version__

from . import cache, sample_utils
from .generate import (
    GenerationResponse,
    batch_generate,
    generate,
    generate_step,
    stream_generate,
)
from .loading import load, load_model

__all__ = [
    "GenerationResponse",
    "__version__",
    "batch_generate",
    "cache",
    "generate",
    "generate_step",
    "load",
    "load_model",
    "sample_utils",
    "stream_generate",
]


def __dir__() -> list[str]:
    return __all__
