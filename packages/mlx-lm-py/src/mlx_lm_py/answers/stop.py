"""Strings that end an answer."""

from __future__ import annotations

from collections.abc import Sequence

from .search import WordSearch

__all__ = ["StopStrings"]


def __dir__() -> list[str]:
    return __all__


class StopStrings:
    """Cuts a text that comes in pieces before the first of some strings.

    What may begin one of them waits for what follows, and no more than that. The string that is
    complete first counts; of several that end together, the longest one.

    Args:
        stop: A string, or several.

    Raises:
        TypeError: If ``stop`` is not a string or a sequence of strings.
        ValueError: If a string is empty.

    Example:
        >>> text = StopStrings(["END"])
        >>> text.add("a E"), text.add("N"), text.add("x EN"), text.add("D b")
        ('a ', '', 'ENx ', '')
        >>> text.found
        'END'
    """

    def __init__(self, stop: str | Sequence[str]) -> None:
        words: object = [stop] if isinstance(stop, str) else stop
        if not isinstance(words, Sequence) or not all(isinstance(word, str) for word in words):
            raise TypeError("stop must be a string or a list of strings")
        if not all(words):
            raise ValueError("stop must not have an empty string")
        self._search: WordSearch = WordSearch(words)
        self._waiting: str = ""
        self.found: str | None = None

    def add(self, text: str) -> str:
        """Take more of the text.

        Args:
            text: What comes next.

        Returns:
            What is certain not to belong to one of the strings; nothing after one was found.
        """
        if self.found is not None:
            return ""
        for i, character in enumerate(text):
            self.found = self._search.step(character)
            if self.found is not None:
                text = self._waiting + text[: i + 1]
                self._waiting = ""
                return text[: -len(self.found)]
        text = self._waiting + text
        certain = len(text) - self._search.held
        self._waiting = text[certain:]
        return text[:certain]

    def finish(self) -> str:
        """End the text.

        Returns:
            What was waiting.
        """
        text, self._waiting = self._waiting, ""
        return text
