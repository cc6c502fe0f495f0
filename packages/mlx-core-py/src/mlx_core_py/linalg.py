"""Linear algebra."""

import mlx_sys_py.linalg as sys_linalg
from mlx_sys_py import show_as
from mlx_sys_py.linalg import *  # noqa: F403

__all__: list[str] = []
__all__ += sys_linalg.__all__

show_as(__name__, globals(), "mlx_sys_py")

# After that: these show as what they are in the namespace above, where they are the same.
from mlx_sys_py.ops import matmul, matrix_transpose, outer, tensordot, vecdot  # noqa: E402

__all__ += ["matmul", "matrix_transpose", "outer", "tensordot", "vecdot"]


def __dir__() -> list[str]:
    return __all__
