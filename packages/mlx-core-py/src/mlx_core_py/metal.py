"""Metal, Apple's interface to GPUs.

Source: https://ml-explore.github.io/mlx/build/html/python/metal.html
"""

from mlx_sys_py import device_info
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

# What concerns memory and devices is older here than in the package itself.
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
