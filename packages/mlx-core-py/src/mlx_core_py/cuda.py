"""CUDA, NVIDIA's interface to GPUs.

Source: https://ml-explore.github.io/mlx/build/html/python/cuda.html
"""

from mlx_sys_py import show_as
from mlx_sys_py.cuda import is_available

__all__ = ["is_available"]

show_as(__name__, globals(), "mlx_sys_py")


def __dir__() -> list[str]:
    return __all__
