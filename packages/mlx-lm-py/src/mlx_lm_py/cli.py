"""The command line."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from .commands import generate
from .commands.streams import print_error

__all__ = ["BROKEN_PIPE", "COMMANDS", "INTERRUPTED", "RUNTIME_ERROR", "USAGE_ERROR", "main"]


def __dir__() -> list[str]:
    return __all__


COMMANDS = {"generate": generate}

USAGE_ERROR = 2
RUNTIME_ERROR = 1
# What a shell reports for a program that SIGINT or SIGPIPE ended.
INTERRUPTED = 130
BROKEN_PIPE = 141


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"mlx-lm-py: error: {message} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        # Read on demand: argparse's own action wants it before it is asked for.
        print(parser.prog, importlib.metadata.version("mlx-lm-py"))
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mlx-lm-py", description="Run language models.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(
            name, help=command.SUMMARY, description=command.DESCRIPTION, allow_abbrev=False
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The arguments. Default: ``None``, those of the process.

    Returns:
        The exit status: 0, or 1 after an error (a usage error exits with 2), or what a shell
        reports for a program that was interrupted.
    """
    try:
        options = _parser().parse_args(arguments)
        # A terminal that cannot show a character should not end the answer.
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")
        options.run(options)
    except KeyboardInterrupt:
        print_error("")
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads on; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (MemoryError, OSError, RuntimeError, TypeError, ValueError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        print_error(f"mlx-lm-py: error: {message}")
        return RUNTIME_ERROR
    return 0
