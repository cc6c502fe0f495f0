cdef extern from "Python.h":
    """
    #if PY_VERSION_HEX < 0x030D0000
    #define Py_IsFinalizing _Py_IsFinalizing
    #endif
    """
    bint Py_IsFinalizing() noexcept nogil
    void* PyGILState_GetThisThreadState() noexcept nogil


# Whether C++ can take the GIL in this thread. An interpreter that exits frees the states of other
# threads, and taking the GIL in one of them would read freed memory. The callback fails instead,
# and the thread ends when it returns to Python. The function that asks must have no Python objects
# among its variables: Cython takes the GIL to release them.
cdef inline bint python_is_there() noexcept nogil:
    return not Py_IsFinalizing() or PyGILState_GetThisThreadState() != NULL


cdef struct Payload:
    # The function, which the payload owns, or the object that holds the function: a borrowed
    # reference, null once that object is freed.
    void* target
    bint owned


cdef class Callback:
    cdef object function
    cdef Payload* payload
    cdef bint made

    cdef int connect(self, object function, bint owned) except -1
    cdef bint create(self, Payload* payload) noexcept
    cdef void hold(self, object source) noexcept
    cdef void disconnect(self) noexcept


cdef Callback owning(object kind, object function)
cdef object function_of(const Payload* payload)
cdef void free_payload(void* data) noexcept nogil
