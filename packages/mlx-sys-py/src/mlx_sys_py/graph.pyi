from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TypeAlias

from _typeshed import SupportsWrite

from mlx_sys_py._array import array

__all__ = ["export_to_dot", "print_graph"]

_File: TypeAlias = str | PathLike[str] | SupportsWrite[str]

def export_to_dot(
    file: _File, outputs: Sequence[array], names: Mapping[str, array] | None = None, /
) -> None: ...
def print_graph(
    file: _File, outputs: Sequence[array], names: Mapping[str, array] | None = None, /
) -> None: ...
