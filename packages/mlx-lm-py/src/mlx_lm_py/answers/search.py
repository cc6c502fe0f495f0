"""Words in a text that comes in pieces."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

__all__ = ["WordSearch"]


def __dir__() -> list[str]:
    return __all__


class WordSearch:
    """Looks for words, one character at a time (Aho and Corasick's automaton).

    Each character costs constant time on average, whatever the words are.

    Args:
        words: The words, none of them empty.

    Example:
        >>> search = WordSearch(["stop", "top"])
        >>> [search.step(character) for character in "stop"]
        [None, None, None, 'stop']
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._depth: list[int] = [0]
        self._word: list[str | None] = [None]
        for word in words:
            if not word:
                raise ValueError("words to look for must not be empty")
            self._insert(word)
        self._fail: list[int] = [0] * len(self._next)
        self._link()
        self._state: int = 0

    def _insert(self, word: str) -> None:
        node = 0
        for character in word:
            child = self._next[node].get(character)
            if child is None:
                child = len(self._next)
                self._next[node][character] = child
                self._next.append({})
                self._depth.append(self._depth[node] + 1)
                self._word.append(None)
            node = child
        self._word[node] = word

    def _link(self) -> None:
        """Set where each state goes on when a character does not fit: its longest suffix."""
        queue = deque(self._next[0].values())
        while queue:
            node = queue.popleft()
            for character, child in self._next[node].items():
                queue.append(child)
                self._fail[child] = self._follow(self._fail[node], character)
                # Of the words that end at one place the longest one, which begins first, counts.
                if self._word[child] is None:
                    self._word[child] = self._word[self._fail[child]]

    def _follow(self, state: int, character: str) -> int:
        while state and character not in self._next[state]:
            state = self._fail[state]
        return self._next[state].get(character, 0)

    @property
    def held(self) -> int:
        """How many of the latest characters may begin a word."""
        return self._depth[self._state]

    def reset(self) -> None:
        """Forget what came so far."""
        self._state = 0

    def step(self, character: str) -> str | None:
        """Take the next character.

        Args:
            character: The character.

        Returns:
            The word that it completes, the longest one of several; else ``None``.
        """
        self._state = self._follow(self._state, character)
        return self._word[self._state]
