"""What the allocator of MLX holds, and its limits. All sizes are in bytes."""

cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport VectorArray, to_arrays
from mlx_sys_py._error cimport check

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


def __dir__():
    return __all__


ctypedef int (*getter)(size_t*) noexcept nogil
ctypedef int (*setter)(size_t*, size_t) noexcept nogil


cdef object read(getter get):
    cdef size_t res = 0
    check(get(&res))
    return res


cdef object replace(setter put, object limit):
    cdef size_t res = 0
    if not isinstance(limit, int):
        raise TypeError(f"limit must be an int, not {type(limit).__name__}")
    if not 0 <= limit < 1 << 63:
        raise ValueError(f"limit must be a number of bytes >= 0, not {limit}")
    check(put(&res, limit))
    return res


def get_active_memory():
    """Bytes in use by arrays now.

    Returns:
        int: the bytes, as the allocator rounds them.

    Example:
        >>> import mlx_core_py as mx
        >>> before = mx.get_active_memory()
        >>> a = mx.zeros((1000, 1000))
        >>> mx.eval(a)
        >>> mx.get_active_memory() - before >= a.nbytes
        True

    See: MLX ``mlx.core.get_active_memory``.
    """
    return read(c.mlx_get_active_memory)


def get_array_buffer_size(arrays, /):
    """The bytes of the buffers behind arrays; one that several arrays share counts once.

    Args:
        arrays (Sequence[array]): the arrays.

    Returns:
        int: the bytes, as the allocator rounds them.

    Raises:
        ValueError: an array is not evaluated.

    See: MLX ``mlx.core.get_array_buffer_size``.
    """
    cdef VectorArray vector = to_arrays(arrays, "arrays")
    cdef size_t res = 0
    check(c.mlx_get_array_buffer_size(&res, vector._c))
    return res


def get_peak_memory():
    """Most bytes in use at once since the start or the last `reset_peak_memory`.

    Returns:
        int: the bytes, as the allocator rounds them.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.get_peak_memory() >= mx.get_active_memory()
        True

    See: MLX ``mlx.core.get_peak_memory``.
    """
    return read(c.mlx_get_peak_memory)


def reset_peak_memory():
    """Start measuring the peak anew.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.reset_peak_memory()
        >>> mx.get_peak_memory() <= mx.get_active_memory()
        True

    See: MLX ``mlx.core.reset_peak_memory``.
    """
    check(c.mlx_reset_peak_memory())


def get_cache_memory():
    """Bytes kept for reuse and in no array.

    Returns:
        int: the bytes.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.clear_cache()
        >>> mx.get_cache_memory()
        0

    See: MLX ``mlx.core.get_cache_memory``.
    """
    return read(c.mlx_get_cache_memory)


def get_memory_limit():
    """The limit that `set_memory_limit` set.

    Returns:
        int: bytes.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.get_memory_limit() > 0
        True

    See: MLX ``mlx.core.get_memory_limit``.
    """
    return read(c.mlx_get_memory_limit)


def set_memory_limit(limit):
    """Set how much memory evaluation may take before it waits for work to finish.

    Args:
        limit (int): bytes.

    Returns:
        int: the limit until now.

    Example:
        >>> import mlx_core_py as mx
        >>> before = mx.set_memory_limit(2**30)
        >>> mx.set_memory_limit(before) == 2**30
        True

    See: MLX ``mlx.core.set_memory_limit``.
    """
    return replace(c.mlx_set_memory_limit, limit)


def set_cache_limit(limit):
    """Set how much freed memory is kept for reuse.

    Args:
        limit (int): bytes; ``0`` keeps none. Without a GPU, it is a 32nd of the memory limit
            until it is set.

    Returns:
        int: the limit until now.

    Example:
        >>> import mlx_core_py as mx
        >>> before = mx.set_cache_limit(0)
        >>> mx.set_cache_limit(before)
        0

    See: MLX ``mlx.core.set_cache_limit``.
    """
    return replace(c.mlx_set_cache_limit, limit)


def set_wired_limit(limit):
    """Set how much memory macOS keeps resident; without a Metal GPU it changes nothing.

    Args:
        limit (int): bytes.

    Returns:
        int: the limit until now.

    Example:
        >>> import mlx_core_py as mx
        >>> before = mx.set_wired_limit(0)
        >>> mx.set_wired_limit(before)
        0

    See: MLX ``mlx.core.set_wired_limit``.
    """
    return replace(c.mlx_set_wired_limit, limit)


def clear_cache():
    """Give the memory that is kept for reuse back.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.clear_cache()
        >>> mx.get_cache_memory()
        0

    See: MLX ``mlx.core.clear_cache``.
    """
    cdef int status
    with nogil:
        status = c.mlx_clear_cache()
    check(status)
