"""How a program fails, and which exceptions are no failures."""

from __future__ import annotations

import re
from typing import NoReturn

from .execution import program_text
from .programs import Program

# An error that says that an operation has no rule for a transform is an answer.
NO_RULE = re.compile("not (yet )?implemented", re.IGNORECASE)


class Wrong(AssertionError):
    """A result that is not what it must be, and the program that shows it."""

    def __init__(self, what: str, text: str, cause: str, ways: str) -> None:
        super().__init__(f"{what}\n\n{text}")
        self.what = what
        self.text = text
        # Failures of one cause are told once. The ways are the transforms.
        self.cause = cause
        self.ways = ways


def fail(program: Program, what: str, cause: str, last: bool = False) -> NoReturn:
    """Raise what is wrong; `last` says that the program returns its last result only."""
    ways = f"{program.mode}{' vmap' * len(program.levels)} {program.derivative}".strip()
    raise Wrong(what, program_text(program, last), cause, ways)


def refused(program: Program, error: Exception) -> bool:
    """Whether an error says that an operation has no rule for a transform, or for any shape."""
    unknown_shapes = program.mode == "shapeless" and "cannot infer output shapes" in str(error)
    transformed = program.derivative or program.levels
    no_rule = bool(transformed) and NO_RULE.search(str(error)) is not None
    return unknown_shapes or no_rule


def cause_of(error: Exception) -> str:
    """The cause that an exception is told under: its message, whatever the numbers in it."""
    message = re.sub(r"-?\d+(,\s*-?\d+)*", "#", str(error)).partition("\n")[0]
    return f"{type(error).__name__}: {message[:70]}"
