# The one way from a C status to a Python exception, and back from a callback.

cdef int raise_last_error() except -1
cdef void keep_exception(object error) noexcept


cdef inline int check(int status) except -1:
    """Raise the exception of the thread's last error unless `status` is 0."""
    if status != 0:
        return raise_last_error()
    return 0
