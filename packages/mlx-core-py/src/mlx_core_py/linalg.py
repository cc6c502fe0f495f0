"""Linear algebra."""

from mlx_sys_py.linalg import *  # noqa: F403
