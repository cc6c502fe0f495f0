"""The command line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import cast

from .commands.common.parser import (
    PROGRAM,
    USAGE_ERROR,
    Command,
    Parser,
    UsageError,
    command_parser,
    nearest,
)
from .commands.common.streams import print_error

__all__ = [
    "BROKEN_PIPE",
    "COMMANDS",
    "INTERRUPTED",
    "RUNTIME_ERROR",
    "USAGE_ERROR",
    "main",
    "make_parser",
]


def __dir__() -> list[str]:
    return __all__


COMMANDS = {
    "generate": "answer a prompt",
    "chat": "talk with a model",
    "cache-prompt": "read a prompt once, for many answers",
    "bench": "measure how fast a model reads and writes",
    "perplexity": "measure how well a model foretells a text",
    "convert": "convert or quantize a model",
    "quantize": "quantize a model, and measure what that costs",
    "embed": "turn texts into vectors",
    "show": "say what a model is, and how much memory it needs",
    "ls": "list the models on this disk",
    "pull": "download a model",
    "rm": "remove a model from this disk",
}

RUNTIME_ERROR = 1
# What a shell reports for a program that SIGINT or SIGPIPE ended.
INTERRUPTED = 130
BROKEN_PIPE = 141


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        # Read on demand, which takes longer than all the rest of the help.
        import importlib.metadata

        print(parser.prog, importlib.metadata.version(PROGRAM))
        parser.exit()


class _Completion(argparse.Action):
    def __call__(
        self, parser: argparse.ArgumentParser, namespace: object, values: object, *_: object
    ) -> None:
        from .commands.common.completion import completion

        print(completion(str(values), COMMANDS, _all_parsers()), end="")
        parser.exit()


class _Man(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from .commands.common.man import man_page

        print(man_page(_top_parser(), _all_parsers()), end="")
        parser.exit()


def make_parser(name: str) -> Parser:
    """Create the parser of a command.

    Args:
        name: One of ``COMMANDS``.

    Returns:
        The parser; what it has read has the function ``run``, which does the work.
    """
    module = importlib.import_module(f".commands.{name.replace('-', '_')}", __package__)
    return command_parser(name, cast(Command, module))


def _all_parsers() -> dict[str, Parser]:
    return {name: make_parser(name) for name in COMMANDS}


def _top_parser() -> Parser:
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {what}" for name, what in COMMANDS.items())
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} COMMAND [options]",
        description="Run language models.",
        epilog=f"commands:\n{listed}\n\n"
        f"'{PROGRAM} COMMAND --help' shows the options of a command and examples.",
    )
    add = parser.add_argument
    add("-V", "--version", action=_Version, nargs=0, help="show the version and exit")
    add(
        "--completion",
        action=_Completion,
        choices=["bash", "zsh", "fish"],
        help="print what makes a shell complete commands and options, and exit",
    )
    add("--man", action=_Man, nargs=0, help="print the manual page and exit")
    return parser


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    if arguments and arguments[0] == "help":
        arguments = [*arguments[1:2], "--help"]
    if not arguments or arguments[0].startswith("-"):
        parser = _top_parser()
        parser.parse_args(arguments)
        parser.error("a COMMAND is needed: " + ", ".join(COMMANDS))
    name, *rest = arguments
    if name not in COMMANDS:
        _top_parser().error(f"unknown command '{name}'{nearest(name, list(COMMANDS))}")
    return make_parser(name).parse_args(rest)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The arguments. Default: ``None``, those of the process.

    Returns:
        The exit status: 0, or 1 after an error (a usage error exits with 2), or what a shell
        reports for a program that was interrupted.
    """
    try:
        try:
            _run(sys.argv[1:] if arguments is None else arguments)
        finally:
            # Also what an exit leaves, such as the help.
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        print_error("")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return BROKEN_PIPE
    except (ArithmeticError, MemoryError, OSError, RuntimeError, TypeError, ValueError) as error:
        print_error(f"{PROGRAM}: error: {_message(error)}")
        _drop_output()
        return RUNTIME_ERROR
    return 0


def _run(arguments: Sequence[str]) -> None:
    options = _parse(arguments)
    # A terminal that cannot show a character should not end the answer.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    try:
        options.run(options)
    except UsageError as error:
        options.parser.error(str(error))


def _message(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        # Without the number, which Python puts in front.
        name = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        text = name + error.strerror[:1].lower() + error.strerror[1:]
    return " ".join(text.split()) or type(error).__name__


def _drop_output() -> None:
    """Keep Python from trying again at its end to write what could not be written."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
