from mlx_sys_py._kernel import CudaKernel as CudaKernel
from mlx_sys_py._kernel import precompiled_cuda_kernel as precompiled_cuda_kernel

__all__ = ["CudaKernel", "is_available", "precompiled_cuda_kernel"]

def is_available() -> bool: ...
