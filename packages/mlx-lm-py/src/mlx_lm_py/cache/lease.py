"""What a sequence goes on from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from .base import Cache
from .prefix_kinds import has_states
from .prefix_tree import Node

__all__ = ["Lease"]


def __dir__() -> list[str]:
    return __all__


class _Owner(Protocol):
    checkpoint_every: int

    def keep(
        self, key: str, tokens: Sequence[int], cache: Sequence[Cache], *, is_last: bool
    ) -> list[Any]: ...


class Lease:
    """What a sequence goes on from, and where it puts what it reads.

    Attributes:
        cache: The cache of the model, with what was found.
        length: How many tokens of the prompt that are.
    """

    def __init__(
        self,
        owner: _Owner,
        key: str,
        node: Node,
        cache: list[Any],
        length: int,
        least: int,
    ) -> None:
        self.cache: list[Any] = cache
        self.length: int = length
        self._owner = owner
        self._key = key
        self._node = node
        self._least = least
        self._is_held = True
        for one in node.line():
            one.users += 1

    @property
    def has_states(self) -> bool:
        """Whether some layers can be kept only as they are where reading stops."""
        return has_states(self._key)

    def stops(self, count: int) -> list[int]:
        """Before which tokens of a prompt reading stops, to keep what has been read.

        Args:
            count: Number of tokens of the prompt.

        Returns:
            Numbers of tokens, in ascending order; none if what is read can be cut anywhere later.
        """
        if not self.has_states:
            return []
        every = self._owner.checkpoint_every
        found = list(range(self.length + every, count - 1, every))
        return [*found, count - 1] if count - 1 > self.length else found

    def keep(
        self, tokens: Sequence[int], cache: Sequence[Cache], *, is_last: bool = False
    ) -> list[Any]:
        """Keep what the sequence has read so far.

        Args:
            tokens: All its tokens.
            cache: Its cache, which holds them.
            is_last: Whether no one writes into that any more. Default: ``False``.

        Returns:
            Arrays to be evaluated before the sequence goes on, lest its cache is copied.
        """
        if not tokens or len(tokens) < self._least:
            return []
        return self._owner.keep(self._key, tokens, cache, is_last=is_last)

    def release(self) -> None:
        """Let go of what was found."""
        if self._is_held:
            self._is_held = False
            for one in self._node.line():
                one.users -= 1

    def __del__(self) -> None:
        # Whoever asked may never have begun.
        self.release()
