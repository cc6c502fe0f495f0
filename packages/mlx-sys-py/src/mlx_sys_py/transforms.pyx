"""Transformations of functions from lists of arrays to lists of arrays.

`mlx_core_py` builds on these the transformations of functions over trees.
"""

from libcpp.vector cimport vector

from mlx_sys_py cimport c
from mlx_sys_py._array cimport VectorArray, take_arrays, to_arrays
from mlx_sys_py._closure cimport Closure, to_closure
from mlx_sys_py._error cimport check
from mlx_sys_py._scalars cimport to_bool, to_ints


def eval(arrays, /):
    """Compute arrays and wait for them.

    Args:
        arrays (Sequence[array]): the arrays; those computed already cost nothing.

    Example:
        >>> from mlx_sys_py import array, transforms
        >>> transforms.eval([array(1) + array(2)])

    See: MLX ``mlx.core.eval``.
    """
    cdef VectorArray outputs = to_arrays(arrays, "arrays")
    cdef int status
    with nogil:
        status = c.mlx_eval(outputs._c)
    check(status)


def async_eval(arrays, /):
    """Start to compute arrays without waiting for them.

    Args:
        arrays (Sequence[array]): the arrays.

    See: MLX ``mlx.core.async_eval``.
    """
    cdef VectorArray outputs = to_arrays(arrays, "arrays")
    cdef int status
    with nogil:
        status = c.mlx_async_eval(outputs._c)
    check(status)


cdef class ClosureValueAndGrad:
    """A function to a value and gradients (``mlx_closure_value_and_grad``)."""

    cdef c.mlx_closure_value_and_grad _c

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(self):
        raise TypeError("ClosureValueAndGrad has no constructor: use value_and_grad(fun, argnums)")

    def __dealloc__(self):
        c.mlx_closure_value_and_grad_free(self._c)

    def __call__(self, inputs):
        cdef c.mlx_vector_array values, grads
        cdef VectorArray arrays = to_arrays(inputs, "inputs")
        cdef int status
        values.ctx = grads.ctx = NULL
        with nogil:
            status = c.mlx_closure_value_and_grad_apply(&values, &grads, self._c, arrays._c)
        check(status)
        try:
            return take_arrays(values), take_arrays(grads)
        except BaseException:
            c.mlx_vector_array_free(grads)
            raise


def value_and_grad(fun, argnums, /):
    """A function that gives a function's values and the gradient of the first of them.

    Args:
        fun (Callable[[list[array]], Sequence[array]]): the function to differentiate.
        argnums (int or Sequence[int]): the inputs to differentiate with respect to.

    Returns:
        ClosureValueAndGrad: called with a list of inputs, gives (values, gradients).

    Example:
        >>> from mlx_sys_py import array, transforms
        >>> transforms.value_and_grad(lambda x: [x[0] * x[0]], [0])([array(3.0)])
        ([array(9, dtype=float32)], [array(6, dtype=float32)])

    See: MLX ``value_and_grad``.
    """
    cdef Closure closure = to_closure(fun)
    cdef vector[int] numbers = to_ints(argnums, "argnums")
    cdef ClosureValueAndGrad res = ClosureValueAndGrad.__new__(ClosureValueAndGrad)
    check(c.mlx_value_and_grad(&res._c, closure._c, numbers.data(), numbers.size()))
    return res


ctypedef int (*product)(
    c.mlx_vector_array*, c.mlx_vector_array*, const c.mlx_closure, const c.mlx_vector_array,
    const c.mlx_vector_array,
) noexcept nogil


cdef tuple apply_product(product op, object fun, object primals, object others, str name):
    cdef Closure closure = to_closure(fun)
    cdef VectorArray x = to_arrays(primals, "primals")
    cdef VectorArray y = to_arrays(others, name)
    cdef c.mlx_vector_array values, products
    cdef int status
    values.ctx = products.ctx = NULL
    with nogil:
        status = op(&values, &products, closure._c, x._c, y._c)
    check(status)
    try:
        return take_arrays(values), take_arrays(products)
    except BaseException:
        c.mlx_vector_array_free(products)
        raise


def vjp(fun, primals, cotangents, /):
    """A function's values and the products of cotangents with its Jacobian.

    Args:
        fun (Callable[[list[array]], Sequence[array]]): the function.
        primals (Sequence[array]): where to evaluate it.
        cotangents (Sequence[array]): one per output, of its shape.

    Returns:
        tuple[list[array], list[array]]: the outputs, and one product per primal.

    See: MLX ``mlx.core.vjp``.
    """
    return apply_product(c.mlx_vjp, fun, primals, cotangents, "cotangents")


def jvp(fun, primals, tangents, /):
    """A function's values and the products of its Jacobian with tangents.

    Args:
        fun (Callable[[list[array]], Sequence[array]]): the function.
        primals (Sequence[array]): where to evaluate it.
        tangents (Sequence[array]): one per primal, of its shape.

    Returns:
        tuple[list[array], list[array]]: the outputs, and one product per output.

    See: MLX ``mlx.core.jvp``.
    """
    return apply_product(c.mlx_jvp, fun, primals, tangents, "tangents")


def vmap_trace(fun, inputs, in_axes, /):
    """Record a function over inputs without their mapped axes: the first half of a vmap.

    Args:
        fun (Callable[[list[array]], Sequence[array]]): the function.
        inputs (Sequence[array]): its inputs, mapped axes included.
        in_axes (Sequence[int]): the mapped axis of each input; ``-1`` for none.

    Returns:
        tuple[list[array], list[array]]: the traced inputs and outputs.

    See: MLX ``vmap``; mlx-c ``mlx_detail_vmap_trace``.
    """
    cdef Closure closure = to_closure(fun)
    cdef VectorArray arrays = to_arrays(inputs, "inputs")
    cdef vector[int] axes = to_ints(in_axes, "in_axes")
    cdef c.mlx_vector_array s_inputs, s_outputs
    cdef int status
    s_inputs.ctx = s_outputs.ctx = NULL
    with nogil:
        status = c.mlx_detail_vmap_trace(
            &s_inputs, &s_outputs, closure._c, arrays._c, axes.data(), axes.size()
        )
    check(status)
    return take_arrays(s_inputs), take_arrays(s_outputs)


def vmap_replace(inputs, s_inputs, s_outputs, in_axes, out_axes, /):
    """Vectorize what `vmap_trace` recorded: the second half of a vmap.

    Args:
        inputs (Sequence[array]): the inputs, mapped axes included.
        s_inputs (Sequence[array]): the traced inputs.
        s_outputs (Sequence[array]): the traced outputs.
        in_axes (Sequence[int]): the mapped axis of each input; ``-1`` for none.
        out_axes (Sequence[int]): where the mapped axis goes in each output; ``-1`` for none.

    Returns:
        list[array]: the outputs.

    See: MLX ``vmap``; mlx-c ``mlx_detail_vmap_replace``.
    """
    cdef VectorArray arrays = to_arrays(inputs, "inputs")
    cdef VectorArray traced_in = to_arrays(s_inputs, "s_inputs")
    cdef VectorArray traced_out = to_arrays(s_outputs, "s_outputs")
    cdef vector[int] axes_in = to_ints(in_axes, "in_axes")
    cdef vector[int] axes_out = to_ints(out_axes, "out_axes")
    cdef c.mlx_vector_array res
    res.ctx = NULL
    check(
        c.mlx_detail_vmap_replace(
            &res, arrays._c, traced_in._c, traced_out._c, axes_in.data(), axes_in.size(),
            axes_out.data(), axes_out.size(),
        )
    )
    return take_arrays(res)


def checkpoint(fun, /):
    """A function like ``fun`` whose gradient computes the intermediate values anew.

    Args:
        fun (Callable[[list[array]], Sequence[array]]): the function.

    Returns:
        Closure: the function.

    See: MLX ``mlx.core.checkpoint``; Chen et al. 2016, arXiv:1604.06174.
    """
    cdef Closure closure = to_closure(fun)
    cdef c.mlx_closure res
    res.ctx = NULL
    check(c.mlx_checkpoint(&res, closure._c))
    return Closure._take(res)


def compile(fun, shapeless=False, /):
    """A function like ``fun`` whose graph is recorded once and simplified.

    Args:
        fun (Callable[[list[array]], Sequence[array]]): the function; it must be pure.
        shapeless (bool): record once for all shapes. Default: ``False``.

    Returns:
        Closure: the function.

    See: MLX ``mlx.core.compile``.
    """
    cdef Closure closure = to_closure(fun)
    cdef c.mlx_closure res
    res.ctx = NULL
    check(c.mlx_compile(&res, closure._c, to_bool(shapeless, "shapeless")))
    return Closure._take(res)


def disable_compile():
    """Let `compile` return functions unchanged. See: MLX ``mlx.core.disable_compile``."""
    check(c.mlx_disable_compile())


def enable_compile():
    """Let `compile` compile again. See: MLX ``mlx.core.enable_compile``."""
    check(c.mlx_enable_compile())
