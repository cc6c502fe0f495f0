"""Neural networks: modules, layers, activation functions, losses and initial values."""

# ruff: noqa: F403
from mlx_core_py.nn import init as init
from mlx_core_py.nn import losses as losses
from mlx_core_py.nn import utils as utils
from mlx_core_py.nn.layers import *
from mlx_core_py.nn.utils import average_gradients as average_gradients
from mlx_core_py.nn.utils import value_and_grad as value_and_grad
