"""The layers, in the files that MLX has them in."""

# ruff: noqa: F403
from mlx_core_py.nn.layers.activations import *
from mlx_core_py.nn.layers.base import *
from mlx_core_py.nn.layers.containers import *
from mlx_core_py.nn.layers.distributed import *
from mlx_core_py.nn.layers.dropout import *
from mlx_core_py.nn.layers.embedding import *
from mlx_core_py.nn.layers.linear import *
from mlx_core_py.nn.layers.normalization import *
from mlx_core_py.nn.layers.positional_encoding import *
from mlx_core_py.nn.layers.quantized import *
