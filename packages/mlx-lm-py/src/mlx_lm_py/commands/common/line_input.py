"""Lines that somebody types, with a history, or that come from a pipe."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from .streams import is_terminal

__all__ = ["history_path", "make_reader", "read_message"]


def __dir__() -> list[str]:
    return __all__


Reader = Callable[[str], str]
"""From a prompt to the line that follows it. ``EOFError`` at the end."""

_FENCE = '"""'


def history_path() -> Path:
    """Find the file in which lines are kept.

    Returns:
        The file, in the folder of the XDG base directory specification for what a program keeps.
    """
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "mlx-lm-py" / "history"


def make_reader(words: Sequence[str], history: Path | None) -> Reader:
    """Choose how lines are read.

    Args:
        words: What can be completed at the beginning of a line.
        history: Where lines are kept; ``None`` to keep none.

    Returns:
        On a terminal, one with editing and history: prompt_toolkit's if that is installed, else
        readline's. Otherwise what reads lines of stdin and prompts for nothing.
    """
    if not is_terminal(sys.stdin) or not is_terminal(sys.stdout):
        return _read_pipe
    if history is not None:
        try:
            history.parent.mkdir(parents=True, exist_ok=True)
            # What people say to a model is nobody else's business.
            history.touch(mode=0o600)
        except OSError:
            history = None
    if os.environ.get("TERM") != "dumb":
        try:
            return _prompt_toolkit_reader(words, history)
        except ImportError:
            pass
    return _readline_reader(words, history)


def _read_pipe(_: str) -> str:
    try:
        line = sys.stdin.readline() if sys.stdin is not None else ""
    except UnicodeDecodeError:
        raise ValueError("what comes from stdin is not UTF-8 text") from None
    if not line:
        raise EOFError
    return line.removesuffix("\n")


def _prompt_toolkit_reader(words: Sequence[str], history: Path | None) -> Reader:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter
    from prompt_toolkit.history import FileHistory, InMemoryHistory
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    bindings = KeyBindings()

    @bindings.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    session: PromptSession[str] = PromptSession(
        history=FileHistory(str(history)) if history is not None else InMemoryHistory(),
        completer=WordCompleter(list(words), sentence=True),
        complete_while_typing=False,
        key_bindings=bindings,
        prompt_continuation="... ",
    )
    return session.prompt


def _readline_reader(words: Sequence[str], history: Path | None) -> Reader:
    try:
        import readline
    except ImportError:
        return input
    import atexit

    if history is not None:
        # Its format is not that of prompt_toolkit.
        path = history.with_name("readline-history")
        with contextlib.suppress(OSError):
            path.touch(mode=0o600)
            readline.read_history_file(path)
        readline.set_history_length(1000)
        atexit.register(_write_history, path)

    def complete(text: str, state: int) -> str | None:
        found = [word for word in words if word.startswith(text)]
        return found[state] if state < len(found) else None

    readline.set_completer_delims(" ")
    readline.set_completer(complete)
    readline.parse_and_bind("tab: complete")
    return input


def _write_history(path: Path) -> None:
    import readline

    # The history of a conversation is not worth an error at its end.
    with contextlib.suppress(OSError):
        readline.write_history_file(path)


def read_message(read: Reader, prompt: str) -> str:
    r'''Read a message of one line, or of several between lines that begin and end with ``"""``.

    Args:
        read: Reads a line.
        prompt: What stands before it.

    Returns:
        The message.

    Raises:
        EOFError: If there are no more.

    Example:
        >>> lines = iter(['"""one', 'two"""'])
        >>> read_message(lambda prompt: next(lines), "> ")
        'one\ntwo'
    '''
    line = read(prompt)
    stripped = line.strip()
    if not stripped.startswith(_FENCE):
        return stripped
    text = stripped[len(_FENCE) :]
    while not text.rstrip().endswith(_FENCE):
        try:
            text += "\n" + read("... ")
        except EOFError:
            return text.strip("\n")
    return text.rstrip()[: -len(_FENCE)].strip("\n")
