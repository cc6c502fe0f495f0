"""The standard streams, which may be closed, a pipe or a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO, TypeVar

__all__ = ["is_terminal", "print_error", "progress", "read_stdin", "read_text", "styled", "wrapped"]


def __dir__() -> list[str]:
    return __all__


_T = TypeVar("_T")


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether somebody sits at the other end of a stream.

    Args:
        stream: `sys.stdin`, `sys.stdout` or `sys.stderr`.

    Returns:
        Whether it is a terminal; ``False`` if it is closed.
    """
    return stream is not None and not stream.closed and stream.isatty()


def read_stdin() -> str:
    """Read all of stdin.

    Returns:
        The text; empty if stdin is closed.

    Raises:
        ValueError: If it is not UTF-8.
    """
    # Python has no stdin at all when it is closed.
    data = sys.stdin.buffer.read() if sys.stdin is not None else b""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("what comes from stdin is not UTF-8 text") from None


def read_text(name: str) -> str:
    """Read a text.

    Args:
        name: The file; ``"-"`` for stdin.

    Returns:
        The text.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not UTF-8.
    """
    if name == "-":
        return read_stdin()
    path = Path(name).expanduser()
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None


def print_error(text: str) -> None:
    """Print a line to stderr, or nowhere if it is closed.

    Args:
        text: The line.
    """
    # Without a stderr, print would turn to stdout.
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def styled(text: str, code: str, stream: TextIO | None) -> str:
    """Colour a text for a terminal that wants colours.

    Args:
        text: The text.
        code: What the terminal is told, such as ``"1"`` for bold or ``"2"`` for dim.
        stream: Where it goes.

    Returns:
        The text; as it is if that is no terminal, or ``NO_COLOR`` is set (https://no-color.org).
    """
    if not is_terminal(stream) or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\033[{code}m{text}\033[0m"


def wrapped(line: str) -> str:
    """Break a line between words where the terminal would within them.

    Args:
        line: The line. What is in columns, two blanks apart, goes on under its last column.

    Returns:
        One or more lines.

    Example:
        >>> wrapped("short")
        'short'
    """
    import shutil
    import textwrap

    width = max(shutil.get_terminal_size().columns - 1, 20)
    if len(line) <= width:
        return line
    column = line.rfind("  ") + 2 if "  " in line else 0
    # There must be room beside it.
    indent = " " * (column if column <= width // 2 else 4 if column else 0)
    return textwrap.fill(line, width, subsequent_indent=indent, break_on_hyphens=False)


def progress(items: Iterable[_T], what: str, quiet: bool = False) -> Iterable[_T]:
    """Show on a terminal how far a loop has come, if it takes longer than a second.

    Args:
        items: What is gone through.
        what: What is done meanwhile.
        quiet: Show nothing. Default: ``False``.

    Returns:
        The items.
    """
    if quiet or not is_terminal(sys.stderr):
        return items
    try:
        from tqdm import tqdm
    except ImportError:
        return items
    bar: Iterable[_T] = tqdm(items, desc=what, delay=1, leave=False, dynamic_ncols=True)
    return bar
