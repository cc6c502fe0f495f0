"""How a token is chosen from the log-probabilities of all tokens."""

from .processors import (
    LogitsProcessor,
    make_dry_penalty,
    make_frequency_penalty,
    make_logits_processors,
    make_min_tokens,
    make_presence_penalty,
    make_repetition_penalty,
)
from .samplers import Sampler, greedy, make_sampler

__all__ = [
    "LogitsProcessor",
    "Sampler",
    "greedy",
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
