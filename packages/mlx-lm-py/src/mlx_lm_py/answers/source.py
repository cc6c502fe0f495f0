"""Characters of an answer, one at a time, for parsers that are generators.

A parser asks for the next character by ``yield`` and is resumed with it, so how the text was cut
into pieces cannot matter to it, and each character is read once. The end is the character ``""``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TypeVar

from .search import WordSearch

__all__ = ["MAX_DEPTH", "MAX_NAME", "Emit", "Malformed", "Parsing", "Source"]


def __dir__() -> list[str]:
    return __all__


MAX_DEPTH = 64
"""How deep values may be nested."""
MAX_NAME = 512
"""How long the name of a tool, of an argument or the head of a message may be."""

_T = TypeVar("_T")
Parsing = Generator[None, str, _T]
"""A parser that returns something."""
Emit = Callable[[str], object]
"""Takes a piece of text."""


class Malformed(Exception):  # noqa: N818 (it is no error of the program)
    """What looked like a call is none."""


class Source:
    """The characters that come, with one of them to look ahead, and those taken since a mark."""

    def __init__(self) -> None:
        self._ahead: str | None = None
        self._taken: list[str] = []

    def peek(self) -> Parsing[str]:
        """The next character, which stays."""
        if self._ahead is None:
            self._ahead = yield
        return self._ahead

    def take(self) -> Parsing[str]:
        """The next character; ``""`` at the end."""
        if self._ahead is None:
            self._ahead = yield
        character = self._ahead
        if character:
            self._ahead = None
            self._taken.append(character)
        return character

    def need(self) -> Parsing[str]:
        """The next character, of which there must be one."""
        character = yield from self.take()
        if not character:
            raise Malformed
        return character

    def mark(self, text: str = "") -> None:
        """Count the characters taken from here on, after those of ``text``."""
        self._taken = [text]

    def taken(self) -> str:
        """The characters taken since the last mark."""
        return "".join(self._taken)

    def spaces(self, emit: Emit | None = None) -> Parsing[str]:
        """Take white space; returns the next character, which stays."""
        while True:
            character = yield from self.peek()
            if not character.isspace():
                return character
            yield from self.take()
            if emit is not None and character in " \t\r\n":
                emit(character)

    def expect(self, word: str) -> Parsing[None]:
        """Take a word, which must be next."""
        for character in word:
            if (yield from self.peek()) != character:
                raise Malformed
            yield from self.take()

    def optional(self, word: str) -> Parsing[bool]:
        """Take a word if the next character begins it."""
        if not word or (yield from self.peek()) != word[0]:
            return False
        yield from self.expect(word)
        return True

    def until(self, words: Iterable[str], limit: int | None = MAX_NAME) -> Parsing[tuple[str, str]]:
        """Take everything to the end of one of the words: what goes before it, and the word."""
        search = WordSearch(words)
        text: list[str] = []
        while True:
            character = yield from self.need()
            text.append(character)
            word = search.step(character)
            if word is not None:
                return "".join(text)[: -len(word)], word
            if limit is not None and len(text) > limit + search.held:
                raise Malformed

    def one_of(self, words: Sequence[str]) -> Parsing[str]:
        """Take one of some words, none of which begins another; it must be next."""
        text = ""
        while text not in words:
            character = yield from self.peek()
            if not character or not any(word.startswith(text + character) for word in words):
                raise Malformed
            text += yield from self.take()
        return text

    def pass_until(self, words: Iterable[str], emit: Emit) -> Parsing[str]:
        """Pass text on to the end of one of the words, holding back only what may begin one.

        Returns the word, which is not passed on; ``""`` at the end of the text.
        """
        search = WordSearch(words)
        pending = ""
        while True:
            self.mark()
            character = yield from self.take()
            pending += character
            word = search.step(character) if character else ""
            certain = len(pending) - (search.held if word is None else len(word))
            if certain:
                emit(pending[:certain])
                pending = pending[certain:]
            if word is not None:
                return word

    def word(self, extra: str) -> Parsing[str]:
        """Take letters, digits and some other characters, of which there must be one."""
        text: list[str] = []
        while True:
            character = yield from self.peek()
            if not character or not (character.isalnum() or character in extra):
                break
            text.append((yield from self.take()))
            if len(text) > MAX_NAME:
                raise Malformed
        if not text:
            raise Malformed
        return "".join(text)
