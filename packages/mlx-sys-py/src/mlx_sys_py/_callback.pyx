"""Python functions that C closures call: who keeps them, and how the closures find them."""

from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdlib cimport free, malloc

from mlx_sys_py._error cimport check


cdef Payload* new_payload(void* target, bint owned) except NULL:
    cdef Payload* payload = <Payload*>malloc(sizeof(Payload))
    if payload == NULL:
        raise MemoryError()
    payload.target = target
    payload.owned = owned
    if owned:
        Py_INCREF(<object>target)
    return payload


cdef void free_payload(void* data) noexcept nogil:
    cdef Payload* payload = <Payload*>data
    # The last copy of a closure may be freed after the interpreter: its reference leaks then.
    if payload.owned and not Py_IsFinalizing():
        with gil:
            Py_DECREF(<object>payload.target)
    free(payload)


cdef object function_of(const Payload* payload):
    function = None
    if payload.owned:
        function = <object>payload.target
    elif payload.target != NULL:
        function = (<Callback>payload.target).function
    if function is None:
        raise RuntimeError("the function is gone: the closure that kept it was freed")
    return function


# Functions of closures that were freed. Closures may be nested deeper than the stack, so this is a
# loop and no recursion: the first free empties the list, and those that it causes only append.
cdef list unreferenced = []
cdef bint emptying = False


cdef int free_unreferenced() except -1:
    global emptying
    if emptying:
        return 0
    emptying = True
    try:
        while unreferenced:
            unreferenced.pop()
    finally:
        emptying = False
    return 0


cdef class Callback:
    """What the closures of all kinds have in common: a Python function.

    The reference to it is here, where the garbage collector sees it, so that a function which
    refers to its own closure can be freed. The closure of the C library finds it through this
    object and can be copied: copies that outlive this object raise when they are called.
    """

    def __init__(self, function):
        self.connect(function, False)

    def __dealloc__(self):
        # The list may have been freed already when the interpreter exits.
        if self.function is not None and unreferenced is not None:
            unreferenced.append(self.function)
            self.function = None
            free_unreferenced()

    cdef int connect(self, object function, bint owned) except -1:
        """Make the C closure; if `owned`, its copies keep the function, else this object does."""
        if not callable(function):
            raise TypeError(f"function must be callable, not {type(function).__name__}")
        if self.made:
            raise RuntimeError("a closure cannot be initialised again")
        cdef Payload* payload = new_payload(<void*>function if owned else <void*>self, owned)
        if not self.create(payload):
            free_payload(payload)
            check(1)
        self.made = True
        if not owned:
            self.function = function
            self.payload = payload
        return 0

    cdef bint create(self, Payload* payload) noexcept:
        """Make the C closure of one kind; false if that failed."""
        return False

    cdef void hold(self, object source) noexcept:
        """Keep a reference to what a C closure depends on that was not made by `create`."""
        self.made = True
        self.function = source

    cdef void disconnect(self) noexcept:
        """Detach the C closure, which may have copies, before it is freed here."""
        if self.payload != NULL:
            self.payload.target = NULL


cdef Callback owning(object kind, object function):
    """A closure whose copies keep the function, as those in graphs have to; empty for None."""
    cdef Callback res = kind.__new__(kind)
    if function is not None:
        res.connect(function, True)
    return res
