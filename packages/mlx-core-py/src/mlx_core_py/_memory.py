"""What the allocator of MLX holds, and its limits.

Source: https://ml-explore.github.io/mlx/build/html/python/memory_management.html
"""

from __future__ import annotations

from typing import Any

from mlx_sys_py import memory
from mlx_sys_py.memory import (
    clear_cache,
    get_active_memory,
    get_cache_memory,
    get_memory_limit,
    get_peak_memory,
    reset_peak_memory,
    set_cache_limit,
    set_memory_limit,
    set_wired_limit,
)

from mlx_core_py.trees import arrays_of

__all__ = [
    "clear_cache",
    "get_active_memory",
    "get_array_buffer_size",
    "get_cache_memory",
    "get_memory_limit",
    "get_peak_memory",
    "reset_peak_memory",
    "set_cache_limit",
    "set_memory_limit",
    "set_wired_limit",
]


def get_array_buffer_size(*args: Any) -> int:
    """Return the bytes of the buffers behind arrays, as the allocator rounds them.

    A buffer that several arrays share counts once.

    Args:
        args: Arrays, or trees of them; leaves of another type do not count.

    Raises:
        ValueError: If an array is not evaluated.

    Example:
        >>> a, b = mx.zeros(4), mx.zeros(8)
        >>> mx.eval(a, b)
        >>> both = mx.get_array_buffer_size({"a": a, "b": [b, b, "c"]})
        >>> both == mx.get_array_buffer_size(a) + mx.get_array_buffer_size(b) >= 48
        True
    """
    return memory.get_array_buffer_size(arrays_of(args))
