"""Values within calls, in the notations that models write them in, turned into JSON as they come.

Each function takes a value from a source, gives JSON to ``emit`` piece by piece, and raises
`Malformed` at the first character that does not fit.
"""

from __future__ import annotations

import json
import re
from typing import Protocol

from .source import MAX_DEPTH, Emit, Malformed, Parsing, Source

__all__ = ["json_string", "json_value", "marked_value", "python_value", "quoted"]


def __dir__() -> list[str]:
    return __all__


_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS = {"true": "true", "false": "false", "null": "null"}
_PYTHON_WORDS = _WORDS | {"True": "true", "False": "false", "None": "null"}
_ESCAPES = {
    "n": "\n",
    "t": "\t",
    "r": "\r",
    "b": "\b",
    "f": "\f",
    "a": "\a",
    "v": "\v",
    "0": "\0",
    "\\": "\\",
    "'": "'",
    '"': '"',
    "\n": "",
}
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}


class _Item(Protocol):
    def __call__(self, source: Source, emit: Emit, depth: int = 0, /) -> Parsing[None]: ...


def quoted(text: str) -> str:
    """Text as it stands within a string of JSON."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(text)[1:-1]
    return json.dumps(text, ensure_ascii=False)[1:-1]


def json_value(source: Source, emit: Emit, depth: int = 0) -> Parsing[None]:
    """Take a value in JSON."""
    character = yield from source.peek()
    if character == "{":
        yield from _between(source, emit, "}", depth, _json_member)
    elif character == "[":
        yield from _between(source, emit, "]", depth, json_value)
    elif character == '"':
        yield from json_string(source, emit)
    else:
        yield from _scalar(source, emit, _WORDS)


def _json_member(source: Source, emit: Emit, depth: int = 0) -> Parsing[None]:
    yield from json_string(source, emit)
    yield from source.spaces(emit)
    yield from source.expect(":")
    emit(":")
    yield from source.spaces(emit)
    yield from json_value(source, emit, depth)


def _between(
    source: Source,
    emit: Emit,
    close: str,
    depth: int,
    item: _Item,
    trailing_comma: bool = False,
) -> Parsing[None]:
    """Take items with commas between them, in brackets."""
    if depth >= MAX_DEPTH:
        raise Malformed
    yield from source.take()
    emit("{" if close == "}" else "[")
    character = yield from source.spaces(emit)
    while character != close:
        yield from item(source, emit, depth + 1)
        character = yield from source.spaces(emit)
        if character == close:
            break
        yield from source.expect(",")
        character = yield from source.spaces()
        if character == close and not trailing_comma:
            raise Malformed
        if character != close:
            emit(", ")
    yield from source.take()
    emit("}" if close == "}" else "]")


def json_string(source: Source, emit: Emit) -> Parsing[None]:
    """Take a string in JSON. Characters that JSON wants escaped, as models forget to, become so."""
    yield from source.expect('"')
    emit('"')
    while True:
        character = yield from source.need()
        if character == "\\":
            character = yield from source.need()
            if character == "u":
                emit("\\u" + (yield from _hex(source, 4)))
            elif character in '"\\/bfnrt':
                emit("\\" + character)
            else:
                raise Malformed
        elif character == '"':
            emit('"')
            return
        else:
            emit(quoted(character))


def _hex(source: Source, count: int) -> Parsing[str]:
    digits = ""
    for _ in range(count):
        character = yield from source.need()
        if character not in "0123456789abcdefABCDEF":
            raise Malformed
        digits += character
    return digits


def _scalar(source: Source, emit: Emit, words: dict[str, str]) -> Parsing[None]:
    text = yield from source.word("+-._")
    if text in words:
        emit(words[text])
    elif _NUMBER.fullmatch(text):
        emit(text)
    else:
        raise Malformed


def python_value(source: Source, emit: Emit, depth: int = 0) -> Parsing[None]:
    """Take a literal of Python, or of JSON."""
    character = yield from source.peek()
    if character == "{":
        yield from _between(source, emit, "}", depth, _python_member, trailing_comma=True)
    elif character in ("[", "("):
        close = "]" if character == "[" else ")"
        yield from _between(source, emit, close, depth, python_value, trailing_comma=True)
    elif character in ("'", '"'):
        yield from _python_string(source, emit)
    else:
        yield from _python_scalar(source, emit)


def _python_member(source: Source, emit: Emit, depth: int = 0) -> Parsing[None]:
    if (yield from source.peek()) not in ("'", '"'):
        raise Malformed
    yield from _python_string(source, emit)
    yield from source.spaces()
    yield from source.expect(":")
    emit(": ")
    yield from source.spaces()
    yield from python_value(source, emit, depth)


def _python_string(source: Source, emit: Emit) -> Parsing[None]:
    quote = yield from source.need()
    emit('"')
    while True:
        character = yield from source.need()
        if character == quote:
            emit('"')
            return
        if character != "\\":
            emit(quoted(character))
            continue
        character = yield from source.need()
        if character in _HEX_DIGITS:
            code = int((yield from _hex(source, _HEX_DIGITS[character])), 16)
            if code > 0x10FFFF:
                raise Malformed
            emit(quoted(chr(code)))
        else:
            # Python leaves the backslash where it means nothing.
            emit(quoted(_ESCAPES.get(character, "\\" + character)))


def _python_scalar(source: Source, emit: Emit) -> Parsing[None]:
    text = yield from source.word("+-._")
    if text in _PYTHON_WORDS:
        emit(_PYTHON_WORDS[text])
        return
    try:
        value: int | float = int(text, 0)
    except ValueError:
        try:
            value = float(text)
        except ValueError:
            raise Malformed from None
    try:
        emit(json.dumps(value, allow_nan=False))
    except ValueError:
        raise Malformed from None


def marked_value(mark: str) -> _Item:
    """A parser of values whose strings stand between two marks, and whose keys stand bare."""

    def value(source: Source, emit: Emit, depth: int = 0) -> Parsing[None]:
        character = yield from source.peek()
        if character == "{":
            yield from _between(source, emit, "}", depth, member)
        elif character == "[":
            yield from _between(source, emit, "]", depth, value)
        elif character == mark[0]:
            yield from source.expect(mark)
            text, _ = yield from source.until([mark], limit=None)
            emit(f'"{quoted(text)}"')
        else:
            yield from _scalar(source, emit, _WORDS)

    def member(source: Source, emit: Emit, depth: int = 0) -> Parsing[None]:
        if (yield from source.peek()) == mark[0]:
            yield from source.expect(mark)
            key, _ = yield from source.until([mark])
            yield from source.expect(":")
        else:
            key, _ = yield from source.until([":"])
        if not key:
            raise Malformed
        emit(f'"{quoted(key)}": ')
        yield from source.spaces()
        yield from value(source, emit, depth)

    return value
