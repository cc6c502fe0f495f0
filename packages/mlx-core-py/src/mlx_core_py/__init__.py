"""The MLX array framework for Python.

``import mlx_core_py as mx`` gives what ``import mlx.core as mx`` gives; ``mlx_core_py.nn`` and
``mlx_core_py.utils`` are ``mlx.nn`` and ``mlx.utils``.
"""

# ruff: noqa: F403
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

from mlx_sys_py.memory import *
from mlx_sys_py.ops import *

from mlx_core_py import fast as fast
from mlx_core_py import fft as fft
from mlx_core_py import linalg as linalg
from mlx_core_py import random as random
from mlx_core_py import utils as utils
from mlx_core_py._types import *
from mlx_core_py._types import array
from mlx_core_py.dtypes import *
from mlx_core_py.io import *
from mlx_core_py.transforms import *

__version__ = "0.32.4"

Array = array

matrix_norm = linalg.norm

euler_gamma = 0.5772156649015329
newaxis = None

# Last: the modules of nn use the names above.
from mlx_core_py import nn as nn  # noqa: E402
