"""Parsers of the command line: messages that help, and help with examples."""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

from .streams import print_error

__all__ = [
    "PROGRAM",
    "USAGE_ERROR",
    "Command",
    "Parser",
    "UsageError",
    "command_parser",
    "nearest",
]


def __dir__() -> list[str]:
    return __all__


PROGRAM = "mlx-lm-py"
USAGE_ERROR = 2


class UsageError(Exception):
    """A mistake in the command line that only the command notices."""


class Command(Protocol):
    """What a module of a command offers.

    Attributes:
        DESCRIPTION: What the command does.
        EXAMPLES: Lines for a shell, and what each of them does.
    """

    DESCRIPTION: str
    EXAMPLES: Sequence[tuple[str, str]]

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare its arguments."""

    def run(self, options: argparse.Namespace) -> None:
        """Do its work."""


def nearest(name: str, known: Sequence[str]) -> str:
    """Say what somebody may have meant.

    Args:
        name: What was written.
        known: What could have been.

    Returns:
        Words for the end of a message; none if nothing is near.

    Example:
        >>> nearest("chta", ["generate", "chat"])
        "; did you mean 'chat'?"
    """
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean '{near[0]}'?" if near else ""


class _Formatter(argparse.HelpFormatter):
    """Fills the lines of descriptions, and leaves those of examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line that names the help to read."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", _Formatter)
        super().__init__(allow_abbrev=False, **options)

    def print_help(self, file: Any = None) -> None:
        """Print the help.

        Args:
            file: Where. Default: ``None``, standard output.

        Raises:
            OSError: If it cannot be written, of which argparse says nothing.
        """
        (file or sys.stdout).write(self.format_help())

    def error(self, message: str) -> NoReturn:
        """Print the error and exit.

        Args:
            message: What is wrong.
        """
        # Some versions of Python begin with a capital.
        message = re.sub(r"^unrecognized arguments: (.*)", self._unknown, message)
        print_error(f"{PROGRAM}: error: {message} (see {self.prog} --help)")
        sys.exit(USAGE_ERROR)

    def _unknown(self, match: re.Match[str]) -> str:
        name = match[1].split(" ")[0].partition("=")[0]
        known = [option for action in self._actions for option in action.option_strings]
        if not name.startswith("-"):
            # Others take it so.
            hint = "; a prompt goes after --prompt" if "--prompt" in known else ""
            return f"unexpected argument '{name}'{hint}"
        # An option whose beginning was written is nearer than one that is spelled alike.
        begun = [option for option in known if name.startswith("--") and option.startswith(name)]
        hint = f"; did you mean '{begun[0]}'?" if begun else nearest(name, known)
        return f"unknown option '{name}'{hint}"


def command_parser(name: str, command: Command) -> Parser:
    """Create the parser of a command.

    Args:
        name: Its name.
        command: Its module.

    Returns:
        The parser.
    """
    lines = [f"  {line}\n      {meaning}" for line, meaning in command.EXAMPLES]
    parser = Parser(
        prog=f"{PROGRAM} {name}",
        description=command.DESCRIPTION,
        epilog="examples:\n" + "\n".join(lines),
    )
    command.add_arguments(parser)
    # A list of all options in front of the list of all options tells nobody anything.
    parser.usage = f"{parser.prog} [options]" + "".join(
        f" {_positional(action)}" for action in parser._actions if not action.option_strings
    )
    parser.set_defaults(run=command.run, parser=parser)
    return parser


def _positional(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest)
    return {"?": f"[{name}]", "*": f"[{name} ...]"}.get(str(action.nargs), name)
