"""Normalizations compute their formulas, from parameters of MLX's names and shapes."""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from layer_checks import check_sizes, shapes
from mlx_core_py import nn

official = pytest.importorskip("mlx.nn")
official_mx = pytest.importorskip("mlx.core")


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


@pytest.mark.parametrize("affine", [False, True])
@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 4, 5, 3), (1, 2, 3, 4, 3)])
def test_instance_norm(affine: bool, shape: tuple[int, ...]) -> None:
    ours, theirs = nn.InstanceNorm(3, 0.1, affine), official.InstanceNorm(3, 0.1, affine)
    assert repr(ours) == repr(theirs) == f"InstanceNorm(3, eps=0.1, affine={affine})"
    assert shapes(ours) == ({"weight": (3,), "bias": (3,)} if affine else {})
    x = 10 * normal(*shape) + 100
    axes = tuple(range(1, x.ndim - 1))
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(axes, keepdims=True)) / np.sqrt(
        wide.var(axes, keepdims=True) + 0.1
    )
    if affine:
        assert ours.weight.tolist() == [1] * 3
        assert ours.bias.tolist() == [0] * 3
        weight, bias = normal(3, seed=1), normal(3, seed=2)
        expected = expected * weight + bias
        ours.update({"weight": mx.array(weight), "bias": mx.array(bias)})
        theirs.update({"weight": official_mx.array(weight), "bias": official_mx.array(bias)})
    got = ours(mx.array(x))
    assert close(got, expected, rtol=1e-4, atol=1e-4)
    assert close(got, np.array(theirs(official_mx.array(x))), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3), (2, 4, 0, 3)])
def test_instance_norm_of_nothing(shape: tuple[int, ...]) -> None:
    assert nn.InstanceNorm(3, affine=True)(mx.zeros(shape)).shape == shape


def test_gradient_of_instance_norm_is_that_of_official_mlx() -> None:
    x, weight = normal(2, 4, 3), normal(2, 4, 3, seed=1)
    ours, theirs = nn.InstanceNorm(3), official.InstanceNorm(3)
    got = mx.grad(lambda x: mx.sum(ours(x) * mx.array(weight)))(mx.array(x))
    expected = official_mx.grad(lambda x: official_mx.sum(theirs(x) * official_mx.array(weight)))(
        official_mx.array(x)
    )
    assert close(got, np.array(expected), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("x", "error"),
    [
        (mx.zeros((4, 3)), ValueError),
        (mx.zeros((2, 4, 5)), ValueError),
        # Broadcasting would make three features of one.
        (mx.zeros((2, 4, 1)), ValueError),
        ([[[1.0, 2.0, 3.0]]], TypeError),
    ],
)
def test_wrong_input_of_instance_norm(x: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="x must"):
        nn.InstanceNorm(3, affine=True)(x)


@pytest.mark.parametrize("eps", [0.0, -1.0, float("nan")])
@pytest.mark.parametrize("layer", [nn.InstanceNorm, nn.LayerNorm, nn.RMSNorm])
def test_eps_must_be_positive(layer: type[nn.Module], eps: float) -> None:
    with pytest.raises(ValueError, match="eps must be positive"):
        layer(3, eps)  # type: ignore[call-arg]


def test_instance_norm_of_half_precision_does_not_overflow() -> None:
    x = 1000 * mx.arange(8, dtype=mx.float16).reshape(1, 8, 1)
    y = nn.InstanceNorm(1)(x)
    assert y.dtype == mx.float16
    assert close(y, np.array(nn.InstanceNorm(1)(x.astype(mx.float32))), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("layer", [nn.RMSNorm(64), nn.LayerNorm(64)])
def test_norms_of_half_precision_do_not_overflow(layer: nn.Module) -> None:
    x = mx.full((1, 64), 1000.0, dtype=mx.float16)
    layer.set_dtype(mx.float16)
    y = layer(x)
    assert y.dtype == mx.float16
    assert np.isfinite(np.array(y)).all()


@pytest.mark.parametrize("layer", [nn.RMSNorm, nn.LayerNorm, nn.InstanceNorm])
def test_sizes_must_be_positive_integers(layer: type[nn.Module]) -> None:
    check_sizes(layer, (0,), "dims")


@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("size", [1, 7, 16, 200, 512, 513])
@pytest.mark.parametrize("turned", [False, True])
def test_gradients_of_rows_side_by_side(rows: int, size: int, turned: bool) -> None:
    shape = (size, rows) if turned else (rows, size)
    x, g = (normal(*shape, seed=i) for i in range(2))
    w, b = (normal(size, seed=2 + i) for i in range(2))
    values, cotangents = [a.T if turned else a for a in map(mx.array, (x, g))]
    _, (of_x, of_w, of_b) = mx.vjp(
        lambda x, w, b: mx.fast.layer_norm(x, w, b, 1e-5),
        [values, mx.array(w), mx.array(b)],
        [cotangents],
    )
    x, g = (np.float64(a.T if turned else a) for a in (x, g))  # type: ignore[assignment]
    centred = x - x.mean(-1, keepdims=True)
    factor = 1 / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    n, inner = centred * factor, g * w
    expected = factor * (
        inner - inner.mean(-1, keepdims=True) - n * (inner * n).mean(-1, keepdims=True)
    )
    assert close(of_x, expected, 1e-4, 1e-4)
    assert close(of_w, (g * n).sum(0), 1e-4, 1e-4)
    assert close(of_b, g.sum(0), 1e-4, 1e-4)


def test_a_row_that_is_not_finite_leaves_its_neighbour_alone() -> None:
    x, g = normal(2, 40, seed=0), normal(2, 40, seed=1)
    w = mx.array(normal(40, seed=2))

    def of_x(x: np.ndarray, g: np.ndarray) -> np.ndarray:
        grads = mx.vjp(
            lambda x: mx.fast.layer_norm(x, w, None, 1e-5), [mx.array(x)], [mx.array(g)]
        )[1]
        return np.array(grads[0])

    alone = of_x(x[1:], g[1:])
    x[0, 3] = np.nan
    both = of_x(x, g)
    assert np.isnan(both[0]).all()
    assert np.array_equal(both[1:], alone)
