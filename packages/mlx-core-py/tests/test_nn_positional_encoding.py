"""Rotary position encoding rotates pairs of features."""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from layer_checks import check_sizes, shapes
from mlx_core_py import nn


def rotated(x: np.ndarray, dims: int, traditional: bool, base: float, positions: Any) -> np.ndarray:
    half = dims // 2
    angles = np.outer(positions, base ** (-np.arange(half) / half))
    first = np.arange(0, dims, 2) if traditional else np.arange(half)
    second = first + 1 if traditional else first + half
    y = x.copy()
    y[..., first] = x[..., first] * np.cos(angles) - x[..., second] * np.sin(angles)
    y[..., second] = x[..., first] * np.sin(angles) + x[..., second] * np.cos(angles)
    return y


@pytest.mark.parametrize("traditional", [False, True])
@pytest.mark.parametrize(("dims", "base", "scale"), [(8, 10000.0, 1.0), (4, 100.0, 0.5)])
@pytest.mark.parametrize("offset", [0, 7])
def test_rope(traditional: bool, dims: int, base: float, scale: float, offset: int) -> None:
    layer = nn.RoPE(dims, traditional, base, scale)
    assert shapes(layer) == {}
    x = normal(2, 3, 5, 8)
    expected = rotated(x, dims, traditional, base, (np.arange(5) + offset) * scale)
    assert close(layer(mx.array(x), offset=offset), expected)


def test_sizes_must_be_positive_integers() -> None:
    check_sizes(nn.RoPE, (0,), "dims")
