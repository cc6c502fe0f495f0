"""From the text of a model to an answer: where it ends, its reasoning, its calls of tools."""

from .stop import StopStrings

__all__ = ["StopStrings"]


def __dir__() -> list[str]:
    return __all__
