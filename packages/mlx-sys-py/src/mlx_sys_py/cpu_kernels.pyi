from typing import NamedTuple, final

__all__ = ["Log", "Record", "get_level", "levels", "primitives", "set_level"]

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
def primitives() -> list[str]: ...

@final
class Log:
    def __init__(self) -> None: ...
    def records(self) -> list[Record]: ...
