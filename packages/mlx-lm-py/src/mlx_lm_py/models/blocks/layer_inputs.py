"""What each layer gets of the tokens beside the hidden state.

Of https://ai.google.dev/gemma/docs/gemma-3n, where they are called per-layer embeddings.
"""

from __future__ import annotations

from collections.abc import Callable

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.models import spec as specs

from .activations import activation
from .norms import make_norm

__all__ = ["GatedInput", "LayerInputs"]


def __dir__() -> list[str]:
    return __all__


class LayerInputs(nn.Module):
    """An embedding for each layer, and what is made of the embedding of the first one.

    Args:
        spec: What it is like.
        depth: Number of layers.
        dim: Number of features between layers.
    """

    def __init__(self, spec: specs.Inputs, depth: int, dim: int) -> None:
        super().__init__()
        self.depth: int = depth
        self.count: int = spec.vocab_size
        self.embed: nn.Embedding = nn.Embedding(spec.vocab_size, depth * spec.width)
        self.projection: nn.Linear = nn.Linear(dim, depth * spec.width, bias=False)
        self.norm: nn.Module = make_norm(spec.norm, spec.width)
        self.scales: tuple[float, float] = (spec.width**0.5, dim**-0.5)

    def __call__(self, tokens: mx.array, embedded: mx.array) -> mx.array:
        """Return what the layers get, of shape ``(batch, length, layers, width)``."""
        own, made = self.scales
        # Those of images have none.
        tokens = mx.where(tokens < self.count, tokens, 0)
        theirs = mx.unflatten(self.embed(tokens) * own, -1, (self.depth, -1))
        of_first = mx.unflatten(self.projection(embedded) * made, -1, (self.depth, -1))
        given: mx.array = (self.norm(of_first) + theirs) * 2.0**-0.5
        return given


class GatedInput(nn.Module):
    """What a layer got, behind a gate of the hidden state, added to it.

    Args:
        spec: What the layer is like.
        dim: Number of features between layers.
    """

    def __init__(self, spec: specs.Layer, dim: int) -> None:
        super().__init__()
        self.gate: nn.Linear = nn.Linear(dim, spec.inputs, bias=False)
        self.projection: nn.Linear = nn.Linear(spec.inputs, dim, bias=False)
        self.norm: nn.Module = make_norm(spec.norm, dim)
        self.act: Callable[[mx.array], mx.array] = activation(spec.act)

    def made(self, h: mx.array, given: mx.array) -> mx.array:
        """What is added to ``h`` of shape ``(batch, length, dim)``."""
        made: mx.array = self.norm(self.projection(self.act(self.gate(h)) * given))
        return made

    def __call__(self, h: mx.array, given: mx.array) -> mx.array:
        """Add to ``h`` what is made of ``given``."""
        return h + self.made(h, given)
