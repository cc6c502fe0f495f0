"""CUDA, NVIDIA's interface to GPUs.

Source: https://ml-explore.github.io/mlx/build/html/python/cuda.html
"""

from mlx_sys_py.cuda import is_available

__all__ = ["is_available"]
