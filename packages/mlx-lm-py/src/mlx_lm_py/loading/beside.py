"""Two things done at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["beside"]


def __dir__() -> list[str]:
    return __all__


_T = TypeVar("_T")


@contextmanager
def beside(function: Callable[[], _T]) -> Iterator[Callable[[], _T]]:
    """Call a function in a thread while something else is done.

    Weights are read and computed by threads that Python does not wait for; a tokenizer, which
    takes as long, is built meanwhile.

    Args:
        function: The function.

    Yields:
        A function that waits for it, and returns what it returned or raises what it raised.

    Raises:
        Exception: What the function raised, rather than what was raised meanwhile.

    Example:
        >>> with beside(lambda: 6 * 7) as answer:
        ...     pass
        >>> answer()
        42
    """
    results: list[_T] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(function())
        except BaseException as error:
            errors.append(error)

    def wait() -> _T:
        thread.join()
        if errors:
            raise errors[0]
        return results[0]

    # It ends with the program if that is interrupted.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield wait
    except Exception:
        thread.join()
        if errors:
            raise errors[0] from None
        raise
