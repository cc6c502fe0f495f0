"""The MLX array framework for Python.

``import mlx_core_py as mx`` gives what ``import mlx.core as mx`` gives; ``mlx_core_py.nn`` and
``mlx_core_py.utils`` are ``mlx.nn`` and ``mlx.utils``.
"""

# ruff: noqa: F403
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

from mlx_sys_py import MLX_VERSION as _MLX_VERSION
from mlx_sys_py import linalg as _linalg
from mlx_sys_py.ops import *
from mlx_sys_py.utils import einsum_path as einsum_path

from mlx_core_py._cpu import cpu_verbose as cpu_verbose
from mlx_core_py._lazy import lazy_module as _lazy_module
from mlx_core_py._memory import *
from mlx_core_py._printing import *
from mlx_core_py._types import *
from mlx_core_py._types import array as array
from mlx_core_py.dtypes import *
from mlx_core_py.io import *
from mlx_core_py.transforms import *

# This package has the version of the MLX that it stands for.
__version__ = _MLX_VERSION

Array = array
matrix_norm = _linalg.norm

euler_gamma = 0.5772156649015329
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
    _MODULES = "cuda distributed fast fft gguf linalg metal nn random utils".split()
    for _module in _MODULES:
        globals()[_module] = _lazy_module(f"{__name__}.{_module}")

    __all__ = [name for name in globals() if not name.startswith("_") and name != "TYPE_CHECKING"]
