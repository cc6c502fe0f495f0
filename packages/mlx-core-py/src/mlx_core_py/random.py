"""Random numbers."""

from mlx_sys_py.random import *  # noqa: F403
