# From the arguments of a Python call to the parameters of a C function: the one place
# that generated wrappers cimport conversions from.

from mlx_sys_py._array cimport (
    VectorArray, int_range, take_arrays, to_array, to_arrays, to_operand, to_range_dtype,
)
from mlx_sys_py._scalars cimport (
    Ints, to_bool, to_bytes, to_double, to_dtype, to_int, to_int64, to_int_list, to_ints, to_norm,
    to_optional_bool, to_optional_dtype, to_optional_float, to_optional_int, to_strides, to_uint64,
)
from mlx_sys_py._stream cimport Stream, to_stream, to_stream_on
