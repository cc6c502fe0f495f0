"""How arrays are printed, and how `einsum` computes, for people to look at."""

cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport VectorArray, to_arrays
from mlx_sys_py._error cimport check
from mlx_sys_py._scalars cimport to_bytes, to_int
from mlx_sys_py._text cimport take_string

__all__ = ["einsum_path", "get_precision", "set_precision"]


def __dir__():
    return __all__


def get_precision():
    """The digits after the decimal point that `set_precision` chose, ``-1`` for the default.

    Example:
        >>> from mlx_sys_py import utils
        >>> utils.get_precision()
        -1

    See: MLX ``mlx.core.get_printoptions``.
    """
    cdef int res = 0
    cdef int status
    # This takes the lock of evaluations, whose holder may wait for the GIL.
    with nogil:
        status = c.mlx_get_printoptions(&res)
    check(status)
    return res


def set_precision(precision, /):
    """Choose how many digits after the decimal point are printed of the elements of an array.

    Args:
        precision (int): up to 1000, or ``-1`` for as many as it takes to print six in all.

    Raises:
        TypeError: ``precision`` is not an int.
        ValueError: ``precision`` is less than -1 or more than 1000.

    Example:
        >>> from mlx_sys_py import array, utils
        >>> utils.set_precision(2)
        >>> array(3.14159)
        array(3.14, dtype=float32)
        >>> utils.set_precision(-1)

    See: MLX ``mlx.core.set_printoptions``.
    """
    cdef int digits = to_int(precision, "precision")
    cdef int status
    with nogil:
        status = c.mlx_set_printoptions(digits)
    check(status)


def einsum_path(subscripts, *operands):
    """The order in which `einsum` contracts its operands.

    Args:
        subscripts (str): the expression, as of `einsum`.
        operands (array): what it is about.

    Returns:
        tuple[list[tuple[int, ...]], str]: the positions of the operands that each step takes off
        the list, to put their product at its end; and a text about what that saves.

    Raises:
        TypeError: ``subscripts`` is not a str, or an operand no array.
        ValueError: the expression does not fit the operands.

    Example:
        >>> import mlx_core_py as mx
        >>> a, b, c = mx.ones((2, 9)), mx.ones((9, 9)), mx.ones((9, 3))
        >>> mx.einsum_path("ij,jk,kl->il", a, b, c)[0]
        [(0, 1), (0, 1)]

    See: MLX ``mlx.core.einsum_path``.
    """
    cdef VectorArray arrays = to_arrays(operands, "operands")
    cdef c.mlx_vector_int positions, counts
    cdef c.mlx_string description
    text = to_bytes(subscripts, "subscripts")
    positions.ctx = counts.ctx = description.ctx = NULL
    try:
        check(c.mlx_einsum_path(&positions, &counts, &description, text, arrays._c))
        order = iter(numbers_of(positions))
        steps = [tuple([next(order) for _ in range(count)]) for count in numbers_of(counts)]
        return steps, take_string(description)
    finally:
        c.mlx_vector_int_free(positions)
        c.mlx_vector_int_free(counts)


cdef list numbers_of(c.mlx_vector_int vector):
    cdef int number
    cdef size_t i
    res = []
    for i in range(c.mlx_vector_int_size(vector)):
        check(c.mlx_vector_int_get(&number, vector, i))
        res.append(number)
    return res
