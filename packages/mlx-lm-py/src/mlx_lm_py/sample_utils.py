"""The samplers and logits processors, under the name that mlx-lm has for them."""

from .sampling import *  # noqa: F403
from .sampling import __all__ as __all__


def __dir__() -> list[str]:
    return __all__
