"""What the state of a cache may be: it can come from a file."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx

__all__ = ["as_parts", "check_buffers", "check_numbers"]


def __dir__() -> list[str]:
    return __all__


def check_numbers(**numbers: Any) -> None:
    """Raise a `ValueError` if one of the numbers is no integer from 0 on, of 32 bits at most."""
    for name, number in numbers.items():
        if type(number) is not int or not 0 <= number < 1 << 31:
            raise ValueError(f"{name} of a cache must be a number from 0 on, not {number!r}")


def check_buffers(keys: Any, values: Any, *, packed: bool) -> int:
    """Check that buffers of keys and values belong together.

    Args:
        keys: An array, or several if they are integers, or ``None``.
        values: The same.
        packed: Whether they are integers.

    Returns:
        For how many positions they have room.

    Raises:
        ValueError: If they do not belong together.
    """
    if keys is None and values is None:
        return 0
    arrays = []
    for part in (keys, values):
        arrays += list(part) if isinstance(part, (list, tuple)) else [part]
    if (
        any(isinstance(part, (list, tuple)) != packed for part in (keys, values))
        or not all(isinstance(array, mx.array) and array.ndim == 4 for array in arrays)
        or any(array.shape[:-1] != arrays[0].shape[:-1] for array in arrays)
    ):
        raise ValueError("keys and values of a cache do not agree")
    room: int = arrays[0].shape[-2]
    return room


def as_parts(part: Any) -> Any:
    """Keys or values as a cache has them: what a file holds in lists is in tuples."""
    return tuple(part) if isinstance(part, (list, tuple)) else part
