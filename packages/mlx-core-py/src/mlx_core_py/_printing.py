"""How arrays are printed.

Source: https://ml-explore.github.io/mlx/build/html/python/ops.html
"""

from __future__ import annotations

from mlx_sys_py.utils import get_precision, set_precision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["PrintOptions", "get_printoptions", "printoptions", "set_printoptions"]


class PrintOptions:
    """What `get_printoptions` returns.

    Args:
        precision: The digits behind the point. Default: ``-1``, as many as it takes to print six
            in all.

    Example:
        >>> mx.PrintOptions(precision=3).precision
        3
    """

    __slots__ = ("precision",)

    def __init__(self, precision: int = -1) -> None:
        self.precision: int = precision

    def __repr__(self) -> str:
        return f"PrintOptions(precision={self.precision})"


def get_printoptions() -> PrintOptions:
    """Return how arrays are printed now; to change it does not change how they are.

    Example:
        >>> mx.get_printoptions()
        PrintOptions(precision=-1)
    """
    return PrintOptions(get_precision())


def set_printoptions(precision: int = -1) -> None:
    """Choose how arrays are printed, in all threads.

    Args:
        precision: The digits behind the point, up to 1000. Default: ``-1``, as many as it takes to
            print six in all.

    Raises:
        TypeError: If ``precision`` is not an int.
        ValueError: If ``precision`` is less than -1 or more than 1000.

    Example:
        >>> mx.set_printoptions(precision=2)
        >>> mx.array(3.14159)
        array(3.14, dtype=float32)
        >>> mx.set_printoptions()
    """
    set_precision(precision)


class printoptions:  # noqa: N801
    """Print arrays in another way for as long as a ``with`` block runs.

    Args:
        precision: As of `set_printoptions`.

    Raises:
        TypeError: At the start of the block, if ``precision`` is not an int.
        ValueError: At the start of the block, if ``precision`` is less than -1 or more than 1000.

    Example:
        >>> with mx.printoptions(precision=2):
        ...     print(mx.array(3.14159))
        array(3.14, dtype=float32)
        >>> mx.array(3.14159)
        array(3.14159, dtype=float32)
    """

    def __init__(self, precision: int = -1) -> None:
        self._precision = precision
        self._outside: list[int] = []

    def __enter__(self) -> printoptions:
        outside = get_precision()
        set_precision(self._precision)
        self._outside.append(outside)
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        set_precision(self._outside.pop())
