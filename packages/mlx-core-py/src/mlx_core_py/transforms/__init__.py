"""Transforms of functions on trees: derivatives, batches, compilation, evaluation, files.

Source: https://ml-explore.github.io/mlx/build/html/python/transforms.html
"""

# ruff: noqa: F403
from mlx_core_py.transforms.apply import *
from mlx_core_py.transforms.checkpoint import *
from mlx_core_py.transforms.compile import *
from mlx_core_py.transforms.custom import *
from mlx_core_py.transforms.eval import *
from mlx_core_py.transforms.export import *
from mlx_core_py.transforms.grad import *
from mlx_core_py.transforms.jacobian import *
from mlx_core_py.transforms.steps import *
from mlx_core_py.transforms.vmap import *

# The functions and classes, without the modules that define them, some of which share their names.
TYPE_CHECKING = False
if not TYPE_CHECKING:
    __all__ = [name for name, value in globals().items() if callable(value)]

    def __dir__() -> list[str]:
        return __all__
