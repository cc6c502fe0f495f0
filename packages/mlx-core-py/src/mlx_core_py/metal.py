"""Metal, Apple's interface to GPUs.

Source: https://ml-explore.github.io/mlx/build/html/python/metal.html
"""

from mlx_sys_py.metal import is_available, start_capture, stop_capture

__all__ = ["is_available", "start_capture", "stop_capture"]
