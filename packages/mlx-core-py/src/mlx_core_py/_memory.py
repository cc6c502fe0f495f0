"""What the allocator of MLX holds, and its limits.

Source: https://ml-explore.github.io/mlx/build/html/python/memory_management.html
"""

from mlx_sys_py import memory as _memory
from mlx_sys_py.memory import clear_cache as clear_cache
from mlx_sys_py.memory import get_active_memory as get_active_memory
from mlx_sys_py.memory import get_cache_memory as get_cache_memory
from mlx_sys_py.memory import get_memory_limit as get_memory_limit
from mlx_sys_py.memory import get_peak_memory as get_peak_memory
from mlx_sys_py.memory import reset_peak_memory as reset_peak_memory
from mlx_sys_py.memory import set_cache_limit as set_cache_limit
from mlx_sys_py.memory import set_memory_limit as set_memory_limit
from mlx_sys_py.memory import set_wired_limit as set_wired_limit

from mlx_core_py.trees import arrays_of as _arrays_of


def get_array_buffer_size(*args: object) -> int:
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
    return _memory.get_array_buffer_size(_arrays_of(args))
