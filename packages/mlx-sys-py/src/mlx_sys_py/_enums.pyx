"""The enumerations of MLX: kinds of devices, and categories of element types.

Python's ``enum`` and what it imports take a third as long as the rest of this package, so that
this module is loaded with the first of these names that a program looks at.
"""

import enum

cimport mlx_sys_py.c as c

from mlx_sys_py._dtype import Dtype
from mlx_sys_py._stream import Device


class DeviceType(enum.Enum):
    """The kind of a device: ``cpu`` or ``gpu``."""

    cpu = c.MLX_CPU
    gpu = c.MLX_GPU

    def __repr__(self):
        return f"DeviceType.{self.name}"

    __str__ = __repr__

    def __eq__(self, other):
        if isinstance(other, Device):
            return other.type is self and other.index == 0
        return self is other

    __hash__ = enum.Enum.__hash__


cpu = DeviceType.cpu
gpu = DeviceType.gpu


class DtypeCategory(enum.Enum):
    """A group of element types, for `issubdtype`: ``floating``, ``integer``, ``number``, ..."""

    complexfloating = c.MLX_COMPLEXFLOATING
    floating = c.MLX_FLOATING
    inexact = c.MLX_INEXACT
    signedinteger = c.MLX_SIGNEDINTEGER
    unsignedinteger = c.MLX_UNSIGNEDINTEGER
    integer = c.MLX_INTEGER
    number = c.MLX_NUMBER
    generic = c.MLX_GENERIC

    def __repr__(self):
        return f"DtypeCategory.{self.name}"


complexfloating = DtypeCategory.complexfloating
floating = DtypeCategory.floating
inexact = DtypeCategory.inexact
signedinteger = DtypeCategory.signedinteger
unsignedinteger = DtypeCategory.unsignedinteger
integer = DtypeCategory.integer
number = DtypeCategory.number
generic = DtypeCategory.generic

# The category that each lies in.
PARENTS = {
    complexfloating: inexact,
    floating: inexact,
    inexact: number,
    signedinteger: integer,
    unsignedinteger: integer,
    integer: number,
    number: generic,
    generic: None,
}

# They show as from where the other types do: users may have imported them from there already.
DeviceType.__module__ = DtypeCategory.__module__ = Dtype.__module__
