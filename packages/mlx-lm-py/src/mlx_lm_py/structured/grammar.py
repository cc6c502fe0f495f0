"""From what a program asks for to a grammar that is known to be good."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from .library import library

__all__ = ["make_grammar", "make_matcher"]


def __dir__() -> list[str]:
    return __all__


_TYPES = ("text", "json_object", "json_schema", "regex", "grammar")
# More white space than that between two tokens of JSON is a model that has lost its way.
_WHITE_SPACE = r"[ \n\t]{1,40}"
# Compiling takes time that grows faster than the text.
_MAX_CHARS = 131_072
# Terminals are put into each other, which takes a time that grows with the cube of their number.
_MAX_TERMINALS = 500
_TERMINAL = re.compile(r"^[ \t]*_?[A-Z][A-Z0-9_]*[ \t]*[.:]", re.MULTILINE)
# The library follows rules that name each other by recursion, and a stack that is full ends the
# process. The longest chain that so many characters can write needs less than a tenth of this;
# memory that is not touched is not used.
_STACK_BYTES = 512 * 2**20
# How many parts of a schema are looked at to find the one that is wrong.
_MAX_PARTS = 256

_stack_size = threading.Lock()


def make_grammar(response_format: Mapping[str, Any]) -> tuple[str, object] | None:
    """Read a response format.

    Args:
        response_format: As `make_constraint` says.

    Returns:
        The grammar and the schema it was made from, if any; ``None`` for plain text.

    Raises:
        TypeError: If the format, or a part of it, is of the wrong type.
        ValueError: If a part is missing or unknown.
    """
    if not isinstance(response_format, Mapping):
        raise TypeError(f"response_format must be a mapping, not {type(response_format).__name__}")
    kind = response_format.get("type")
    matcher = library().LLMatcher
    match kind:
        case "text":
            return None
        case "json_object":
            return _of_schema({"type": "object"})
        case "json_schema":
            inner = response_format.get("json_schema", response_format)
            if not isinstance(inner, Mapping) or not isinstance(inner.get("schema"), Mapping):
                raise TypeError("response_format.json_schema must have a schema, a mapping")
            return _of_schema(inner["schema"])
        case "regex":
            return str(matcher.grammar_from_regex(_text(response_format, "pattern"))), None
        case "grammar":
            text = _text(response_format, "definition")
            syntax = response_format.get("syntax", "lark")
            if syntax not in ("lark", "gbnf"):
                raise ValueError(f"response_format.syntax must be 'lark' or 'gbnf', not {syntax!r}")
            if syntax == "gbnf":
                text = _lark_of_gbnf(text)
            count = len(_TERMINAL.findall(text))
            if count > _MAX_TERMINALS:
                raise ValueError(
                    f"response_format.definition has {count} terminals, more than {_MAX_TERMINALS}"
                )
            return str(matcher.grammar_from_lark(text)), None
    raise ValueError(f"response_format.type must be one of {', '.join(_TYPES)}, not {kind!r}")


def _text(response_format: Mapping[str, Any], name: str) -> str:
    text = response_format.get(name)
    if not isinstance(text, str):
        raise TypeError(f"response_format.{name} must be a string, not {type(text).__name__}")
    return text


def _lark_of_gbnf(text: str) -> str:
    try:
        return str(library("llguidance.gbnf_to_lark").gbnf_to_lark(text))
    # The converter raises plain exceptions, and others where a text ends too early.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"response_format.definition is no GBNF grammar: {reason}") from None


def _of_schema(schema: Mapping[str, Any]) -> tuple[str, object]:
    try:
        text = json.dumps(schema, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"response_format: the schema is no JSON: {error}") from None
    _check_numbers(schema)
    return _compiled(text), schema


def _check_numbers(schema: object) -> None:
    """Refuse whole numbers that the library, which computes in float64, would change."""
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Mapping):
            waiting += part.values()
        elif isinstance(part, (list, tuple)):
            waiting += part
        elif isinstance(part, int) and not -(2**53) <= part <= 2**53:
            raise ValueError(f"response_format: the schema has {part}, which is beyond 2**53")


def _compiled(schema: str) -> str:
    # A schema of strangers may hold options of the library itself: these go before them.
    options = {"whitespace_flexible": True, "whitespace_pattern": _WHITE_SPACE}
    try:
        return str(library().LLMatcher.grammar_from_json_schema(schema, overrides=options))
    except ValueError as error:
        raise ValueError(f"response_format: {_reason(str(error))}") from None


def make_matcher(vocabulary: Any, grammar: str, schema: object = None) -> Any:
    """Compile a grammar.

    Args:
        vocabulary: What `vocabulary` returns.
        grammar: The grammar.
        schema: The schema that it was made from, to tell which part is wrong.

    Returns:
        An ``LLMatcher`` at the beginning.

    Raises:
        ValueError: If the grammar is wrong, too large, or has a keyword that is not supported.
    """
    if len(grammar) > _MAX_CHARS:
        raise ValueError(
            f"response_format: the grammar has {len(grammar)} characters, more than {_MAX_CHARS}"
        )
    matcher, message = _matcher(vocabulary, grammar)
    if not message:
        return matcher
    where = "response_format"
    for path, part in _parts(schema, where):
        try:
            wrong = _matcher(vocabulary, _compiled(json.dumps(part)))[1]
        except ValueError:
            continue
        # The deepest part with this mistake comes last.
        if wrong == message:
            where = path
    raise ValueError(f"{where}: {_reason(message)}")


def _matcher(vocabulary: Any, grammar: str) -> tuple[Any, str]:
    made: list[tuple[Any, str]] = []
    with _stack_size:
        before = threading.stack_size(_STACK_BYTES)
        try:
            thread = threading.Thread(target=lambda: made.append(_compile(vocabulary, grammar)))
            thread.start()
        finally:
            threading.stack_size(before)
    thread.join()
    return made[0]


def _compile(vocabulary: Any, grammar: str) -> tuple[Any, str]:
    llguidance = library()
    limits = llguidance.LLParserLimits(verbose_errors=False)
    matcher = llguidance.LLMatcher(vocabulary, grammar, log_level=0, limits=limits)
    return matcher, matcher.get_error() if matcher.is_error() else ""


def _parts(schema: object, path: str) -> Iterator[tuple[str, object]]:
    """All mappings within a schema, each after those that hold it."""
    waiting = [(path, schema)]
    for count, (place, part) in enumerate(waiting):
        if count >= _MAX_PARTS:
            return
        if isinstance(part, Mapping):
            yield place, part
            waiting += [(f"{place}.{key}", value) for key, value in part.items()]
        elif isinstance(part, list):
            waiting += [(f"{place}[{i}]", value) for i, value in enumerate(part)]


def _reason(message: str) -> str:
    """What the library says, without a dump of its state."""
    return message.partition("\n<state>")[0].strip()
