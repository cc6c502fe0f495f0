"""The MLX array framework for Python.

``import mlx_core_py as mx`` gives what ``import mlx.core as mx`` gives; ``mlx_core_py.nn`` and
``mlx_core_py.utils`` are ``mlx.nn`` and ``mlx.utils``.
"""

# ruff: noqa: F403
from __future__ import annotations

from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

from mlx_sys_py import MLX_VERSION as _MLX_VERSION
from mlx_sys_py import linalg as _linalg
from mlx_sys_py import show_as as _show_as
from mlx_sys_py.ops import *
from mlx_sys_py.utils import einsum_path as einsum_path

from mlx_core_py._array_api import VERSION as _API_VERSION
from mlx_core_py._array_api import namespace_info as _namespace_info
from mlx_core_py._cpu import cpu_verbose as cpu_verbose
from mlx_core_py._lazy import lazy_module as _lazy_module
from mlx_core_py._memory import *
from mlx_core_py._peers import introduce as _introduce
from mlx_core_py._printing import *
from mlx_core_py._types import *
from mlx_core_py._types import array as array
from mlx_core_py._types import bool_ as bool_
from mlx_core_py.dtypes import *
from mlx_core_py.io import *
from mlx_core_py.transforms import *

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# This package has the version of the MLX that it stands for.
__version__ = _MLX_VERSION

# What programs that run on any library of the array API ask for.
__array_api_version__: Final = _API_VERSION
__array_namespace_info__ = _namespace_info

Array = array
# The name in the array API. A star import leaves Python's own alone.
bool = bool_
matrix_norm: Final = _linalg.norm

euler_gamma: Final = 0.5772156649015329
newaxis = None

# An import should not take long: what stands beside the operations is loaded on first use.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from mlx_core_py import cuda as cuda
    from mlx_core_py import distributed as distributed
    from mlx_core_py import fast as fast
    from mlx_core_py import fft as fft
    from mlx_core_py import gguf as gguf
    from mlx_core_py import linalg as linalg
    from mlx_core_py import metal as metal
    from mlx_core_py import nn as nn
    from mlx_core_py import random as random
    from mlx_core_py import utils as utils
else:
    _show_as(__name__, globals(), "mlx_sys_py")

    __all__ = [
        name
        for name, value in globals().items()
        # The files of this package are not among what it offers.
        if not (name.startswith("_") or isinstance(value, type(_linalg)))
        if name not in ("TYPE_CHECKING", "annotations", "bool")
    ]
    for _module in "cuda distributed fast fft gguf linalg metal nn random utils".split():
        globals()[_module] = _lazy_module(f"{__name__}.{_module}")
        __all__.append(_module)

    def __dir__() -> list[str]:
        return __all__


_introduce()
