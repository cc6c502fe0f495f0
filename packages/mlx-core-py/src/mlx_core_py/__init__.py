"""The MLX array framework for Python.

``import mlx_core_py as mx`` gives what ``import mlx.core as mx`` gives; ``mlx_core_py.nn`` and
``mlx_core_py.utils`` are ``mlx.nn`` and ``mlx.utils``.
"""

# ruff: noqa: F403
from __future__ import annotations

import gc as _gc

# All that an import makes stays: there is nothing to collect, and to look for it takes a millisecond.
_collects = _gc.isenabled()
_gc.disable()
try:
    import mlx_sys_py as _sys
    from mlx_sys_py import show_as as _show_as
    from mlx_sys_py.ops import *

    from mlx_core_py._lazy import lazy_module as _lazy_module
    from mlx_core_py._lazy import load_later as _load_later
    from mlx_core_py._peers import introduce as _introduce
    from mlx_core_py._types import *
    from mlx_core_py._types import array as array
    from mlx_core_py._types import bool_ as bool_
finally:
    if _collects:
        _gc.enable()

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# This package has the version of the MLX that it stands for.
__version__ = _sys.MLX_VERSION

Array = array
# The name in the array API. A star import leaves Python's own alone.
bool = bool_

# Those of `math`, a library to load for four numbers.
e: Final = 2.718281828459045
euler_gamma: Final = 0.5772156649015329
inf: Final = float("inf")
nan: Final = float("nan")
newaxis = None
pi: Final = 3.141592653589793

# An import should not take long: what stands beside the operations is loaded on first use.
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
    from mlx_core_py._later import *
else:
    _show_as(__name__, globals(), "mlx_sys_py")

    _FIRST = [
        name
        for name, value in globals().items()
        # The files of this package are not among what it offers.
        if not (name.startswith("_") or type(value) is type(_sys))
        if name not in ("TYPE_CHECKING", "annotations", "bool")
    ]
    for _module in "cuda distributed fast fft gguf linalg metal nn random utils".split():
        globals()[_module] = _lazy_module(f"{__name__}.{_module}")
        _FIRST.append(_module)
    _load_later(__name__)


_introduce()
