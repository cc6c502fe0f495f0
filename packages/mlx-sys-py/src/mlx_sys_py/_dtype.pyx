"""Element types, their categories and how they promote."""

from cpython.module cimport PyModule_Check
from cpython.object cimport Py_TPFLAGS_HEAPTYPE, PyTypeObject

cimport mlx_sys_py.c as c
from mlx_sys_py._error cimport check

from mlx_sys_py._error import WrongTypeError


# The texts of the names that extension types show: a type keeps a pointer, for ever.
cdef list _shown_names = []


def show_as(str module, dict names, str home):
    """Let functions and types show as those of the module that users import them from.

    ``repr``, ``help``, errors and pickles name what something's ``__module__`` says. Pickles that
    name the module that it is in can be read all the same.

    Args:
        module (str): the module that users import from.
        names (dict): its names; what is there under another name than its own is left alone.
        home (str): only what shows as from this module or one within it is changed.

    Example:
        >>> import mlx_sys_py
        >>> def answer():
        ...     return 42
        >>> answer.__module__ = "package._within"
        >>> mlx_sys_py.show_as("package", {"answer": answer}, "package")
        >>> answer.__module__
        'package'
    """
    cdef str within = home + "."
    for name, value in names.items():
        # A module may be one that loads when it is looked at.
        if PyModule_Check(value) or getattr(value, "__name__", None) != name:
            continue
        shown = getattr(value, "__module__", None)
        if not isinstance(shown, str) or not (shown == home or shown.startswith(within)):
            continue
        if isinstance(value, type) and not (<PyTypeObject*>value).tp_flags & Py_TPFLAGS_HEAPTYPE:
            text = f"{module}.{name}".encode()
            _shown_names.append(text)
            (<PyTypeObject*>value).tp_name = text
        else:
            value.__module__ = module


cdef class Dtype:
    """Dtype()\n--\n
    The type of an array's elements.

    There is one object per type (``float32``, ``int8``, ...); they compare by identity.

    Attributes:
        name (str): the short name, such as ``"float32"``.
        size (int): bytes per element.
    """

    def __init__(self, *args, **kwargs):
        raise TypeError("Dtype has no constructor: use one of its objects, such as float32")

    def __repr__(self):
        return f"{type(self).__module__}.{self.name}"

    def __hash__(self):
        return hash(("mlx_sys_py.Dtype", self.name))

    def __eq__(self, other):
        return self is other

    def __reduce__(self):
        # bool's name would shadow the builtin, so its object is bool_.
        return "bool_" if self.name == "bool" else self.name


def __getattr__(name):
    # Where pickles of earlier states have it from.
    if name == "DtypeCategory":
        from mlx_sys_py._enums import DtypeCategory

        return DtypeCategory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


cdef list _dtypes = [None] * 14


cdef Dtype make_dtype(c.mlx_dtype value, str name):
    cdef Dtype dtype = Dtype.__new__(Dtype)
    dtype._c = value
    dtype.name = name
    dtype.size = c.mlx_dtype_size(value)
    _dtypes[<int>value] = dtype
    return dtype


bool_ = make_dtype(c.MLX_BOOL, "bool")
uint8 = make_dtype(c.MLX_UINT8, "uint8")
uint16 = make_dtype(c.MLX_UINT16, "uint16")
uint32 = make_dtype(c.MLX_UINT32, "uint32")
uint64 = make_dtype(c.MLX_UINT64, "uint64")
int8 = make_dtype(c.MLX_INT8, "int8")
int16 = make_dtype(c.MLX_INT16, "int16")
int32 = make_dtype(c.MLX_INT32, "int32")
int64 = make_dtype(c.MLX_INT64, "int64")
float16 = make_dtype(c.MLX_FLOAT16, "float16")
float32 = make_dtype(c.MLX_FLOAT32, "float32")
float64 = make_dtype(c.MLX_FLOAT64, "float64")
bfloat16 = make_dtype(c.MLX_BFLOAT16, "bfloat16")
complex64 = make_dtype(c.MLX_COMPLEX64, "complex64")

cdef Dtype dtype_object(c.mlx_dtype value):
    return <Dtype>_dtypes[<int>value]


cdef bint is_complex(c.mlx_dtype value) noexcept:
    return value == c.MLX_COMPLEX64


cdef bint is_floating(c.mlx_dtype value) noexcept:
    return (
        value == c.MLX_FLOAT16
        or value == c.MLX_FLOAT32
        or value == c.MLX_FLOAT64
        or value == c.MLX_BFLOAT16
    )


def issubdtype(arg1, arg2, /):
    """Whether one type, or category of types, is part of another.

    Args:
        arg1 (Dtype or DtypeCategory): the type or category to place.
        arg2 (Dtype or DtypeCategory): where it may belong.

    Returns:
        bool: True if ``arg1`` is ``arg2`` or lies within it.

    Raises:
        TypeError: an argument is neither a type nor a category.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.issubdtype(mx.float16, mx.floating), mx.issubdtype(mx.int8, mx.floating)
        (True, False)

    See: MLX ``mlx.core.issubdtype``.
    """
    cdef c.c_bool contained = False
    cdef c.mlx_dtype_category category
    # Loaded on first use, as enumerations take long to import.
    from mlx_sys_py._enums import PARENTS, DtypeCategory

    for name, value in (("arg1", arg1), ("arg2", arg2)):
        if not isinstance(value, (Dtype, DtypeCategory)):
            raise WrongTypeError(
                f"{name} must be a Dtype or DtypeCategory, not {type(value).__name__}"
            )
    if isinstance(arg2, Dtype):
        return arg1 is arg2
    if isinstance(arg1, Dtype):
        category = <c.mlx_dtype_category><int>arg2.value
        check(c.mlx_dtype_is_in_category(&contained, (<Dtype>arg1)._c, category))
        return bool(contained)
    while arg1 is not None:
        if arg1 is arg2:
            return True
        arg1 = PARENTS[arg1]
    return False


def promote_types(a, b, /):
    """The type that an operation between two types computes in.

    Args:
        a (Dtype): one type.
        b (Dtype): the other type.

    Returns:
        Dtype: the smallest type of MLX that both convert to.

    Raises:
        TypeError: an argument is not a Dtype.

    Example:
        >>> from mlx_sys_py import float16, int32, promote_types
        >>> promote_types(float16, int32).name
        'float16'

    See: MLX ``promote_types``.
    """
    cdef c.mlx_dtype res
    for name, value in (("a", a), ("b", b)):
        if not isinstance(value, Dtype):
            raise TypeError(f"{name} must be a Dtype, not {type(value).__name__}")
    check(c.mlx_promote_types(&res, (<Dtype>a)._c, (<Dtype>b)._c))
    return dtype_object(res)
