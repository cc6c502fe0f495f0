"""The array: a node of MLX's lazy graph as a Python object that owns its handle."""

from cpython.buffer cimport (
    Py_buffer, PyBUF_C_CONTIGUOUS, PyBUF_F_CONTIGUOUS, PyBUF_FORMAT, PyBUF_FULL_RO, PyBUF_ND,
    PyBUF_STRIDES, PyBuffer_IsContiguous, PyBuffer_Release, PyBuffer_ToContiguous,
    PyObject_CheckBuffer, PyObject_GetBuffer,
)
from cpython.float cimport PyFloat_AS_DOUBLE
from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.number cimport PyNumber_Index
from cpython.object cimport PyObject
from cpython.pycapsule cimport (
    PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New, PyCapsule_SetName,
)
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t,
)
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset
from libcpp.algorithm cimport reverse
from libcpp.vector cimport vector

cimport cython

cimport mlx_sys_py.c as c
from mlx_sys_py._dtype cimport dtype_object, is_complex, is_floating
from mlx_sys_py._error cimport check, raise_last_error
from mlx_sys_py._generated cimport check_length, optional_ints, stream_handle
from mlx_sys_py._scalars cimport (
    Ints, to_bool, to_bytes, to_double, to_dtype, to_int, to_int64, to_ints, to_norm,
    to_optional_bool, to_optional_dtype, to_optional_float, to_optional_int, to_strides, to_uint64,
)
from mlx_sys_py._stream cimport Stream, available, to_stream, to_stream_on
from mlx_sys_py._text cimport take_string

import sys

from mlx_sys_py._error import IntRangeError, OperandError, OutOfRangeError, WrongTypeError
from mlx_sys_py._stream import default_device

ctypedef int (*unary_op)(c.mlx_array*, const c.mlx_array, const c.mlx_stream) noexcept nogil
ctypedef int (*binary_op)(
    c.mlx_array*, const c.mlx_array, const c.mlx_array, const c.mlx_stream
) noexcept nogil

cdef extern from "Python.h":
    object PyPickleBuffer_FromObject(object)

cdef c.mlx_stream default_stream
default_stream.ctx = NULL

# Of the array API standard; each has what those before it have.
cdef tuple API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")


# The line before `--` in the text of an extension type is what `inspect.signature` reads.
@cython.freelist(64)
cdef class array:
    """array(val, dtype=None)\n--\n
    A multidimensional array, computed when it is needed.

    Args:
        val: a number, a nested sequence of numbers or arrays, an array, or an object with a
            buffer, ``__dlpack__``, ``__array__`` or ``__mlx_array__``. Their values are copied;
            bytes are ``uint8``.
        dtype (Dtype, optional): the type of the elements. Default: that of ``val``; Python
            floats and double-precision buffers become ``float32``, ints ``int32`` if they fit.

    Raises:
        TypeError: ``val`` does not convert to an array.
        ValueError: a nested sequence is not regular, or a number does not fit the type.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.array([[1, 2], [3, 4]]) + 0.5
        array([[1.5, 2.5],
               [3.5, 4.5]], dtype=float32)

    See: MLX ``mlx.core.array``.
    """

    def __init__(self, val, dtype=None):
        cdef int wanted = -1 if dtype is None else <int>to_dtype(dtype, "dtype")
        cdef array made
        if isinstance(val, (bytes, bytearray)):
            made = from_buffer(val, wanted)
        else:
            made = from_object(val, wanted, "val")
        if self._c.ctx == NULL:
            self._c, made._c = made._c, self._c
        else:
            check(c.mlx_array_set(&self._c, made._c))

    def __dealloc__(self):
        c.mlx_array_free(self._c)

    @staticmethod
    cdef array _take(c.mlx_array handle):
        cdef array res = array.__new__(array)
        res._c = handle
        return res

    # What an array is

    @property
    def shape(self):
        """tuple[int, ...]: the length of each axis."""
        cdef size_t ndim = c.mlx_array_ndim(self._c), i
        cdef const int* dims = c.mlx_array_shape(self._c)
        cdef tuple res = PyTuple_New(ndim)
        for i in range(ndim):
            length = <object>dims[i]
            Py_INCREF(length)
            PyTuple_SET_ITEM(res, i, length)
        return res

    @property
    def ndim(self):
        """int: the number of axes."""
        return c.mlx_array_ndim(self._c)

    @property
    def size(self):
        """int: the number of elements."""
        return c.mlx_array_size(self._c)

    @property
    def dtype(self):
        """Dtype: the type of the elements."""
        return dtype_object(c.mlx_array_dtype(self._c))

    @property
    def itemsize(self):
        """int: bytes per element."""
        return c.mlx_array_itemsize(self._c)

    @property
    def nbytes(self):
        """int: bytes of all elements."""
        return c.mlx_array_nbytes(self._c)

    @property
    def T(self):
        """array: the axes in reverse order."""
        return unary(c.mlx_transpose, self)

    @property
    def mT(self):
        """array: the last two axes exchanged."""
        cdef c.mlx_array res
        if self.ndim < 2:
            raise ValueError(f"mT needs an array of at least 2 axes, not {self.ndim}")
        res.ctx = NULL
        check(c.mlx_swapaxes(&res, self._c, -1, -2, default_stream))
        return array._take(res)

    @property
    def real(self):
        """array: the real part."""
        return unary(c.mlx_real, self)

    @property
    def imag(self):
        """array: the imaginary part."""
        return unary(c.mlx_imag, self)

    @property
    def at(self):
        """ArrayAt: updates of selected elements: ``a.at[index].add(value)``."""
        return ArrayAt.of(self, None)

    # Its values

    def item(self):
        """The only element as a Python number.

        Returns:
            bool, int, float or complex: after the type of the elements.

        Raises:
            ValueError: the array does not have exactly one element.

        Example:
            >>> import mlx_core_py as mx
            >>> mx.array([2.5]).item()
            2.5
        """
        return scalar_item(self)

    def tolist(self):
        """The elements as nested lists of Python numbers.

        Returns:
            list, or a number if there are no axes.

        Example:
            >>> import mlx_core_py as mx
            >>> mx.array([[1, 2], [3, 4]]).tolist()
            [[1, 2], [3, 4]]
        """
        return nested_list(self)

    def __bool__(self):
        if c.mlx_array_size(self._c) != 1:
            raise ValueError(
                "only an array of one element is true or false, not one of shape "
                f"{self.shape}: use any(a), all(a) or array_equal(a, b)"
            )
        return bool(scalar_item(self))

    def __int__(self):
        return int(scalar_item(self))

    def __float__(self):
        return float(scalar_item(self))

    def __complex__(self):
        return complex(scalar_item(self))

    def __index__(self):
        if not is_integer(c.mlx_array_dtype(self._c)):
            raise TypeError(f"an array of {self.dtype.name} is no index: it must hold an int")
        return scalar_item(self)

    def __bytes__(self):
        return bytes(raw_bytes(self))

    def __repr__(self):
        cdef c.mlx_string text
        cdef int status
        text.ctx = NULL
        with nogil:
            status = c.mlx_array_tostring(&text, self._c)
        check(status)
        shown = take_string(text)
        if c.mlx_array_dtype(self._c) == c.MLX_BOOL:
            return shown.replace("true", "True").replace("false", "False")
        return shown

    def __format__(self, spec):
        if self.ndim == 0:
            return format(scalar_item(self), spec)
        try:
            return format(repr(self), spec)
        except ValueError:
            raise TypeError(
                f"a format such as {spec!r} applies to an array without axes only"
            ) from None

    def __len__(self):
        if c.mlx_array_ndim(self._c) == 0:
            raise TypeError("an array without axes has no len()")
        return c.mlx_array_shape(self._c)[0]

    def __contains__(self, value):
        if isinstance(value, (list, tuple)):
            value = to_array(value, "value")
        equal = compare(c.mlx_equal, self, value, False, False)
        return equal is not NotImplemented and any_true(equal)

    def __iter__(self):
        if c.mlx_array_ndim(self._c) == 0:
            raise TypeError("an array without axes cannot be iterated over")
        return ArrayIterator.over(self)

    def __hash__(self):
        return <Py_hash_t><size_t><void*>self >> 4

    # Copies and other libraries

    def __copy__(self):
        return array._take(share(self._c))

    def __deepcopy__(self, memo):
        return array._take(share(self._c))

    def __reduce__(self):
        return _from_bytes, (bytes(self), self.dtype, self.shape)

    def __setstate__(self, state):
        # What official MLX pickles: an array of NumPy, of uint16 for bfloat16, and a number.
        values, number = state
        if number not in range(c.MLX_COMPLEX64 + 1):
            raise ValueError(f"state has the number of no type: {number!r}")
        dtype = dtype_object(<c.mlx_dtype><int>number)
        if number == c.MLX_BFLOAT16:
            self.__init__(array(values).view(dtype))
        else:
            self.__init__(values, dtype)

    def __reduce_ex__(self, protocol):
        if protocol < 5:
            return self.__reduce__()
        # A pickler that is asked to keeps buffers beside the pickle, uncopied.
        return _from_bytes, (PyPickleBuffer_FromObject(raw_bytes(self)), self.dtype, self.shape)

    def __getbuffer__(self, Py_buffer* view, int flags):
        export_buffer(self, view, flags)

    def __releasebuffer__(self, Py_buffer* view):
        release_buffer(view)

    def __array__(self, dtype=None, copy=None):
        return to_numpy(self, dtype, copy)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func, types, args, kwargs):
        return apply_numpy_function(func, types, args, kwargs)

    def __array_namespace__(self, api_version=None):
        if api_version is not None and api_version not in API_VERSIONS:
            raise ValueError(
                f"api_version must be one of {', '.join(API_VERSIONS)}, not {api_version!r}"
            )
        return sys.modules.get("mlx_core_py") or sys.modules["mlx_sys_py"]

    @property
    def device(self):
        """Device: the default device. Devices share their memory: an array belongs to none."""
        return default_device()

    def to_device(self, device, /, *, stream=None):
        """The array itself, after a check of the device: devices share their memory.

        Args:
            device (Device or DeviceType): the device, which must be there.
            stream (optional): taken for the array API, and not used.

        Returns:
            array: this array.

        Raises:
            TypeError: ``device`` is no device.
            ValueError: there is no such device.

        Example:
            >>> import mlx_core_py as mx
            >>> mx.array([1.0]).to_device(mx.cpu)
            array([1], dtype=float32)
        """
        available(device)
        return self

    def __dlpack__(self, *, stream=None, max_version=None, dl_device=None, copy=None):
        """The values in a DLPack capsule, in host memory.

        Args:
            stream (optional): taken for the protocol; host memory needs none.
            max_version (tuple[int, int], optional): the version that the consumer knows. From
                (1, 0) on the capsule has a version and flags.
            dl_device (tuple[int, int], optional): the device of the capsule. Default: host memory,
                ``(1, 0)``, and no other.
            copy (bool, optional): ``True``: the values are copied; ``False``: they are shared;
                default: they are shared unless an axis runs backwards, for which most consumers
                have no strides.

        Raises:
            BufferError: ``dl_device`` is another device, or ``copy`` is ``False`` and an axis runs
                backwards.
        """
        if dl_device is not None and tuple(dl_device) != (DL_CPU, 0):
            raise BufferError(f"dl_device must be (1, 0), host memory, not {dl_device}")
        return to_dlpack_capsule(self, max_version is not None and max_version[0] >= 1, copy)

    def __dlpack_device__(self):
        return (DL_CPU, 0)

    # Indexing

    def __getitem__(self, index):
        return get_item(self, index)

    def __setitem__(self, index, value):
        assign(self, updated(self, index, value, assignment))

    # Operators

    def __add__(self, other):
        return binary(c.mlx_add, self, other)

    def __radd__(self, other):
        return binary(c.mlx_add, other, self)

    def __iadd__(self, other):
        return assign(self, binary(c.mlx_add, self, other))

    def __sub__(self, other):
        return binary(c.mlx_subtract, self, other)

    def __rsub__(self, other):
        return binary(c.mlx_subtract, other, self)

    def __isub__(self, other):
        return assign(self, binary(c.mlx_subtract, self, other))

    def __mul__(self, other):
        return binary(c.mlx_multiply, self, other)

    def __rmul__(self, other):
        return binary(c.mlx_multiply, other, self)

    def __imul__(self, other):
        return assign(self, binary(c.mlx_multiply, self, other))

    def __truediv__(self, other):
        return binary(c.mlx_divide, self, other)

    def __rtruediv__(self, other):
        return binary(c.mlx_divide, other, self)

    def __itruediv__(self, other):
        return assign(self, in_place_divide(self, other))

    def __floordiv__(self, other):
        return binary(c.mlx_floor_divide, self, other)

    def __rfloordiv__(self, other):
        return binary(c.mlx_floor_divide, other, self)

    def __ifloordiv__(self, other):
        return assign(self, binary(c.mlx_floor_divide, self, other))

    def __mod__(self, other):
        return binary(c.mlx_remainder, self, other)

    def __rmod__(self, other):
        return binary(c.mlx_remainder, other, self)

    def __imod__(self, other):
        return assign(self, binary(c.mlx_remainder, self, other))

    def __divmod__(self, other):
        return divided(self, other)

    def __rdivmod__(self, other):
        return divided(other, self)

    def __pow__(self, other, modulo):
        return binary(c.mlx_power, self, other) if modulo is None else NotImplemented

    def __rpow__(self, other, modulo):
        return binary(c.mlx_power, other, self) if modulo is None else NotImplemented

    def __ipow__(self, other):
        return assign(self, binary(c.mlx_power, self, other))

    def __matmul__(self, other):
        return binary(c.mlx_matmul, self, other)

    def __rmatmul__(self, other):
        return binary(c.mlx_matmul, other, self)

    def __imatmul__(self, other):
        return assign(self, binary(c.mlx_matmul, self, other))

    def __and__(self, other):
        return bitwise(c.mlx_bitwise_and, self, other)

    def __rand__(self, other):
        return bitwise(c.mlx_bitwise_and, other, self)

    def __iand__(self, other):
        return assign(self, bitwise(c.mlx_bitwise_and, self, other))

    def __or__(self, other):
        return bitwise(c.mlx_bitwise_or, self, other)

    def __ror__(self, other):
        return bitwise(c.mlx_bitwise_or, other, self)

    def __ior__(self, other):
        return assign(self, bitwise(c.mlx_bitwise_or, self, other))

    def __xor__(self, other):
        return bitwise(c.mlx_bitwise_xor, self, other)

    def __rxor__(self, other):
        return bitwise(c.mlx_bitwise_xor, other, self)

    def __ixor__(self, other):
        return assign(self, bitwise(c.mlx_bitwise_xor, self, other))

    def __lshift__(self, other):
        return bitwise(c.mlx_left_shift, self, other)

    def __rlshift__(self, other):
        return bitwise(c.mlx_left_shift, other, self)

    def __ilshift__(self, other):
        return assign(self, bitwise(c.mlx_left_shift, self, other))

    def __rshift__(self, other):
        return bitwise(c.mlx_right_shift, self, other)

    def __rrshift__(self, other):
        return bitwise(c.mlx_right_shift, other, self)

    def __irshift__(self, other):
        return assign(self, bitwise(c.mlx_right_shift, self, other))

    def __neg__(self):
        return unary(c.mlx_negative, self)

    def __pos__(self):
        return array._take(share(self._c))

    def __abs__(self):
        return unary(c.mlx_abs, self)

    def __invert__(self):
        return unary(c.mlx_bitwise_invert, self)

    def __round__(self, ndigits=None):
        cdef c.mlx_array res
        cdef int decimals = 0 if ndigits is None else to_int(ndigits, "ndigits")
        res.ctx = NULL
        check(c.mlx_round(&res, self._c, decimals, default_stream))
        return array._take(res)

    def __eq__(self, other):
        return compare(c.mlx_equal, self, other, False, False)

    def __ne__(self, other):
        return compare(c.mlx_not_equal, self, other, True, True)

    def __lt__(self, other):
        return compare(c.mlx_less, self, other, False, True)

    def __le__(self, other):
        return compare(c.mlx_less_equal, self, other, False, True)

    def __gt__(self, other):
        return compare(c.mlx_greater, self, other, True, False)

    def __ge__(self, other):
        return compare(c.mlx_greater_equal, self, other, True, False)

    # @generated methods@


@cython.final
cdef class ArrayIterator:
    """ArrayIterator()\n--\n
    Gives the slices of an array along its first axis. Made by ``iter(array)``.

    Example:
        >>> import mlx_core_py as mx
        >>> rows = iter(mx.array([[1, 2], [3, 4]]))
        >>> next(rows)
        array([1, 2], dtype=int32)

    See: MLX ``mlx.core.ArrayIterator``.
    """

    cdef array _array
    cdef Py_ssize_t _next

    def __init__(self, *args, **kwargs):
        raise TypeError("ArrayIterator has no constructor: use iter(array)")

    @staticmethod
    cdef ArrayIterator over(array a):
        cdef ArrayIterator res = ArrayIterator.__new__(ArrayIterator)
        res._array = a
        res._next = 0
        return res

    def __iter__(self):
        return self

    def __next__(self):
        if self._next >= c.mlx_array_shape(self._array._c)[0]:
            raise StopIteration
        self._next += 1
        return get_item(self._array, self._next - 1)

    def __length_hint__(self):
        return max(c.mlx_array_shape(self._array._c)[0] - self._next, 0)


cdef class VectorArray:
    """VectorArray(arrays=())\n--\n
    A vector of arrays (``mlx_vector_array``).

    Its elements are shared, not copied.

    Args:
        arrays (Iterable[array]): the elements. Default: none.

    Example:
        >>> from mlx_sys_py import VectorArray, array
        >>> len(VectorArray([array(1), array(2)]))
        2
    """

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(self, arrays=()):
        if self._c.ctx == NULL:
            self._c = c.mlx_vector_array_new()
        for item in arrays:
            self.append(item)

    def __dealloc__(self):
        c.mlx_vector_array_free(self._c)

    @staticmethod
    cdef VectorArray _take(c.mlx_vector_array handle):
        cdef VectorArray res = VectorArray.__new__(VectorArray)
        res._c = handle
        return res

    def __len__(self):
        return c.mlx_vector_array_size(self._c) if self._c.ctx != NULL else 0

    def __getitem__(self, index):
        cdef c.mlx_array res
        size = len(self)
        if not -size <= index < size:
            raise OutOfRangeError(f"index {index} is out of range for a vector of {size} arrays")
        res.ctx = NULL
        check(c.mlx_vector_array_get(&res, self._c, index % size))
        return array._take(res)

    def append(self, value):
        """Add an array at the end.

        Args:
            value (array): the array; other values are converted.
        """
        cdef array item = to_array(value, "value")
        check(c.mlx_vector_array_append_value(self._c, item._c))


include "_operators.pxi"
include "_from_python.pxi"
include "_to_python.pxi"
include "_dlpack.pxi"
include "_numpy.pxi"
include "_indexing.pxi"
include "_updates.pxi"
