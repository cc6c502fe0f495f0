"""The types of the array framework, with what makes and chooses them."""

from typing import Any

from mlx_sys_py import (
    ArrayAt,
    ArrayLike,
    Device,
    DeviceType,
    Dtype,
    DtypeCategory,
    Stream,
    StreamContext,
    array,
    bfloat16,
    bool_,
    clear_streams,
    complex64,
    complexfloating,
    cpu,
    default_device,
    default_stream,
    device_count,
    device_info,
    float16,
    float32,
    float64,
    floating,
    from_dlpack,
    generic,
    gpu,
    inexact,
    int8,
    int16,
    int32,
    int64,
    integer,
    is_available,
    issubdtype,
    new_stream,
    new_thread_local_stream,
    new_thread_unsafe_stream,
    number,
    set_default_device,
    set_default_stream,
    signedinteger,
    stream,
    synchronize,
    uint8,
    uint16,
    uint32,
    uint64,
    unsignedinteger,
)

__all__ = [
    "ArrayAt",
    "ArrayLike",
    "Device",
    "DeviceType",
    "Dtype",
    "DtypeCategory",
    "Stream",
    "StreamContext",
    "array",
    "asarray",
    "bfloat16",
    "bool_",
    "clear_streams",
    "complex64",
    "complexfloating",
    "cpu",
    "default_device",
    "default_stream",
    "device_count",
    "device_info",
    "float16",
    "float32",
    "float64",
    "floating",
    "from_dlpack",
    "generic",
    "gpu",
    "inexact",
    "int8",
    "int16",
    "int32",
    "int64",
    "integer",
    "is_available",
    "issubdtype",
    "new_stream",
    "new_thread_local_stream",
    "new_thread_unsafe_stream",
    "number",
    "set_default_device",
    "set_default_stream",
    "signedinteger",
    "stream",
    "synchronize",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unsignedinteger",
]


def asarray(a: Any, dtype: Dtype | None = None, *, copy: bool | None = None) -> array:
    """Convert to an array.

    Args:
        a: An array, a number, nested lists of numbers, or a buffer or tensor of another library.
        dtype: The data type. Default: ``None``, that of ``a``.
        copy: Whether the result must not (``True``) or must (``False``) be ``a`` itself. Default:
            ``None``, ``a`` itself where it fits.

    Returns:
        The array.

    Raises:
        TypeError: If ``a`` holds something else than numbers.
        ValueError: If ``copy`` is ``False`` and ``a`` is not an array of that data type.

    Example:
        >>> x = mx.array([1, 2])
        >>> mx.asarray(x) is x, mx.asarray(x, mx.float32)
        (True, array([1, 2], dtype=float32))
    """
    if not copy and isinstance(a, array) and dtype in (None, a.dtype):
        return a
    if copy is False:
        raise ValueError("[asarray] copy is False, but only an array needs no copy")
    return array(a) if dtype is None else array(a, dtype)
