"""What the schemas of tools say about the arguments that a model writes as plain text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from .search import WordSearch
from .source import Emit, Parsing, Source
from .values import quoted

__all__ = ["Tools", "text_value"]


def __dir__() -> list[str]:
    return __all__


_STRING = frozenset({"string"})
_TYPES: dict[type, frozenset[str]] = {
    str: _STRING,
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "number"}),
    float: frozenset({"number"}),
    list: frozenset({"array"}),
    dict: frozenset({"object"}),
    type(None): frozenset({"null"}),
}
# What schemas may nest alternatives before they are taken for unknown.
_MAX_ALTERNATIVES = 8


class Tools:
    """Names and parameters of tools.

    Args:
        tools: Schemas of functions, in OpenAI's form or only what it has under ``function``.

    Raises:
        TypeError: If a tool is no mapping.
        ValueError: If a tool has no name.

    Example:
        >>> parameters = {"properties": {"n": {"type": "integer"}}}
        >>> Tools([{"name": "f", "parameters": parameters}]).types("f", "n")
        frozenset({'integer'})
    """

    def __init__(self, tools: Iterable[Mapping[str, Any]] = ()) -> None:
        self.parameters: dict[str, Any] = {}
        for i, tool in enumerate(tools):
            if not isinstance(tool, Mapping):
                raise TypeError(f"tools[{i}] must be a mapping, not {type(tool).__name__}")
            function = tool.get("function", tool)
            name = function.get("name") if isinstance(function, Mapping) else None
            if not isinstance(name, str) or not name:
                raise ValueError(f"tools[{i}] has no name")
            self.parameters[name] = function.get("parameters")

    def types(self, name: str, argument: str) -> frozenset[str] | None:
        """Types that an argument may have; ``None`` if nothing says."""
        parameters = self.parameters.get(name)
        properties = parameters.get("properties") if isinstance(parameters, Mapping) else None
        schema = properties.get(argument) if isinstance(properties, Mapping) else None
        return _types(schema)


def _types(schema: object, depth: int = 0) -> frozenset[str] | None:
    if not isinstance(schema, Mapping) or depth > _MAX_ALTERNATIVES:
        return None
    named = schema.get("type")
    if isinstance(named, str):
        return frozenset({named})
    if isinstance(named, list) and all(isinstance(name, str) for name in named):
        return frozenset(named)
    values = schema.get("enum", [schema["const"]] if "const" in schema else None)
    if isinstance(values, list):
        return frozenset().union(*(_TYPES.get(type(value), _STRING) for value in values))
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list):
            found = [_types(alternative, depth + 1) for alternative in schema[key]]
            known = [types for types in found if types is not None]
            return frozenset().union(*known) if len(known) == len(found) else None
    return None


def text_value(
    source: Source, emit: Emit, close: str, types: frozenset[str] | None, lines: bool = False
) -> Parsing[None]:
    """Take an argument that is written as text up to a tag, and give it as JSON.

    Args:
        source: Where it comes from.
        emit: Takes the JSON. Strings come piece by piece.
        close: The tag.
        types: Types that the argument may have. What is JSON of one of them is that, else it is a
            string; what is any JSON at all, if ``None``.
        lines: The text is on lines of its own, between the tags.
    """
    if lines and (yield from source.peek()) == "\n":
        yield from source.take()
    if types == _STRING:
        emit('"')
        yield from _string(source, emit, close, lines)
        emit('"')
        return
    text, _ = yield from source.until([close], limit=None)
    if lines:
        text = text.removesuffix("\n")
    emit(_typed(text, types))


def _string(source: Source, emit: Emit, close: str, lines: bool) -> Parsing[None]:
    # Both ends are looked for: the line break before the tag belongs to the tag.
    ends = [close, "\n" + close] if lines else [close]
    search = WordSearch(ends)
    pending = ""
    while True:
        character = yield from source.need()
        pending += character
        word = search.step(character)
        certain = len(pending) - (search.held if word is None else len(word))
        if certain:
            emit(quoted(pending[:certain]))
            pending = pending[certain:]
        if word is not None:
            return


def _typed(text: str, types: frozenset[str] | None) -> str:
    words = {"True": "true", "False": "false", "None": "null"}
    stripped = text.strip()
    try:
        value = json.loads(words.get(stripped, stripped), parse_constant=_refuse)
        if types is None or types & _TYPES[type(value)] or _is_whole(value, types):
            return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        pass
    return f'"{quoted(text)}"'


def _is_whole(value: object, types: frozenset[str]) -> bool:
    return isinstance(value, float) and value.is_integer() and "integer" in types


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
