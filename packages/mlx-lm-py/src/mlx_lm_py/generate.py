"""Generation, under the name that mlx-lm has for it."""

from .engine import BatchGenerator, BatchStats
from .generation import (
    BatchResponse,
    GenerationResponse,
    batch_generate,
    generate,
    generate_step,
    speculative_generate_step,
    stream_generate,
)

__all__ = [
    "BatchGenerator",
    "BatchResponse",
    "BatchStats",
    "GenerationResponse",
    "batch_generate",
    "generate",
    "generate_step",
    "speculative_generate_step",
    "stream_generate",
]


def __dir__() -> list[str]:
    return __all__
