"""Names for what the functions of this package take, for annotations."""

from __future__ import annotations

from collections.abc import Sequence

from mlx_sys_py._array import array
from mlx_sys_py._enums import DeviceType
from mlx_sys_py._stream import Device, Stream

# `typing` takes longer to import than this package: what tells types at run time does without.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol, TypeAlias

    from typing_extensions import Buffer
else:
    Any = Buffer = Protocol = object


class ConvertsToArray(Protocol):
    """An object that knows how to become an array."""

    def __mlx_array__(self) -> array:
        """The array."""


class SupportsArray(Protocol):
    """An object that NumPy knows how to make an array from, such as its numbers."""

    def __array__(self) -> Any:
        """The NumPy array."""


class SupportsDLPack(Protocol):
    """A tensor of another framework."""

    def __dlpack__(self) -> Any:
        """The tensor in a DLPack capsule."""


Scalar: TypeAlias = bool | int | float | complex
ArrayLike: TypeAlias = (
    array | Scalar | Sequence[Any] | Buffer | ConvertsToArray | SupportsArray | SupportsDLPack
)
StreamLike: TypeAlias = Stream | Device | DeviceType | None
IntOrInts: TypeAlias = int | Sequence[int]
