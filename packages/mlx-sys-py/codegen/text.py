"""How derived text is laid out."""

from __future__ import annotations

from collections.abc import Sequence


def call(function: str, arguments: Sequence[str], width: int = 90) -> str:
    """A call or declaration in one line, or with a line per argument if that is too long."""
    line = f"{function}({', '.join(arguments)})"
    if len(line) <= width:
        return line
    return f"{function}(\n    " + ",\n    ".join(arguments) + ")"


def docstring(doc: str) -> str:
    """The literal of a docstring."""
    prefix = "r" if "\\" in doc else ""
    end = "\n" if "\n" in doc else ""
    return f'{prefix}"""{doc}{end}"""'
