"""Guesses of the tokens that come next."""

from __future__ import annotations

from collections import deque
from collections.abc import MutableSequence, Sequence
from typing import Protocol

import mlx_core_py as mx

from mlx_lm_py.cache import Cache, cache_length
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.sampling import put_back, remembered

from .plan import Plan
from .reader import Reader
from .scores import draw, score

__all__ = ["Draft", "ModelDraft", "NgramDraft"]


def __dir__() -> list[str]:
    return __all__


# How many of the latest places are looked at, and how far back at each.
PLACES, LOOKS_BACK = 8, 32


class Draft(Protocol):
    """Where guesses come from."""

    def propose(self, tokens: Sequence[int], count: int) -> list[int]:
        """Guess what comes after ``tokens``, all that there are: ``count`` tokens at most."""
        ...

    def finish(self, tokens: Sequence[int]) -> None:
        """Hold ``tokens`` and no others."""
        ...


class NgramDraft:
    """Guesses that what came after the same tokens before comes once more.

    Args:
        size: How many of the latest tokens must be the same.

    Example:
        >>> NgramDraft(2).propose([5, 6, 7, 8, 9, 5, 6], 3)
        [7, 8, 9]

    See: https://github.com/apoorvumang/prompt-lookup-decoding
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._places: dict[tuple[int, ...], deque[int]] = {}
        self._seen = size

    def propose(self, tokens: Sequence[int], count: int) -> list[int]:
        """Find what came after the latest tokens when they were there before.

        Of several places the one counts before which most is the same, then the latest.

        Args:
            tokens: All tokens so far; those of an earlier call come first.
            count: How many to guess at most.

        Returns:
            The guesses; none if the latest tokens were not there before.
        """
        # Each place at which something follows already, once.
        for end in range(self._seen, len(tokens)):
            key = tuple(tokens[end - self._size : end])
            self._places.setdefault(key, deque(maxlen=PLACES)).append(end)
        self._seen = max(self._seen, len(tokens))
        places = self._places.get(tuple(tokens[-self._size :]))
        if places is None:
            return []
        place = max(places, key=lambda end: (_equal(tokens, end), end))
        # What runs into the end goes round: the text may be repeating itself.
        period = len(tokens) - place
        return [tokens[place + i % period] for i in range(count)]

    def finish(self, tokens: Sequence[int]) -> None:
        """Nothing: what was seen is of no use to others."""


def _equal(tokens: Sequence[int], end: int) -> int:
    """How many tokens before a place are those before the end of all."""
    most = min(end, LOOKS_BACK)
    return next((i for i in range(most) if tokens[end - 1 - i] != tokens[-1 - i]), most)


class ModelDraft:
    """The guesses of another model.

    It draws with the numbers with which the model itself will: where the two agree about what is
    likely, they choose the same.

    Args:
        model: The other model.
        cache: Its cache, which holds what goes before the tokens.
        plan: What to generate, for its sampler and processors.
    """

    def __init__(self, model: LanguageModel, cache: MutableSequence[Cache], plan: Plan) -> None:
        self._reader = Reader(model, cache)
        self._plan = plan
        self._room = model.args.context_length - cache_length(cache)
        # How many tokens it has read for good, and those that it has read since.
        self._count = 0
        self._read: list[int] = []

    def propose(self, tokens: Sequence[int], count: int) -> list[int]:
        """Generate tokens.

        Args:
            tokens: All tokens so far; those of an earlier call come first.
            count: How many to guess at most.

        Returns:
            The guesses; none if there are more tokens than the model has room for.
        """
        if len(tokens) + count > self._room:
            return []
        self._go_to(tokens)
        new = self._catch_up(tokens, most=self._plan.prefill_step_size)
        history = mx.array(tokens) if self._plan.processors else None
        self._reader.begin()
        before = remembered(self._plan.sampler)
        token = mx.array(new)
        guesses = []
        for _ in range(count):
            logprobs, _ = score(
                self._plan.processors, self._reader.read(token, last_only=True), history
            )
            token = draw(self._plan.sampler, logprobs)
            guesses.append(token)
            if history is not None:
                history = mx.concatenate([history, token])
        put_back(self._plan.sampler, before)
        found: list[int] = mx.concatenate(guesses).tolist()
        self._read = [*new, *found[:-1]]
        return found

    def finish(self, tokens: Sequence[int]) -> None:
        """Hold ``tokens`` and no others.

        Args:
            tokens: The tokens.
        """
        if len(tokens) > self._room:
            return
        self._go_to(tokens)
        self._catch_up(tokens, most=0)
        self._reader.finish()

    def _go_to(self, tokens: Sequence[int]) -> None:
        """Take back what was read and turned out wrong."""
        rest = tokens[self._count :]
        pairs = enumerate(zip(self._read, rest, strict=False))
        most = min(len(self._read), len(rest))
        right = next((i for i, (a, b) in pairs if a != b), most)
        self._reader.keep(self._read, right)
        self._count += right
        self._read = []

    def _catch_up(self, tokens: Sequence[int], most: int) -> list[int]:
        """Read tokens that were generated without it, all but so many; return these."""
        while (rest := len(tokens) - self._count) > most:
            end = self._count + min(rest - most, self._plan.prefill_step_size)
            self._reader.read(mx.array(tokens[self._count : end]), last_only=True)
            mx.eval([layer.state for layer in self._reader.cache])
            self._count = end
        return list(tokens[self._count :])
