"""Processes that compute together: groups of them, and operations between them.

Without a launcher that started several processes there is a group of one, whose operations do
nothing.
"""


cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport array, to_array
from mlx_sys_py._error cimport check
from mlx_sys_py._generated cimport stream_handle
from mlx_sys_py._scalars cimport Ints, to_bool, to_bytes, to_dtype, to_int, to_ints
from mlx_sys_py._stream cimport Stream, to_stream

__all__ = [
    "Group",
    "all_gather",
    "all_max",
    "all_min",
    "all_sum",
    "clear_backends",
    "init",
    "is_available",
    "recv",
    "recv_like",
    "send",
    "sum_scatter",
]


def __dir__():
    return __all__


cdef class Group:
    """Group()\n--\n
    Processes that communicate. Made by `init` and `Group.split`, not by this class.

    Example:
        >>> from mlx_sys_py import distributed
        >>> group = distributed.init()
        >>> 0 <= group.rank() < group.size()
        True

    See: MLX ``mlx.core.distributed.Group``.
    """

    cdef c.mlx_distributed_group _c

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(self, *args, **kwargs):
        raise TypeError("Group has no constructor: use init()")

    def __dealloc__(self):
        c.mlx_distributed_group_free(self._c)

    @staticmethod
    cdef Group _take(c.mlx_distributed_group handle):
        cdef Group res = Group.__new__(Group)
        res._c = handle
        return res

    def rank(self):
        """int: the number of this process in the group, from 0."""
        return c.mlx_distributed_group_rank(self._c)

    def size(self):
        """int: how many processes the group has."""
        return c.mlx_distributed_group_size(self._c)

    def split(self, color, key=-1):
        """The group of the processes that give the same color.

        Args:
            color (int): the color.
            key (int): orders the processes in the new group; a negative one (default) is the
                rank in this group.

        Returns:
            Group: the group that this process is in.

        Raises:
            RuntimeError: the backend cannot split groups, nor a group of one.
        """
        cdef c.mlx_distributed_group res
        cdef int color_value = to_int(color, "color")
        cdef int key_value = to_int(key, "key")
        cdef int status
        res.ctx = NULL
        with nogil:
            status = c.mlx_distributed_group_split(&res, self._c, color_value, key_value)
        check(status)
        return Group._take(res)


def is_available(backend="any"):
    """Whether MLX was built with a backend, which says nothing of whether it can be used.

    Args:
        backend (str): ``"any"`` (default), ``"mpi"``, ``"ring"``, ``"nccl"`` or ``"jaccl"``.

    Example:
        >>> from mlx_sys_py import distributed
        >>> distributed.is_available("no such backend")
        False

    See: MLX ``mlx.core.distributed.is_available``.
    """
    name = to_bytes(backend, "backend")
    return bool(c.mlx_distributed_is_available(name))


def init(strict=False, backend="any", *, all_gather_factory=None):
    """The group of all processes that were started together.

    Args:
        strict (bool): raise where there is no backend that works, instead of giving a group of
            one. Default: ``False``.
        backend (str): ``"any"`` (default, the first that works), ``"mpi"``, ``"ring"``,
            ``"nccl"`` or ``"jaccl"``.
        all_gather_factory (None): for MLX's backend ``"jaccl"`` of macOS, which official MLX
            takes it for.

    Returns:
        Group: the group.

    Raises:
        ValueError: there is no such backend, or ``all_gather_factory`` is given.
        RuntimeError: it does not work.

    See: MLX ``mlx.core.distributed.init``.
    """
    cdef c.mlx_distributed_group res
    cdef bint must = to_bool(strict, "strict")
    name = to_bytes(backend, "backend")
    cdef const char* text = name
    if all_gather_factory is not None:
        raise ValueError("all_gather_factory is not supported: leave it out")
    cdef int status
    res.ctx = NULL
    with nogil:
        status = c.mlx_distributed_init(&res, must, text)
    check(status)
    return Group._take(res)


def clear_backends():
    """Let go of the backends that are in use. See: MLX ``distributed::clear_backends``."""
    cdef int status
    with nogil:
        status = c.mlx_distributed_clear_backends()
    check(status)


cdef c.mlx_distributed_group group_handle(object group) except *:
    cdef c.mlx_distributed_group everyone
    everyone.ctx = NULL
    if group is None:
        return everyone
    if not isinstance(group, Group):
        raise TypeError(f"group must be a Group or None, not {type(group).__name__}")
    return (<Group>group)._c


cdef Stream stream_of(object stream):
    return None if stream is None else to_stream(stream)


ctypedef int (*operation)(
    c.mlx_array*, const c.mlx_array, const c.mlx_distributed_group, const c.mlx_stream
) noexcept nogil
ctypedef int (*exchange)(
    c.mlx_array*, const c.mlx_array, int, const c.mlx_distributed_group, const c.mlx_stream
) noexcept nogil


cdef array reduce(operation op, object x, object group, object stream):
    cdef array value = to_array(x, "x")
    cdef c.mlx_distributed_group processes = group_handle(group)
    cdef Stream target = stream_of(stream)
    cdef c.mlx_stream s = stream_handle(target)
    cdef c.mlx_array res
    cdef int status
    res.ctx = NULL
    # The first operation connects the processes, which can take long.
    with nogil:
        status = op(&res, value._c, processes, s)
    check(status)
    return array._take(res)


cdef array talk(exchange op, object x, int rank, object group, object stream):
    cdef array value = to_array(x, "x")
    cdef c.mlx_distributed_group processes = group_handle(group)
    cdef Stream target = stream_of(stream)
    cdef c.mlx_stream s = stream_handle(target)
    cdef c.mlx_array res
    cdef int status
    res.ctx = NULL
    with nogil:
        status = op(&res, value._c, rank, processes, s)
    check(status)
    return array._take(res)


def all_sum(x, *, group=None, stream=None):
    """The sum of the arrays of all processes.

    Args:
        x (array): the array of this process.
        group (Group, optional): the processes. Default: all.
        stream (Stream, Device or DeviceType, optional): where to run. Default: the default stream.

    Returns:
        array: the sum, in every process.

    Example:
        >>> from mlx_sys_py import array, distributed
        >>> distributed.all_sum(array([1.0]))
        array([1], dtype=float32)

    See: MLX ``mlx.core.distributed.all_sum``.
    """
    return reduce(c.mlx_distributed_all_sum, x, group, stream)


def all_max(x, *, group=None, stream=None):
    """The elementwise maximum of the arrays of all processes.

    Args:
        x (array): the array of this process.
        group (Group, optional): the processes. Default: all.
        stream (Stream, Device or DeviceType, optional): where to run. Default: the default stream.

    Returns:
        array: the maximum, in every process.

    See: MLX ``mlx.core.distributed.all_max``.
    """
    return reduce(c.mlx_distributed_all_max, x, group, stream)


def all_min(x, *, group=None, stream=None):
    """The elementwise minimum of the arrays of all processes.

    Args:
        x (array): the array of this process.
        group (Group, optional): the processes. Default: all.
        stream (Stream, Device or DeviceType, optional): where to run. Default: the default stream.

    Returns:
        array: the minimum, in every process.

    See: MLX ``mlx.core.distributed.all_min``.
    """
    return reduce(c.mlx_distributed_all_min, x, group, stream)


def all_gather(x, *, group=None, stream=None):
    """The arrays of all processes, concatenated.

    Args:
        x (array): the array of this process.
        group (Group, optional): the processes. Default: all.
        stream (Stream, Device or DeviceType, optional): where to run. Default: the default stream.

    Returns:
        array: the concatenation along the first axis, in every process.

    See: MLX ``mlx.core.distributed.all_gather``.
    """
    return reduce(c.mlx_distributed_all_gather, x, group, stream)


def sum_scatter(x, *, group=None, stream=None):
    """The sum of the arrays of all processes, of which each gets a part (reduce-scatter).

    Args:
        x (array): the array of this process.
        group (Group, optional): the processes. Default: all.
        stream (Stream, Device or DeviceType, optional): where to run. Default: the default stream.

    Returns:
        array: this process's part of the sum, along the first axis.

    Raises:
        ValueError: ``x`` is a scalar, or its first axis cannot be split evenly.

    Backends for CPUs, where MLX has no such exchange, take a part of `all_sum`.

    See: MLX ``mlx.core.distributed.sum_scatter``.
    """
    return reduce(c.mlx_distributed_sum_scatter, x, group, stream)


def send(x, dst, *, group=None, stream=None):
    """Send an array to another process.

    Args:
        x (array): the array.
        dst (int): the rank of the process to send to.
        group (Group, optional): the processes. Default: all.
        stream (Stream, Device or DeviceType, optional): where to run. Default: the default stream.

    Returns:
        array: ``x``; it is sent when this is evaluated.

    Raises:
        ValueError: the group is of one, or has no such rank.

    See: MLX ``mlx.core.distributed.send``.
    """
    return talk(c.mlx_distributed_send, x, to_int(dst, "dst"), group, stream)


def recv_like(x, src, *, group=None, stream=None):
    """Receive an array of the shape and type of another one from another process.

    Args:
        x (array): an array of that shape and type.
        src (int): the rank of the process to receive from.
        group (Group, optional): the processes. Default: all.
        stream (Stream, Device or DeviceType, optional): where to run. Default: the default stream.

    Returns:
        array: what was sent.

    Raises:
        ValueError: the group is of one, or has no such rank.

    See: MLX ``mlx.core.distributed.recv_like``.
    """
    return talk(c.mlx_distributed_recv_like, x, to_int(src, "src"), group, stream)


def recv(shape, dtype, src, *, group=None, stream=None):
    """Receive an array from another process.

    Args:
        shape (Sequence[int]): its shape.
        dtype (Dtype): its type.
        src (int): the rank of the process to receive from.
        group (Group, optional): the processes. Default: all.
        stream (Stream, Device or DeviceType, optional): where to run. Default: the default stream.

    Returns:
        array: what was sent.

    Raises:
        ValueError: the group is of one, or has no such rank.

    See: MLX ``mlx.core.distributed.recv``.
    """
    cdef Ints extents = to_ints(shape, "shape")
    cdef c.mlx_dtype type_ = to_dtype(dtype, "dtype")
    cdef int rank = to_int(src, "src")
    cdef c.mlx_distributed_group processes = group_handle(group)
    cdef Stream target = stream_of(stream)
    cdef c.mlx_stream s = stream_handle(target)
    cdef c.mlx_array res
    cdef int status
    res.ctx = NULL
    with nogil:
        status = c.mlx_distributed_recv(
            &res, extents.data(), extents.size(), type_, rank, processes, s
        )
    check(status)
    return array._take(res)
