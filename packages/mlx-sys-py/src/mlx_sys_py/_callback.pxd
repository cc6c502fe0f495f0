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
