"""The MLX array framework for Python.

``import mlx_core_py as mx`` gives what ``import mlx.core as mx`` gives; ``mlx_core_py.nn`` and
``mlx_core_py.utils`` are ``mlx.nn`` and ``mlx.utils``.
"""

# ruff: noqa: F403
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from typing import TYPE_CHECKING

from mlx_sys_py.memory import *
from mlx_sys_py.ops import *

from mlx_core_py import cuda as cuda
from mlx_core_py import distributed as distributed
from mlx_core_py import fast as fast
from mlx_core_py import fft as fft
from mlx_core_py import linalg as linalg
from mlx_core_py import metal as metal
from mlx_core_py import random as random
from mlx_core_py import utils as utils
from mlx_core_py._export import *
from mlx_core_py._types import *
from mlx_core_py._types import array
from mlx_core_py.dtypes import *
from mlx_core_py.io import *
from mlx_core_py.transforms import *

Array = array

matrix_norm = linalg.norm

euler_gamma = 0.5772156649015329
newaxis = None

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name):
        # On demand: reading the installed version takes longer than importing the rest.
        if name == "__version__":
            from importlib.metadata import version

            return version("mlx-core-py")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


# Last: the modules of nn use the names above.
from mlx_core_py import nn as nn  # noqa: E402
