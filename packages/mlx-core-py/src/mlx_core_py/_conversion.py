"""What else makes an array."""

from __future__ import annotations

from mlx_sys_py import Device, DeviceType, Dtype, array, is_available

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
