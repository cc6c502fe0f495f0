"""Kernels in the languages of GPUs, compiled when they are called first."""


cimport mlx_sys_py.c as c
from mlx_sys_py._array cimport VectorArray, take_arrays, to_arrays
from mlx_sys_py._dtype cimport Dtype
from mlx_sys_py._error cimport check
from mlx_sys_py._generated cimport check_length, stream_handle
from mlx_sys_py._scalars cimport Ints, to_bool, to_bytes, to_double, to_dtype, to_int, to_ints
from mlx_sys_py._stream cimport Stream, to_stream

from mlx_sys_py._error import WrongTypeError


cdef c.mlx_vector_string new_strings(object names, str name) except *:
    if isinstance(names, (str, bytes)) or not hasattr(names, "__iter__"):
        raise TypeError(f"{name} must be a sequence of str, not {type(names).__name__}")
    cdef c.mlx_vector_string res = c.mlx_vector_string_new()
    try:
        for item in names:
            text = to_bytes(item, name)
            check(c.mlx_vector_string_append_value(res, text))
    except BaseException:
        c.mlx_vector_string_free(res)
        raise
    return res


# The configs of both backends have the same functions.
ctypedef fused Config:
    c.mlx_fast_metal_kernel_config
    c.mlx_fast_cuda_kernel_config


cdef int add_output(Config config, object shape, object dtype) except -1:
    cdef Ints extents = to_ints(shape, "output_shapes")
    cdef c.mlx_dtype kind = to_dtype(dtype, "output_dtypes")
    if Config is c.mlx_fast_metal_kernel_config:
        return check(
            c.mlx_fast_metal_kernel_config_add_output_arg(
                config, extents.data(), extents.size(), kind
            )
        )
    else:
        return check(
            c.mlx_fast_cuda_kernel_config_add_output_arg(
                config, extents.data(), extents.size(), kind
            )
        )


cdef int add_template_arg(Config config, object entry) except -1:
    if not isinstance(entry, (tuple, list)) or len(entry) != 2:
        raise TypeError(f"template must hold pairs of a name and a value, not {entry!r}")
    name, value = entry
    text = to_bytes(name, "template")
    if isinstance(value, bool):
        if Config is c.mlx_fast_metal_kernel_config:
            return check(c.mlx_fast_metal_kernel_config_add_template_arg_bool(config, text, value))
        else:
            return check(c.mlx_fast_cuda_kernel_config_add_template_arg_bool(config, text, value))
    if isinstance(value, int):
        number = to_int(value, "template")
        if Config is c.mlx_fast_metal_kernel_config:
            return check(c.mlx_fast_metal_kernel_config_add_template_arg_int(config, text, number))
        else:
            return check(c.mlx_fast_cuda_kernel_config_add_template_arg_int(config, text, number))
    if isinstance(value, Dtype):
        if Config is c.mlx_fast_metal_kernel_config:
            return check(
                c.mlx_fast_metal_kernel_config_add_template_arg_dtype(
                    config, text, (<Dtype>value)._c
                )
            )
        else:
            return check(
                c.mlx_fast_cuda_kernel_config_add_template_arg_dtype(
                    config, text, (<Dtype>value)._c
                )
            )
    raise TypeError(f"template must hold ints, bools and Dtypes, not {value!r}")


cdef int configure(
    Config config, object shapes, object dtypes, object grid, object threadgroup,
    object template, object init_value, object verbose
) except -1:
    """Set everything that a call of a kernel gives."""
    cdef Ints n = check_length(to_ints(grid, "grid"), 3, "grid")
    cdef Ints m = check_length(to_ints(threadgroup, "threadgroup"), 3, "threadgroup")
    cdef bint loud = to_bool(verbose, "verbose")
    cdef float value = 0 if init_value is None else to_double(init_value, "init_value")
    if len(shapes) != len(dtypes):
        raise ValueError(
            f"output_shapes and output_dtypes must be as many, not {len(shapes)} and {len(dtypes)}"
        )
    for shape, dtype in zip(shapes, dtypes):
        add_output(config, shape, dtype)
    for entry in template or ():
        add_template_arg(config, entry)
    if Config is c.mlx_fast_metal_kernel_config:
        check(c.mlx_fast_metal_kernel_config_set_grid(config, n[0], n[1], n[2]))
        check(c.mlx_fast_metal_kernel_config_set_thread_group(config, m[0], m[1], m[2]))
        check(c.mlx_fast_metal_kernel_config_set_verbose(config, loud))
        if init_value is not None:
            check(c.mlx_fast_metal_kernel_config_set_init_value(config, value))
    else:
        check(c.mlx_fast_cuda_kernel_config_set_grid(config, n[0], n[1], n[2]))
        check(c.mlx_fast_cuda_kernel_config_set_thread_group(config, m[0], m[1], m[2]))
        check(c.mlx_fast_cuda_kernel_config_set_verbose(config, loud))
        if init_value is not None:
            check(c.mlx_fast_cuda_kernel_config_set_init_value(config, value))
    return 0


cdef class Kernel:
    """What kernels of both backends have in common."""

    cdef readonly str name
    cdef bytes _name, _source, _header
    cdef c.mlx_vector_string _inputs, _outputs
    cdef bint _contiguous

    def __cinit__(self):
        self._inputs.ctx = self._outputs.ctx = NULL

    cdef int describe(
        self, object name, object input_names, object output_names, object source, object header,
        object ensure_row_contiguous
    ) except -1:
        if self._inputs.ctx != NULL:
            raise RuntimeError("a kernel cannot be initialised again")
        self._name = to_bytes(name, "name")
        self.name = name
        self._source = to_bytes(source, "source")
        self._header = to_bytes(header, "header")
        self._contiguous = to_bool(ensure_row_contiguous, "ensure_row_contiguous")
        self._inputs = new_strings(input_names, "input_names")
        self._outputs = new_strings(output_names, "output_names")
        if c.mlx_vector_string_size(self._outputs) == 0:
            raise ValueError("output_names must hold at least one name")
        return 0

    def __dealloc__(self):
        c.mlx_vector_string_free(self._inputs)
        c.mlx_vector_string_free(self._outputs)

    def __call__(
        self, *, inputs, output_shapes, output_dtypes, grid, threadgroup, template=None,
        init_value=None, verbose=False, stream=None,
    ):
        """Run the kernel.

        Args:
            inputs (Sequence[array]): the inputs.
            output_shapes (Sequence[Sequence[int]]): the shapes of the outputs.
            output_dtypes (Sequence[Dtype]): the types of the outputs.
            grid (tuple[int, int, int]): how many threads to run.
            threadgroup (tuple[int, int, int]): how many of them form a group, or block.
            template (Sequence[tuple[str, int | bool | Dtype]], optional): template arguments.
            init_value (float, optional): what outputs hold before. Default: anything.
            verbose (bool): print the source. Default: ``False``.
            stream (Stream, Device or DeviceType, optional): where to run. Default: the default
                stream.

        Returns:
            list[array]: the outputs.

        Raises:
            RuntimeError: the backend is not available.
        """
        cdef VectorArray arrays = to_arrays(inputs, "inputs")
        cdef Stream target = None
        if stream is not None:
            try:
                target = to_stream(stream)
            except ValueError:
                # Without a GPU there is no backend either, which tells more.
                self.make()
                raise
        cdef c.mlx_vector_array res
        res.ctx = NULL
        self.apply(
            &res, arrays._c, stream_handle(target), output_shapes, output_dtypes, grid, threadgroup,
            template, init_value, verbose,
        )
        return take_arrays(res)

    cdef int make(self) except -1:
        """Raise unless the backend is available."""
        raise NotImplementedError

    cdef int apply(
        self, c.mlx_vector_array* res, c.mlx_vector_array inputs, c.mlx_stream s, object shapes,
        object dtypes, object grid, object threadgroup, object template, object init_value,
        object verbose
    ) except -1:
        raise TypeError("Kernel has no backend: use MetalKernel or CudaKernel")


MATH_MODES = {
    "safe": c.MLX_METAL_MATH_MODE_SAFE,
    "relaxed": c.MLX_METAL_MATH_MODE_RELAXED,
    "fast": c.MLX_METAL_MATH_MODE_FAST,
}


cdef class MetalKernel(Kernel):
    """MetalKernel(name, input_names, output_names, source, header="", \
ensure_row_contiguous=True, atomic_outputs=False, compile_options=None)\n--\n
    A kernel in Metal's language, compiled when it is called first.

    Args:
        name (str): the name of the kernel.
        input_names (Sequence[str]): the names of the inputs in the source.
        output_names (Sequence[str]): the names of the outputs in the source.
        source (str): the body of the kernel; its head is written by MLX.
        header (str): what stands before the kernel. Default: nothing.
        ensure_row_contiguous (bool): copy inputs that are not. Default: ``True``.
        atomic_outputs (bool): let outputs be atomic. Default: ``False``.
        compile_options (dict, optional): ``{"math_mode": mode}``, where the mode is ``"safe"``
            (default), ``"relaxed"`` or ``"fast"``.

    Example:
        >>> from mlx_sys_py.metal import MetalKernel
        >>> MetalKernel("copy", ["x"], ["y"], "y[0] = x[0];").name
        'copy'

    See: MLX ``mlx.core.fast.metal_kernel``.
    """

    cdef c.mlx_fast_metal_kernel _c
    cdef bint _atomic
    cdef c.mlx_metal_math_mode _math_mode

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(
        self, name, input_names, output_names, source, header="", ensure_row_contiguous=True,
        atomic_outputs=False, compile_options=None,
    ):
        if compile_options is not None and not isinstance(compile_options, dict):
            raise WrongTypeError(
                f"compile_options must be a dict, not {type(compile_options).__name__}"
            )
        options = dict(compile_options or {})
        mode = options.pop("math_mode", "safe")
        if options:
            raise ValueError(f"compile_options has no {next(iter(options))!r}, only 'math_mode'")
        if mode not in MATH_MODES:
            raise ValueError(f"math_mode must be one of {', '.join(MATH_MODES)}, not {mode!r}")
        self.describe(name, input_names, output_names, source, header, ensure_row_contiguous)
        self._atomic = to_bool(atomic_outputs, "atomic_outputs")
        self._math_mode = <c.mlx_metal_math_mode><int>MATH_MODES[mode]

    def __dealloc__(self):
        c.mlx_fast_metal_kernel_free(self._c)

    cdef int make(self) except -1:
        if self._c.ctx == NULL:
            self._c = c.mlx_fast_metal_kernel_new_math_mode(
                self._name, self._inputs, self._outputs, self._source, self._header,
                self._contiguous, self._atomic, self._math_mode,
            )
        return check(self._c.ctx == NULL)

    cdef int apply(
        self, c.mlx_vector_array* res, c.mlx_vector_array inputs, c.mlx_stream s, object shapes,
        object dtypes, object grid, object threadgroup, object template, object init_value,
        object verbose
    ) except -1:
        cdef c.mlx_fast_metal_kernel_config config = c.mlx_fast_metal_kernel_config_new()
        try:
            configure(
                config, shapes, dtypes, grid, threadgroup, template, init_value, verbose
            )
            self.make()
            return check(c.mlx_fast_metal_kernel_apply(res, self._c, inputs, config, s))
        finally:
            c.mlx_fast_metal_kernel_config_free(config)


cdef class CudaKernel(Kernel):
    """CudaKernel(name, input_names, output_names, source, header="", \
ensure_row_contiguous=True, shared_memory=0)\n--\n
    A kernel in CUDA's language, compiled when it is called first.

    Args:
        name (str): the name of the kernel.
        input_names (Sequence[str]): the names of the inputs in the source.
        output_names (Sequence[str]): the names of the outputs in the source.
        source (str): the body of the kernel; its head is written by MLX.
        header (str): what stands before the kernel. Default: nothing.
        ensure_row_contiguous (bool): copy inputs that are not. Default: ``True``.
        shared_memory (int): bytes of dynamic shared memory. Default: ``0``.

    Example:
        >>> from mlx_sys_py.cuda import CudaKernel
        >>> CudaKernel("copy", ["x"], ["y"], "y[0] = x[0];").name
        'copy'

    See: MLX ``mlx.core.fast.cuda_kernel``.
    """

    cdef c.mlx_fast_cuda_kernel _c
    cdef int _shared_memory

    def __cinit__(self):
        self._c.ctx = NULL

    def __init__(
        self, name, input_names, output_names, source, header="", ensure_row_contiguous=True,
        shared_memory=0,
    ):
        self.describe(name, input_names, output_names, source, header, ensure_row_contiguous)
        self._shared_memory = to_int(shared_memory, "shared_memory")

    def __dealloc__(self):
        c.mlx_fast_cuda_kernel_free(self._c)

    cdef int make(self) except -1:
        if self._c.ctx == NULL:
            self._c = c.mlx_fast_cuda_kernel_new(
                self._name, self._inputs, self._outputs, self._source, self._header,
                self._contiguous, self._shared_memory,
            )
        return check(self._c.ctx == NULL)

    cdef int apply(
        self, c.mlx_vector_array* res, c.mlx_vector_array inputs, c.mlx_stream s, object shapes,
        object dtypes, object grid, object threadgroup, object template, object init_value,
        object verbose
    ) except -1:
        cdef c.mlx_fast_cuda_kernel_config config = c.mlx_fast_cuda_kernel_config_new()
        try:
            configure(
                config, shapes, dtypes, grid, threadgroup, template, init_value, verbose
            )
            self.make()
            return check(c.mlx_fast_cuda_kernel_apply(res, self._c, inputs, config, s))
        finally:
            c.mlx_fast_cuda_kernel_config_free(config)


cdef int add_scalar(c.mlx_fast_cuda_kernel_config config, object value) except -1:
    if isinstance(value, bool):
        return check(c.mlx_fast_cuda_kernel_config_add_scalar_bool(config, value))
    if isinstance(value, int):
        return check(c.mlx_fast_cuda_kernel_config_add_scalar_int(config, to_int(value, "scalars")))
    if isinstance(value, float):
        return check(c.mlx_fast_cuda_kernel_config_add_scalar_float(config, value))
    raise TypeError(f"scalars must hold bools, ints and floats, not {value!r}")


def precompiled_cuda_kernel(
    *, name, compiled_source, inputs, output_shapes, output_dtypes, scalars, grid, threadgroup,
    shared_memory=0, init_value=None, ensure_row_contiguous=False, stream=None,
):
    """Run a CUDA kernel that is compiled already.

    Args:
        name (str): the name of the kernel.
        compiled_source (bytes): the kernel, as PTX or cubin.
        inputs (Sequence[array]): the inputs.
        output_shapes (Sequence[Sequence[int]]): the shapes of the outputs.
        output_dtypes (Sequence[Dtype]): the types of the outputs.
        scalars (Sequence[bool | int | float]): the arguments after the arrays.
        grid (tuple[int, int, int]): how many threads to run.
        threadgroup (tuple[int, int, int]): how many of them form a block.
        shared_memory (int): bytes of dynamic shared memory. Default: ``0``.
        init_value (float, optional): what outputs hold before. Default: anything.
        ensure_row_contiguous (bool): copy inputs that are not. Default: ``False``.
        stream (Stream, Device or DeviceType, optional): where to run. Default: the default stream.

    Returns:
        list[array]: the outputs.

    Raises:
        RuntimeError: CUDA is not available.

    See: MLX ``mlx.core.fast.precompiled_cuda_kernel``.
    """
    cdef VectorArray arrays = to_arrays(inputs, "inputs")
    cdef c.c_bool available = False
    cdef Stream target = None
    if stream is not None:
        try:
            target = to_stream(stream)
        except ValueError:
            check(c.mlx_cuda_is_available(&available))
            if not available:
                raise RuntimeError("[precompiled_cuda_kernel] CUDA is not available") from None
            raise
    cdef c.mlx_stream s = stream_handle(target)
    cdef bint contiguous = to_bool(ensure_row_contiguous, "ensure_row_contiguous")
    cdef int memory = to_int(shared_memory, "shared_memory")
    cdef c.mlx_fast_cuda_kernel_config config
    cdef c.mlx_vector_array res
    if not isinstance(compiled_source, bytes):
        raise TypeError(f"compiled_source must be bytes, not {type(compiled_source).__name__}")
    label = to_bytes(name, "name")
    config = c.mlx_fast_cuda_kernel_config_new()
    res.ctx = NULL
    try:
        configure(
            config, output_shapes, output_dtypes, grid, threadgroup, None, init_value, False
        )
        for value in scalars:
            add_scalar(config, value)
        check(
            c.mlx_fast_precompiled_cuda_kernel(
                &res, label, <bytes>compiled_source, len(compiled_source), arrays._c, config,
                memory, contiguous, s,
            )
        )
    finally:
        c.mlx_fast_cuda_kernel_config_free(config)
    return take_arrays(res)
