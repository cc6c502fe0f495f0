"""The MLX array framework for Python.

``import mlx_core_py as mx`` gives what ``import mlx.core as mx`` gives; ``mlx_core_py.nn`` and
``mlx_core_py.utils`` are ``mlx.nn`` and ``mlx.utils``.
"""

# ruff: noqa: F403
import gc as _gc

# All that an import makes stays: to look for garbage finds none and takes a millisecond.
_collects = _gc.isenabled()
_gc.disable()
try:
    import mlx_sys_py as _sys
    from mlx_sys_py import ArrayAt as ArrayAt
    from mlx_sys_py import ArrayIterator as ArrayIterator
    from mlx_sys_py import Device as Device
    from mlx_sys_py import Dtype as Dtype
    from mlx_sys_py import Stream as Stream
    from mlx_sys_py import StreamContext as StreamContext
    from mlx_sys_py import ThreadLocalStream as ThreadLocalStream
    from mlx_sys_py import array as array
    from mlx_sys_py import bfloat16 as bfloat16
    from mlx_sys_py import bool_ as bool_
    from mlx_sys_py import clear_streams as clear_streams
    from mlx_sys_py import complex64 as complex64
    from mlx_sys_py import default_device as default_device
    from mlx_sys_py import default_stream as default_stream
    from mlx_sys_py import device_count as device_count
    from mlx_sys_py import device_info as device_info
    from mlx_sys_py import float16 as float16
    from mlx_sys_py import float32 as float32
    from mlx_sys_py import float64 as float64
    from mlx_sys_py import from_dlpack as from_dlpack
    from mlx_sys_py import int8 as int8
    from mlx_sys_py import int16 as int16
    from mlx_sys_py import int32 as int32
    from mlx_sys_py import int64 as int64
    from mlx_sys_py import is_available as is_available
    from mlx_sys_py import issubdtype as issubdtype
    from mlx_sys_py import new_stream as new_stream
    from mlx_sys_py import new_thread_local_stream as new_thread_local_stream
    from mlx_sys_py import new_thread_unsafe_stream as new_thread_unsafe_stream
    from mlx_sys_py import set_default_device as set_default_device
    from mlx_sys_py import set_default_stream as set_default_stream
    from mlx_sys_py import show_as as _show_as
    from mlx_sys_py import stream as stream
    from mlx_sys_py import synchronize as synchronize
    from mlx_sys_py import uint8 as uint8
    from mlx_sys_py import uint16 as uint16
    from mlx_sys_py import uint32 as uint32
    from mlx_sys_py import uint64 as uint64
    from mlx_sys_py.ops import *

    from mlx_core_py._lazy import collect_again as _collect_again
    from mlx_core_py._lazy import lazy_module as _lazy_module
    from mlx_core_py._lazy import load_later as _load_later
    from mlx_core_py._peers import introduce as _introduce
except BaseException:
    if _collects:
        _gc.enable()
    raise

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# This package has the version of the MLX that it stands for.
__version__ = _sys.MLX_VERSION

Array = array
# The name in the array API. A star import leaves Python's own alone.
bool = bool_

# Those of `math`, a library to load for four numbers.
e: "Final" = 2.718281828459045
euler_gamma: "Final" = 0.5772156649015329
inf: "Final" = float("inf")
nan: "Final" = float("nan")
newaxis = None
pi: "Final" = 3.141592653589793

# An import should not take long: what stands beside the operations is loaded on first use.
if TYPE_CHECKING:
    from mlx_sys_py import DeviceType as DeviceType
    from mlx_sys_py import DtypeCategory as DtypeCategory
    from mlx_sys_py import complexfloating as complexfloating
    from mlx_sys_py import cpu as cpu
    from mlx_sys_py import floating as floating
    from mlx_sys_py import generic as generic
    from mlx_sys_py import gpu as gpu
    from mlx_sys_py import inexact as inexact
    from mlx_sys_py import integer as integer
    from mlx_sys_py import number as number
    from mlx_sys_py import signedinteger as signedinteger
    from mlx_sys_py import unsignedinteger as unsignedinteger

    from mlx_core_py import cuda as cuda
    from mlx_core_py import distributed as distributed
    from mlx_core_py import fast as fast
    from mlx_core_py import fft as fft
    from mlx_core_py import gguf as gguf
    from mlx_core_py import linalg as linalg
    from mlx_core_py import metal as metal
    from mlx_core_py import nn as nn
    from mlx_core_py import optimizers as optimizers
    from mlx_core_py import random as random
    from mlx_core_py import special as special
    from mlx_core_py import training as training
    from mlx_core_py import utils as utils
    from mlx_core_py._later import *
    from mlx_core_py._later import __array_api_version__ as __array_api_version__
    from mlx_core_py._later import __array_namespace_info__ as __array_namespace_info__
else:
    _show_as(__name__, globals(), "mlx_sys_py")

    _FIRST = [
        name
        for name, value in globals().items()
        # The files of this package are not among what it offers.
        if not (name.startswith("_") or type(value) is type(_sys))
        if name not in ("TYPE_CHECKING", "annotations", "bool")
    ]
    _FIRST += _sys._ENUMS
    _SUBMODULES = (
        "cuda distributed fast fft gguf linalg metal nn optimizers random special training utils"
    )
    for _module in _SUBMODULES.split():
        globals()[_module] = _lazy_module(f"{__name__}.{_module}")
        _FIRST.append(_module)
    _load_later(__name__)


_introduce()
if _collects:
    _collect_again()
