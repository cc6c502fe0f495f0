"""Transforms of functions from trees of arrays to trees of arrays: what happens at every call.

`mlx_core_py` checks what it is given once, when a function is transformed, and calls these.
"""

import sys

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Check
from cpython.list cimport PyList_Check
from cpython.tuple cimport PyTuple_Check
from libc.stdint cimport int64_t
from libcpp.string cimport string
from libcpp.vector cimport vector

cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport VectorArray, array, take_arrays, to_arrays
from mlx_sys_py._callback cimport Payload
from mlx_sys_py._closure cimport Closure, call_plain, take_pair
from mlx_sys_py._error cimport check
from mlx_sys_py.trees cimport (
    Loan, Py_LeaveRecursiveCall, Slots, arrays_in, emptied, enter_recursion, filled, only_arrays_in,
)

from mlx_sys_py._error import OutOfRangeError

__all__ = ["Compiled", "ValueAndGrad", "Vectorized", "update_wrapper"]


def __dir__():
    return __all__


cdef extern from "Python.h":
    int PyUnicode_KIND(object text)
    void* PyUnicode_DATA(object text)
    Py_ssize_t PyUnicode_GET_LENGTH(object text)
    long long PyLong_AsLongLongAndOverflow(object number, int* overflow) except? -1

# What a function takes over from the one that it wraps.
cdef tuple copied = ("__module__", "__name__", "__qualname__", "__doc__") + (
    ("__annotate__",) if sys.hexversion >= 0x030E0000 else ("__annotations__",)
) + (("__type_params__",) if sys.hexversion >= 0x030C0000 else ())


def update_wrapper(wrapper, wrapped):
    """`functools.update_wrapper`, which in Python takes longer than a small gradient.

    Args:
        wrapper (Callable): the function to change.
        wrapped (Callable): the function that it stands for.

    Returns:
        Callable: ``wrapper``.
    """
    for name in copied:
        value = getattr(wrapped, name, wrapper)
        if value is not wrapper:
            setattr(wrapper, name, value)
    attributes = getattr(wrapped, "__dict__", None)
    if attributes:
        wrapper.__dict__.update(attributes)
    wrapper.__wrapped__ = wrapped
    return wrapper


# How the layer below spells "not vectorized".
cdef int NO_AXIS = -1


cdef c.mlx_closure lend(Payload* payload, object function) except *:
    """A closure for the length of a call, during which the caller keeps the function."""
    payload.target = <void*>function
    payload.owned = True
    cdef c.mlx_closure res = c.mlx_closure_new_func_payload(call_plain, payload, NULL)
    if res.ctx == NULL:
        check(1)
    return res


cdef class ValueAndGrad:
    """The value of a function and its gradient by some arguments.

    Args:
        name (str): what messages call the transform. If it is ``"value_and_grad"``, the function
            may return a tuple whose first entry is the loss.
        fun (Callable): takes arrays or trees of arrays, and returns an array of shape ``()``.
        argnums (tuple[int, ...]): the arguments by position.
        argnames (tuple[str, ...]): the arguments by name.
    """

    cdef str name
    cdef str where
    cdef object fun
    cdef tuple argnums
    cdef tuple argnames

    def __init__(self, str name, fun, tuple argnums, tuple argnames):
        self.name = name
        self.where = f"[{name}] an argument to differentiate by"
        self.fun = fun
        self.argnums = argnums
        self.argnames = argnames

    def __call__(self, tuple args, dict kwargs):
        """The value for these arguments, and the gradient."""
        cdef GradientCall call = GradientCall.__new__(GradientCall)
        cdef tuple wanted = self.wanted(args, kwargs)
        cdef list arrays = only_arrays_in(wanted, self.where)
        cdef Py_ssize_t count = len(self.argnums)
        if not arrays:
            raise ValueError(f"[{self.name}] the arguments to differentiate by hold no array")
        # The function may change the containers.
        structure = emptied(wanted)
        call.transform, call.args, call.kwargs, call.wanted = self, args, kwargs, wanted
        outputs, gradients = call.run(arrays)
        value = filled(call.value, iter(outputs), True)
        trees = filled(structure, iter(gradients), True)
        positional = trees[:count]
        if count < 2:
            positional = trees[0] if count else None
        if not self.argnames:
            return value, positional
        return value, (positional, dict(zip(self.argnames, trees[count:])))

    cdef tuple wanted(self, tuple args, dict kwargs):
        """The arguments to differentiate by: those by position, then those by name."""
        cdef list res = []
        cdef Py_ssize_t number
        for number in self.argnums:
            if number >= len(args):
                raise ValueError(
                    f"[{self.name}] argnums asks for argument {number}, "
                    f"but only {len(args)} positional arguments were given"
                )
            res.append(args[number])
        for name in self.argnames:
            if name not in kwargs:
                raise ValueError(
                    f"[{self.name}] argnames asks for {name!r}, "
                    f"but the keyword arguments given are {sorted(kwargs)}"
                )
            res.append(kwargs[name])
        return tuple(res)

    cdef int check_value(self, object value) except -1:
        cdef object loss = value
        cdef bint takes_more = self.name == "value_and_grad"
        if takes_more and isinstance(value, tuple) and value:
            loss = value[0]
        if not isinstance(loss, array):
            given = f"a value of type {type(loss).__name__}"
        elif c.mlx_array_ndim((<array>loss)._c) > 0:
            given = f"an array of shape {tuple(loss.shape)}"
        else:
            return 0
        expected = "a scalar array"
        if takes_more:
            expected += " or a tuple whose first entry is one"
        raise ValueError(f"[{self.name}] the function must return {expected}, but gave {given}")


cdef class GradientCall:
    """One call of a `ValueAndGrad`, as a function of lists of arrays."""

    cdef ValueAndGrad transform
    cdef tuple args
    cdef dict kwargs
    cdef tuple wanted
    cdef object value

    def __call__(self, traced):
        cdef Loan loan
        if self.holds_containers():
            loan = Loan(self.wanted, iter(traced))
            try:
                self.apply(loan.trees)
            finally:
                loan.put_back()
        else:
            self.apply(tuple(traced))
        self.transform.check_value(self.value)
        return arrays_in(self.value)

    cdef bint holds_containers(self):
        """Whether the function is given anything that it could change."""
        for tree in self.wanted:
            if not isinstance(tree, array):
                return True
        return False

    cdef int apply(self, tuple trees) except -1:
        """Call the function with these in place of the arguments to differentiate by."""
        cdef ValueAndGrad transform = self.transform
        cdef list args = list(self.args)
        cdef dict kwargs = self.kwargs
        cdef Py_ssize_t count = len(transform.argnums), i
        for i in range(count):
            args[transform.argnums[i]] = trees[i]
        if transform.argnames:
            kwargs = {**kwargs, **dict(zip(transform.argnames, trees[count:]))}
        self.value = transform.fun(*args, **kwargs)
        return 0

    cdef tuple run(self, list arrays):
        cdef VectorArray inputs = to_arrays(arrays, "arrays")
        cdef Payload payload
        cdef c.mlx_closure closure = lend(&payload, self)
        cdef c.mlx_vector_array values, gradients
        cdef int status
        values.ctx = gradients.ctx = NULL
        with nogil:
            status = c.mlx_detail_value_and_grad(&values, &gradients, closure, inputs._c)
            c.mlx_closure_free(closure)
        check(status)
        return take_pair(values, gradients)


cdef class Vectorized:
    """A function applied along an axis of its arguments.

    Args:
        fun (Callable): takes and returns arrays or trees of arrays.
        in_axes: the axes of the arguments, as `mlx_core_py.vmap` takes them.
        out_axes: the axes of the results.
    """

    cdef object fun
    cdef object in_axes
    cdef object out_axes

    def __init__(self, fun, in_axes, out_axes):
        self.fun = fun
        self.in_axes = in_axes
        self.out_axes = out_axes

    def __call__(self, tuple args):
        """The results for these arguments."""
        cdef VectorizedCall call = VectorizedCall.__new__(VectorizedCall)
        cdef list inputs = only_arrays_in(args, "[vmap] an argument")
        cdef vector[int] axes
        self.read_input_axes(args, inputs, axes)
        call.fun, call.args = self.fun, args
        outputs = call.run(inputs, axes, self.out_axes)
        return filled(call.result, iter(outputs), True)

    cdef int read_input_axes(self, tuple args, list inputs, vector[int]& axes) except -1:
        cdef object in_axes = self.in_axes
        cdef size_t i
        cdef int size, found = -1
        cdef bint fits = True
        if len(args) == 1 and not (isinstance(in_axes, tuple) and len(in_axes) == 1):
            in_axes = (in_axes,)
        spread(in_axes, args, "in_axes", axes)
        normalize(axes, inputs, 0, "in_axes")
        for i in range(axes.size()):
            if axes[i] != NO_AXIS:
                size = c.mlx_array_dim((<array>inputs[i])._c, axes[i])
                fits = fits and (found < 0 or size == found)
                found = size
        if found < 0:
            raise ValueError("[vmap] in_axes must name an axis of at least one array")
        if not fits:
            sizes = {x.shape[axis] for axis, x in zip(axes, inputs) if axis != NO_AXIS}
            raise ValueError(f"[vmap] the axes in in_axes have different sizes: {sorted(sizes)}")
        return 0


cdef class VectorizedCall:
    """One call of a `Vectorized`, as a function of lists of arrays."""

    cdef object fun
    cdef tuple args
    cdef object result
    cdef list traced

    def __call__(self, traced):
        args = filled(self.args, iter(traced), True)
        self.result = self.fun(*args)
        self.traced = only_arrays_in(self.result, "[vmap] the result of fun")
        return self.traced

    cdef list run(self, list inputs, vector[int]& in_axes, object axes):
        cdef VectorArray arrays = to_arrays(inputs, "inputs")
        cdef VectorArray traced_in, traced_out
        cdef vector[int] out_axes
        cdef Payload payload
        cdef c.mlx_closure closure = lend(&payload, self)
        cdef c.mlx_vector_array first, second, res
        cdef int status
        first.ctx = second.ctx = res.ctx = NULL
        with nogil:
            status = c.mlx_detail_vmap_trace(
                &first, &second, closure, arrays._c, in_axes.data(), in_axes.size()
            )
            c.mlx_closure_free(closure)
        check(status)
        traced_in, traced_out = VectorArray._take(first), VectorArray._take(second)
        if (
            isinstance(axes, (list, tuple))
            and len(axes) == 1
            and isinstance(self.result, array)
        ):
            (axes,) = axes
        spread(axes, self.result, "out_axes", out_axes)
        # An output has one axis more than its trace.
        normalize(out_axes, self.traced, 1, "out_axes")
        check(
            c.mlx_detail_vmap_replace(
                &res, arrays._c, traced_in._c, traced_out._c, in_axes.data(), in_axes.size(),
                out_axes.data(), out_axes.size(),
            )
        )
        return take_arrays(res)


# What stands for None in the axes that `spread` finds, before they are normalized. No array has
# as many axes.
cdef int NONE = -0x80000000


cdef int spread(object axes, object tree, str name, vector[int]& found) except -1:
    """Append the axis of each array of `tree`, of which `axes` is a prefix."""
    cdef int axis
    if axes is None or (isinstance(axes, int) and not isinstance(axes, bool)):
        axis = NONE if axes is None else axis_number(axes)
        append_axis(tree, axis, found)
        return 0
    if isinstance(axes, dict) and isinstance(tree, dict):
        pairs = [(axes.get(key, ...), child) for key, child in tree.items()]
        fits = axes.keys() == tree.keys()
    elif isinstance(axes, (list, tuple)) and isinstance(tree, (list, tuple)):
        pairs = list(zip(axes, tree))
        fits = len(axes) == len(tree)
    elif isinstance(axes, (dict, list, tuple)):
        pairs, fits = [], False
    else:
        raise ValueError(f"[vmap] {name} must hold integers or None, not {type(axes).__name__}")
    if not fits:
        raise ValueError(f"[vmap] {name} is not a prefix of what it gives the axes of")
    for prefix, child in pairs:
        spread(prefix, child, name, found)
    return 0


cdef int axis_number(object axis) except? -1:
    """An axis as a machine integer: one that does not fit is out of any range."""
    cdef int overflow = 0
    cdef long long number = PyLong_AsLongLongAndOverflow(axis, &overflow)
    if overflow or number != <int>number or number == NONE:
        return 0x7FFFFFFF
    return <int>number


cdef int append_axis(object tree, int axis, vector[int]& found) except -1:
    if isinstance(tree, array):
        found.push_back(axis)
        return 0
    for _ in arrays_in(tree):
        found.push_back(axis)
    return 0


cdef int normalize(vector[int]& axes, list arrays, int more, str name) except -1:
    """Count the axes from the front, in arrays that have so many `more` axes than these."""
    cdef size_t i
    cdef int ndim
    for i in range(axes.size()):
        if axes[i] == NONE:
            axes[i] = NO_AXIS
            continue
        ndim = <int>c.mlx_array_ndim((<array>arrays[i])._c) + more
        if not -ndim <= axes[i] < ndim:
            raise OutOfRangeError(
                f"[vmap] {name} asks for axis {axes[i]} for an array with shape "
                f"{tuple(arrays[i].shape)}"
            )
        if axes[i] < 0:
            axes[i] += ndim
    return 0


cdef class Compiled:
    """A function whose operations are recorded once for each structure of its arguments.

    Args:
        fun (Callable): takes trees of arrays and constants, and returns a tree with arrays.
        inputs: lists or dictionaries with arrays that the function reads besides its arguments.
        outputs: lists or dictionaries with arrays that it replaces.
        shapeless (bool): whether one recording serves all shapes of the same rank.
    """

    cdef object fun
    cdef object inputs
    cdef object outputs
    cdef bint shapeless
    cdef dict recordings

    def __init__(self, fun, inputs, outputs, bint shapeless):
        self.fun = fun
        self.inputs = inputs
        self.outputs = outputs
        self.shapeless = shapeless
        self.recordings = {}

    def __call__(self, tuple args, dict kwargs):
        """The results for these arguments, recorded if they are the first of their structure."""
        cdef Recording recording
        cdef string text
        cdef list objects = [], arrays = []
        # The constants and the structure are part of the recording: each has its own.
        describe(args, text, objects, arrays, self.shapeless)
        describe(kwargs, text, objects, arrays, self.shapeless)
        if self.inputs is not None:
            captured = Slots(self.inputs, "[compile] inputs")
            describe(captured.values(), text, objects, arrays, self.shapeless)
        key = PyBytes_FromStringAndSize(text.data(), text.size())
        if objects:
            key = (key, *objects)
        found = self.recordings.get(key)
        recording = Recording.of(self, args, kwargs) if found is None else found
        results = iter(recording.run(arrays))
        if found is None:
            self.recordings[key] = recording
        result = filled(recording.tracer.result, results, True)
        if self.outputs is not None:
            produced = Slots(self.outputs, "[compile] outputs")
            produced.set(list(results))
        return result


cdef class Tracer:
    """A function of lists of arrays that calls a function of trees while it is recorded.

    The closure of a recording keeps this, so this must not refer to the recording.
    """

    cdef object fun
    cdef object inputs
    cdef object outputs
    cdef tuple arguments
    cdef object result

    def __call__(self, traced):
        if self.inputs is None and self.outputs is None:
            args, kwargs = filled(self.arguments, iter(traced), True)
            result = self.fun(*args, **kwargs)
            self.result = emptied(result)
            return arrays_in(result)
        return self.with_state(traced)

    cdef list with_state(self, object traced):
        cdef Slots state = Slots(self.inputs, "[compile] inputs")
        cdef list originals = state.values()
        remaining = iter(traced)
        args, kwargs = filled(self.arguments, remaining, True)
        try:
            state.set(list(remaining))
            result = self.fun(*args, **kwargs)
            produced = Slots(self.outputs, "[compile] outputs")
            replaced = produced.values()
        finally:
            state.set(originals)
        self.result = emptied(result)
        return arrays_in(result) + replaced


cdef class Recording:
    """A compiled function of lists of arrays, with the structure of its result."""

    cdef Tracer tracer
    cdef Closure closure

    @staticmethod
    cdef Recording of(Compiled compiled, tuple args, dict kwargs):
        cdef Recording recording = Recording.__new__(Recording)
        cdef Tracer tracer = Tracer.__new__(Tracer)
        cdef Closure source = Closure(tracer)
        cdef c.mlx_closure res
        tracer.fun, tracer.inputs, tracer.outputs = compiled.fun, compiled.inputs, compiled.outputs
        # Kept for as long as the recording: without the arrays, which may be large.
        tracer.arguments = emptied((args, kwargs))
        res.ctx = NULL
        check(c.mlx_compile(&res, source._c, compiled.shapeless))
        recording.tracer = tracer
        recording.closure = Closure._take(res, source)
        return recording

    cdef list run(self, list arrays):
        cdef VectorArray inputs = to_arrays(arrays, "arrays")
        cdef c.mlx_vector_array res
        cdef int status
        res.ctx = NULL
        with nogil:
            status = c.mlx_closure_apply(&res, self.closure._c, inputs._c)
        check(status)
        return take_arrays(res)


cdef inline void append(string& text, char tag, const void* data, size_t size) noexcept:
    text.push_back(tag)
    text.append(<const char*>data, size)


cdef int describe(
    object tree, string& text, list objects, list arrays, bint shapeless
) except -1:
    """Write down what a recording depends on: structure, constants, data types and shapes.

    What has no short text goes to `objects`, and the arrays to `arrays`.
    """
    cdef int64_t size
    cdef c.mlx_array handle
    if isinstance(tree, array):
        handle = (<array>tree)._c
        size = c.mlx_array_ndim(handle)
        append(text, b"a", &size, sizeof(size))
        text.push_back(<char>c.mlx_array_dtype(handle))
        if not shapeless:
            text.append(<const char*>c.mlx_array_shape(handle), size * sizeof(int))
        arrays.append(tree)
        return 0
    if not (PyDict_Check(tree) or PyList_Check(tree) or PyTuple_Check(tree)):
        return describe_constant(tree, text, objects)
    enter_recursion(" while describing arguments")
    try:
        size = len(tree)
        if PyDict_Check(tree):
            append(text, b"d", &size, sizeof(size))
            for key, child in tree.items():
                if type(key) is str:
                    describe_constant(key, text, objects)
                else:
                    text.push_back(b"o")
                    objects.append(key)
                describe(child, text, objects, arrays, shapeless)
            return 0
        if type(tree) is tuple:
            append(text, b"t", &size, sizeof(size))
        elif type(tree) is list:
            append(text, b"l", &size, sizeof(size))
        else:
            append(text, b"s", &size, sizeof(size))
            objects.append(type(tree))
        for child in tree:
            describe(child, text, objects, arrays, shapeless)
    finally:
        Py_LeaveRecursiveCall()
    return 0


cdef int describe_constant(object value, string& text, list objects) except -1:
    """The type too: 1, 1.0 and True are equal, but promote differently."""
    cdef int overflow = 0
    cdef int64_t number
    cdef double real
    if value is None:
        text.push_back(b"N")
    elif value is True:
        text.push_back(b"T")
    elif value is False:
        text.push_back(b"F")
    elif type(value) is str:
        number = PyUnicode_GET_LENGTH(value) * PyUnicode_KIND(value)
        append(text, b"u", &number, sizeof(number))
        text.push_back(<char>PyUnicode_KIND(value))
        text.append(<const char*>PyUnicode_DATA(value), number)
    elif type(value) is float:
        # All of its bits: 0.0 and -0.0 are equal, but not what they divide.
        real = value
        append(text, b"f", &real, sizeof(real))
    elif type(value) is complex:
        real = value.real
        append(text, b"c", &real, sizeof(real))
        real = value.imag
        append(text, b"f", &real, sizeof(real))
    elif isinstance(value, (int, float, complex, str)):
        number = PyLong_AsLongLongAndOverflow(value, &overflow) if type(value) is int else 0
        if type(value) is int and not overflow:
            append(text, b"i", &number, sizeof(number))
        else:
            text.push_back(b"O")
            objects.append((type(value), value))
    else:
        raise ValueError(
            "[compile] arguments must be trees of arrays and constants (numbers, strings, None), "
            f"but one holds a {type(value).__name__}"
        )
    return 0
