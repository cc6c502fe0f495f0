# What `from mlx_sys_py cimport ...` gives: the extension types. The C functions are in
# `mlx_sys_py.c`; a package that calls them links libmlxc (see get_library_dir).

from mlx_sys_py._array cimport VectorArray, array
from mlx_sys_py._closure cimport (
    Closure, ClosureCustom, ClosureCustomJvp, ClosureCustomVmap, ClosureKwargs,
    ClosureValueAndGrad,
)
from mlx_sys_py._containers cimport MapStringToArray, MapStringToString
from mlx_sys_py._dtype cimport Dtype
from mlx_sys_py._stream cimport Device, Stream
