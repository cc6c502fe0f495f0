"""Caches of sequences that have ended, from which others go on without a copy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import mlx_core_py as mx

__all__ = ["IdleCaches"]


def __dir__() -> list[str]:
    return __all__


# To look for a prompt takes the time of as many comparisons of lists.
_MOST = 32


@dataclass(frozen=True)
class _Idle:
    key: str
    tokens: list[int]
    leaves: list[Any]
    nbytes: int


class IdleCaches:
    """Caches that hold all positions of sequences that have ended.

    A tree of prefixes has copies of what these hold, so nothing is lost with one that is let go.
    But who goes on from a tree copies, and who goes on from one of these writes into it. So each is
    taken by one sequence, which brings it back at its end.

    Attributes:
        nbytes: Number of bytes that they take.
    """

    def __init__(self) -> None:
        self.nbytes: int = 0
        # Those that came last are last.
        self._held: list[_Idle] = []

    def put(self, key: str, tokens: list[int], leaves: list[Any]) -> None:
        """Take over a cache which no one else writes into from now on.

        Args:
            key: The kinds of its leaves.
            tokens: The tokens that it holds, to which others may have been added.
            leaves: Its leaves, all of which hold every position.
        """
        # One that has all of it would be taken for its beginning too.
        for one in [one for one in self._held if one.key == key]:
            if one.tokens == tokens[: len(one.tokens)]:
                self._drop(one)
        if len(self._held) == _MOST:
            self._drop(self._held[0])
        idle = _Idle(key, tokens, leaves, sum(one.nbytes for one in leaves))
        self.nbytes += idle.nbytes
        self._held.append(idle)

    def take(self, key: str, tokens: list[int], room: int) -> list[Any] | None:
        """Take out a cache that begins with some tokens.

        One that has more to lose than these is left for those that will go on from its end.

        Args:
            key: The kinds of its leaves.
            tokens: The tokens.
            room: For how many positions there shall be room.

        Returns:
            The leaves, which hold these tokens alone; ``None`` if there is no such cache.
        """
        count = len(tokens)
        found = [
            one
            for one in self._held
            if one.key == key
            and count <= len(one.tokens) <= 2 * count
            and one.tokens[:count] == tokens
        ]
        # What is behind the tokens is lost, so the less the better.
        for one in sorted(found, key=lambda one: len(one.tokens)):
            self._drop(one)
            try:
                mx.eval([leaf.state for leaf in one.leaves])
            except Exception:
                # The sequence took part in a step after its end, which has failed.
                continue
            for leaf in one.leaves:
                leaf.trim(leaf.offset - count)
                leaf.reserve(room)
            return one.leaves
        return None

    def shrink(self, max_bytes: int) -> None:
        """Let go of those that came first, until so many bytes are left.

        Args:
            max_bytes: Most bytes.
        """
        while self._held and self.nbytes > max_bytes:
            self._drop(self._held[0])

    def clear(self) -> None:
        """Let go of all."""
        self.shrink(-1)

    def _drop(self, idle: _Idle) -> None:
        self._held.remove(idle)
        self.nbytes -= idle.nbytes
