"""Normalizations compute their formulas, from parameters of MLX's names and shapes."""

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from layer_checks import check_sizes, shapes
from mlx_core_py import nn


@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_rms_norm(eps: float) -> None:
    layer = nn.RMSNorm(6, eps)
    assert shapes(layer) == {"weight": (6,)}
    assert layer.weight.tolist() == [1] * 6
    layer.weight = mx.array(normal(6, seed=1))
    x = normal(2, 3, 6)
    expected = x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * np.array(layer.weight)
    assert close(layer(mx.array(x)), expected)


@pytest.mark.parametrize(("affine", "bias"), [(True, True), (True, False), (False, True)])
def test_layer_norm(affine: bool, bias: bool) -> None:
    layer = nn.LayerNorm(6, 0.1, affine, bias)
    expected_shapes: dict[str, tuple[int, ...]] = {"weight": (6,)} if affine else {}
    if affine and bias:
        expected_shapes["bias"] = (6,)
    assert shapes(layer) == expected_shapes
    for seed, name in enumerate(expected_shapes):
        setattr(layer, name, mx.array(normal(6, seed=seed)))
    x = normal(2, 3, 6) + 3
    y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 0.1)
    if affine:
        y = y * np.array(layer.weight)
    if affine and bias:
        y = y + np.array(layer.bias)
    assert close(layer(mx.array(x)), y)


@pytest.mark.parametrize("layer", [nn.RMSNorm(64), nn.LayerNorm(64)])
def test_norms_of_half_precision_do_not_overflow(layer: nn.Module) -> None:
    x = mx.full((1, 64), 1000.0, dtype=mx.float16)
    layer.set_dtype(mx.float16)
    y = layer(x)
    assert y.dtype == mx.float16
    assert np.isfinite(np.array(y)).all()


@pytest.mark.parametrize("layer", [nn.RMSNorm, nn.LayerNorm])
def test_sizes_must_be_positive_integers(layer: type[nn.Module]) -> None:
    check_sizes(layer, (0,), "dims")
