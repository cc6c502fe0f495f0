import os
from collections.abc import Mapping
from typing import Any, BinaryIO

from mlx_sys_py._array import array

__all__ = ["load_gguf", "load_npy", "load_safetensors", "save_gguf", "save_npy", "save_safetensors"]

def load_npy(file: str | os.PathLike[str] | BinaryIO, /, mmap: bool = False) -> array: ...
def save_npy(file: str | os.PathLike[str] | BinaryIO, arr: array, /) -> None: ...
def load_safetensors(
    file: str | os.PathLike[str] | BinaryIO, /, mmap: bool = False
) -> tuple[dict[str, array], dict[str, str]]: ...
def save_safetensors(
    file: str | os.PathLike[str] | BinaryIO,
    arrays: Mapping[str, array],
    metadata: Mapping[str, str] | None = None,
    /,
) -> None: ...
def load_gguf(
    file: str | os.PathLike[str], /, form: str = "affine", mmap: bool = False
) -> tuple[dict[str, array], dict[str, str | list[str] | array | None]]: ...
def save_gguf(
    file: str | os.PathLike[str],
    arrays: Mapping[str, array],
    metadata: Mapping[str, Any] | None = None,
    /,
) -> None: ...
