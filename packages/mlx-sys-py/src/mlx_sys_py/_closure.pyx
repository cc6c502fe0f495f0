"""Python functions as closures of the C library, and closures as Python callables."""

from libc.string cimport memset

cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport VectorArray, take_arrays, to_arrays
from mlx_sys_py._callback cimport Callback, Payload, free_payload, function_of, python_is_there
from mlx_sys_py._containers cimport MapStringToArray
from mlx_sys_py._error cimport check, keep_exception
from mlx_sys_py._scalars cimport Ints, to_ints

cdef struct Call:
    # A call from C: the arguments, which are borrowed (up to three lists of arrays, named arrays,
    # numbers), and the results to fill (a list of arrays, perhaps gradients or axes).
    c.mlx_vector_array inputs[3]
    size_t count
    c.mlx_map_string_to_array named
    const int* numbers
    size_t numbers_num
    bint has_numbers
    c.mlx_vector_array* res
    c.mlx_vector_array* grads
    c.mlx_vector_int* axes


cdef inline Call new_call(c.mlx_vector_array* res, c.mlx_vector_array inputs) noexcept nogil:
    cdef Call call
    memset(&call, 0, sizeof(call))
    call.inputs[0] = inputs
    call.count = 1
    call.res = res
    return call


cdef int run_in_python(void* payload, const Call* call) noexcept with gil:
    """Run a Python function for C; an exception is kept for the call around it."""
    try:
        function = function_of(<const Payload*>payload)
        if is_plain(call):
            result = function(shared_arrays(call.inputs[0]))
        else:
            result = function(*arguments_of(call))
        if call.grads != NULL or call.axes != NULL:
            if not isinstance(result, (tuple, list)) or len(result) != 2:
                raise TypeError("the function's result must be a pair")
            result, second = result
            if call.grads != NULL:
                fill_arrays(call.grads, second)
            else:
                fill_ints(call.axes, second)
        fill_arrays(call.res, result)
        return 0
    except BaseException as error:
        keep_exception(error)
        return 1


cdef inline bint is_plain(const Call* call) noexcept:
    """Whether there is one list of arrays and nothing else, as is usual."""
    return call.count == 1 and call.named.ctx == NULL and not call.has_numbers


cdef int run(void* payload, const Call* call) noexcept nogil:
    return run_in_python(payload, call) if python_is_there() else 1


cdef list arguments_of(const Call* call):
    cdef MapStringToArray named
    cdef size_t i
    arguments = [shared_arrays(call.inputs[i]) for i in range(call.count)]
    if call.named.ctx != NULL:
        named = MapStringToArray()
        check(c.mlx_map_string_to_array_set(&named._c, call.named))
        arguments.append(named.to_dict())
    if call.has_numbers:
        arguments.append([call.numbers[i] for i in range(call.numbers_num)])
    return arguments


cdef list shared_arrays(c.mlx_vector_array borrowed):
    cdef c.mlx_vector_array copy
    copy.ctx = NULL
    check(c.mlx_vector_array_set(&copy, borrowed))
    return take_arrays(copy)


cdef int fill_arrays(c.mlx_vector_array* res, object values) except -1:
    cdef VectorArray arrays = to_arrays(values, "the function's result")
    return check(c.mlx_vector_array_set(res, arrays._c))


cdef int fill_ints(c.mlx_vector_int* res, object values) except -1:
    cdef Ints ints = to_ints(values, "the function's axes")
    return check(c.mlx_vector_int_set_data(res, <int*>ints.data(), ints.size()))


cdef int call_plain(
    c.mlx_vector_array* res, const c.mlx_vector_array inputs, void* payload
) noexcept nogil:
    cdef Call call = new_call(res, inputs)
    return run(payload, &call)


cdef class Closure(Callback):
    """A function from arrays to arrays that C code can call (``mlx_closure``).

    Args:
        function (Callable[[list[array]], Sequence[array]]): the function. It is called with
            one list and returns a sequence of arrays; an exception it raises comes out of the
            call that ran it.

    Example:
        >>> from mlx_sys_py import Closure, array
        >>> double = Closure(lambda inputs: [x + x for x in inputs])
        >>> double([array(2)])
        [array(4, dtype=int32)]
    """

    def __cinit__(self):
        self._c.ctx = NULL

    cdef bint create(self, Payload* payload) noexcept:
        self._c = c.mlx_closure_new_func_payload(call_plain, payload, free_payload)
        return self._c.ctx != NULL

    def __dealloc__(self):
        self.disconnect()
        c.mlx_closure_free(self._c)

    @staticmethod
    cdef Closure _take(c.mlx_closure handle, object source):
        cdef Closure res = Closure.__new__(Closure)
        res._c = handle
        res.hold(source)
        return res

    def __call__(self, inputs):
        cdef c.mlx_vector_array res
        cdef VectorArray arrays = to_arrays(inputs, "inputs")
        cdef int status
        res.ctx = NULL
        with nogil:
            status = c.mlx_closure_apply(&res, self._c, arrays._c)
        check(status)
        return take_arrays(res)


cdef Closure to_closure(object function):
    """A closure for C that calls Python at once: however deep functions are nested in each other,
    Python counts the calls, and frees them one after the other."""
    if isinstance(function, Closure) and (<Closure>function).payload != NULL:
        return <Closure>function
    return Closure(function)


cdef int call_kwargs(
    c.mlx_vector_array* res, const c.mlx_vector_array args,
    const c.mlx_map_string_to_array kwargs, void* payload
) noexcept nogil:
    cdef Call call = new_call(res, args)
    call.named = kwargs
    return run(payload, &call)


cdef class ClosureKwargs(Callback):
    """A function of arrays by place and by name (``mlx_closure_kwargs``).

    Args:
        function (Callable[[list[array], dict[str, array]], Sequence[array]]): the function.

    Example:
        >>> from mlx_sys_py import ClosureKwargs, array
        >>> shifted = ClosureKwargs(lambda args, kwargs: [args[0] + kwargs["by"]])
        >>> shifted([array(2)], {"by": array(3)})
        [array(5, dtype=int32)]
    """

    def __cinit__(self):
        self._c.ctx = NULL

    cdef bint create(self, Payload* payload) noexcept:
        self._c = c.mlx_closure_kwargs_new_func_payload(call_kwargs, payload, free_payload)
        return self._c.ctx != NULL

    def __dealloc__(self):
        self.disconnect()
        c.mlx_closure_kwargs_free(self._c)

    def __call__(self, args, kwargs):
        cdef c.mlx_vector_array res
        cdef VectorArray arrays = to_arrays(args, "args")
        cdef MapStringToArray named = MapStringToArray(kwargs)
        cdef int status
        res.ctx = NULL
        with nogil:
            status = c.mlx_closure_kwargs_apply(&res, self._c, arrays._c, named._c)
        check(status)
        return take_arrays(res)


cdef ClosureKwargs to_closure_kwargs(object function):
    if isinstance(function, ClosureKwargs):
        return <ClosureKwargs>function
    return ClosureKwargs(function)


cdef tuple take_pair(c.mlx_vector_array first, c.mlx_vector_array second):
    """The arrays of two owned vectors, which are freed."""
    try:
        return take_arrays(first), take_arrays(second)
    except BaseException:
        c.mlx_vector_array_free(second)
        raise


cdef int call_value_and_grad(
    c.mlx_vector_array* values, c.mlx_vector_array* grads, const c.mlx_vector_array inputs,
    void* payload
) noexcept nogil:
    cdef Call call = new_call(values, inputs)
    call.grads = grads
    return run(payload, &call)


cdef class ClosureValueAndGrad(Callback):
    """A function to values and gradients (``mlx_closure_value_and_grad``).

    Args:
        function (Callable[[list[array]], tuple[Sequence[array], Sequence[array]]]): the
            function.

    Example:
        >>> from mlx_sys_py import ClosureValueAndGrad, array
        >>> square = ClosureValueAndGrad(lambda x: ([x[0] * x[0]], [2 * x[0]]))
        >>> square([array(3)])
        ([array(9, dtype=int32)], [array(6, dtype=int32)])
    """

    def __cinit__(self):
        self._c.ctx = NULL

    cdef bint create(self, Payload* payload) noexcept:
        self._c = c.mlx_closure_value_and_grad_new_func_payload(
            call_value_and_grad, payload, free_payload
        )
        return self._c.ctx != NULL

    def __dealloc__(self):
        self.disconnect()
        c.mlx_closure_value_and_grad_free(self._c)

    @staticmethod
    cdef ClosureValueAndGrad _take(c.mlx_closure_value_and_grad handle, object source):
        cdef ClosureValueAndGrad res = ClosureValueAndGrad.__new__(ClosureValueAndGrad)
        res._c = handle
        res.hold(source)
        return res

    def __call__(self, inputs):
        cdef c.mlx_vector_array values, grads
        cdef VectorArray arrays = to_arrays(inputs, "inputs")
        cdef int status
        values.ctx = grads.ctx = NULL
        with nogil:
            status = c.mlx_closure_value_and_grad_apply(&values, &grads, self._c, arrays._c)
        check(status)
        return take_pair(values, grads)


cdef int call_custom(
    c.mlx_vector_array* res, const c.mlx_vector_array primals,
    const c.mlx_vector_array cotangents, const c.mlx_vector_array outputs, void* payload
) noexcept nogil:
    cdef Call call = new_call(res, primals)
    call.inputs[1] = cotangents
    call.inputs[2] = outputs
    call.count = 3
    return run(payload, &call)


cdef class ClosureCustom(Callback):
    """The vector-Jacobian product of a custom function (``mlx_closure_custom``).

    Args:
        function (Callable[[list[array], list[array], list[array]], Sequence[array]]): called with
            the primals, the cotangents and the outputs; returns an array for each primal.

    Example:
        >>> from mlx_sys_py import ClosureCustom, array
        >>> vjp = ClosureCustom(lambda primals, cotangents, outputs: [2 * cotangents[0]])
        >>> vjp([array(1)], [array(3)], [array(2)])
        [array(6, dtype=int32)]
    """

    def __cinit__(self):
        self._c.ctx = NULL

    cdef bint create(self, Payload* payload) noexcept:
        self._c = c.mlx_closure_custom_new_func_payload(call_custom, payload, free_payload)
        return self._c.ctx != NULL

    def __dealloc__(self):
        self.disconnect()
        c.mlx_closure_custom_free(self._c)

    def __call__(self, primals, cotangents, outputs):
        cdef c.mlx_vector_array res
        cdef VectorArray x = to_arrays(primals, "primals")
        cdef VectorArray dy = to_arrays(cotangents, "cotangents")
        cdef VectorArray y = to_arrays(outputs, "outputs")
        cdef int status
        res.ctx = NULL
        with nogil:
            status = c.mlx_closure_custom_apply(&res, self._c, x._c, dy._c, y._c)
        check(status)
        return take_arrays(res)


cdef int call_custom_jvp(
    c.mlx_vector_array* res, const c.mlx_vector_array primals, const c.mlx_vector_array tangents,
    const int* argnums, size_t argnums_num, void* payload
) noexcept nogil:
    cdef Call call = new_call(res, primals)
    call.inputs[1] = tangents
    call.count = 2
    call.numbers = argnums
    call.numbers_num = argnums_num
    call.has_numbers = True
    return run(payload, &call)


cdef class ClosureCustomJvp(Callback):
    """The Jacobian-vector product of a custom function (``mlx_closure_custom_jvp``).

    Args:
        function (Callable[[list[array], list[array], list[int]], Sequence[array]]): called with
            the primals, the tangents and the numbers of the primals that these belong to;
            returns an array for each output.

    Example:
        >>> from mlx_sys_py import ClosureCustomJvp, array
        >>> jvp = ClosureCustomJvp(lambda primals, tangents, argnums: [2 * tangents[0]])
        >>> jvp([array(1)], [array(3)], [0])
        [array(6, dtype=int32)]
    """

    def __cinit__(self):
        self._c.ctx = NULL

    cdef bint create(self, Payload* payload) noexcept:
        self._c = c.mlx_closure_custom_jvp_new_func_payload(call_custom_jvp, payload, free_payload)
        return self._c.ctx != NULL

    def __dealloc__(self):
        self.disconnect()
        c.mlx_closure_custom_jvp_free(self._c)

    def __call__(self, primals, tangents, argnums):
        cdef c.mlx_vector_array res
        cdef VectorArray x = to_arrays(primals, "primals")
        cdef VectorArray dx = to_arrays(tangents, "tangents")
        cdef Ints numbers = to_ints(argnums, "argnums")
        cdef int status
        res.ctx = NULL
        with nogil:
            status = c.mlx_closure_custom_jvp_apply(
                &res, self._c, x._c, dx._c, numbers.data(), numbers.size()
            )
        check(status)
        return take_arrays(res)


cdef int call_custom_vmap(
    c.mlx_vector_array* res, c.mlx_vector_int* out_axes, const c.mlx_vector_array inputs,
    const int* axes, size_t axes_num, void* payload
) noexcept nogil:
    cdef Call call = new_call(res, inputs)
    call.axes = out_axes
    call.numbers = axes
    call.numbers_num = axes_num
    call.has_numbers = True
    return run(payload, &call)


cdef class ClosureCustomVmap(Callback):
    """The vectorization of a custom function (``mlx_closure_custom_vmap``).

    Args:
        function (Callable[[list[array], list[int]], tuple[Sequence[array], Sequence[int]]]):
            called with the inputs and their mapped axes (``-1`` for none); returns the outputs
            and theirs.

    Example:
        >>> from mlx_sys_py import ClosureCustomVmap, array
        >>> vmap = ClosureCustomVmap(lambda inputs, axes: ([2 * inputs[0]], axes))
        >>> vmap([array([1, 2])], [0])
        ([array([2, 4], dtype=int32)], [0])
    """

    def __cinit__(self):
        self._c.ctx = NULL

    cdef bint create(self, Payload* payload) noexcept:
        self._c = c.mlx_closure_custom_vmap_new_func_payload(
            call_custom_vmap, payload, free_payload
        )
        return self._c.ctx != NULL

    def __dealloc__(self):
        self.disconnect()
        c.mlx_closure_custom_vmap_free(self._c)

    def __call__(self, inputs, axes):
        cdef c.mlx_vector_array res
        cdef c.mlx_vector_int out_axes
        cdef VectorArray arrays = to_arrays(inputs, "inputs")
        cdef Ints numbers = to_ints(axes, "axes")
        cdef int status
        res.ctx = out_axes.ctx = NULL
        with nogil:
            status = c.mlx_closure_custom_vmap_apply(
                &res, &out_axes, self._c, arrays._c, numbers.data(), numbers.size()
            )
        check(status)
        try:
            positions = take_ints(out_axes)
        except BaseException:
            c.mlx_vector_array_free(res)
            raise
        return take_arrays(res), positions


cdef list take_ints(c.mlx_vector_int handle):
    """The numbers of an owned vector of ints, which is freed."""
    cdef int value
    cdef size_t i
    res = []
    try:
        for i in range(c.mlx_vector_int_size(handle)):
            check(c.mlx_vector_int_get(&value, handle, i))
            res.append(value)
        return res
    finally:
        c.mlx_vector_int_free(handle)
