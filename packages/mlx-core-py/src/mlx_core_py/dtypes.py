"""Limits and kinds of the data types.

Source: https://data-apis.org/array-api/latest/API_specification/data_type_functions.html
"""

from __future__ import annotations

from functools import reduce

from mlx_sys_py import (
    Dtype,
    DtypeCategory,
    WrongTypeError,
    array,
    bfloat16,
    bool_,
    complex64,
    complexfloating,
    float16,
    float32,
    float64,
    floating,
    inexact,
    int8,
    int16,
    int32,
    int64,
    integer,
    issubdtype,
    number,
    promote_types,
    signedinteger,
    uint8,
    uint16,
    uint32,
    uint64,
    unsignedinteger,
)

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["can_cast", "finfo", "iinfo", "isdtype", "result_type"]


def __dir__() -> list[str]:
    return __all__


# The formats of IEEE 754, or like those: the bits of a number, those of its fraction, and the
# largest exponent. A complex number is described by its parts.
_FORMATS = {
    float16: (float16, 16, 10, 15),
    bfloat16: (bfloat16, 16, 7, 127),
    float32: (float32, 32, 23, 127),
    float64: (float64, 64, 52, 1023),
    complex64: (float32, 32, 23, 127),
}

_INTEGERS = {
    uint8: (0, 2**8 - 1),
    uint16: (0, 2**16 - 1),
    uint32: (0, 2**32 - 1),
    uint64: (0, 2**64 - 1),
    int8: (-(2**7), 2**7 - 1),
    int16: (-(2**15), 2**15 - 1),
    int32: (-(2**31), 2**31 - 1),
    int64: (-(2**63), 2**63 - 1),
}


# The types of Python's numbers, the categories that hold them, and what they are beside others.
_NUMBERS: list[tuple[type, DtypeCategory, Dtype]] = [
    (int, number, int32),
    (float, inexact, float32),
    (complex, complexfloating, complex64),
]

# The kinds of the array API; a Boolean is of no category.
_KINDS: dict[str, DtypeCategory | None] = {
    "bool": None,
    "signed integer": signedinteger,
    "unsigned integer": unsignedinteger,
    "integral": integer,
    "real floating": floating,
    "complex floating": complexfloating,
    "numeric": number,
}


class finfo:  # noqa: N801
    """The limits of a floating-point data type.

    Args:
        dtype: A floating-point type, or a complex one, for which the limits of its parts hold; or
            an array, which stands for its type.

    Attributes:
        bits: The number of bits of a number.
        dtype: The type the limits are of.
        eps: The distance from 1 to the next larger number.
        max: The largest finite number.
        min: The smallest finite number.
        smallest_normal: The smallest positive number of full precision.

    Raises:
        TypeError: If ``dtype`` is neither a data type nor an array.
        ValueError: If ``dtype`` is not a floating-point or complex type.

    Example:
        >>> mx.finfo(mx.float16)
        finfo(min=-65504, max=65504, dtype=float16)
    """

    __slots__ = ("bits", "dtype", "eps", "max", "min", "smallest_normal")

    def __init__(self, dtype: Dtype | array, /) -> None:
        dtype = _dtype_of(dtype, "finfo")
        if dtype not in _FORMATS:
            raise ValueError(f"[finfo] dtype must be floating-point or complex, but is {dtype}")
        self.dtype: Dtype
        self.dtype, bits, fraction_bits, largest_exponent = _FORMATS[dtype]
        self.bits: int = bits
        self.eps: float = 2.0**-fraction_bits
        self.max: float = (2.0 - self.eps) * 2.0**largest_exponent
        self.min: float = -self.max
        self.smallest_normal: float = 2.0 ** (1 - largest_exponent)

    def __repr__(self) -> str:
        return f"finfo(min={self.min:g}, max={self.max:g}, dtype={_short_name(self.dtype)})"


class iinfo:  # noqa: N801
    """The limits of an integer data type.

    Args:
        dtype: An integer type, or an array, which stands for its type.

    Attributes:
        bits: The number of bits of a number.
        dtype: The type the limits are of.
        max: The largest number.
        min: The smallest number.

    Raises:
        TypeError: If ``dtype`` is neither a data type nor an array.
        ValueError: If ``dtype`` is not an integer type.

    Example:
        >>> mx.iinfo(mx.int8)
        iinfo(min=-128, max=127, dtype=int8)
    """

    __slots__ = ("bits", "dtype", "max", "min")

    def __init__(self, dtype: Dtype | array, /) -> None:
        dtype = _dtype_of(dtype, "iinfo")
        if dtype not in _INTEGERS:
            raise ValueError(f"[iinfo] dtype must be an integer type, but is {dtype}")
        self.dtype: Dtype = dtype
        self.min: int
        self.max: int
        self.min, self.max = _INTEGERS[dtype]
        self.bits: int = (self.max - self.min).bit_length()

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={_short_name(self.dtype)})"


def result_type(*arrays_and_dtypes: array | Dtype | complex) -> Dtype:
    """Return the data type to which all of the given ones are promoted.

    Args:
        arrays_and_dtypes: Data types, or arrays, which stand for theirs. Python numbers count as
            they do beside arrays: a float makes integers ``float32``, and leaves other types as
            they are.

    Raises:
        TypeError: If something else is given.
        ValueError: If nothing is given.

    Example:
        >>> mx.result_type(mx.int32, mx.array(1.0, mx.float16)) == mx.float16
        True
        >>> mx.result_type(mx.bfloat16, 1.0) == mx.bfloat16
        True
    """
    if not arrays_and_dtypes:
        raise ValueError("[result_type] at least one array or data type is needed")
    numbers = [x for x in arrays_and_dtypes if isinstance(x, int | float | complex)]
    others = [x for x in arrays_and_dtypes if not isinstance(x, int | float | complex)]
    kinds = {type(x) for x in numbers} - {bool}
    dtype = reduce(promote_types, (_dtype_of(x, "result_type") for x in others), bool_)
    for kind, category, default in _NUMBERS:
        is_given = any(issubclass(given, kind) for given in kinds)
        if is_given and not issubdtype(dtype, category):
            dtype = promote_types(dtype, default)
    return dtype


def can_cast(from_: array | Dtype, to: Dtype) -> bool:
    """Tell whether a data type can be promoted to another.

    Args:
        from_: A data type, or an array, which stands for its own.
        to: The data type to arrive at.

    Raises:
        TypeError: If something else is given.

    Example:
        >>> mx.can_cast(mx.int32, mx.float32), mx.can_cast(mx.float32, mx.int32)
        (True, False)
    """
    _check_dtype(to, "can_cast")
    return promote_types(_dtype_of(from_, "can_cast"), to) == to


def isdtype(dtype: Dtype, kind: Dtype | str | tuple[Dtype | str, ...]) -> bool:
    """Tell whether a data type is of a kind.

    Args:
        dtype: The data type.
        kind: A data type, ``"bool"``, ``"signed integer"``, ``"unsigned integer"``,
            ``"integral"``, ``"real floating"``, ``"complex floating"`` or ``"numeric"``, or a
            tuple of these, of which one is enough.

    Raises:
        TypeError: If ``dtype`` is not a data type, or ``kind`` neither a data type nor a string.
        ValueError: If ``kind`` is another string.

    Example:
        >>> mx.isdtype(mx.int32, "integral"), mx.isdtype(mx.int32, ("bool", mx.float32))
        (True, False)
    """
    _check_dtype(dtype, "isdtype")
    kinds = kind if isinstance(kind, tuple) else (kind,)
    # All of them, so that a wrong one is an error wherever it stands.
    matches = [_is_of_kind(dtype, one) for one in kinds]
    return any(matches)


def _is_of_kind(dtype: Dtype, kind: Any) -> bool:
    if isinstance(kind, Dtype):
        return dtype == kind
    if not isinstance(kind, str):
        raise WrongTypeError(
            f"[isdtype] kind must be a Dtype or a string, not {type(kind).__name__}"
        )
    if kind not in _KINDS:
        raise ValueError(f"[isdtype] kind must be one of {', '.join(_KINDS)}, but is {kind!r}")
    category = _KINDS[kind]
    return dtype == bool_ if category is None else issubdtype(dtype, category)


def _dtype_of(value: Any, name: str) -> Dtype:
    dtype = value.dtype if isinstance(value, array) else value
    _check_dtype(dtype, name)
    return dtype


def _check_dtype(dtype: Dtype, name: str) -> None:
    if not isinstance(dtype, Dtype):
        raise WrongTypeError(f"[{name}] dtype must be a Dtype, not {type(dtype).__name__}")


def _short_name(dtype: Dtype) -> str:
    return str(dtype).rpartition(".")[2]
