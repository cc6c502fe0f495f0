"""Optimizers, which move the parameters of a model along gradients, and learning rate schedules."""

# ruff: noqa: F403
from typing import TYPE_CHECKING

from mlx_core_py.optimizers import optimizers as optimizers
from mlx_core_py.optimizers import schedulers as schedulers
from mlx_core_py.optimizers.optimizers import *
from mlx_core_py.optimizers.schedulers import *

if not TYPE_CHECKING:
    __all__ = ["optimizers", "schedulers", *optimizers.__all__, *schedulers.__all__]

    def __dir__() -> list[str]:
        return __all__
