"""Special functions, by the names of ``scipy.special``."""

import mlx_sys_py.special as sys_special
from mlx_sys_py import show_as
from mlx_sys_py.special import *  # noqa: F403

__all__: list[str] = []
__all__ += sys_special.__all__

show_as(__name__, globals(), "mlx_sys_py")


def __dir__() -> list[str]:
    return __all__
