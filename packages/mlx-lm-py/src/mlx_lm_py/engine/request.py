"""A sequence on its way through the engine."""

from __future__ import annotations

from collections.abc import Iterator, MutableSequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.cache import Cache, Lease
from mlx_lm_py.sampling import LogitsProcessor, Sampler

from .guesser import Guesser
from .plan import Plan

__all__ = ["Request"]


def __dir__() -> list[str]:
    return __all__


@dataclass(eq=False)
class Request:
    """A sequence, what it asks for and how far it is.

    Attributes:
        uid: Its number.
        segments: The parts of the prompt that are not read yet. No step reads of two of them.
        prompt_tokens: Number of tokens of the whole prompt.
        max_tokens: Number of tokens to generate.
        sampler: Chooses a token; ``None`` takes the most likely one.
        processors: Change the logits, one after the other.
        ends: Tokens after which the sequence ends.
        key: The state of random numbers, which no other sequence draws from.
        cache: The cache of each layer.
        tokens: The tokens before the answer that the cache holds.
        is_new: Whether nothing goes before the prompt.
        plan: What was asked for.
        guesser: Who guesses the next tokens.
        lease: What was found of the prompt in a prefix cache.
        stops: Before which tokens of the prompt a piece ends, in any case.
        history: All tokens so far, for the processors; ``None`` without any.
        generated: Number of tokens that have been sampled, whether they are known yet or not.
        answer: The tokens that are known, the latest last.
        fed: Number of tokens of the answer that the cache holds.
        error: What a processor or the sampler raised.
        at_segment_end: Whether the latest step has read a segment to its end.
        done: Whether nothing more is to come: finished, failed or taken out.
    """

    uid: int
    segments: list[list[int]]
    prompt_tokens: int
    max_tokens: int
    sampler: Sampler | None
    processors: tuple[LogitsProcessor, ...]
    ends: tuple[tuple[int, ...], ...]
    key: mx.array
    cache: MutableSequence[Cache]
    tokens: list[int]
    is_new: bool = True
    plan: Plan | None = None
    guesser: Guesser | None = None
    lease: Lease | None = None
    stops: list[int] = field(default_factory=list)
    history: mx.array | None = None
    generated: int = 0
    answer: list[int] = field(default_factory=list)
    fed: int = 0
    error: Exception | None = None
    at_segment_end: bool = False
    done: bool = False

    @property
    def unread(self) -> int:
        """Number of tokens of the prompt that are not read yet."""
        return sum(map(len, self.segments))

    @property
    def is_decoding(self) -> bool:
        """Whether the prompt is read and more tokens are to be sampled."""
        more = self.generated < self.max_tokens
        return more and not (self.segments or self.done or self.error)

    @property
    def held(self) -> list[int]:
        """The tokens that the cache holds, those of the answer included."""
        fed = self.fed - (len(self.guesser.reader.behind) if self.guesser is not None else 0)
        return (self.tokens + self.answer)[: len(self.tokens) + fed]

    @property
    def known(self) -> list[int]:
        """All tokens that are known."""
        return self.tokens + self.answer

    @contextmanager
    def drawing(self) -> Iterator[None]:
        """Draw from the random numbers of the sequence in a ``with`` block."""
        state = mx.random.state
        others, state[0] = state[0], self.key
        try:
            yield
        finally:
            self.key, state[0] = state[0], others

    def begin(self, lease: Lease) -> None:
        """Go on from what was found of the prompt.

        Args:
            lease: What was found.
        """
        self.lease, self.cache = lease, lease.cache
        left = lease.length
        while left:
            read = self.segments[0][:left]
            self.tokens += read
            self.segments[0] = self.segments[0][left:]
            left -= len(read)
            if not self.segments[0]:
                self.segments.pop(0)

    @property
    def is_worth_keeping(self) -> bool:
        """Whether others may go on from where the latest step has left the prompt."""
        if self.lease is None:
            return False
        if not self.lease.has_states:
            return not self.segments
        return self.at_segment_end or self.prompt_tokens - self.unread in self.stops

    def keep(self, *, is_last: bool = False) -> list[Any]:
        """Keep what was read in the prefix cache, if there is one.

        Args:
            is_last: Whether the sequence has ended. Default: ``False``.

        Returns:
            Arrays to be evaluated before the sequence goes on.
        """
        if self.lease is None:
            return []
        return self.lease.keep(self.held, self.cache, is_last=is_last)

    def take(self, count: int) -> list[int]:
        """Take at most ``count`` tokens of the prompt, of one segment."""
        first = self.segments[0]
        read = self.prompt_tokens - self.unread
        count = min([count, *(stop - read for stop in self.stops if stop > read)])
        taken = first[:count]
        self.at_segment_end = len(taken) == len(first)
        if self.at_segment_end:
            self.segments.pop(0)
        else:
            self.segments[0] = first[count:]
        return taken

    def is_stopped(self) -> bool:
        """Whether the answer ends in one of its stop sequences."""
        return any(tuple(self.answer[-len(stop) :]) == stop for stop in self.ends)
