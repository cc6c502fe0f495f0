"""How a token is chosen from the log-probabilities of all tokens."""

from .mirostat import Mirostat, make_mirostat
from .processors import (
    LogitsProcessor,
    make_dry_penalty,
    make_frequency_penalty,
    make_logits_processors,
    make_min_tokens,
    make_presence_penalty,
    make_repetition_penalty,
)
from .rows import sample_rows
from .samplers import (
    Sampler,
    SettingsSampler,
    begun,
    greedy,
    make_sampler,
    put_back,
    remembered,
)

__all__ = [
    "LogitsProcessor",
    "Mirostat",
    "Sampler",
    "SettingsSampler",
    "begun",
    "greedy",
    "make_dry_penalty",
    "make_frequency_penalty",
    "make_logits_processors",
    "make_min_tokens",
    "make_mirostat",
    "make_presence_penalty",
    "make_repetition_penalty",
    "make_sampler",
    "put_back",
    "remembered",
    "sample_rows",
]


def __dir__() -> list[str]:
    return __all__
