"""Neural networks: modules, layers, activation functions, losses and initial values."""

# ruff: noqa: F403
from typing import TYPE_CHECKING

from mlx_core_py.nn import init as init
from mlx_core_py.nn import layers as layers
from mlx_core_py.nn import losses as losses
from mlx_core_py.nn import summary as summary
from mlx_core_py.nn import utils as utils
from mlx_core_py.nn.declare import declare as declare
from mlx_core_py.nn.declare import part as part
from mlx_core_py.nn.layers import *
from mlx_core_py.nn.utils import average_gradients as average_gradients
from mlx_core_py.nn.utils import value_and_grad as value_and_grad

if not TYPE_CHECKING:
    __all__ = ["average_gradients", "declare", "init", "layers", "losses", "part", "summary"]
    __all__ += ["utils", "value_and_grad", *layers.__all__]

    def __dir__() -> list[str]:
        return __all__
