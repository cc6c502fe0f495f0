from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeAlias, final

from typing_extensions import disjoint_base

from mlx_sys_py._array import array

__all__ = ["FunctionExporter", "ImportedFunction", "export_function", "import_function"]

_File: TypeAlias = str | PathLike[str] | Callable[[dict[str, Any]], object]
_Function: TypeAlias = Callable[[list[array], dict[str, array]], Sequence[array]]

@disjoint_base
class FunctionExporter:
    def __init__(
        self, file: _File, fun: _Function, shapeless: bool = False, metadata: str | None = None
    ) -> None: ...
    def __call__(
        self, args: Sequence[array] = (), kwargs: Mapping[str, array] | None = None
    ) -> None: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class ImportedFunction:
    @property
    def metadata(self) -> str: ...
    def __call__(
        self, args: Sequence[array] = (), kwargs: Mapping[str, array] | None = None
    ) -> list[array]: ...

def export_function(
    file: _File,
    fun: _Function,
    args: Sequence[array] = (),
    kwargs: Mapping[str, array] | None = None,
    shapeless: bool = False,
    metadata: str | None = None,
) -> None: ...
def import_function(file: str | PathLike[str], /) -> ImportedFunction: ...
