"""Dictionaries whose items are attributes as well, as the modules of a model are.

In Python, `__getattr__` is asked after the ordinary search has failed, and made an exception:
that takes half a microsecond, which is longer than the making of most nodes of a graph.
"""

cimport cython
from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject, PyObject_GenericGetAttr, PyTypeObject, Py_TYPE

cdef extern from "Python.h":
    PyObject* _PyType_Lookup(PyTypeObject* type, object name)

__all__ = ["AttributeDict"]


def __dir__():
    return __all__


# Copied and pickled as any dictionary.
@cython.auto_pickle(False)
cdef class AttributeDict(dict):
    """A dictionary whose items can be read as attributes.

    What the class defines comes first, then items, then attributes of the instance. Attributes are
    set and deleted as ever.

    Raises:
        AttributeError: There is neither an attribute nor an item of that name.

    Example:
        >>> from mlx_sys_py.attributes import AttributeDict
        >>> AttributeDict(weight=3).weight
        3
    """

    def __getattribute__(self, name):
        cdef PyObject* item = PyDict_GetItemWithError(self, name)
        if item is NULL or _PyType_Lookup(Py_TYPE(self), name) is not NULL:
            return PyObject_GenericGetAttr(self, name)
        return <object>item

    # Called when nothing else was found, and by the `__getattr__` of derived classes.
    def __getattr__(self, name):
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
