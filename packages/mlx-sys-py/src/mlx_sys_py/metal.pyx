"""Metal, Apple's interface to GPUs."""

cimport mlx_sys_py.c as c
from mlx_sys_py._error cimport check
from mlx_sys_py._scalars cimport to_bytes

from mlx_sys_py._kernel import MetalKernel

__all__ = ["MetalKernel", "is_available", "start_capture", "stop_capture"]


def __dir__():
    return __all__


def is_available():
    """Whether MLX computes with Metal here.

    Example:
        >>> from mlx_sys_py import metal
        >>> isinstance(metal.is_available(), bool)
        True

    See: MLX ``mlx.core.metal.is_available``.
    """
    cdef c.c_bool res = False
    check(c.mlx_metal_is_available(&res))
    return bool(res)


def start_capture(path):
    """Begin to record what the GPU does, to be looked at in Xcode.

    Args:
        path (str): a file that is not there yet, with a name that ends in ``.gputrace``.

    Raises:
        RuntimeError: Metal is not available, or cannot record.

    See: MLX ``mlx.core.metal.start_capture``.
    """
    name = to_bytes(path, "path")
    check(c.mlx_metal_start_capture(name))


def stop_capture():
    """End what `start_capture` began.

    Raises:
        RuntimeError: Metal is not available.

    See: MLX ``mlx.core.metal.stop_capture``.
    """
    check(c.mlx_metal_stop_capture())
