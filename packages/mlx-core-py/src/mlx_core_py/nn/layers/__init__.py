"""The layers, in the files that MLX has them in."""

# ruff: noqa: F403
from typing import TYPE_CHECKING

from mlx_core_py.nn.layers.activations import *
from mlx_core_py.nn.layers.base import *
from mlx_core_py.nn.layers.blocks import *
from mlx_core_py.nn.layers.containers import *
from mlx_core_py.nn.layers.convolution import *
from mlx_core_py.nn.layers.convolution_transpose import *
from mlx_core_py.nn.layers.distributed import *
from mlx_core_py.nn.layers.dropout import *
from mlx_core_py.nn.layers.embedding import *
from mlx_core_py.nn.layers.linear import *
from mlx_core_py.nn.layers.normalization import *
from mlx_core_py.nn.layers.pooling import *
from mlx_core_py.nn.layers.positional_encoding import *
from mlx_core_py.nn.layers.quantized import *
from mlx_core_py.nn.layers.recurrent import *
from mlx_core_py.nn.layers.transformer import *
from mlx_core_py.nn.layers.upsample import *

# Functions and classes, without the modules that define them.
if not TYPE_CHECKING:
    __all__ = [name for name, value in globals().items() if callable(value)]

    def __dir__() -> list[str]:
        return __all__
