"""Neural networks: modules, layers, activation functions, losses and initial values."""

# ruff: noqa: F403
from mlx_core_py.nn import init as init
from mlx_core_py.nn import losses as losses
from mlx_core_py.nn import utils as utils
from mlx_core_py.nn.activation_layers import *
from mlx_core_py.nn.activations import *
from mlx_core_py.nn.containers import *
from mlx_core_py.nn.dropout import *
from mlx_core_py.nn.embedding import *
from mlx_core_py.nn.linear import *
from mlx_core_py.nn.module import *
from mlx_core_py.nn.normalization import *
from mlx_core_py.nn.quantized import *
from mlx_core_py.nn.rope import *
from mlx_core_py.nn.utils import value_and_grad as value_and_grad
