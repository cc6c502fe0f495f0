"""What a run of the benchmark has found, as a file of JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NotRequired, TypedDict

WIDTH = 100


class Results(TypedDict):
    """What a run has found.

    Attributes:
        commit: The commit that was measured; ``None`` where it is not known.
        note: What a reader has to know besides.
        quick: Whether it was a trial of one short turn.
        machine: What it was measured on, as `machine.machine` has it.
        versions: The versions of Python and of all sides; ``None`` for what was not installed.
        sections: What each section has found, by the name of its module.
    """

    commit: str | None
    note: NotRequired[str]
    quick: bool
    machine: dict[str, Any]
    versions: dict[str, str | None]
    sections: dict[str, Any]


def save(path: Path, results: Results) -> None:
    """Write a file of JSON, with a line for each row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(layout(results) + "\n", encoding="utf-8")


def load(path: Path) -> Results:
    """Read a file that `save` has written."""
    results: Results = json.loads(path.read_text(encoding="utf-8"))
    return results


def layout(value: Any, indent: str = "") -> str:
    """A value as JSON, in one line where that is not too long; so is each row of a list."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + len(line) < WIDTH or not isinstance(value, dict | list):
        return line
    inner = f"{indent}  "
    if isinstance(value, dict):
        parts = [f"{json.dumps(key)}: {layout(part, inner)}" for key, part in value.items()]
    else:
        parts = [json.dumps(part, ensure_ascii=False) for part in value]
    first, last = "{}" if isinstance(value, dict) else "[]"
    separator = f",\n{inner}"
    return f"{first}\n{inner}{separator.join(parts)}\n{indent}{last}"
