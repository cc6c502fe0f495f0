from collections.abc import Mapping
from typing import NamedTuple, final

from mlx_sys_py._array import array

__all__ = [
    "Log",
    "Record",
    "get_activation_bits",
    "get_level",
    "levels",
    "move_to_large_pages",
    "primitives",
    "set_activation_bits",
    "set_level",
]

class Record(NamedTuple):
    primitive: str
    inputs: str
    outputs: str
    kernel: str
    reason: str
    microseconds: float

def levels() -> list[str]: ...
def get_level() -> str: ...
def set_level(level: str) -> None: ...
def get_activation_bits() -> int: ...
def set_activation_bits(bits: int) -> None: ...
def move_to_large_pages(arrays: Mapping[str, array]) -> None: ...
def primitives() -> list[str]: ...

@final
class Log:
    def __init__(self) -> None: ...
    def records(self) -> list[Record]: ...
