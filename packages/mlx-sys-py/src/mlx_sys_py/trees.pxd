from mlx_sys_py._array cimport array

cdef extern from "Python.h":
    # Not zero, and an exception set, if the calls are too deep.
    int Py_EnterRecursiveCall(const char* where)
    void Py_LeaveRecursiveCall()


# A list may hold itself. To be followed by `Py_LeaveRecursiveCall`, whatever happens.
cdef inline int enter_recursion(const char* where) except -1:
    return -1 if Py_EnterRecursiveCall(where) else 0


cdef list arrays_in(object tree)
cdef list only_arrays_in(object tree, str where)
cdef object emptied(object tree)
cdef object filled(object tree, object arrays, bint constants)


cdef class Loan:
    cdef object arrays
    cdef list containers
    cdef list originals
    cdef list entries
    cdef readonly object trees

    cdef object lend(self, object tree)
    cdef bint is_unchanged(self) except -1
    cdef int put_back(self) except -1


cdef class Slots:
    cdef list containers
    cdef list keys

    cdef int find(self, object tree, str where) except -1
    cdef list values(self)
    cdef int set(self, list values) except -1
