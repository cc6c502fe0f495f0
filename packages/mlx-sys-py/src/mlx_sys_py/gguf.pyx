"""What GGUF files say before their data: metadata, and which tensors they hold and where.

``TENSOR_TYPES`` has all types of tensors (`TensorType`) by their names.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from dataclasses import dataclass, field
from types import MappingProxyType

from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint32_t

cimport mlx_sys_py.c as c
from mlx_sys_py._error cimport check
from mlx_sys_py.io cimport to_path

__all__ = ["TENSOR_TYPES", "GGUFHeader", "TensorInfo", "TensorType", "read_header"]


def __dir__():
    return __all__


@dataclass(frozen=True)
class TensorType:
    """How GGUF files hold the items of a tensor.

    Attributes:
        name (str): GGML's name.
        id (int): its number in files.
        block_size (int): number of items in a block; a row is a whole number of blocks.
        block_nbytes (int): number of bytes of a block.
        loadable (bool): whether `load_gguf` reads it.
        packed (bool): whether it becomes packed weights, scales and biases then.
    """

    name: str
    id: int
    block_size: int
    block_nbytes: int
    loadable: bool
    packed: bool


@dataclass(frozen=True)
class TensorInfo:
    """A tensor of a GGUF file.

    Attributes:
        name (str): its name.
        ggml_type (str): how its items are held, a key of `TENSOR_TYPES`.
        shape (tuple[int, ...]): its shape, the slowest dimension first.
        offset (int): where its data begins, in bytes from the beginning of the file.
        nbytes (int): number of bytes of its data.
    """

    name: str
    ggml_type: str
    shape: tuple
    offset: int
    nbytes: int


@dataclass(frozen=True)
class GGUFHeader:
    """What a GGUF file says before its data.

    Attributes:
        metadata (dict[str, int | float | bool | str | list]): values by key, in the order of the
            file; a list has items of one of the types before it.
        tensors (dict[str, TensorInfo]): tensors by name, in the order of the file.
        version (int): version of the format, 2 or 3. Default: ``3``.
        alignment (int): of the data of each tensor, in bytes. Default: ``32``.
    """

    metadata: dict = field(repr=False)
    tensors: dict = field(repr=False)
    version: int = 3
    alignment: int = 32


cdef dict tensor_types():
    cdef const c.mlx_gguf_type* types
    cdef size_t count, i
    check(c.mlx_gguf_get_types(&types, &count))
    res = {}
    for i in range(count):
        name = types[i].name.decode()
        res[name] = TensorType(
            name,
            types[i].id,
            types[i].block_size,
            types[i].block_nbytes,
            bool(types[i].loadable),
            bool(types[i].packed),
        )
    return res


TENSOR_TYPES = MappingProxyType(tensor_types())

# What the module struct calls the types of numbers, and their sizes.
cdef dict number_formats = {
    c.MLX_GGUF_UINT8: ("B", 1),
    c.MLX_GGUF_INT8: ("b", 1),
    c.MLX_GGUF_UINT16: ("H", 2),
    c.MLX_GGUF_INT16: ("h", 2),
    c.MLX_GGUF_UINT32: ("I", 4),
    c.MLX_GGUF_INT32: ("i", 4),
    c.MLX_GGUF_FLOAT32: ("f", 4),
    c.MLX_GGUF_BOOL: ("?", 1),
    c.MLX_GGUF_UINT64: ("Q", 8),
    c.MLX_GGUF_INT64: ("q", 8),
    c.MLX_GGUF_FLOAT64: ("d", 8),
}


cdef list items_of(const c.mlx_gguf_entry* entry):
    """The items of a metadata value."""
    cdef const c.mlx_gguf_string* text
    cdef size_t i
    if entry.type == c.MLX_GGUF_STRING:
        text = <const c.mlx_gguf_string*>entry.data
        # Damaged text in a token or a note should not keep a model from loading.
        return [
            PyUnicode_DecodeUTF8(text[i].data, text[i].size, "replace") for i in range(entry.size)
        ]
    if entry.size == 0:
        return []
    format, itemsize = number_formats[entry.type]
    data = PyMemoryView_FromMemory(<char*>entry.data, entry.size * itemsize, PyBUF_READ)
    return data.cast(format).tolist()


cdef dict metadata_of(c.mlx_gguf_header header):
    cdef c.mlx_gguf_entry entry
    cdef size_t count, i
    check(c.mlx_gguf_header_get_entry_count(&count, header))
    res = {}
    for i in range(count):
        check(c.mlx_gguf_header_get_entry(&entry, header, i))
        items = items_of(&entry)
        res[entry.key.decode()] = items if entry.is_array else items[0]
    return res


cdef dict tensors_of(c.mlx_gguf_header header):
    cdef c.mlx_gguf_tensor tensor
    cdef size_t count, i, axis
    check(c.mlx_gguf_header_get_tensor_count(&count, header))
    res = {}
    for i in range(count):
        check(c.mlx_gguf_header_get_tensor(&tensor, header, i))
        name = tensor.name.decode()
        shape = tuple([tensor.shape[axis] for axis in range(tensor.ndim)])
        ggml_type = tensor.type.name.decode()
        res[name] = TensorInfo(name, ggml_type, shape, tensor.offset, tensor.nbytes)
    return res


def read_header(file, /):
    """Read and check all of a GGUF file but its data.

    Text in the metadata that is not UTF-8 is read with U+FFFD in place of what is wrong.

    Args:
        file (str or os.PathLike): where to read.

    Returns:
        GGUFHeader: the metadata, and what tensors there are, of whatever types.

    Raises:
        FileNotFoundError: there is no such file.
        OSError: it cannot be read, or is not a whole GGUF file.

    Example:
        >>> import os, tempfile
        >>> from mlx_sys_py import array
        >>> from mlx_sys_py.gguf import read_header
        >>> from mlx_sys_py.io import save_gguf
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "model.gguf")
        ...     save_gguf(path, {"x": array([[1.0, 2.0]])}, {"general.name": "one"})
        ...     header = read_header(path)
        >>> header.metadata
        {'general.name': 'one'}
        >>> header.tensors["x"]
        TensorInfo(name='x', ggml_type='F32', shape=(1, 2), offset=128, nbytes=8)

    See: the GGUF specification of ggml.
    """
    cdef c.mlx_gguf_header header
    cdef uint32_t version, alignment
    name = to_path(file)
    cdef const char* path = name
    with nogil:
        header = c.mlx_gguf_header_new(path)
    if header.ctx == NULL:
        check(1)
    try:
        check(c.mlx_gguf_header_get_version(&version, header))
        check(c.mlx_gguf_header_get_alignment(&alignment, header))
        return GGUFHeader(metadata_of(header), tensors_of(header), version, alignment)
    finally:
        c.mlx_gguf_header_free(header)
