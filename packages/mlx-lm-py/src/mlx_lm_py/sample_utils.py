"""The samplers, under the name that mlx-lm has for them."""

from .sampling import Sampler, make_sampler

__all__ = ["Sampler", "make_sampler"]


def __dir__() -> list[str]:
    return __all__
