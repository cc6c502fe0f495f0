cdef extern from "Python.h":
    """
    #if PY_VERSION_HEX < 0x030D0000
    #define Py_IsFinalizing _Py_IsFinalizing
    #endif
    """
    bint Py_IsFinalizing() noexcept nogil
    void* PyGILState_GetThisThreadState() noexcept nogil


# Whether C++ can ask for the GIL in this thread. While an interpreter ends, it takes from other
# threads what they know of it; to ask in one of them then is to read what is no longer there. What
# C++ called fails instead, and the thread ends where it goes back to Python. The function that asks
# must have no objects of Python among its variables: Cython takes the GIL to let go of them.
cdef inline bint python_is_there() noexcept nogil:
    return not Py_IsFinalizing() or PyGILState_GetThisThreadState() != NULL


cdef struct Payload:
    # What a closure of the C library knows: the function, which it owns, or the object that has
    # the function, until that is freed.
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
