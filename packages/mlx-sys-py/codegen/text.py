"""How derived text is laid out and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


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


def write_if_changed(path: Path, text: str) -> None:
    """Write a file unless it has that text: then its time stays, and nothing is rebuilt."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
