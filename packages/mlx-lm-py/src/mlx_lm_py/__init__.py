"""Run language models: loading, caches, sampling, generation, and a command line."""

from . import cache, sample_utils
from .generate import GenerationResponse, generate, generate_step, stream_generate
from .loading import load, load_model

__all__ = [
    "GenerationResponse",
    "cache",
    "generate",
    "generate_step",
    "load",
    "load_model",
    "sample_utils",
    "stream_generate",
]
