"""The blocks that models are put together from. None of them knows a model by name."""

from .args import DecoderArgs
from .attention import Attention
from .decoder import CausalLM, DecoderLayer
from .mlp import MLP

__all__ = ["MLP", "Attention", "CausalLM", "DecoderArgs", "DecoderLayer"]


def __dir__() -> list[str]:
    return __all__
