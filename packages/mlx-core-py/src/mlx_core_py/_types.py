"""The types of the array framework, with what makes and chooses them."""

from __future__ import annotations

from mlx_sys_py import ArrayAt as ArrayAt
from mlx_sys_py import ArrayIterator as ArrayIterator
from mlx_sys_py import Device as Device
from mlx_sys_py import DeviceType as DeviceType
from mlx_sys_py import Dtype as Dtype
from mlx_sys_py import DtypeCategory as DtypeCategory
from mlx_sys_py import Stream as Stream
from mlx_sys_py import StreamContext as StreamContext
from mlx_sys_py import ThreadLocalStream as ThreadLocalStream
from mlx_sys_py import array as array
from mlx_sys_py import bfloat16 as bfloat16
from mlx_sys_py import bool_ as bool_
from mlx_sys_py import clear_streams as clear_streams
from mlx_sys_py import complex64 as complex64
from mlx_sys_py import complexfloating as complexfloating
from mlx_sys_py import cpu as cpu
from mlx_sys_py import default_device as default_device
from mlx_sys_py import default_stream as default_stream
from mlx_sys_py import device_count as device_count
from mlx_sys_py import device_info as device_info
from mlx_sys_py import float16 as float16
from mlx_sys_py import float32 as float32
from mlx_sys_py import float64 as float64
from mlx_sys_py import floating as floating
from mlx_sys_py import from_dlpack as from_dlpack
from mlx_sys_py import generic as generic
from mlx_sys_py import gpu as gpu
from mlx_sys_py import inexact as inexact
from mlx_sys_py import int8 as int8
from mlx_sys_py import int16 as int16
from mlx_sys_py import int32 as int32
from mlx_sys_py import int64 as int64
from mlx_sys_py import integer as integer
from mlx_sys_py import is_available as is_available
from mlx_sys_py import issubdtype as issubdtype
from mlx_sys_py import new_stream as new_stream
from mlx_sys_py import new_thread_local_stream as new_thread_local_stream
from mlx_sys_py import new_thread_unsafe_stream as new_thread_unsafe_stream
from mlx_sys_py import number as number
from mlx_sys_py import set_default_device as set_default_device
from mlx_sys_py import set_default_stream as set_default_stream
from mlx_sys_py import signedinteger as signedinteger
from mlx_sys_py import stream as stream
from mlx_sys_py import synchronize as synchronize
from mlx_sys_py import uint8 as uint8
from mlx_sys_py import uint16 as uint16
from mlx_sys_py import uint32 as uint32
from mlx_sys_py import uint64 as uint64
from mlx_sys_py import unsignedinteger as unsignedinteger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as _Any


def asarray(
    a: _Any,
    dtype: Dtype | None = None,
    *,
    copy: bool | None = None,
    device: Device | DeviceType | None = None,
) -> array:
    """Convert to an array.

    Args:
        a: An array, a number, nested lists of numbers, or a buffer or tensor of another library.
        dtype: The data type. Default: ``None``, that of ``a``.
        copy: Whether the result must not (``True``) or must (``False``) be ``a`` itself. Default:
            ``None``, ``a`` itself where it fits.
        device: A device that must be there. It changes nothing: devices share their memory.

    Returns:
        The array.

    Raises:
        TypeError: If ``a`` holds something else than numbers.
        ValueError: If ``copy`` is ``False`` and ``a`` is not an array of that data type, or if
            there is no such device.

    Example:
        >>> x = mx.array([1, 2])
        >>> mx.asarray(x) is x, mx.asarray(x, mx.float32)
        (True, array([1, 2], dtype=float32))
    """
    if device is not None and not is_available(device):
        raise ValueError(f"[asarray] there is no device {device}")
    if not copy and isinstance(a, array) and dtype in (None, a.dtype):
        return a
    if copy is False:
        raise ValueError("[asarray] copy is False, but only an array needs no copy")
    return array(a) if dtype is None else array(a, dtype)
