"""How a token is chosen from the log-probabilities of all tokens."""

from .samplers import Sampler, make_sampler

__all__ = ["Sampler", "make_sampler"]


def __dir__() -> list[str]:
    return __all__
