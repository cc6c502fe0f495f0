"""The kernels for the CPU: their instruction set, and what they have done."""

cimport mlx_sys_py.c as c
from mlx_sys_py._containers cimport MapStringToArray
from mlx_sys_py._error cimport check
from mlx_sys_py._scalars cimport to_bytes
from mlx_sys_py._text cimport take_string, take_strings

from collections import namedtuple

__all__ = [
    "Log", "Record", "get_activation_bits", "get_level", "levels",
    "move_to_large_pages", "primitives", "set_activation_bits", "set_level",
]


def __dir__():
    return __all__


_FIELDS = ("primitive", "inputs", "outputs", "kernel", "reason", "microseconds")


class Record(namedtuple("Record", _FIELDS)):
    """A node that the CPU has evaluated.

    Attributes:
        primitive (str): MLX's name of the operation; ``Elementwise(Multiply+Add)`` for operations
            on single elements that were fused.
        inputs (str): types and shapes, as ``float32:2x3 float32:3``.
        outputs (str): likewise.
        kernel (str): the level (:func:`levels`) whose kernel did the work, ``"scalar"`` for a loop
            without SIMD, ``"view"`` where nothing was moved, ``"mlx"`` for MLX's own kernel.
        reason (str): why it was MLX's; else ``""``.
        microseconds (float): the time on the thread that did the work.
    """

    __slots__ = ()


def levels():
    """The levels that this machine can run.

    Returns:
        list[str]: names of instruction sets, the best first, and ``"stock"``, which leaves all to
        MLX's own kernels that they can do. The environment variable ``MLX_SYS_PY_CPU`` takes them.

    Example:
        >>> levels()[-1]
        'stock'
    """
    cdef c.mlx_vector_string names = c.mlx_vector_string_new()
    check(c.mlx_cpu_get_levels(&names))
    return take_strings(names)


def get_level():
    """The level in use: one of :func:`levels`.

    Raises:
        ValueError: ``MLX_SYS_PY_CPU`` is none of them.

    Example:
        >>> get_level() in levels()
        True
    """
    cdef c.mlx_string name = c.mlx_string_new()
    check(c.mlx_cpu_get_level(&name))
    return take_string(name)


def set_level(level):
    """Change the level of what is evaluated from here on, in all threads.

    Args:
        level (str): one of :func:`levels`.

    Raises:
        ValueError: it is none of them.

    Example:
        >>> before = get_level()
        >>> set_level("stock")
        >>> get_level()
        'stock'
        >>> set_level(before)
    """
    cdef bytes name = to_bytes(level, "level")
    cdef const char* text = name
    cdef int status
    # This takes the lock of evaluations, whose holder may wait for the GIL.
    with nogil:
        status = c.mlx_cpu_set_level(text)
    check(status)


def get_activation_bits():
    """The bits that rows are rounded to where they are multiplied with quantized weights.

    Returns:
        int: 8 or 16, as :func:`set_activation_bits` has it.

    Raises:
        ValueError: ``MLX_SYS_PY_CPU_ACTIVATIONS`` is something else.

    Example:
        >>> get_activation_bits() in (8, 16)
        True
    """
    cdef int bits = 0
    check(c.mlx_cpu_get_activation_bits(&bits))
    return bits


def set_activation_bits(bits):
    """Change the bits that rows are rounded to where they meet quantized weights.

    With 8, each 32 neighbours of a row of half precision become integers of eight bits with a scale
    in common, which the processor multiplies several times as fast as floats; numbers are off by
    less than 0.4 % of the largest of the 32. Where the processor multiplies tiles of bfloat16
    (Intel AMX), more than 32 rows and the weights become bfloat16 instead. With 16, products are
    those of the numbers themselves, as they are in single precision, and where there is no such
    kernel, with either.

    The environment variable ``MLX_SYS_PY_CPU_ACTIVATIONS`` sets them before. Default: 8.

    Args:
        bits (int): 8 or 16, for what is evaluated from here on, in all threads.

    Raises:
        ValueError: it is something else.

    Example:
        >>> before = get_activation_bits()
        >>> set_activation_bits(16)
        >>> get_activation_bits()
        16
        >>> set_activation_bits(before)
    """
    cdef int number = bits
    cdef int status
    # As in set_level.
    with nogil:
        status = c.mlx_cpu_set_activation_bits(number)
    check(status)


def move_to_large_pages(arrays):
    """Move arrays that are read again and again to huge pages.

    All weights of a model are read for each token that it makes, and looking up small pages takes
    long. Only what fills half a huge page and is evaluated is moved, and only where the system has
    such pages; arrays that are the memory of a file stay there.

    Args:
        arrays (Mapping[str, array]): the arrays by names, which do not matter.

    Raises:
        TypeError: a value is no array.

    Example:
        >>> import mlx_core_py as mx
        >>> weight = mx.zeros((1024, 1024))
        >>> mx.eval(weight)
        >>> move_to_large_pages({"weight": weight})
    """
    cdef MapStringToArray held = MapStringToArray(arrays)
    check(c.mlx_cpu_move_to_large_pages(held._c))


def primitives():
    """The names of the primitives that there are kernels for, in alphabetical order.

    Returns:
        list[str]: MLX's names, and those of the fused ops of this library.

    Example:
        >>> "Matmul" in primitives()
        True
    """
    cdef c.mlx_vector_string names = c.mlx_vector_string_new()
    check(c._mlx_cpu_get_kernels(&names))
    return sorted(take_strings(names))


cdef class Log:
    """Records each node that the CPU evaluates, in any thread, while the log exists.

    The environment variable ``MLX_SYS_PY_CPU_VERBOSE=1`` writes the same to stderr.

    Example:
        >>> from mlx_sys_py import array, ops, transforms
        >>> log = Log()
        >>> transforms.eval([ops.matmul(array([[1.0, 2.0]]), array([[3.0], [4.0]]))])
        >>> [record.primitive for record in log.records()]
        ['Matmul']
    """

    cdef c.mlx_cpu_log handle

    def __cinit__(self):
        self.handle = c.mlx_cpu_log_new()
        if self.handle.ctx == NULL:
            check(1)

    def __dealloc__(self):
        c.mlx_cpu_log_free(self.handle)

    def records(self):
        """The nodes that are done, in the order in which they were.

        Returns:
            list[Record]: one for each.
        """
        cdef c.mlx_string lines = c.mlx_string_new()
        check(c.mlx_cpu_log_get(&lines, self.handle))
        res = []
        for line in take_string(lines).splitlines():
            primitive, inputs, outputs, kernel, reason, time = line.split(",")[3:]
            res.append(Record(primitive, inputs, outputs, kernel, reason, float(time)))
        return res
