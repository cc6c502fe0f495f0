"""The architectures, a module each, and the blocks that they share."""

from .registry import make_model

__all__ = ["make_model"]


def __dir__() -> list[str]:
    return __all__
