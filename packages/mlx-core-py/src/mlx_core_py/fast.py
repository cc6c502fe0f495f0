"""Fused operations for neural networks."""

from mlx_sys_py.fast import *  # noqa: F403
