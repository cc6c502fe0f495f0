"""What tests of layers ask of every layer."""

from collections.abc import Callable

import pytest
from mlx_core_py import nn


def shapes(layer: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shapes of the parameters by name."""
    return {name: x.shape for name, x in layer.parameters().items()}


def check_sizes(layer: Callable[..., nn.Module], sizes: tuple[float, ...], name: str) -> None:
    """Ask for an exception that names a size: those of ``sizes`` that are less than 1 are wrong."""
    with pytest.raises(ValueError, match=name):
        layer(*sizes)
    with pytest.raises(TypeError, match=name):
        layer(*(2.5 if size < 1 else size for size in sizes))
