"""Fused operations for neural networks, and kernels of one's own."""

import mlx_sys_py.fast as sys_fast
from mlx_sys_py import show_as
from mlx_sys_py.cuda import CudaKernel, precompiled_cuda_kernel
from mlx_sys_py.fast import *  # noqa: F403
from mlx_sys_py.metal import MetalKernel

__all__ = ["CudaKernel", "MetalKernel", "cuda_kernel", "metal_kernel", "precompiled_cuda_kernel"]
__all__ += sys_fast.__all__

metal_kernel = MetalKernel
cuda_kernel = CudaKernel

show_as(__name__, globals(), "mlx_sys_py")


def __dir__() -> list[str]:
    return __all__
