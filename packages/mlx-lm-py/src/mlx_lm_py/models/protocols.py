"""What the rest of the package asks of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import mlx_core_py as mx

from mlx_lm_py.cache import Cache, RaggedCache

__all__ = ["Args", "LanguageModel"]


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
        self,
        tokens: mx.array,
        cache: Sequence[Cache | RaggedCache] | None = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Return the logits that follow each of ``tokens``, of shape ``(batch, length)``.

        If ``last_only``, those after the last one alone, as if the length were 1.
        """
        ...
