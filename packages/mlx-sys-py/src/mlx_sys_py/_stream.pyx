"""Devices, streams, and which of them an operation runs on.

The default stream of a device is one stream for the whole process, so an array built in one
thread can be evaluated in any other.
"""

import os

cimport mlx_sys_py.c as c
from mlx_sys_py._error cimport check
from mlx_sys_py._text cimport take_string, take_strings


cdef object _device_type = None


cdef object device_type():
    """The class `DeviceType`, whose module is loaded on first use."""
    global _device_type
    if _device_type is None:
        from mlx_sys_py._enums import DeviceType

        _device_type = DeviceType
    return _device_type


def __getattr__(name):
    # Where pickles of earlier states have it from.
    if name == "DeviceType":
        return device_type()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


cdef class Device:
    """Device(type, index=0)\n--\n
    A device that computes: a type and an index among the devices of that type.

    Args:
        type (DeviceType): ``cpu`` or ``gpu``.
        index (int): which device of that type. Default: ``0``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.Device(mx.cpu)
        Device(cpu, 0)

    See: MLX ``mlx.core.Device``.
    """

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(self, type, index=0):
        type = to_device_type(type, "type")
        if not isinstance(index, int) or not 0 <= index < 1 << 16:
            raise ValueError(f"index must be a small int >= 0, not {index!r}")
        c.mlx_device_free(self._c)
        self._c = c.mlx_device_new_type(<c.mlx_device_type><int>type.value, index)

    def __dealloc__(self):
        c.mlx_device_free(self._c)

    @staticmethod
    cdef Device _take(c.mlx_device handle):
        cdef Device device = Device.__new__(Device)
        device._c = handle
        return device

    @property
    def type(self):
        """DeviceType: the kind of device."""
        cdef c.mlx_device_type res
        check(c.mlx_device_get_type(&res, self._c))
        return device_type()(<int>res)

    @property
    def index(self):
        """int: which device of its type."""
        cdef int res
        check(c.mlx_device_get_index(&res, self._c))
        return res

    def __repr__(self):
        return f"Device({self.type.name}, {self.index})"

    def __eq__(self, other):
        if isinstance(other, Device):
            return c.mlx_device_equal(self._c, (<Device>other)._c)
        if isinstance(other, device_type()):
            return self.type is other
        return NotImplemented

    def __hash__(self):
        return hash((self.type, self.index))


cdef class Stream:
    """Stream()\n--\n
    A queue of operations on a device. Made by `new_stream` and its kin, not by this class.

    See: MLX ``mlx.core.Stream``.
    """

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(self, *args, **kwargs):
        raise TypeError("Stream has no constructor: use new_stream(device)")

    def __dealloc__(self):
        c.mlx_stream_free(self._c)

    @staticmethod
    cdef Stream _take(c.mlx_stream handle):
        cdef Stream stream = Stream.__new__(Stream)
        stream._c = handle
        return stream

    @property
    def device(self):
        """Device: the device that the stream runs on."""
        cdef c.mlx_device res
        res.ctx = NULL
        check(c.mlx_stream_get_device(&res, self._c))
        return Device._take(res)

    @property
    def index(self):
        """int: the number of the stream, unique in the process."""
        cdef int res
        check(c.mlx_stream_get_index(&res, self._c))
        return res

    def __repr__(self):
        return f"Stream({self.device!r}, {self.index})"

    def __eq__(self, other):
        if isinstance(other, Stream):
            return c.mlx_stream_equal(self._c, (<Stream>other)._c)
        return NotImplemented

    def __hash__(self):
        return hash((self.device, self.index))


cdef class ThreadLocalStream(Stream):
    """A stream that stands for another stream in every thread. Made by `new_thread_local_stream`.

    See: MLX ``mlx.core.ThreadLocalStream``.
    """

    def __init__(self, *args, **kwargs):
        raise TypeError(
            "ThreadLocalStream has no constructor: use new_thread_local_stream(device)"
        )

    def __repr__(self):
        return f"ThreadLocalStream({self.device!r}, {self.index})"


cdef object to_device_type(object value, str name):
    """The type of device that `value`, such a type or its number, stands for."""
    if isinstance(value, device_type()):
        return value
    if type(value) is int and value in (c.MLX_CPU, c.MLX_GPU):
        return device_type()(value)
    raise TypeError(f"{name} must be cpu or gpu, not {value!r}")


cdef Device to_device(object value, str name):
    """The device that `value` (a device, a type of device or the number of one) names."""
    if isinstance(value, Device):
        return <Device>value
    if isinstance(value, (device_type(), int)):
        return Device(to_device_type(value, name))
    raise TypeError(f"{name} must be a Device or DeviceType, not {type(value).__name__}")


cdef Stream to_stream(object value):
    """The stream that the argument `stream` of an operation names."""
    cdef c.mlx_stream res
    if isinstance(value, Stream):
        return <Stream>value
    if not isinstance(value, (Device, device_type(), int)):
        raise TypeError(
            f"stream must be a Stream, Device, DeviceType or None, not {type(value).__name__}"
        )
    res.ctx = NULL
    check(c.mlx_get_default_stream(&res, to_device(value, "stream")._c))
    return Stream._take(res)


def default_device():
    """The device that operations run on when none is named.

    Returns:
        Device: the first GPU if the installed backend has one, else the CPU.

    Example:
        >>> import mlx_core_py as mx
        >>> isinstance(mx.default_device(), mx.Device)
        True

    See: MLX ``mlx.core.default_device``.
    """
    cdef c.mlx_device res
    res.ctx = NULL
    check(c.mlx_get_default_device(&res))
    return Device._take(res)


def set_default_device(device):
    """Set the device that operations run on when none is named, for the whole process.

    Args:
        device (Device or DeviceType): the device.

    Raises:
        ValueError: the installed backend has no such device.
        TypeError: ``device`` is not a device.

    Example:
        >>> import mlx_core_py as mx
        >>> before = mx.default_device()
        >>> mx.set_default_device(mx.cpu)
        >>> mx.default_device()
        Device(cpu, 0)
        >>> mx.set_default_device(before)

    See: MLX ``mlx.core.set_default_device``.
    """
    cdef Device target = to_device(device, "device")
    if not is_available(target):
        raise ValueError(f"device {target!r} is not available with the installed MLX backend")
    check(c.mlx_set_default_device(target._c))


def is_available(device):
    """Whether a device can be used with the installed MLX backend.

    Args:
        device (Device or DeviceType): the device.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.is_available(mx.cpu)
        True

    See: MLX ``mlx.core.is_available``.
    """
    cdef c.c_bool res = False
    check(c.mlx_device_is_available(&res, to_device(device, "device")._c))
    return bool(res)


def device_count(device_type):
    """How many devices of a type there are.

    Args:
        device_type (DeviceType): ``cpu`` or ``gpu``.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.device_count(mx.cpu)
        1

    See: MLX ``mlx.core.device_count``.
    """
    cdef int res = 0
    kind = to_device_type(device_type, "device_type")
    check(c.mlx_device_count(&res, <c.mlx_device_type><int>kind.value))
    return res


def device_info(d=None):
    """What the backend knows about a device.

    Args:
        d (Device or DeviceType, optional): the device. Default: the default one.

    Returns:
        dict[str, str | int]: by key: ``device_name``, ``architecture``, sizes of memory and more,
        different for each kind of device.

    Raises:
        ValueError: the device is not available.

    Example:
        >>> import mlx_core_py as mx
        >>> "architecture" in mx.device_info(mx.cpu)
        True

    See: MLX ``mlx.core.device_info``.
    """
    cdef Device target = to_device(default_device() if d is None else d, "d")
    cdef c.mlx_device_info info = c.mlx_device_info_new()
    cdef c.mlx_vector_string keys
    keys.ctx = NULL
    try:
        check(c.mlx_device_info_get(&info, target._c))
        check(c.mlx_device_info_get_keys(&keys, info))
        return {key: property_of(info, key) for key in take_strings(keys)}
    finally:
        c.mlx_device_info_free(info)


cdef object property_of(c.mlx_device_info info, str key):
    cdef c.c_bool is_string = False
    cdef const char* text
    cdef size_t number
    name = key.encode()
    check(c.mlx_device_info_is_string(&is_string, info, name))
    if is_string:
        check(c.mlx_device_info_get_string(&text, info, name))
        return text.decode("utf-8", "replace")
    check(c.mlx_device_info_get_size(&number, info, name))
    return number


def version():
    """The version of MLX that the library runs on.

    Returns:
        str: three numbers with dots between.

    Example:
        >>> import mlx_sys_py
        >>> mlx_sys_py.version() == mlx_sys_py.MLX_VERSION
        True

    See: MLX ``mlx.core.__version__``.
    """
    cdef c.mlx_string res
    res.ctx = NULL
    check(c.mlx_version(&res))
    return take_string(res)


def default_stream(device):
    """The stream of a device that operations run on when none is named.

    Args:
        device (Device or DeviceType): the device.

    Returns:
        Stream: the default of this thread; the same for all threads unless one has set its own.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.default_stream(mx.cpu).device
        Device(cpu, 0)

    See: MLX ``mlx.core.default_stream``.
    """
    return to_stream(to_device(device, "device"))


def set_default_stream(stream):
    """Set the default stream of the stream's device, for this thread.

    Args:
        stream (Stream): the stream.

    Example:
        >>> import mlx_core_py as mx
        >>> before = mx.default_stream(mx.cpu)
        >>> stream = mx.new_stream(mx.cpu)
        >>> mx.set_default_stream(stream)
        >>> mx.default_stream(mx.cpu) == stream
        True
        >>> mx.set_default_stream(before)

    See: MLX ``mlx.core.set_default_stream``.
    """
    if not isinstance(stream, Stream):
        raise TypeError(f"stream must be a Stream, not {type(stream).__name__}")
    check(c.mlx_set_default_stream((<Stream>stream)._c))


def new_stream(device):
    """A new stream on a device, for the thread that makes it.

    Args:
        device (Device or DeviceType): the device.

    Raises:
        ValueError: the device is not available.

    Returns:
        Stream: the stream.

    Example:
        >>> import mlx_core_py as mx
        >>> stream = mx.new_stream(mx.cpu)
        >>> mx.add(1, 2, stream=stream)
        array(3, dtype=int32)

    See: MLX ``mlx.core.new_stream``.
    """
    cdef Device target = available(device)
    cdef c.mlx_stream res = c.mlx_stream_new_device(target._c)
    if res.ctx == NULL:
        check(1)
    return Stream._take(res)


def new_thread_unsafe_stream(device):
    """A new stream on a device that every thread may use; the caller prevents races.

    Args:
        device (Device or DeviceType): the device.

    Raises:
        ValueError: the device is not available.

    Returns:
        Stream: the stream.

    Example:
        >>> import mlx_core_py as mx
        >>> stream = mx.new_thread_unsafe_stream(mx.cpu)
        >>> mx.add(1, 2, stream=stream)
        array(3, dtype=int32)

    See: MLX ``mlx.core.new_thread_unsafe_stream``.
    """
    cdef Device target = available(device)
    cdef c.mlx_stream res = c.mlx_stream_new_thread_unsafe(target._c)
    if res.ctx == NULL:
        check(1)
    return Stream._take(res)


def new_thread_local_stream(device):
    """A stream that stands for another stream in every thread that uses it.

    Args:
        device (Device or DeviceType): the device.

    Returns:
        ThreadLocalStream: the stream.

    Raises:
        ValueError: the device is not available.

    Returns:
        Stream: the stream.

    Example:
        >>> import mlx_core_py as mx
        >>> stream = mx.new_thread_local_stream(mx.cpu)
        >>> mx.add(1, 2, stream=stream)
        array(3, dtype=int32)

    See: MLX ``mlx.core.new_thread_local_stream``.
    """
    cdef Device target = available(device)
    cdef c.mlx_stream res = c.mlx_stream_new_thread_local(target._c)
    if res.ctx == NULL:
        check(1)
    cdef ThreadLocalStream stream = ThreadLocalStream.__new__(ThreadLocalStream)
    stream._c = res
    return stream


def clear_streams():
    """Destroy the streams that this thread made; call it before the thread ends.

    Example:
        >>> import mlx_core_py as mx
        >>> import threading
        >>> found = []
        >>> def work():
        ...     found.append(mx.add(1, 2, stream=mx.new_stream(mx.cpu)).item())
        ...     mx.clear_streams()
        >>> thread = threading.Thread(target=work)
        >>> thread.start()
        >>> thread.join()
        >>> found
        [3]

    See: MLX ``mlx.core.clear_streams``.
    """
    cdef int status
    with nogil:
        status = c.mlx_clear_streams()
    check(status)


cdef Device available(object device):
    cdef Device target = to_device(device, "device")
    if not is_available(target):
        raise ValueError(f"device {target!r} is not available with the installed MLX backend")
    return target


cdef object to_stream_on(object stream, object device):
    """What a function runs on that is given a stream, a device, both or none."""
    cdef Device target
    if device is None:
        return stream
    target = available(device)
    if stream is None:
        return target
    if to_stream(stream).device != target:
        raise ValueError(f"stream {stream!r} is not one of the device {target!r}")
    return stream


def synchronize(stream=None):
    """Wait until all work on a stream is done.

    Args:
        stream (Stream, optional): the stream. Default: the default stream of the default device.

    Example:
        >>> import mlx_core_py as mx
        >>> a = mx.ones(3) + 1
        >>> mx.async_eval(a)
        >>> mx.synchronize()

    See: MLX ``mlx.core.synchronize``.
    """
    cdef Stream target = to_stream(default_device() if stream is None else stream)
    cdef int status
    with nogil:
        status = c.mlx_synchronize(target._c)
    check(status)


cdef extern from "Python.h":
    int Py_AtExit(void (*function)() noexcept) noexcept


def _finish(process, /):
    """Wait for all work before the interpreter exits, unless in a forked child."""
    cdef int status
    if process != os.getpid():
        return
    with nogil:
        status = c.mlx_synchronize_all()
    try:
        check(status)
    except KeyboardInterrupt:
        # Libraries cannot be unloaded while streams use them: end the whole process.
        import signal

        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)


# Daemon threads go on after the interpreter, while the libraries are unloaded.
Py_AtExit(c.mlx_stop_other_threads)


class StreamContext:
    """Make a stream, and its device, the default within a ``with`` block of this thread.

    Args:
        s (Stream, Device or DeviceType): the stream, or the device whose default stream to use.

    Example:
        >>> import mlx_core_py as mx
        >>> with mx.stream(mx.cpu):
        ...     x = mx.ones((2,))

    See: MLX ``mlx.core.StreamContext``.
    """

    def __init__(self, s):
        self._stream = to_stream(s)
        self._outer = []

    def __enter__(self):
        device = self._stream.device
        self._outer.append((default_device(), default_stream(device)))
        set_default_device(device)
        set_default_stream(self._stream)
        return self

    def __exit__(self, *exc):
        device, stream = self._outer.pop()
        set_default_stream(stream)
        set_default_device(device)


class SameStream:
    """A context that changes nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None


same_stream = SameStream()


def on_stream(stream):
    """The context that rows of operations have their statements in, given their parameter."""
    return same_stream if stream is None else StreamContext(stream)


def stream(s):
    """A context in which a stream, and its device, are the default.

    Args:
        s (Stream, Device or DeviceType): the stream, or the device whose default stream to use.

    Returns:
        StreamContext: for a ``with`` statement.

    Example:
        >>> import mlx_core_py as mx
        >>> with mx.stream(mx.cpu):
        ...     print(mx.default_device())
        Device(cpu, 0)

    See: MLX ``mlx.core.stream``.
    """
    return StreamContext(s)
