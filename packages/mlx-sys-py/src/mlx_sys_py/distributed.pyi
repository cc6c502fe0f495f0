from collections.abc import Sequence
from typing import final

from mlx_sys_py._array import array
from mlx_sys_py._dtype import Dtype
from mlx_sys_py._typing import ArrayLike, StreamLike

__all__ = [
    "Group",
    "all_gather",
    "all_max",
    "all_min",
    "all_sum",
    "clear_backends",
    "init",
    "is_available",
    "recv",
    "recv_like",
    "send",
    "sum_scatter",
]

@final
class Group:
    def rank(self) -> int: ...
    def size(self) -> int: ...
    def split(self, color: int, key: int = -1) -> Group: ...

def is_available(backend: str = "any") -> bool: ...
def init(
    strict: bool = False, backend: str = "any", *, all_gather_factory: None = None
) -> Group: ...
def clear_backends() -> None: ...
def all_sum(x: ArrayLike, *, group: Group | None = None, stream: StreamLike = None) -> array: ...
def all_max(x: ArrayLike, *, group: Group | None = None, stream: StreamLike = None) -> array: ...
def all_min(x: ArrayLike, *, group: Group | None = None, stream: StreamLike = None) -> array: ...
def all_gather(x: ArrayLike, *, group: Group | None = None, stream: StreamLike = None) -> array: ...
def sum_scatter(
    x: ArrayLike, *, group: Group | None = None, stream: StreamLike = None
) -> array: ...
def send(
    x: ArrayLike, dst: int, *, group: Group | None = None, stream: StreamLike = None
) -> array: ...
def recv_like(
    x: ArrayLike, src: int, *, group: Group | None = None, stream: StreamLike = None
) -> array: ...
def recv(
    shape: Sequence[int],
    dtype: Dtype,
    src: int,
    *,
    group: Group | None = None,
    stream: StreamLike = None,
) -> array: ...
