"""Reads the function declarations of a C++ header, as far as MLX's public headers need it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_TOKEN = re.compile(r"""[A-Za-z_]\w*|::|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\d[\w.]*|\S""")

_CLOSING = {"(": ")", "{": "}", "[": "]"}
_NO_FUNCTION = {"class", "enum", "extern", "friend", "struct", "typedef", "union", "using"}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a C++ function; the type of `const std::vector<int>& x` is `vector<int>`."""

    type: str
    has_default: bool


@dataclass(frozen=True)
class Declaration:
    """A function at namespace scope.

    Attributes:
        name: with its namespaces, less `mlx::core::`.
        exported: whether it is marked MLX_API; otherwise it is inline, a template or hidden.
        inline: whether the header defines it.
    """

    name: str
    parameters: tuple[Parameter, ...]
    header: str
    exported: bool
    inline: bool

    def __str__(self) -> str:
        return f"{self.name}({', '.join(parameter.type for parameter in self.parameters)})"

    @property
    def signature(self) -> str:
        """The declaration without spaces, as the lists beside the table name it."""
        return str(self).replace(" ", "")


def tokens(text: str) -> list[str]:
    """The tokens of C++ source without comments and preprocessor lines."""
    return _TOKEN.findall(_DIRECTIVE.sub("", _COMMENT.sub(" ", text)))


def split(items: list[str]) -> list[list[str]]:
    """The parts between commas that are in no bracket."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in items:
        depth += (token in "([{<") - (token in ")]}>")
        if token == "," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def closing(items: list[str], start: int) -> int:
    """Where the bracket that opens at `start` closes."""
    close = _CLOSING[items[start]]
    depth = 0
    for i in range(start, len(items)):
        depth += (items[i] == items[start]) - (items[i] == close)
        if depth == 0:
            return i
    raise ValueError(f"no {close} for the {items[start]} of token {start}")


def declarations(path: Path, header: str) -> list[Declaration]:
    """The functions that a header declares or defines outside of classes."""
    found = []
    for namespace, statement, has_body in _statements(tokens(path.read_text())):
        if declaration := _declaration(namespace, statement, header, has_body):
            found.append(declaration)
    return found


def _statements(items: list[str]) -> Iterator[tuple[str, list[str], bool]]:
    """The statements at namespace scope, each with its namespace and whether it had a body."""
    spaces: list[str] = []
    statement: list[str] = []
    i = 0
    while i < len(items):
        token = items[i]
        if token == "namespace" and not statement:
            end = min(items.index("{", i), items.index(";", i))
            if items[end] == "{":
                spaces.append("".join(items[i + 1 : end]))
            i = end
        elif token == "}":
            spaces.pop()
        elif token == "(":
            end = closing(items, i)
            statement += items[i : end + 1]
            i = end
        elif token == "{" and statement[:1] == ["extern"]:
            spaces.append("")
            statement = []
        elif token == "{":
            i = closing(items, i)
            # A class or an initialiser ends with a semicolon, a function does not.
            if statement[-1:] == [")"] or "operator" in statement:
                yield "::".join(filter(None, spaces)), statement, True
                statement = []
        elif token == ";":
            yield "::".join(filter(None, spaces)), statement, False
            statement = []
        else:
            statement.append(token)
        i += 1


def _declaration(
    namespace: str, statement: list[str], header: str, has_body: bool
) -> Declaration | None:
    is_template = statement[:1] == ["template"]
    if is_template:
        statement = statement[_angle_end(statement, 1) + 1 :]
    if not (name := _name(statement)):
        return None
    start, end = name
    if statement[start - 1] in ("::", "~") or _NO_FUNCTION & set(statement[:start]):
        return None
    inner = statement[end + 1 : closing(statement, end)]
    return Declaration(
        f"{namespace}::{''.join(statement[start:end])}".removeprefix("mlx::core::"),
        tuple(_parameter(part) for part in split(inner)),
        header,
        "MLX_API" in statement and not is_template,
        has_body or is_template,
    )


def _name(statement: list[str]) -> tuple[int, int] | None:
    """Where a function's name starts and ends: before the first `(` that is in no `<>`."""
    if "operator" in statement:
        start = statement.index("operator")
        return start, statement.index("(", start + 2)
    i = 0
    while i < len(statement):
        if statement[i] == "<":
            i = _angle_end(statement, i)
        elif statement[i] == "(":
            return (i - 1, i) if i and statement[i - 1].isidentifier() else None
        elif statement[i] == "=":
            return None
        i += 1
    return None


def _angle_end(items: list[str], start: int) -> int:
    depth = 0
    for i in range(start, len(items)):
        depth += (items[i] == "<") - (items[i] == ">")
        if depth == 0:
            return i
    raise ValueError(f"no > for the < of token {start}")


def _parameter(part: list[str]) -> Parameter:
    has_default = "=" in part
    if has_default:
        part = part[: part.index("=")]
    words = [token for token in part if token not in ("const", "&")]
    named = len(words) > 1 and words[-1].isidentifier() and words[-2] != "::"
    if named:
        words.pop()
    text = "".join(words).replace("std::", "").replace("mlx::core::", "")
    return Parameter(text, has_default)
