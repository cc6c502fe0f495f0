"""The samplers and logits processors, under the name that mlx-lm has for them."""

from .sampling import (
    LogitsProcessor,
    Sampler,
    make_dry_penalty,
    make_frequency_penalty,
    make_logits_processors,
    make_min_tokens,
    make_presence_penalty,
    make_repetition_penalty,
    make_sampler,
)

__all__ = [
    "LogitsProcessor",
    "Sampler",
    "make_dry_penalty",
    "make_frequency_penalty",
    "make_logits_processors",
    "make_min_tokens",
    "make_presence_penalty",
    "make_repetition_penalty",
    "make_sampler",
]


def __dir__() -> list[str]:
    return __all__
