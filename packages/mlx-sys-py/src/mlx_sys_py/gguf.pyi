import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["TENSOR_TYPES", "GGUFHeader", "TensorInfo", "TensorType", "read_header"]

_Value: TypeAlias = int | float | bool | str | list[int] | list[float] | list[bool] | list[str]

@dataclass(frozen=True)
class TensorType:
    name: str
    id: int
    block_size: int
    block_nbytes: int
    loadable: bool
    packed: bool

@dataclass(frozen=True)
class TensorInfo:
    name: str
    ggml_type: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int

@dataclass(frozen=True)
class GGUFHeader:
    metadata: dict[str, _Value]
    tensors: dict[str, TensorInfo]
    version: int = 3
    alignment: int = 32

TENSOR_TYPES: Mapping[str, TensorType]

def read_header(file: str | os.PathLike[str], /) -> GGUFHeader: ...
