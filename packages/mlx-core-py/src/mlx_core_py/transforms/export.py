"""Functions in files, and graphs as text.

Source: https://ml-explore.github.io/mlx/build/html/python/export.html
"""

from __future__ import annotations

import mlx_sys_py as _sys
from mlx_sys_py import array

from mlx_core_py.transforms._checks import check_callable, output_list
from mlx_core_py.trees import arrays_of

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike
    from types import TracebackType
    from typing import Any, Self

    _Path = str | PathLike[str]

__all__ = [
    "FunctionExporter",
    "export_function",
    "export_to_dot",
    "exporter",
    "import_function",
]


def __dir__() -> list[str]:
    return __all__


def export_function(
    file_or_callback: _Path | Callable[[dict[str, Any]], object],
    fun: Callable[..., Any],
    *args: Any,
    shapeless: bool = False,
    metadata: str | None = None,
    **kwargs: Any,
) -> None:
    """Write what a function does with arguments like these to a file.

    Args:
        file_or_callback: Where to write; or a function that is called with a dictionary for every
            step of ``fun``, whose ``"type"`` says what it is.
        fun: Takes arrays and returns one, or a list or tuple of them.
        args: Arguments: arrays, or one tuple of them and maybe one dictionary by name.
        shapeless: Whether to record for all shapes of the same rank. Default: ``False``.
        metadata: A text to keep with the function, in a file only. Default: none.
        kwargs: Arguments by name.

    Raises:
        FileNotFoundError: If there is no such folder.
        OSError: If the file cannot be written.
        ValueError: If an argument is not an array, or there are metadata and a callback.

    Example:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "f.mlxfn")
        ...     mx.export_function(path, lambda x, y: x + y, mx.array(1.0), y=mx.array(2.0))
        ...     mx.import_function(path)(mx.array(3.0), y=mx.array(4.0))
        (array(7, dtype=float32),)
    """
    positional, named = _arguments("export_function", args, kwargs)
    on_lists = _on_lists("export_function", fun)
    _sys.export.export_function(file_or_callback, on_lists, positional, named, shapeless, metadata)


class FunctionExporter:
    """Writes what a function does, for several arguments, to one file: see :func:`exporter`."""

    def __init__(
        self, file: _Path, fun: Callable[..., Any], shapeless: bool, metadata: str | None
    ) -> None:
        on_lists = _on_lists("exporter", fun)
        self._exporter = _sys.export.FunctionExporter(file, on_lists, shapeless, metadata)

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        """Record the function for arguments of these shapes and types."""
        self._exporter(*_arguments("exporter", args, kwargs))

    def close(self) -> None:
        """Finish the file."""
        self._exporter.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def exporter(
    file: _Path, fun: Callable[..., Any], *, shapeless: bool = False, metadata: str | None = None
) -> FunctionExporter:
    """Return what records a function, each time it is called, in one file.

    Args:
        file: Where to write.
        fun: Takes arrays and returns one, or a list or tuple of them.
        shapeless: Whether to record for all shapes of the same rank. Default: ``False``.
        metadata: A text to keep with the function. Default: none.

    Returns:
        A context manager, to be called with arguments as :func:`export_function` takes them. The
        file is whole when it is left, or closed.

    Raises:
        FileNotFoundError: If there is no such folder.
        OSError: If the file cannot be written.

    Example:
        >>> import os, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "f.mlxfn")
        ...     with mx.exporter(path, lambda *xs: sum(xs)) as record:
        ...         record(mx.array(1.0))
        ...         record(mx.array(1.0), mx.array(1.0))
        ...     mx.import_function(path)(mx.array(3.0), mx.array(4.0))
        (array(7, dtype=float32),)
    """
    return FunctionExporter(file, fun, shapeless, metadata)


def import_function(file: _Path, return_metadata: bool = False) -> Any:
    """Read a function from a file.

    Args:
        file: Where to read. It is not trusted: a file that does not hold a function is refused.
        return_metadata: Whether to return the text kept with it, too. Default: ``False``.

    Returns:
        A function of arguments as :func:`export_function` takes them, which returns a tuple of
        arrays. With ``return_metadata``, a pair of it and the text.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it cannot be read, or holds no function, or one that only a GPU can run.
    """
    imported = _sys.export.import_function(file)

    def function(*args: Any, **kwargs: Any) -> tuple[array, ...]:
        return tuple(imported(*_arguments("import_function", args, kwargs)))

    return (function, imported.metadata) if return_metadata else function


def export_to_dot(file: Any, *args: Any, **kwargs: array) -> None:
    """Write the graph of operations behind arrays in the language of Graphviz.

    Args:
        file: A path, or a text file object.
        args: Arrays, or trees of them.
        kwargs: Arrays in the graph by the name to give them.

    Raises:
        OSError: If the file cannot be written.
        ValueError: If more operations depend on each other than MLX can follow.

    Example:
        >>> import io
        >>> file, x = io.StringIO(), mx.array(1)
        >>> mx.export_to_dot(file, x + x, x=x)
        >>> file.getvalue().startswith("digraph")
        True
    """
    _sys.graph.export_to_dot(file, arrays_of(args), kwargs)


def _arguments(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[list[array], dict[str, array]]:
    """The arguments by place and by name, which may come as a tuple and a dictionary."""
    positional, named = list(args), dict(kwargs)
    if positional and isinstance(positional[-1], dict):
        named.update(positional.pop())
    if len(positional) == 1 and isinstance(positional[0], list | tuple):
        positional = list(positional[0])
    for value in (*positional, *named.values()):
        if not isinstance(value, array):
            raise ValueError(
                f"[{name}] arguments must be arrays, but one is a {type(value).__name__}"
            )
    return positional, named


def _on_lists(
    name: str, fun: Callable[..., Any]
) -> Callable[[list[array], dict[str, array]], list[array]]:
    check_callable(fun, name)
    return lambda args, kwargs: output_list(fun(*args, **kwargs), name)
