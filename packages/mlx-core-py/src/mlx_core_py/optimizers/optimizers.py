"""The optimizers under the name that programs written for MLX look for them."""

from mlx_core_py.optimizers.adaptive import (
    AdaDelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    RMSprop,
)
from mlx_core_py.optimizers.base import MultiOptimizer, Optimizer, clip_grad_norm
from mlx_core_py.optimizers.momentum import SGD, Lion, Muon

__all__ = [
    "SGD",
    "AdaDelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "MultiOptimizer",
    "Muon",
    "Optimizer",
    "RMSprop",
    "clip_grad_norm",
]


def __dir__() -> list[str]:
    return __all__
