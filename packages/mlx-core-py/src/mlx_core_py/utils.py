"""Functions on pytrees: nested lists, tuples and dictionaries.

Source: https://ml-explore.github.io/mlx/build/html/python/tree_utils.html
"""

# ruff: noqa: F403
from mlx_core_py import trees
from mlx_core_py.trees import *

__all__: list[str] = []
__all__ += trees.__all__


def __dir__() -> list[str]:
    return __all__
