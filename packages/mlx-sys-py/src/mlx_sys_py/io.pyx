"""Arrays from and to files: safetensors, GGUF and NumPy's npy.

A file is a path, or a binary file object that can seek. Files that are written appear whole
or not at all.
"""

import os

from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t
from libc.string cimport memcpy

cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport VectorArray, array, to_array, to_arrays
from mlx_sys_py._callback cimport python_is_there
from mlx_sys_py._containers cimport MapStringToArray, MapStringToString
from mlx_sys_py._error cimport check, keep_exception
from mlx_sys_py._scalars cimport to_bytes
from mlx_sys_py._text cimport take_string, take_strings

__all__ = ["load_gguf", "load_npy", "load_safetensors", "save_gguf", "save_npy", "save_safetensors"]


def __dir__():
    return __all__


# MLX reads and writes on the CPU, whatever the default device is.
cdef c.mlx_stream cpu_stream = c.mlx_default_cpu_stream_new()


cdef bytes to_path(object file):
    if not is_path(file):
        raise TypeError(f"file must be a path, not {type(file).__name__}")
    path = os.fsencode(file)
    if b"\0" in path:
        raise ValueError("file must not contain a null character")
    return path


cdef bint is_path(object file):
    return isinstance(file, (str, bytes, os.PathLike))


cdef int check_mmap(object file, object mmap) except -1:
    if mmap and not is_path(file):
        raise ValueError("mmap needs the path of a file, not a file object")
    return 0


cdef class _FileAdapter:
    """A Python file object behind the C library's table of callbacks."""

    cdef object file
    cdef bytes name
    cdef bint failed

    def __init__(self, file, needed):
        for method in (needed, "seek", "tell"):
            if not callable(getattr(file, method, None)):
                raise TypeError(
                    f"file must be a path or a binary file object with {needed}, seek and tell, "
                    f"not {type(file).__name__}"
                )
        self.file = file
        self.name = str(getattr(file, "name", "file object")).encode("utf-8", "replace")
        self.failed = False

    cdef void fail(self, object error) noexcept:
        self.failed = True
        keep_exception(error)


cdef c.c_bool file_is_open_in_python(void* desc) noexcept with gil:
    try:
        return not getattr((<_FileAdapter>desc).file, "closed", False)
    except BaseException as error:
        (<_FileAdapter>desc).fail(error)
        return False


cdef c.c_bool file_is_open(void* desc) noexcept nogil:
    return file_is_open_in_python(desc) if python_is_there() else False


cdef c.c_bool file_is_good_in_python(void* desc) noexcept with gil:
    return not (<_FileAdapter>desc).failed


cdef c.c_bool file_is_good(void* desc) noexcept nogil:
    return file_is_good_in_python(desc) if python_is_there() else False


cdef size_t file_tell_in_python(void* desc) noexcept with gil:
    try:
        return (<_FileAdapter>desc).file.tell()
    except BaseException as error:
        (<_FileAdapter>desc).fail(error)
        return 0


cdef size_t file_tell(void* desc) noexcept nogil:
    return file_tell_in_python(desc) if python_is_there() else 0


cdef void file_seek_in_python(void* desc, int64_t offset, int whence) noexcept with gil:
    try:
        (<_FileAdapter>desc).file.seek(offset, whence)
    except BaseException as error:
        (<_FileAdapter>desc).fail(error)


cdef void file_seek(void* desc, int64_t offset, int whence) noexcept nogil:
    if python_is_there():
        file_seek_in_python(desc, offset, whence)


cdef int read_exactly(_FileAdapter adapter, char* data, size_t size) except -1:
    cdef size_t done = 0
    cdef const unsigned char[::1] chunk
    while done < size:
        part = adapter.file.read(size - done)
        if not part:
            raise OSError(f"the file ended {size - done} bytes too early")
        chunk = part
        if chunk.shape[0] > <Py_ssize_t>(size - done):
            raise OSError("the file object returned more bytes than were asked for")
        memcpy(data + done, &chunk[0], chunk.shape[0])
        done += chunk.shape[0]
    return 0


cdef void file_read_in_python(void* desc, char* data, size_t size) noexcept with gil:
    try:
        read_exactly(<_FileAdapter>desc, data, size)
    except BaseException as error:
        (<_FileAdapter>desc).fail(error)


cdef void file_read(void* desc, char* data, size_t size) noexcept nogil:
    if python_is_there():
        file_read_in_python(desc, data, size)


cdef void file_read_at_in_python(
    void* desc, char* data, size_t size, size_t offset
) noexcept with gil:
    try:
        (<_FileAdapter>desc).file.seek(offset)
        read_exactly(<_FileAdapter>desc, data, size)
    except BaseException as error:
        (<_FileAdapter>desc).fail(error)


cdef void file_read_at(void* desc, char* data, size_t size, size_t offset) noexcept nogil:
    if python_is_there():
        file_read_at_in_python(desc, data, size, offset)


cdef void file_write_in_python(void* desc, const char* data, size_t size) noexcept with gil:
    try:
        (<_FileAdapter>desc).file.write(data[:size])
    except BaseException as error:
        (<_FileAdapter>desc).fail(error)


cdef void file_write(void* desc, const char* data, size_t size) noexcept nogil:
    if python_is_there():
        file_write_in_python(desc, data, size)


cdef const char* file_label_in_python(void* desc) noexcept with gil:
    return (<_FileAdapter>desc).name


cdef const char* file_label(void* desc) noexcept nogil:
    if not python_is_there():
        return ""
    return file_label_in_python(desc)


cdef void file_free_in_python(void* desc) noexcept with gil:
    Py_DECREF(<object>desc)


cdef void file_free(void* desc) noexcept nogil:
    if python_is_there():
        file_free_in_python(desc)


cdef c.mlx_io_vtable file_vtable
file_vtable.is_open = file_is_open
file_vtable.good = file_is_good
file_vtable.tell = file_tell
file_vtable.seek = file_seek
file_vtable.read = file_read
file_vtable.read_at_offset = file_read_at
file_vtable.write = file_write
file_vtable.label = file_label
file_vtable.free = file_free


cdef c.mlx_io_reader new_reader(object file) except *:
    adapter = _FileAdapter(file, "read")
    Py_INCREF(adapter)
    return c.mlx_io_reader_new(<void*>adapter, file_vtable)


cdef c.mlx_io_writer new_writer(object file) except *:
    adapter = _FileAdapter(file, "write")
    Py_INCREF(adapter)
    return c.mlx_io_writer_new(<void*>adapter, file_vtable)


def load_npy(file, /, mmap=False):
    """Read an array from an npy file.

    Args:
        file (str, os.PathLike or binary file object): where to read; a file object at its
            position, which is left behind the array.
        mmap (bool): whether the array is to be the memory that the file is in, not a copy.
            Default: ``False``.

    Returns:
        array: the array; its values are read when they are needed. ``complex128`` becomes
        ``complex64``.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be read, is not a whole npy file, or holds what no array does.
        ValueError: ``mmap`` is true, and ``file`` is not a path.

    See: MLX ``mlx.core.load``; NumPy's npy format.
    """
    cdef c.mlx_array res
    cdef c.mlx_io_reader reader
    cdef const char* path
    cdef int status
    cdef bint maps = mmap
    check_mmap(file, mmap)
    res.ctx = NULL
    if is_path(file):
        name = to_path(file)
        path = name
        with nogil:
            if maps:
                status = c.mlx_load_mapped(&res, path)
            else:
                status = c.mlx_load(&res, path, cpu_stream)
    else:
        reader = new_reader(file)
        with nogil:
            status = c.mlx_load_reader(&res, reader, cpu_stream)
            # Read now: the caller may close the file object when this returns.
            if status == 0:
                status = c.mlx_array_eval(res)
        c.mlx_io_reader_free(reader)
        if status != 0:
            c.mlx_array_free(res)
    check(status)
    return array._take(res)


def save_npy(file, arr, /):
    """Write an array to an npy file.

    Args:
        file (str, os.PathLike or binary file object): where to write.
        arr (array): the array.

    Raises:
        OSError: the file cannot be written.

    See: MLX ``mlx.core.save``.
    """
    cdef array value = to_array(arr, "arr")
    cdef c.mlx_io_writer writer
    cdef const char* path
    cdef int status
    if is_path(file):
        name = to_path(file)
        path = name
        with nogil:
            status = c.mlx_save(path, value._c)
    else:
        writer = new_writer(file)
        with nogil:
            status = c.mlx_save_writer(writer, value._c)
        c.mlx_io_writer_free(writer)
    check(status)


def load_safetensors(file, /, mmap=False):
    """Read the arrays and the metadata of a safetensors file.

    Args:
        file (str, os.PathLike or binary file object): where to read; a file object from its
            position to its end.
        mmap (bool): whether the arrays are to be the memory that the file is in, not copies.
            Default: ``False``.

    Returns:
        tuple[dict[str, array], dict[str, str]]: arrays by name, whose values are read when
        they are needed, and the metadata. ``F8_E4M3`` and ``F8_E8M0`` are ``uint8``.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be read, is not a whole safetensors file, or holds what no array does.
        ValueError: ``mmap`` is true, and ``file`` is not a path.

    See: MLX ``mlx.core.load``; https://github.com/huggingface/safetensors.
    """
    cdef MapStringToArray arrays = MapStringToArray()
    cdef MapStringToString metadata = MapStringToString()
    cdef VectorArray evaluated
    cdef c.mlx_io_reader reader
    cdef const char* path
    cdef int status
    cdef bint maps = mmap
    check_mmap(file, mmap)
    if is_path(file):
        name = to_path(file)
        path = name
        with nogil:
            if maps:
                status = c.mlx_load_safetensors_mapped(&arrays._c, &metadata._c, path)
            else:
                status = c.mlx_load_safetensors(&arrays._c, &metadata._c, path, cpu_stream)
    else:
        reader = new_reader(file)
        with nogil:
            status = c.mlx_load_safetensors_reader(&arrays._c, &metadata._c, reader, cpu_stream)
        c.mlx_io_reader_free(reader)
        if status == 0:
            # Read now: the caller may close the file object when this returns.
            evaluated = to_arrays(arrays.to_dict().values(), "file")
            with nogil:
                status = c.mlx_eval(evaluated._c)
    check(status)
    return arrays.to_dict(), metadata.to_dict()


def save_safetensors(file, arrays, metadata=None, /):
    """Write arrays and metadata to a safetensors file.

    Args:
        file (str, os.PathLike or binary file object): where to write.
        arrays (dict[str, array]): arrays by name.
        metadata (dict[str, str], optional): texts by name. Default: none.

    Raises:
        OSError: the file cannot be written.

    See: MLX ``mlx.core.save_safetensors``.
    """
    cdef MapStringToArray entries = MapStringToArray(arrays)
    cdef MapStringToString texts = MapStringToString(metadata)
    cdef c.mlx_io_writer writer
    cdef const char* path
    cdef int status
    if is_path(file):
        name = to_path(file)
        path = name
        with nogil:
            status = c.mlx_save_safetensors(path, entries._c, texts._c)
    else:
        writer = new_writer(file)
        with nogil:
            status = c.mlx_save_safetensors_writer(writer, entries._c, texts._c)
        c.mlx_io_writer_free(writer)
    check(status)


cdef class _GGUF:
    """A GGUF file in memory (``mlx_io_gguf``): arrays and metadata by name."""

    cdef c.mlx_io_gguf _c

    def __cinit__(self):
        self._c = c.mlx_io_gguf_new()

    def __dealloc__(self):
        c.mlx_io_gguf_free(self._c)

    cdef dict arrays(self):
        cdef c.mlx_vector_string keys
        cdef c.mlx_array value
        keys.ctx = NULL
        check(c.mlx_io_gguf_get_keys(&keys, self._c))
        res = {}
        for key in take_strings(keys):
            value.ctx = NULL
            name = key.encode("utf-8", "surrogateescape")
            check(c.mlx_io_gguf_get_array(&value, self._c, name))
            res[key] = array._take(value)
        return res

    cdef dict metadata(self):
        cdef c.mlx_vector_string keys
        keys.ctx = NULL
        check(c.mlx_io_gguf_get_metadata_keys(&keys, self._c))
        return {key: self.entry(key) for key in take_strings(keys)}

    cdef object entry(self, str key):
        """The metadata of one name: an array, a text, a list of texts, or None."""
        cdef c.c_bool has = False
        cdef c.mlx_array value
        cdef c.mlx_string text
        cdef c.mlx_vector_string texts
        name = key.encode("utf-8", "surrogateescape")
        value.ctx = text.ctx = texts.ctx = NULL
        check(c.mlx_io_gguf_has_metadata_array(&has, self._c, name))
        if has:
            check(c.mlx_io_gguf_get_metadata_array(&value, self._c, name))
            return array._take(value)
        check(c.mlx_io_gguf_has_metadata_string(&has, self._c, name))
        if has:
            check(c.mlx_io_gguf_get_metadata_string(&text, self._c, name))
            return take_string(text)
        check(c.mlx_io_gguf_has_metadata_vector_string(&has, self._c, name))
        if has:
            check(c.mlx_io_gguf_get_metadata_vector_string(&texts, self._c, name))
            return take_strings(texts)
        return None

    cdef int put(self, str key, object value) except -1:
        cdef array item
        cdef c.mlx_vector_string texts
        name = to_bytes(key, "key")
        if isinstance(value, str):
            text = to_bytes(value, "value")
            return check(c.mlx_io_gguf_set_metadata_string(self._c, name, text))
        if isinstance(value, (list, tuple)) and value and isinstance(value[0], str):
            texts = c.mlx_vector_string_new()
            try:
                for line in value:
                    text = to_bytes(line, "value")
                    check(c.mlx_vector_string_append_value(texts, text))
                return check(c.mlx_io_gguf_set_metadata_vector_string(self._c, name, texts))
            finally:
                c.mlx_vector_string_free(texts)
        item = to_array(value, "value")
        return check(c.mlx_io_gguf_set_metadata_array(self._c, name, item._c))


cdef dict gguf_forms = {
    "affine": c.MLX_GGUF_AFFINE,
    "packed": c.MLX_GGUF_PACKED,
    "blocks": c.MLX_GGUF_BLOCKS,
    "float32": c.MLX_GGUF_FLOAT,
}


def load_gguf(file, /, form="affine", mmap=False):
    """Read the arrays and the metadata of a GGUF file.

    A model that is split into files (``-00001-of-00003.gguf``) is loaded as a whole, by the name of
    any of them.

    Args:
        file (str or os.PathLike): where to read.
        form (str, optional): what becomes of quantized tensors. Default: ``"affine"``, as MLX has
            it: of type Q4_0, Q4_1 and Q8_0, ``name.weight`` is packed, with ``name.scales`` and
            ``name.biases`` beside it, and others become float32. ``"packed"``: the same, but others
            are uint8 arrays whose rows are the blocks of the file, as all are with ``"blocks"``.
            ``"float32"``: all become float32.
        mmap (bool, optional): whether the arrays are to be the memory that the file is in, or read
            it, where that can be. Default: ``False``.

    Returns:
        tuple[dict[str, array], dict[str, str | list[str] | array]]: arrays and metadata by name.

    Raises:
        FileNotFoundError: there is no such file, or one that the model is split into is missing.
        OSError: it cannot be read, or is not a whole GGUF file.
        ValueError: there is no such form.

    See: MLX ``mlx.core.load``; the GGUF specification of ggml.
    """
    cdef _GGUF gguf = _GGUF()
    cdef c.mlx_gguf_form wanted
    cdef c.c_bool mapped = bool(mmap)
    cdef int status
    if form not in gguf_forms:
        raise ValueError(f"form must be one of {', '.join(gguf_forms)}, but is {form!r}")
    wanted = gguf_forms[form]
    name = to_path(file)
    cdef const char* path = name
    with nogil:
        status = c.mlx_load_gguf_as(&gguf._c, path, wanted, mapped)
    check(status)
    return gguf.arrays(), gguf.metadata()


def save_gguf(file, arrays, metadata=None, /):
    """Write arrays and metadata to a GGUF file.

    Args:
        file (str or os.PathLike): where to write.
        arrays (dict[str, array]): arrays by name, of floating types.
        metadata (dict, optional): texts, lists of texts and arrays by name. Default: none.

    Raises:
        OSError: the file cannot be written.

    See: MLX ``mlx.core.save_gguf``.
    """
    cdef _GGUF gguf = _GGUF()
    cdef array item
    cdef int status
    for key, value in arrays.items():
        item = to_array(value, "arrays")
        encoded = to_bytes(key, "key")
        check(c.mlx_io_gguf_set_array(gguf._c, encoded, item._c))
    for key, value in (metadata or {}).items():
        gguf.put(key, value)
    name = to_path(file)
    cdef const char* path = name
    with nogil:
        status = c.mlx_save_gguf(path, gguf._c)
    check(status)
