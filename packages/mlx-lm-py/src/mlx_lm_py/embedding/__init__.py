"""Texts to vectors, such that like texts have like ones."""

from .bert import Bert, BertSizes
from .embedder import POOLINGS, Embedder, embed, load_embedder

__all__ = ["POOLINGS", "Bert", "BertSizes", "Embedder", "embed", "load_embedder"]


def __dir__() -> list[str]:
    return __all__
