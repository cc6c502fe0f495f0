"""From a prompt to the tokens that follow it, and to their text."""

from .batch import BatchResponse, batch_generate
from .speculative import speculative_generate_step
from .step import generate_step
from .stream import GenerationResponse, generate, stream_generate

__all__ = [
    "BatchResponse",
    "GenerationResponse",
    "batch_generate",
    "generate",
    "generate_step",
    "speculative_generate_step",
    "stream_generate",
]


def __dir__() -> list[str]:
    return __all__
