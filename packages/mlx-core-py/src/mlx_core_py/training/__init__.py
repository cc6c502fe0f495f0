"""Training loops: batches, a trainer with checkpoints, and logs."""

from mlx_core_py.training.batches import Batches
from mlx_core_py.training.checkpoints import Checkpoints
from mlx_core_py.training.log import JsonLines, TensorBoard, plot
from mlx_core_py.training.trainer import Trainer

__all__ = ["Batches", "Checkpoints", "JsonLines", "TensorBoard", "Trainer", "plot"]


def __dir__() -> list[str]:
    return __all__
