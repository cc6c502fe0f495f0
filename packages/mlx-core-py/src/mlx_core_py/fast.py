"""Fused operations for neural networks, and kernels of one's own."""

from mlx_sys_py.cuda import CudaKernel
from mlx_sys_py.cuda import precompiled_cuda_kernel as precompiled_cuda_kernel
from mlx_sys_py.fast import *  # noqa: F403
from mlx_sys_py.metal import MetalKernel

metal_kernel = MetalKernel
cuda_kernel = CudaKernel
