"""MLX's C API for Python, C and Cython.

The library ``libmlxc`` (mlx-c's names and conventions over the installed MLX), its headers,
a Cython declaration of all of it (``mlx_sys_py.c``), and extension types that own its handles.
`mlx_core_py` builds the array framework on top.
"""

# Libraries are loaded before what needs them is imported.
# ruff: noqa: E402
import atexit
import os
import sys

from mlx_sys_py._build import MLX_VERSION, __version__

# The loader looks a function up when it is called first: there are two thousand of them. Those that
# another version of MLX lacks are not called, as its version is compared before anything else.
_flags = sys.getdlopenflags()
sys.setdlopenflags(_flags & ~os.RTLD_NOW | os.RTLD_LAZY)
try:
    from mlx_sys_py import _extensions as _extensions
except ImportError:
    # The backend is not where the library looks for it, or not the right one.
    from mlx_sys_py._load import preload

    preload(MLX_VERSION)
    from mlx_sys_py import _extensions as _extensions
finally:
    sys.setdlopenflags(_flags)

from mlx_sys_py._stream import version

if version() != MLX_VERSION:
    from mlx_sys_py._load import check_version

    check_version(version(), MLX_VERSION)

from mlx_sys_py._array import ArrayAt, ArrayIterator, VectorArray, array, from_dlpack
from mlx_sys_py._dtype import (
    Dtype,
    bfloat16,
    bool_,
    complex64,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    issubdtype,
    promote_types,
    show_as,
    uint8,
    uint16,
    uint32,
    uint64,
)
from mlx_sys_py._error import (
    FileError,
    FileMissingError,
    IntRangeError,
    MissingEntryError,
    OperandError,
    OutOfRangeError,
    WrongTypeError,
)
from mlx_sys_py._stream import (
    Device,
    Stream,
    StreamContext,
    ThreadLocalStream,
    _finish,
    clear_streams,
    default_device,
    default_stream,
    device_count,
    device_info,
    is_available,
    new_stream,
    new_thread_local_stream,
    new_thread_unsafe_stream,
    set_default_device,
    set_default_stream,
    stream,
    synchronize,
)

# What is imported on first use, as an import should take no longer than MLX's own. The name is
# what type checkers know; typing is among what takes long.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from mlx_sys_py import (
        attributes,
        cpu_kernels,
        cuda,
        distributed,
        export,
        fast,
        fft,
        gguf,
        graph,
        io,
        linalg,
        memory,
        metal,
        ops,
        random,
        special,
        transforms,
        tree_transforms,
        trees,
        utils,
    )
    from mlx_sys_py._closure import (
        Closure,
        ClosureCustom,
        ClosureCustomJvp,
        ClosureCustomVmap,
        ClosureKwargs,
        ClosureValueAndGrad,
    )
    from mlx_sys_py._containers import MapStringToArray, MapStringToString
    from mlx_sys_py._enums import (
        DeviceType,
        DtypeCategory,
        complexfloating,
        cpu,
        floating,
        generic,
        gpu,
        inexact,
        integer,
        number,
        signedinteger,
        unsignedinteger,
    )
    from mlx_sys_py._paths import get_include, get_libraries, get_library_dir
    from mlx_sys_py._typing import ArrayLike

_ENUMS = (
    "DeviceType DtypeCategory complexfloating cpu floating generic gpu inexact integer number "
    "signedinteger unsignedinteger"
).split()

if not TYPE_CHECKING:
    _HOMES = {
        **dict.fromkeys(_ENUMS, "_enums"),
        "ArrayLike": "_typing",
        "MapStringToArray": "_containers",
        "MapStringToString": "_containers",
        "get_include": "_paths",
        "get_libraries": "_paths",
        "get_library_dir": "_paths",
        **dict.fromkeys(
            (
                "Closure",
                "ClosureCustom",
                "ClosureCustomJvp",
                "ClosureCustomVmap",
                "ClosureKwargs",
                "ClosureValueAndGrad",
            ),
            "_closure",
        ),
    }

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = __import__(f"{__name__}.{_HOMES.get(name, name)}", fromlist=["*"])
        value = getattr(home, name) if name in _HOMES else home
        show_as(__name__, {name: value}, home.__name__)
        return globals().setdefault(name, value)

    def __dir__() -> list[str]:
        return __all__


atexit.register(_finish, os.getpid())
show_as(__name__, globals(), __name__)

__all__ = [
    "MLX_VERSION",
    "ArrayAt",
    "ArrayIterator",
    "ArrayLike",
    "Closure",
    "ClosureCustom",
    "ClosureCustomJvp",
    "ClosureCustomVmap",
    "ClosureKwargs",
    "ClosureValueAndGrad",
    "Device",
    "DeviceType",
    "Dtype",
    "DtypeCategory",
    "FileError",
    "FileMissingError",
    "IntRangeError",
    "MapStringToArray",
    "MapStringToString",
    "MissingEntryError",
    "OperandError",
    "OutOfRangeError",
    "Stream",
    "StreamContext",
    "ThreadLocalStream",
    "VectorArray",
    "WrongTypeError",
    "__version__",
    "array",
    "attributes",
    "bfloat16",
    "bool_",
    "clear_streams",
    "complex64",
    "complexfloating",
    "cpu",
    "cpu_kernels",
    "cuda",
    "default_device",
    "default_stream",
    "device_count",
    "device_info",
    "distributed",
    "export",
    "fast",
    "fft",
    "float16",
    "float32",
    "float64",
    "floating",
    "from_dlpack",
    "generic",
    "get_include",
    "get_libraries",
    "get_library_dir",
    "gguf",
    "gpu",
    "graph",
    "inexact",
    "int8",
    "int16",
    "int32",
    "int64",
    "integer",
    "io",
    "is_available",
    "issubdtype",
    "linalg",
    "memory",
    "metal",
    "new_stream",
    "new_thread_local_stream",
    "new_thread_unsafe_stream",
    "number",
    "ops",
    "promote_types",
    "random",
    "set_default_device",
    "set_default_stream",
    "show_as",
    "signedinteger",
    "special",
    "stream",
    "synchronize",
    "transforms",
    "tree_transforms",
    "trees",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unsignedinteger",
    "utils",
    "version",
]
