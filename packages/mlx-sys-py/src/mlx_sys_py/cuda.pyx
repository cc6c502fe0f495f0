"""CUDA, NVIDIA's interface to GPUs."""

cimport mlx_sys_py.c as c
from mlx_sys_py._error cimport check

from mlx_sys_py._kernel import CudaKernel, precompiled_cuda_kernel

__all__ = ["CudaKernel", "is_available", "precompiled_cuda_kernel"]


def __dir__():
    return __all__


def is_available():
    """Whether MLX computes with CUDA here.

    Example:
        >>> from mlx_sys_py import cuda
        >>> isinstance(cuda.is_available(), bool)
        True

    See: MLX ``mlx.core.cuda.is_available``.
    """
    cdef c.c_bool res = False
    check(c.mlx_cuda_is_available(&res))
    return bool(res)
