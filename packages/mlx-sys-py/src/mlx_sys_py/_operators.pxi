# What the operators of arrays have in common. Part of `_array`.

cdef inline array unary(unary_op op, array a):
    cdef c.mlx_array res
    res.ctx = NULL
    check(op(&res, a._c, default_stream))
    return array._take(res)


cdef inline object binary(binary_op op, object a, object b):
    """The result of an operator, or NotImplemented where an operand is no array or number."""
    cdef c.mlx_array res
    cdef array x, y
    if type(a) is array and type(b) is array:
        x = <array>a
        y = <array>b
    else:
        if not (is_operand(a) and is_operand(b)):
            if op != c.mlx_equal and op != c.mlx_not_equal:
                refuse(b if isinstance(a, array) else a)
            return NotImplemented
        x = to_operand(a, b, None, "a")
        y = to_operand(b, a, None, "b")
    res.ctx = NULL
    check(op(&res, x._c, y._c, default_stream))
    return array._take(res)


cdef bint is_operand(object value):
    return (
        isinstance(value, (array, bool, int, float, complex))
        or hasattr(value, "__mlx_array__")
        or (PyObject_CheckBuffer(value) and not isinstance(value, (bytes, bytearray)))
        or hasattr(value, "__dlpack__")
    )


cdef extern from *:
    """
    // Whether Python would repeat a value where its type and the array's leave `*` to it.
    static bool repeats(PyObject* value) {
        PyTypeObject* type = Py_TYPE(value);
        return type->tp_as_sequence && type->tp_as_sequence->sq_repeat
            && !(type->tp_as_number && type->tp_as_number->nb_multiply);
    }
    """
    bint repeats(object value)


cdef int refuse(object value) except -1:
    """Raise for what Python would do something else with: a list is repeated or joined.

    Any other type may have an operator of its own.
    """
    if value is None or repeats(value) or isinstance(value, (dict, set, frozenset)):
        raise OperandError(
            f"an operand must be an array or a number, not {type(value).__name__}"
        )
    return 0


cdef object compare(binary_op op, array a, object b, bint below, bint above):
    """A comparison; `below` and `above` answer for an int on that side of all that `a` can hold."""
    cdef object limits
    if isinstance(b, int):
        limits = _int_ranges.get(c.mlx_array_dtype(a._c))
        if c.mlx_array_dtype(a._c) == c.MLX_BOOL:
            # Beside booleans an int has a type of its own, if there is one.
            limits = (-_INT64_LIMIT, 2 * _INT64_LIMIT - 1)
        if limits is not None and not limits[0] <= b <= limits[1]:
            # As long as `a`, whatever is traced.
            return binary(c.mlx_equal if (above if b > 0 else below) else c.mlx_not_equal, a, a)
    return binary(op, a, b)


cdef object assign(array a, object result):
    """In-place operators: `a` itself becomes the result, for everyone who holds it."""
    if result is NotImplemented:
        return NotImplemented
    check(c.mlx_array_set(&a._c, (<array>result)._c))
    return a


cdef object bitwise(binary_op op, object a, object b):
    if has_fractions(a) or has_fractions(b):
        raise OperandError("a bitwise operation takes ints and booleans, not floats")
    return binary(op, a, b)


cdef inline bint has_fractions(object value):
    if isinstance(value, array):
        return c.mlx_array_dtype((<array>value)._c) > c.MLX_INT64
    return isinstance(value, (float, complex))


cdef bint any_true(array a):
    cdef c.mlx_array res
    res.ctx = NULL
    check(c.mlx_any(&res, a._c, False, default_stream))
    return scalar_item(array._take(res))


cdef object in_place_divide(array a, object other):
    if is_integer(c.mlx_array_dtype(a._c)):
        raise ValueError("an array of ints cannot be divided in place: the result has fractions")
    return binary(c.mlx_divide, a, other)


cdef object divided(object a, object b):
    """The quotient, rounded down, and the remainder."""
    quotient = binary(c.mlx_floor_divide, a, b)
    if quotient is NotImplemented:
        return NotImplemented
    return quotient, binary(c.mlx_remainder, a, b)
