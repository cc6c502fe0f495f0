"""How families of models write calls of tools whose arguments are JSON or literals."""

from __future__ import annotations

import json
from collections.abc import Callable

from .events import ArgumentsDelta, CallDone, CallStart, Event
from .source import MAX_NAME, Malformed, Parsing, Source
from .tools import Tools
from .values import json_string, json_value, marked_value, python_value

__all__ = [
    "Calls",
    "deepseek_calls",
    "hermes_calls",
    "kimi_calls",
    "llama_calls",
    "marked_calls",
    "mistral_calls",
    "pythonic_calls",
]


def __dir__() -> list[str]:
    return __all__


class Calls:
    """The calls of an answer, as a parser finds them.

    Args:
        source: Where the answer comes from.
        emit: Takes events.
        tools: The tools that there are.
    """

    def __init__(self, source: Source, emit: Callable[[Event], object], tools: Tools) -> None:
        self.source: Source = source
        self.tools: Tools = tools
        self._emit = emit
        self.index: int = -1
        self.open: bool = False
        self.done_count: int = 0

    def start(self, name: str, id: str | None = None) -> None:
        """A call has begun."""
        self.index += 1
        self.open = True
        self._emit(CallStart(self.index, name, id))

    def arguments(self, text: str) -> None:
        """There are more arguments."""
        self._emit(ArgumentsDelta(self.index, text))

    def done(self) -> None:
        """The call is complete; what goes wrong from here on does not concern it."""
        self.open = False
        self.done_count += 1
        self._emit(CallDone(self.index))
        self.source.mark()


def hermes_calls(calls: Calls, tag: str) -> Parsing[None]:
    """``<tool_call>{"name": "f", "arguments": {}}``, or a list of such objects."""
    if (yield from calls.source.spaces()) == "[":
        yield from _list_of_calls(calls)
    else:
        yield from _json_call(calls)


def _list_of_calls(calls: Calls) -> Parsing[None]:
    yield from calls.source.expect("[")
    yield from calls.source.spaces()
    yield from _json_calls(calls)


def _json_calls(calls: Calls, known_only: bool = False) -> Parsing[None]:
    source = calls.source
    while True:
        yield from _json_call(calls, known_only)
        if (yield from source.spaces()) != ",":
            break
        yield from source.take()
        yield from source.spaces()
    yield from source.expect("]")


def _json_call(calls: Calls, known_only: bool = False) -> Parsing[None]:
    """An object with the name and the arguments, in any order."""
    source = calls.source
    name: str | None = None
    id: str | None = None
    # Arguments that come before the name wait for it.
    waiting: list[str] | None = None

    def begin() -> None:
        assert name is not None
        if known_only and calls.tools.parameters and name not in calls.tools.parameters:
            raise Malformed
        calls.start(name, id)

    yield from source.expect("{")
    while True:
        yield from source.spaces()
        key = yield from _decoded_string(source)
        yield from source.spaces()
        yield from source.expect(":")
        yield from source.spaces()
        if key in ("name", "function") and name is None:
            name = yield from _decoded_string(source)
            if not name or len(name) > MAX_NAME:
                raise Malformed
            if waiting is not None:
                begin()
                calls.arguments("".join(waiting))
        elif key in ("arguments", "parameters") and waiting is None and not calls.open:
            if name is None:
                waiting = []
                yield from _arguments(source, waiting.append)
            else:
                if (yield from source.peek()) not in ('"', "{", "n"):
                    raise Malformed
                begin()
                yield from _arguments(source, calls.arguments)
        elif key in ("id", "type"):
            text = yield from _decoded_string(source)
            id = text if key == "id" else id
        else:
            raise Malformed
        character = yield from source.spaces()
        if character != ",":
            break
        yield from source.take()
    if name is None:
        raise Malformed
    yield from source.expect("}")
    if not calls.open:
        begin()
        calls.arguments("{}")
    calls.done()


def _arguments(source: Source, emit: Callable[[str], object]) -> Parsing[None]:
    """An object; or one written within a string, as some models do."""
    character = yield from source.peek()
    if character == "{":
        yield from json_value(source, emit)
    elif character == "n":
        yield from source.expect("null")
        emit("{}")
    else:
        text = yield from _decoded_string(source)
        try:
            value = json.loads(text)
            if not isinstance(value, dict):
                raise Malformed
            emit(json.dumps(value, ensure_ascii=False, allow_nan=False))
        except (ValueError, RecursionError):
            raise Malformed from None


def _decoded_string(source: Source) -> Parsing[str]:
    pieces: list[str] = []
    yield from json_string(source, pieces.append)
    text: str = json.loads("".join(pieces))
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Malformed
    return text


def _call_of(calls: Calls, name: str, id: str | None = None) -> Parsing[None]:
    """The arguments as an object of JSON, after the name."""
    name = name.strip()
    if not name or (yield from calls.source.spaces()) != "{":
        raise Malformed
    calls.start(name, id)
    yield from json_value(calls.source, calls.arguments)
    calls.done()


def llama_calls(calls: Calls, tag: str) -> Parsing[None]:
    """Bare, or after ``<|python_tag|>``: an object, a list of objects or ``[f(a=1)]``."""
    source = calls.source
    # Without a tag it may as well be an answer: only tools that there are count.
    known_only = not tag
    if (yield from source.spaces()) == "{":
        yield from _json_call(calls, known_only)
        while (yield from source.spaces()) in (";", ","):
            yield from source.take()
            yield from source.spaces()
            yield from _json_call(calls, known_only)
        return
    yield from source.expect("[")
    if (yield from source.spaces()) != "{":
        yield from _python_calls(calls, known_only)
        return
    yield from _json_calls(calls, known_only)


def pythonic_calls(calls: Calls, tag: str) -> Parsing[None]:
    """``[f(a=1), g()]``."""
    yield from calls.source.spaces()
    yield from calls.source.expect("[")
    yield from calls.source.spaces()
    yield from _python_calls(calls, known_only=not tag)


def _python_calls(calls: Calls, known_only: bool) -> Parsing[None]:
    source = calls.source
    while True:
        yield from _python_call(calls, known_only)
        if (yield from source.spaces()) != ",":
            break
        yield from source.take()
        yield from source.spaces()
    yield from source.expect("]")


def _python_call(calls: Calls, known_only: bool) -> Parsing[None]:
    source = calls.source
    name = yield from source.word("_.-")
    if known_only and calls.tools.parameters and name not in calls.tools.parameters:
        raise Malformed
    yield from source.expect("(")
    character = yield from source.spaces()
    before = "{"
    while character != ")":
        key = yield from source.word("_")
        yield from source.spaces()
        yield from source.expect("=")
        yield from source.spaces()
        if before == "{":
            calls.start(name)
        calls.arguments(f"{before}{json.dumps(key, ensure_ascii=False)}: ")
        before = ", "
        yield from python_value(source, calls.arguments)
        character = yield from source.spaces()
        if character == ",":
            yield from source.take()
            character = yield from source.spaces()
        elif character != ")":
            raise Malformed
    yield from source.take()
    if before == "{":
        calls.start(name)
        calls.arguments("{")
    calls.arguments("}")
    calls.done()


def mistral_calls(calls: Calls, tag: str) -> Parsing[None]:
    """``[TOOL_CALLS][{...}]``, or ``[TOOL_CALLS]f[ARGS]{...}``, maybe with ``[CALL_ID]``."""
    source = calls.source
    character = yield from source.spaces()
    if character == "[":
        yield from _list_of_calls(calls)
        return
    if character == "{":
        yield from _json_call(calls)
        return
    name = yield from source.word("_.-")
    id: str | None = None
    character = yield from source.spaces()
    if character == "[" and (yield from source.one_of(["[ARGS]", "[CALL_ID]"])) == "[CALL_ID]":
        id, _ = yield from source.until(["[ARGS]"])
    yield from _call_of(calls, name, id)


def deepseek_calls(calls: Calls, tag: str) -> Parsing[None]:
    """The name and JSON between tags; before V3.1 JSON is fenced, as code in Markdown."""
    source = calls.source
    while True:
        yield from source.spaces()
        if (yield from source.one_of(["<｜tool▁call▁begin｜>", "<｜tool▁calls▁end｜>"])) == (
            "<｜tool▁calls▁end｜>"
        ):
            return
        name, _ = yield from source.until(["<｜tool▁sep｜>"])
        if (yield from source.spaces()) == "{":
            yield from _call_of(calls, name)
        else:
            # What went before was the type, "function".
            name, _ = yield from source.until(["\n"])
            yield from source.spaces()
            yield from source.expect("```json")
            yield from _call_of(calls, name)
            if (yield from source.spaces()) == "`":
                yield from source.expect("```")
        yield from source.spaces()
        yield from source.expect("<｜tool▁call▁end｜>")
        source.mark()


def kimi_calls(calls: Calls, tag: str) -> Parsing[None]:
    """``functions.f:0`` and JSON between tags; the former is the call's id too."""
    source = calls.source
    begin, end = "<|tool_call_begin|>", "<|tool_calls_section_end|>"
    while True:
        yield from source.spaces()
        if (yield from source.one_of([begin, end])) == end:
            return
        id, _ = yield from source.until(["<|tool_call_argument_begin|>"])
        id = id.strip()
        name, colon, number = id.rpartition(":")
        name = name if colon and number.isdigit() else id
        yield from _call_of(calls, name.removeprefix("functions."), id)
        yield from source.spaces()
        yield from source.expect("<|tool_call_end|>")
        source.mark()


def marked_calls(mark: str) -> Callable[[Calls, str], Parsing[None]]:
    """``call:f{key:value}`` with strings between marks, as Gemma writes."""
    value = marked_value(mark)

    def parse(calls: Calls, tag: str) -> Parsing[None]:
        source = calls.source
        yield from source.spaces()
        yield from source.expect("call:")
        name = yield from source.word("_.-")
        if (yield from source.peek()) != "{":
            raise Malformed
        calls.start(name)
        yield from value(source, calls.arguments)
        calls.done()

    return parse
