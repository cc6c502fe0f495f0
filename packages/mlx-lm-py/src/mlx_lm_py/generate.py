"""Generation, under the name that mlx-lm has for it."""

from .generation import GenerationResponse, generate, generate_step, stream_generate

__all__ = ["GenerationResponse", "generate", "generate_step", "stream_generate"]


def __dir__() -> list[str]:
    return __all__
