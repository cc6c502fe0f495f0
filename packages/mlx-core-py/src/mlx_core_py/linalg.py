"""Linear algebra."""

import mlx_sys_py.linalg as sys_linalg
from mlx_sys_py import show_as
from mlx_sys_py.linalg import *  # noqa: F403

__all__: list[str] = []
__all__ += sys_linalg.__all__

show_as(__name__, globals(), "mlx_sys_py")


def __dir__() -> list[str]:
    return __all__
