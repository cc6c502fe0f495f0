"""What is loaded with the first of these names that a program asks the package for.

None of it is needed to make arrays and to combine them.
"""

# ruff: noqa: F403
from mlx_sys_py import ArrayLike as ArrayLike
from mlx_sys_py import linalg as _linalg
from mlx_sys_py.utils import einsum_path as einsum_path

from mlx_core_py._array_api import VERSION as _API_VERSION
from mlx_core_py._array_api import namespace_info as _namespace_info
from mlx_core_py._conversion import asarray as asarray
from mlx_core_py._cpu import cpu_verbose as cpu_verbose
from mlx_core_py._cpu import move_to_large_pages as move_to_large_pages
from mlx_core_py._memory import *
from mlx_core_py._printing import *
from mlx_core_py.dtypes import *
from mlx_core_py.io import *
from mlx_core_py.transforms import *

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

# The name in the array API of what linear algebra calls `norm`.
matrix_norm: "Final" = _linalg.norm

# What programs that run on any library of the array API ask for.
__array_api_version__: "Final" = _API_VERSION
__array_namespace_info__ = _namespace_info

if not TYPE_CHECKING:
    __all__ = [name for name in globals() if name[0] != "_" and name != "TYPE_CHECKING"]
    __all__ += ["__array_api_version__", "__array_namespace_info__"]

    def __dir__() -> list[str]:
        return __all__
