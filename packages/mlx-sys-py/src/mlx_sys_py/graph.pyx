"""The graph of operations behind arrays that are not computed yet, as text."""

import os

from libc.stdio cimport FILE, fclose, fread, ftell, rewind, tmpfile

cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport VectorArray, array, to_array, to_arrays
from mlx_sys_py._error cimport check
from mlx_sys_py._scalars cimport to_bytes

__all__ = ["export_to_dot", "print_graph"]


def __dir__():
    return __all__


ctypedef int (*writer)(FILE*, const c.mlx_node_namer, const c.mlx_vector_array) noexcept nogil


cdef int set_names(c.mlx_node_namer namer, object names) except -1:
    cdef array item
    for name, value in (names or {}).items():
        item = to_array(value, "names")
        text = to_bytes(name, "names")
        check(c.mlx_node_namer_set_name(namer, item._c, text))
    return 0


cdef str text_of(writer write, object outputs, object names):
    cdef VectorArray arrays = to_arrays(outputs, "outputs")
    cdef c.mlx_node_namer namer = c.mlx_node_namer_new()
    cdef FILE* file = NULL
    cdef bytearray text
    cdef char* data
    try:
        set_names(namer, names)
        file = tmpfile()
        if file == NULL:
            raise OSError("there is no room for a temporary file")
        check(write(file, namer, arrays._c))
        text = bytearray(ftell(file))
        rewind(file)
        data = text
        if fread(data, 1, len(text), file) != <size_t>len(text):
            raise OSError("the temporary file cannot be read")
        return text.decode("utf-8", "replace")
    finally:
        if file != NULL:
            fclose(file)
        c.mlx_node_namer_free(namer)


cdef int put(object file, str text) except -1:
    if isinstance(file, (str, bytes, os.PathLike)):
        with open(file, "w", encoding="utf-8") as opened:
            opened.write(text)
    elif callable(getattr(file, "write", None)):
        file.write(text)
    else:
        raise TypeError(f"file must be a path or a text file object, not {type(file).__name__}")
    return 0


def export_to_dot(file, outputs, names=None, /):
    """Write the graph behind arrays in the language of Graphviz.

    Args:
        file (str, os.PathLike or text file object): where to write.
        outputs (Sequence[array]): the arrays.
        names (dict[str, array], optional): names of arrays in the graph; those without one are
            ``A``, ``B``, ...

    Raises:
        OSError: the file cannot be written.
        ValueError: more operations depend on each other than MLX can follow.

    Example:
        >>> import io
        >>> from mlx_sys_py import array, graph
        >>> file, x = io.StringIO(), array(1)
        >>> graph.export_to_dot(file, [x + x], {"x": x})
        >>> file.getvalue().startswith("digraph")
        True

    See: MLX ``mlx.core.export_to_dot``.
    """
    put(file, text_of(c.mlx_export_to_dot, outputs, names))


def print_graph(file, outputs, names=None, /):
    """Write the operations behind arrays, a line each.

    Args:
        file (str, os.PathLike or text file object): where to write, such as ``sys.stdout``.
        outputs (Sequence[array]): the arrays.
        names (dict[str, array], optional): names of arrays in the graph; those without one are
            ``A``, ``B``, ...

    Raises:
        OSError: the file cannot be written.
        ValueError: more operations depend on each other than MLX can follow.

    Example:
        >>> import io
        >>> from mlx_sys_py import array, graph
        >>> file, x = io.StringIO(), array(1)
        >>> graph.print_graph(file, [x + x], {"x": x})
        >>> "Add" in file.getvalue()
        True

    See: MLX ``print_graph``.
    """
    put(file, text_of(c.mlx_print_graph, outputs, names))
