"""From a prompt to the tokens that follow it, and to their text."""

from .step import generate_step
from .stream import GenerationResponse, generate, stream_generate

__all__ = ["GenerationResponse", "generate", "generate_step", "stream_generate"]


def __dir__() -> list[str]:
    return __all__
