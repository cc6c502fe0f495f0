"""The modules that a `Decoder` of `spec` becomes. None of them knows a model by name."""

from .decoder import CausalLM

__all__ = ["CausalLM"]


def __dir__() -> list[str]:
    return __all__
