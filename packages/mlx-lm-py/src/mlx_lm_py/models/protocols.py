"""What the rest of the package asks of a model, and of the file that defines one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import mlx_core_py as mx
from mlx_core_py import nn

from mlx_lm_py.cache import Cache

from .gguf_names import GGUFNames

__all__ = ["Args", "LanguageModel", "ModelFile", "ReadsConfig"]


def __dir__() -> list[str]:
    return __all__


class Args(Protocol):
    """What generation needs of the configuration of a model."""

    @property
    def vocab_size(self) -> int:
        """The number of tokens."""
        ...

    @property
    def context_length(self) -> int:
        """The number of positions that the model can tell apart."""
        ...


class LanguageModel(Protocol):
    """What generation needs of a model."""

    @property
    def args(self) -> Args:
        """The configuration."""
        ...

    @property
    def layers(self) -> Sequence[object]:
        """The layers, each of which needs a cache of its own."""
        ...

    def __call__(
        self, tokens: mx.array, cache: Sequence[Cache] | None = None, *, last_only: bool = False
    ) -> mx.array:
        """Return the logits that follow each of ``tokens``, of shape ``(batch, length)``.

        If ``last_only``, those after the last one alone, as if the length were 1.
        """
        ...


class ReadsConfig(Protocol):
    """The class of a model's configuration."""

    def from_dict(self, config: Mapping[str, Any]) -> Args:
        """Read ``config.json``; raise ``ValueError``, which names the entry, if it is not valid."""
        ...


class ModelFile(Protocol):
    """What a module of this package defines for its architecture.

    Attributes:
        ModelArgs: The configuration.
        Model: The model, made from a ``ModelArgs``: a `LanguageModel` that is an `nn.Module`, with
            a method ``sanitize(weights)`` that makes the weights of checkpoints its own.
        GGUF: What GGUF files call its weights.
    """

    ModelArgs: ReadsConfig
    Model: Callable[..., nn.Module]
    GGUF: GGUFNames
