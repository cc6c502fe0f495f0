"""A model that reads ahead, and can go back."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence

import mlx_core_py as mx

from mlx_lm_py.cache import (
    Cache,
    KVCache,
    QuantizedKVCache,
    can_trim_prompt_cache,
    trim_prompt_cache,
)
from mlx_lm_py.models.protocols import LanguageModel

__all__ = ["Reader"]


def __dir__() -> list[str]:
    return __all__


class Reader:
    """A model and its cache, from which the latest tokens can be taken back.

    Layers whose cache cannot be trimmed, as it keeps a state or has dropped what would come into
    its window again, are put back to where reading began. Tokens that are to stay are then read
    once more, together with the next ones.

    Args:
        model: The model.
        cache: The cache of each layer; its entries may be replaced.

    Attributes:
        model: The model.
        cache: The cache of each layer.
        behind: Tokens that are to be read once more.
    """

    def __init__(self, model: LanguageModel, cache: MutableSequence[Cache]) -> None:
        self.model: LanguageModel = model
        self.cache: MutableSequence[Cache] = cache
        self.behind: list[int] = []
        self._before: list[Cache | None] = []
        self._behind_before: list[int] = []

    def begin(self) -> None:
        """Mark the place to which `keep` can go back."""
        # A copy costs what the next step writes over, so it is made only where it may be needed:
        # what can be trimmed now may have dropped positions then, unless it keeps all.
        self._before = [
            None if type(layer) in (KVCache, QuantizedKVCache) else layer.copy()
            for layer in self.cache
        ]
        self._behind_before = self.behind

    def read(self, tokens: mx.array, *, last_only: bool = False) -> mx.array:
        """Read tokens of shape ``(length,)``.

        Args:
            tokens: The tokens.
            last_only: Whether only the logits after the last of them are asked for. Default:
                ``False``.

        Returns:
            Logits of shape ``(length, vocabulary)``, or ``(1, vocabulary)``.
        """
        count = tokens.size
        if self.behind:
            tokens = mx.concatenate([mx.array(self.behind, tokens.dtype), tokens])
            self.behind = []
        return self.model(tokens[None], cache=self.cache, last_only=last_only)[0, -count:]

    def keep(self, tokens: Sequence[int], count: int) -> None:
        """Take back what was read since `begin`, but for the first tokens; once at most.

        Args:
            tokens: What was read.
            count: How many of them stay.
        """
        drop = len(tokens) - count
        if not drop:
            return
        if can_trim_prompt_cache(self.cache, drop):
            trim_prompt_cache(self.cache, drop)
            return
        read = [*self._behind_before, *tokens]
        for i, before in enumerate(self._before):
            if before is None:
                self.cache[i].trim(len(read))
            else:
                self.cache[i] = before
        self.behind = read[:-drop]

    def finish(self) -> None:
        """Read what is to be read once more."""
        if self.behind:
            self.read(mx.array([self.behind.pop()]), last_only=True)
            mx.eval([layer.state for layer in self.cache])
