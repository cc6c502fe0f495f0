"""Metal, Apple's interface to GPUs.

Source: https://ml-explore.github.io/mlx/build/html/python/metal.html
"""

# What concerns memory and devices is older here than in the package itself.
from mlx_sys_py import device_info, show_as
from mlx_sys_py.memory import (
    clear_cache,
    get_active_memory,
    get_cache_memory,
    get_peak_memory,
    reset_peak_memory,
    set_cache_limit,
    set_memory_limit,
    set_wired_limit,
)
from mlx_sys_py.metal import is_available, start_capture, stop_capture

__all__ = [
    "clear_cache",
    "device_info",
    "get_active_memory",
    "get_cache_memory",
    "get_peak_memory",
    "is_available",
    "reset_peak_memory",
    "set_cache_limit",
    "set_memory_limit",
    "set_wired_limit",
    "start_capture",
    "stop_capture",
]

show_as(__name__, globals(), "mlx_sys_py")


def __dir__() -> list[str]:
    return __all__
