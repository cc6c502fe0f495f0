"""Modules made of modules.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

from collections.abc import Callable

import mlx_core_py as mx
from mlx_core_py.nn.layers.base import Module

__all__ = ["Sequential"]


def __dir__() -> list[str]:
    return __all__


class Sequential(Module):
    """Call modules, or functions, one on what the other returned.

    They are in the list ``layers``.

    Args:
        modules: What to call, from first to last.

    Example:
        >>> model = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1), mx.squeeze)
        >>> model(mx.zeros((5, 3))).shape
        (5,)
    """

    def __init__(self, *modules: Callable[[mx.array], mx.array]) -> None:
        super().__init__()
        self.layers: list[Callable[[mx.array], mx.array]] = list(modules)

    def __call__(self, x: mx.array) -> mx.array:
        for layer in self.layers:
            x = layer(x)
        return x
