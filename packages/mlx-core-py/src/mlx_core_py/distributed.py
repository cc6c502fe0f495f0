"""Processes that compute together.

Source: https://ml-explore.github.io/mlx/build/html/python/distributed.html
"""

from mlx_sys_py import show_as
from mlx_sys_py.distributed import (
    Group,
    all_gather,
    all_max,
    all_min,
    all_sum,
    init,
    is_available,
    recv,
    recv_like,
    send,
    sum_scatter,
)

__all__ = [
    "Group",
    "all_gather",
    "all_max",
    "all_min",
    "all_sum",
    "init",
    "is_available",
    "recv",
    "recv_like",
    "send",
    "sum_scatter",
]

show_as(__name__, globals(), "mlx_sys_py")


def __dir__() -> list[str]:
    return __all__
