"""Discrete Fourier transforms."""

import mlx_sys_py.fft as sys_fft
from mlx_sys_py import show_as
from mlx_sys_py.fft import *  # noqa: F403

__all__: list[str] = []
__all__ += sys_fft.__all__

show_as(__name__, globals(), "mlx_sys_py")


def __dir__() -> list[str]:
    return __all__
