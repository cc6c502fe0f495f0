"""The standard streams, which may be closed."""

from __future__ import annotations

import sys

__all__ = ["print_error", "read_stdin"]


def __dir__() -> list[str]:
    return __all__


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
        raise ValueError("the prompt on stdin is not UTF-8 text") from None


def print_error(text: str) -> None:
    """Print a line to stderr, or nowhere if it is closed.

    Args:
        text: The line.
    """
    # Without a stderr, print would turn to stdout.
    if sys.stderr is not None:
        print(text, file=sys.stderr)
