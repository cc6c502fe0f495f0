"""Transformations of functions from lists of arrays to lists of arrays.

`mlx_core_py` builds on these the transformations of functions over trees.
"""

import enum

from libc.stdint cimport uint64_t, uintptr_t
from libcpp.vector cimport vector

cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport VectorArray, array, take_arrays, to_arrays
from mlx_sys_py._callback cimport owning
from mlx_sys_py._closure cimport (
    Closure, ClosureCustom, ClosureCustomJvp, ClosureCustomVmap, ClosureValueAndGrad, take_pair,
    to_closure,
)
from mlx_sys_py._error cimport check
from mlx_sys_py._scalars cimport Ints, to_bool, to_int, to_ints, to_uint64
from mlx_sys_py._text cimport take_strings

__all__ = [
    "CompileMode",
    "async_eval",
    "checkpoint",
    "compile",
    "compile_clear_cache",
    "compile_erase",
    "custom_function",
    "custom_vjp",
    "detail_compile",
    "disable_compile",
    "enable_compile",
    "eval",
    "jvp",
    "record_steps",
    "set_compile_mode",
    "value_and_grad",
    "vjp",
    "vmap_replace",
    "vmap_trace",
]


def __dir__():
    return __all__


def eval(arrays, /):
    """Compute arrays and wait for them.

    Args:
        arrays (Sequence[array]): the arrays; those computed already cost nothing.

    Example:
        >>> from mlx_sys_py import array, transforms
        >>> transforms.eval([array(1) + array(2)])

    See: MLX ``mlx.core.eval``.
    """
    cdef VectorArray outputs
    cdef array output
    cdef int status
    if type(arrays) is tuple and len(arrays) == 1 and type((<tuple>arrays)[0]) is array:
        # Making a vector of one array takes as long as adding small arrays.
        output = (<tuple>arrays)[0]
        with nogil:
            status = c.mlx_array_eval(output._c)
        check(status)
        return
    outputs = to_arrays(arrays, "arrays")
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
    cdef Ints numbers = to_ints(argnums, "argnums")
    cdef c.mlx_closure_value_and_grad res
    res.ctx = NULL
    check(c.mlx_value_and_grad(&res, closure._c, numbers.data(), numbers.size()))
    return ClosureValueAndGrad._take(res, closure)


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
    return take_pair(values, products)


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
    cdef Ints axes = to_ints(in_axes, "in_axes")
    cdef c.mlx_vector_array s_inputs, s_outputs
    cdef int status
    s_inputs.ctx = s_outputs.ctx = NULL
    with nogil:
        status = c.mlx_detail_vmap_trace(
            &s_inputs, &s_outputs, closure._c, arrays._c, axes.data(), axes.size()
        )
    check(status)
    return take_pair(s_inputs, s_outputs)


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
    cdef Ints axes_in = to_ints(in_axes, "in_axes")
    cdef Ints axes_out = to_ints(out_axes, "out_axes")
    cdef c.mlx_vector_array res
    res.ctx = NULL
    check(
        c.mlx_detail_vmap_replace(
            &res, arrays._c, traced_in._c, traced_out._c, axes_in.data(), axes_in.size(),
            axes_out.data(), axes_out.size(),
        )
    )
    return take_arrays(res)


cdef int check_callable(object function, str name) except -1:
    if not callable(function):
        raise TypeError(f"{name} must be callable, not {type(function).__name__}")
    return 0


# Nodes of a graph can outlive every Python object: the closures in them own their functions. They
# are made for each call, so that between calls only Python objects refer to the functions, where
# the garbage collector sees it.

def checkpoint(fun, /):
    """A function like ``fun`` whose gradient recomputes intermediate values (checkpointing).

    Args:
        fun (Callable[[list[array]], Sequence[array]]): the function.

    Returns:
        Closure: the function.

    See: MLX ``mlx.core.checkpoint``; Chen et al. 2016, arXiv:1604.06174.
    """
    check_callable(fun, "fun")

    def checkpointed(inputs):
        cdef Closure closure = <Closure>owning(Closure, fun)
        cdef c.mlx_closure res
        res.ctx = NULL
        check(c.mlx_checkpoint(&res, closure._c))
        return Closure._take(res, None)(inputs)

    return Closure(checkpointed)


def custom_vjp(fun, vjp, /):
    """A function like ``fun`` with a vector-Jacobian product of its own.

    Args:
        fun (Callable[[list[array]], Sequence[array]]): the function.
        vjp (Callable[[list[array], list[array], list[array]], Sequence[array]]): called with the
            primals, the cotangents and the outputs; returns an array for each primal.

    Returns:
        Closure: the function.

    Example:
        >>> from mlx_sys_py import array, transforms
        >>> f = transforms.custom_vjp(lambda x: [x[0] * 1], lambda x, dy, y: [10 * dy[0]])
        >>> transforms.vjp(f, [array(1.0)], [array(1.0)])
        ([array(1, dtype=float32)], [array(10, dtype=float32)])

    See: MLX ``custom_vjp``.
    """
    check_callable(vjp, "vjp")
    return custom_function(fun, vjp)


def custom_function(fun, /, vjp=None, jvp=None, vmap=None):
    """A function like ``fun`` with transformations of its own.

    Args:
        fun (Callable[[list[array]], Sequence[array]]): the function.
        vjp (Callable, optional): its vector-Jacobian product, as for `custom_vjp`.
        jvp (Callable[[list[array], list[array], list[int]], Sequence[array]], optional): its
            Jacobian-vector product: called with the primals, the tangents and the numbers of the
            primals that these belong to; returns an array for each output.
        vmap (Callable[[list[array], list[int]], tuple[Sequence[array], Sequence[int]]], optional):
            its vectorization: called with the inputs and their mapped axes, ``-1`` for none;
            returns the outputs and theirs.

    Those that are ``None`` (default) are the transformations of ``fun`` itself.

    Returns:
        Closure: the function.

    Example:
        >>> from mlx_sys_py import array, transforms
        >>> f = transforms.custom_function(
        ...     lambda x: [x[0] * 1], jvp=lambda x, dx, argnums: [10 * dx[0]]
        ... )
        >>> transforms.jvp(f, [array(1.0)], [array(1.0)])
        ([array(1, dtype=float32)], [array(10, dtype=float32)])

    See: MLX ``mlx.core.custom_function``.
    """
    check_callable(fun, "fun")
    for name, rule in (("vjp", vjp), ("jvp", jvp), ("vmap", vmap)):
        if rule is not None:
            check_callable(rule, name)

    def customized(inputs):
        cdef Closure closure = <Closure>owning(Closure, fun)
        cdef ClosureCustom vjp_rule = <ClosureCustom>owning(ClosureCustom, vjp)
        cdef ClosureCustomJvp jvp_rule = <ClosureCustomJvp>owning(ClosureCustomJvp, jvp)
        cdef ClosureCustomVmap vmap_rule = <ClosureCustomVmap>owning(ClosureCustomVmap, vmap)
        cdef c.mlx_closure res
        res.ctx = NULL
        check(c.mlx_custom_function(&res, closure._c, vjp_rule._c, jvp_rule._c, vmap_rule._c))
        return Closure._take(res, None)(inputs)

    return Closure(customized)


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
    return Closure._take(res, closure)


cdef class _Length:
    # A number that C reads after a function has set it.
    cdef int value


def record_steps(fun, inputs, length, /):
    """A function that does what ``fun`` would do in calls that follow each other.

    Each of its calls is the next one: what grows from call to call goes on growing. No Python runs
    then.

    Args:
        fun (Callable[[list[array], int], Sequence[array]]): the function, of arrays and the number
            of the call. It is called three times, as for the calls 0, 1 and the last one, with
            arrays that have no values: it must not evaluate them. These calls must make the same
            graph of the same constants, except that shapes, bounds of slices, offsets of rope and
            constant integers grow evenly. What it does between them is not looked at: it must be
            one thing until some call, and another from then on, if it changes at all.
        inputs (Sequence[array]): arrays like those that it will be called with.
        length (Callable[[], int]): how many calls there are, at least 3; asked after the first one.

    Returns:
        Closure: the function. The inputs of its calls have the shapes and types of ``inputs``, and
            the default stream is the same. On the CPU, a call whose operations fail by what values
            are may fail as a whole: all its results have the error then.

    Raises:
        TypeError: if ``fun`` or ``length`` is no function, or an input no array.
        ValueError: if the calls differ in other ways, or there are fewer than 3; from the function,
            if it is called more often.

    Example:
        >>> from mlx_sys_py import array, transforms
        >>> step = transforms.record_steps(lambda x, i: [x[0] * (10 + i)], [array(1)], lambda: 5)
        >>> step([array(1)]), step([array(1)]), step([array(2)])
        ([array(10, dtype=int32)], [array(11, dtype=int32)], [array(24, dtype=int32)])
    """
    check_callable(fun, "fun")
    check_callable(length, "length")
    cdef VectorArray arrays = to_arrays(inputs, "inputs")
    cdef _Length count = _Length()
    cdef c.mlx_closure res
    cdef list called = []

    def call(values):
        number = (0, 1, count.value - 1)[len(called)]
        called.append(number)
        outputs = fun(values, number)
        if number == 0:
            count.value = to_int(length(), "length")
        return outputs

    cdef Closure closure = to_closure(call)
    res.ctx = NULL
    check(c._mlx_record_steps(&res, closure._c, arrays._c, &count.value))
    return Closure._take(res, closure)


def detail_compile(fun, fun_id, shapeless=False, constants=(), /):
    """A compiled function with a key of the caller's in the cache of compiled functions.

    Args:
        fun (Callable[[list[array]], Sequence[array]]): the function; it must be pure.
        fun_id (int): stands for the function, until `compile_erase` in every thread that has
            called it; an address, say, of what lives as long.
        shapeless (bool): record once for all shapes. Default: ``False``.
        constants (Sequence[int]): numbers that stand for what else the recording depends on.

    Returns:
        Closure: the function. What it recorded stays in the cache when it is gone.

    Example:
        >>> from mlx_sys_py import array, transforms
        >>> transforms.detail_compile(lambda x: [x[0] + 1], 1, False, [7])([array(1)])
        [array(2, dtype=int32)]
        >>> transforms.compile_erase(1)

    See: mlx-c ``mlx_detail_compile``.
    """
    cdef Closure closure = to_closure(fun)
    cdef vector[uint64_t] numbers
    cdef uintptr_t key = to_uint64(fun_id, "fun_id")
    cdef c.mlx_closure res
    for constant in constants:
        numbers.push_back(to_uint64(constant, "constants"))
    res.ctx = NULL
    check(
        c.mlx_detail_compile(
            &res, closure._c, key, to_bool(shapeless, "shapeless"), numbers.data(), numbers.size()
        )
    )
    return Closure._take(res, closure)


def compile_erase(fun_id, /):
    """Forget what this thread has recorded of a function.

    Args:
        fun_id (int): the id that `detail_compile` was given.

    See: mlx-c ``mlx_detail_compile_erase``.
    """
    cdef uintptr_t key = to_uint64(fun_id, "fun_id")
    cdef int status
    with nogil:
        status = c.mlx_detail_compile_erase(key)
    check(status)


def compile_clear_cache():
    """Forget what this thread has recorded of any function: they are recorded anew when called.

    See: mlx-c ``mlx_detail_compile_clear_cache``.
    """
    cdef int status
    with nogil:
        status = c.mlx_detail_compile_clear_cache()
    check(status)


class CompileMode(enum.IntEnum):
    """How much `compile` does: nothing, or record and simplify, fuse, or both."""

    disabled = c.MLX_COMPILE_MODE_DISABLED
    no_simplify = c.MLX_COMPILE_MODE_NO_SIMPLIFY
    no_fuse = c.MLX_COMPILE_MODE_NO_FUSE
    enabled = c.MLX_COMPILE_MODE_ENABLED


def set_compile_mode(mode, /):
    """Set how much `compile` does, for the whole process.

    Args:
        mode (CompileMode): the mode.

    Example:
        >>> from mlx_sys_py import transforms
        >>> transforms.set_compile_mode(transforms.CompileMode.enabled)

    See: MLX ``set_compile_mode``.
    """
    if not isinstance(mode, CompileMode):
        raise TypeError(f"mode must be a CompileMode, not {mode!r}")
    check(c.mlx_set_compile_mode(<c.mlx_compile_mode><int>mode.value))


def _primitives_with_checked_shapes():
    """The names of the primitives that a function for all shapes may consist of, in order."""
    cdef c.mlx_vector_string names = c.mlx_vector_string_new()
    check(c._mlx_compile_get_checked_primitives(&names))
    return sorted(take_strings(names))


def disable_compile():
    """Let `compile` return functions unchanged.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.disable_compile()
        >>> mx.compile(lambda x: x + 1)(mx.array(1))
        array(2, dtype=int32)
        >>> mx.enable_compile()

    See: MLX ``mlx.core.disable_compile``.
    """
    check(c.mlx_disable_compile())


def enable_compile():
    """Let `compile` compile again.

    Example:
        >>> import mlx_core_py as mx
        >>> mx.enable_compile()

    See: MLX ``mlx.core.enable_compile``.
    """
    check(c.mlx_enable_compile())
