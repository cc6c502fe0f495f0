"""What the array API standard asks of a namespace about itself.

Source: https://data-apis.org/array-api/2025.12/API_specification/inspection.html
"""

from __future__ import annotations

from mlx_sys_py import (
    Device,
    DeviceType,
    Dtype,
    WrongTypeError,
    bool_,
    complex64,
    cpu,
    default_device,
    device_count,
    float32,
    float64,
    gpu,
    int8,
    int16,
    int32,
    int64,
    is_available,
    uint8,
    uint16,
    uint32,
    uint64,
)

from mlx_core_py.dtypes import isdtype

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__: list[str] = []

VERSION = "2025.12"

# float16 and bfloat16 are not of the standard, which lists what all of its libraries may have.
_DTYPES: dict[str, Dtype] = {
    "bool": bool_,
    "int8": int8,
    "int16": int16,
    "int32": int32,
    "int64": int64,
    "uint8": uint8,
    "uint16": uint16,
    "uint32": uint32,
    "uint64": uint64,
    "float32": float32,
    "float64": float64,
    "complex64": complex64,
}


def _checked(device: Any, name: str) -> Device:
    if device is None:
        return default_device()
    if not isinstance(device, Device | DeviceType):
        raise WrongTypeError(
            f"[{name}] device must be a Device or DeviceType, not {type(device).__name__}"
        )
    if not is_available(device):
        raise ValueError(f"[{name}] there is no device {device}")
    return Device(device) if isinstance(device, DeviceType) else device


class NamespaceInfo:
    """What this namespace can do, for programs that run on any library of the array API.

    Example:
        >>> info = mx.__array_namespace_info__()
        >>> info.default_dtypes()["real floating"]
        mlx_core_py.float32
        >>> sorted(info.dtypes(kind="complex floating"))
        ['complex64']

    See: https://data-apis.org/array-api/2025.12/API_specification/inspection.html.
    """

    __module__ = "mlx_core_py"
    __slots__ = ()

    def capabilities(self) -> dict[str, Any]:
        """What is optional in the standard.

        A mask selects elements, and functions like ``unique_values`` have results whose shape
        their values decide: they are evaluated at once, so neither can be in a function that
        ``compile`` records. More than 64 dimensions are possible, but not in buffers, so not in
        NumPy either.
        """
        return {"boolean indexing": True, "data-dependent shapes": True, "max dimensions": 64}

    def default_device(self) -> Device:
        """The device that functions run on which are not told of another."""
        return default_device()

    def default_dtypes(self, *, device: Device | DeviceType | None = None) -> dict[str, Dtype]:
        """The types of results for which there is no other to take.

        Args:
            device: A device that must be there; all have the same. Default: ``None``, the
                default one.

        Raises:
            TypeError: If ``device`` is no device.
            ValueError: If there is no such device.
        """
        _checked(device, "default_dtypes")
        return {
            "real floating": float32,
            "complex floating": complex64,
            "integral": int32,
            "indexing": uint32,
        }

    def dtypes(
        self,
        *,
        device: Device | DeviceType | None = None,
        kind: str | tuple[str, ...] | None = None,
    ) -> dict[str, Dtype]:
        """The types of the standard that arrays can have.

        There are none of ``complex128`` in MLX, and ``float64`` is of the CPU.

        Args:
            device: The device to compute on. Default: ``None``, the default one.
            kind: Kinds as :func:`isdtype` takes them, of which one is enough. Default: ``None``,
                all.

        Raises:
            TypeError: If ``device`` is no device, or ``kind`` no string.
            ValueError: If there is no such device or kind.
        """
        has_doubles = _checked(device, "dtypes").type == cpu
        return {
            name: dtype
            for name, dtype in _DTYPES.items()
            if (dtype != float64 or has_doubles) and (kind is None or isdtype(dtype, kind))
        }

    def devices(self) -> list[Device]:
        """The devices there are, the default one first.

        An array belongs to none, as devices share their memory: its ``device`` is the default one,
        and one that is given to a function says where that is computed.
        """
        first = default_device()
        every = [Device(type_, i) for type_ in (gpu, cpu) for i in range(device_count(type_))]
        return [first, *(device for device in every if device != first)]


def namespace_info() -> NamespaceInfo:
    """What this namespace can do, by the array API standard.

    Example:
        >>> mx.__array_namespace_info__().capabilities()["boolean indexing"]
        True
    """
    return NamespaceInfo()
