"""Discrete Fourier transforms."""

from mlx_sys_py.fft import *  # noqa: F403
