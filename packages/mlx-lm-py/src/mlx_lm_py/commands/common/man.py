"""The manual page, made from the parsers.

The format: https://man7.org/linux/man-pages/man7/man-pages.7.html
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

from .parser import PROGRAM

__all__ = ["man_page"]


def __dir__() -> list[str]:
    return __all__


def man_page(top: argparse.ArgumentParser, parsers: Mapping[str, argparse.ArgumentParser]) -> str:
    """Write the manual page.

    Args:
        top: The parser of the program.
        parsers: The parser of each command.

    Returns:
        The page, for ``man -l``.
    """
    return "\n".join(_lines(top, parsers)) + "\n"


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-")
    # A line that begins so would be an order to the formatter.
    return f"\\&{text}" if text.startswith((".", "'")) else text


def _lines(
    top: argparse.ArgumentParser, parsers: Mapping[str, argparse.ArgumentParser]
) -> Iterator[str]:
    yield f'.TH {PROGRAM.upper()} 1 "" "{PROGRAM}" "User Commands"'
    yield ".SH NAME"
    yield f"{_escaped(PROGRAM)} \\- run language models"
    yield ".SH SYNOPSIS"
    yield f".B {_escaped(PROGRAM)}"
    yield ".I COMMAND"
    yield "[options]"
    yield ".SH OPTIONS"
    yield from _options(top)
    yield ".SH COMMANDS"
    for name, parser in parsers.items():
        yield f'.SS "{_escaped(name)}"'
        yield _escaped(" ".join((parser.description or "").split()))
        yield ".PP"
        yield _escaped((parser.usage or "").removeprefix("usage: "))
        yield from _options(parser)
        # What follows the options stands as it is.
        yield ".PP"
        yield ".nf"
        yield from map(_escaped, (parser.epilog or "").splitlines())
        yield ".fi"
    yield ".SH EXIT STATUS"
    for status, meaning in (
        (0, "success"),
        (1, "an error, which stderr names in a line"),
        (2, "a mistake in the command line"),
        (130, "ended by Ctrl\\-C"),
    ):
        yield f".TP\n.B {status}\n{meaning}"
    yield ".SH ENVIRONMENT"
    for variable, meaning in (
        ("HF_HOME", "the folder of what was downloaded"),
        ("HF_HUB_OFFLINE", "if 1, the hub is not asked"),
        ("HF_TOKEN", "for private repositories"),
        ("MLX_SYS_PY_CPU_ACTIVATIONS", "16 for exact products with quantized weights"),
        ("MLX_SYS_PY_NUM_THREADS", "threads, where \\-\\-threads is not given"),
        ("NO_COLOR", "if not empty, no colours"),
        ("COLUMNS", "the width of help"),
    ):
        yield f".TP\n.B {variable}\n{meaning}"


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    formatter = argparse.HelpFormatter(parser.prog)
    for action in parser._actions:
        if action.help == argparse.SUPPRESS:
            continue
        names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
        value = ""
        if action.option_strings and action.nargs != 0:
            value = " " + formatter._format_args(action, action.dest.upper())
        yield ".TP"
        yield f".B {_escaped(names + value)}"
        yield _escaped(" ".join(formatter._expand_help(action).split()) if action.help else "")
