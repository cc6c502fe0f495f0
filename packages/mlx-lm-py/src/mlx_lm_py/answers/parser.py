"""The parser of answers: text, reasoning and calls of tools, told apart while they are written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from .calls import Calls
from .events import CallBroken, Event, ReasoningDelta, TextDelta, merge
from .formats import AnswerFormat
from .search import WordSearch
from .source import Malformed, Parsing, Source
from .tools import Tools
from .values import json_value

__all__ = ["AnswerParser"]


def __dir__() -> list[str]:
    return __all__


_HARMONY_TAGS = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|call|>", "<|return|>"]


class AnswerParser:
    """Tells apart what a model writes, while it writes it.

    However the text is cut into pieces, the events are the same, but for where deltas are cut.
    Only what may begin a tag is held back, and each character is read once. What is malformed is
    text of the answer; nothing that a model writes raises an exception.

    White space between calls and between the reasoning and the answer belongs to neither.

    Args:
        format: How the model writes, as `answer_format` finds it.
        tools: The tools that there are: schemas of functions in OpenAI's form. They say which
            arguments are numbers where a model writes all of them as text. Default: none.
        prompt: The prompt as text. The model is taken to be reasoning already if it ends with the
            tag that begins that. Default: ``""``.

    Raises:
        TypeError: If a tool is no mapping.
        ValueError: If a tool has no name.

    Example:
        >>> from mlx_lm_py.answers import collect, make_format
        >>> parser = AnswerParser(make_format("hermes", reasoning=("<think>", "</think>")))
        >>> events = parser.add("<think>Sum.</think>Let me see.<tool_call>")
        >>> events += parser.add('{"name": "add", "arguments": {"a": 2}}</tool_call>')
        >>> answer = collect(events + parser.finish())
        >>> answer.text, answer.reasoning
        ('Let me see.', 'Sum.')
        >>> answer.tool_calls
        [ToolCall(name='add', arguments='{"a": 2}', id=None)]
    """

    def __init__(
        self,
        format: AnswerFormat,
        tools: Iterable[Mapping[str, Any]] = (),
        prompt: str = "",
    ) -> None:
        self._format = format
        self._events: list[Event] = []
        self._source = Source()
        self._calls = Calls(self._source, self._events.append, Tools(tools))
        self._opened = format.reasoning is not None and prompt.rstrip().endswith(
            format.reasoning[0]
        )
        # Whether only white space has come since the beginning, the reasoning or a call.
        self._fresh = True
        self._drop_blank = False
        self._blank: list[str] = []
        self._run = self._harmony() if format.harmony else self._answer()
        next(self._run)
        self._ended = False

    @property
    def reasoning(self) -> bool:
        """Whether the model is reasoning just now."""
        return self._opened

    def add(self, text: str) -> list[Event]:
        """Take more of the text.

        Args:
            text: What comes next.

        Returns:
            What is certain.
        """
        for character in text:
            self._run.send(character)
        return self._new_events()

    def finish(self) -> list[Event]:
        """End the text.

        Returns:
            What was held back. A call that is not complete is text.
        """
        if not self._ended:
            self._ended = True
            with contextlib.suppress(StopIteration):
                self._run.send("")
        return self._new_events()

    def _new_events(self) -> list[Event]:
        events = merge(self._events)
        self._events.clear()
        return events

    def _text(self, text: str) -> None:
        if self._fresh:
            self._blank.append(text)
            if text.isspace():
                return
            text = "".join(self._blank)
            if self._drop_blank:
                text = text.lstrip()
            self._blank = []
            self._fresh = False
        self._events.append(TextDelta(text))

    def _anew(self, drop_blank: bool) -> None:
        """After a call or the reasoning."""
        self._fresh = True
        self._drop_blank = drop_blank
        self._blank = []

    def _answer(self) -> Parsing[None]:
        if self._opened:
            yield from self._reason()
        family, source = self._format.family, self._source
        words = [*family.tags, *family.closers]
        if self._format.reasoning is not None:
            words.append(self._format.reasoning[0])
        search = WordSearch(words)
        pending = ""
        while True:
            source.mark()
            character = yield from source.peek()
            if family.bare and self._fresh and not pending and character in ("{", "["):
                yield from self._call("")
                continue
            yield from source.take()
            if not character:
                break
            pending += character
            word = search.step(character)
            certain = len(pending) - (search.held if word is None else len(word))
            if certain:
                self._text(pending[:certain])
                pending = pending[certain:]
            if word is not None:
                pending = ""
                search.reset()
                yield from self._tag(word)
        if pending:
            self._text(pending)
        if self._blank and not self._drop_blank and not self._calls.done_count:
            self._events.append(TextDelta("".join(self._blank)))
        # The end is waited for by nobody else.
        yield

    def _tag(self, word: str) -> Parsing[None]:
        family = self._format.family
        if word in family.tags:
            yield from self._call(word)
        elif word in family.closers:
            if not (self._fresh and self._calls.done_count):
                self._text(word)
        elif self._fresh:
            self._opened = True
            yield from self._reason()
        else:
            self._text(word)

    def _reason(self) -> Parsing[None]:
        assert self._format.reasoning is not None
        blank: list[str] = []
        begun = False

        def emit(text: str) -> None:
            nonlocal begun
            kept = text.rstrip()
            if kept:
                kept = "".join(blank) + kept if begun else kept.lstrip()
                self._events.append(ReasoningDelta(kept))
                blank.clear()
                begun = True
            blank.append(text[len(text.rstrip()) :])

        yield from self._source.pass_until([self._format.reasoning[1]], emit)
        self._opened = False
        self._anew(drop_blank=True)

    def _call(self, tag: str) -> Parsing[None]:
        source, calls = self._source, self._calls
        assert self._format.family.parse is not None
        before = calls.done_count
        source.mark(tag)
        try:
            yield from self._format.family.parse(calls, tag)
        except Malformed:
            text = source.taken()
        else:
            text = ""
        if calls.done_count > before:
            self._anew(drop_blank=False)
        if calls.open:
            calls.open = False
            self._events.append(CallBroken(calls.index, text))
            self._anew(drop_blank=False)
            self._fresh = False
        elif text:
            self._text(text)

    def _harmony(self) -> Parsing[None]:
        """Messages with a channel each, and some with a recipient."""
        source = self._source
        tag = yield from source.pass_until(_HARMONY_TAGS, self._plain)
        while tag:
            if tag not in ("<|start|>", "<|channel|>"):
                tag = yield from source.pass_until(_HARMONY_TAGS, self._plain)
                continue
            source.mark(tag)
            try:
                head, _ = yield from source.until(["<|message|>"])
            except Malformed:
                self._plain(source.taken())
                tag = yield from source.pass_until(_HARMONY_TAGS, self._plain)
                continue
            recipient = head.partition("to=")[2].replace("<", " ").split()
            if recipient:
                yield from self._harmony_call(recipient[0].removeprefix("functions."))
                tag = yield from source.pass_until(_HARMONY_TAGS, self._plain)
            elif "analysis" in head:
                self._opened = True
                tag = yield from source.pass_until(_HARMONY_TAGS, self._thought)
                self._opened = False
            else:
                tag = yield from source.pass_until(_HARMONY_TAGS, self._plain)
        yield

    def _plain(self, text: str) -> None:
        self._events.append(TextDelta(text))

    def _thought(self, text: str) -> None:
        self._events.append(ReasoningDelta(text))

    def _harmony_call(self, name: str) -> Parsing[None]:
        source, calls = self._source, self._calls
        try:
            if (yield from source.spaces()) != "{":
                raise Malformed
            calls.start(name)
            yield from json_value(source, calls.arguments)
            calls.done()
        except Malformed:
            text = source.taken()
            self._events.append(CallBroken(calls.index, text) if calls.open else TextDelta(text))
            calls.open = False
