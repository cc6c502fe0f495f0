"""Layers compute what their formulas say, from parameters of MLX's names and shapes."""

import math
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn


def array(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def close(got: mx.array, expected: Any, tolerance: float = 1e-4) -> bool:
    return bool(np.allclose(np.array(got), expected, rtol=tolerance, atol=tolerance))


def shapes(layer: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: x.shape for name, x in layer.parameters().items()}


# ---- Linear, Embedding


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("leading", [(), (4,), (2, 3)])
def test_linear(bias: bool, leading: tuple[int, ...]) -> None:
    layer = nn.Linear(5, 3, bias)
    assert shapes(layer) == {"weight": (3, 5)} | ({"bias": (3,)} if bias else {})
    x = array(*leading, 5)
    expected = x @ np.array(layer.weight).T + (np.array(layer.bias) if bias else 0)
    assert close(layer(mx.array(x)), expected)


def test_linear_begins_uniform() -> None:
    mx.random.seed(0)
    layer = nn.Linear(100, 400)
    for parameter in (layer.weight, layer.bias):
        values = np.array(parameter)
        assert np.abs(values).max() <= 0.1
        assert np.abs(values).max() > 0.098
        assert abs(values.mean()) < 0.01
        assert values.std() == pytest.approx(0.1 / math.sqrt(3), rel=0.05)


def test_layers_are_reproducible() -> None:
    weights = []
    for _ in range(2):
        mx.random.seed(3)
        weights.append(nn.Linear(4, 4).weight.tolist())
    assert weights[0] == weights[1]


def test_embedding() -> None:
    mx.random.seed(0)
    layer = nn.Embedding(50, 64)
    assert shapes(layer) == {"weight": (50, 64)}
    table = np.array(layer.weight)
    assert table.std() == pytest.approx(1 / 8, rel=0.05)
    tokens = np.array([[0, 49], [7, 7]])
    assert close(layer(mx.array(tokens)), table[tokens], 0)
    x = array(2, 64)
    assert close(layer.as_linear(mx.array(x)), x @ table.T)


def test_identity_takes_any_arguments() -> None:
    x = mx.array([1.0])
    assert nn.Identity(3, name="x")(x) is x


# ---- normalization


@pytest.mark.parametrize("eps", [1e-5, 0.5])
def test_rms_norm(eps: float) -> None:
    layer = nn.RMSNorm(6, eps)
    assert shapes(layer) == {"weight": (6,)}
    assert layer.weight.tolist() == [1] * 6
    layer.weight = mx.array(array(6, seed=1))
    x = array(2, 3, 6)
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
        setattr(layer, name, mx.array(array(6, seed=seed)))
    x = array(2, 3, 6) + 3
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


# ---- RoPE


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
    x = array(2, 3, 5, 8)
    expected = rotated(x, dims, traditional, base, (np.arange(5) + offset) * scale)
    assert close(layer(mx.array(x), offset=offset), expected)


# ---- Sequential, Dropout


def test_sequential_takes_functions_too() -> None:
    model = nn.Sequential(nn.Linear(3, 2), mx.exp, nn.Identity())
    x = mx.array(array(4, 3))
    assert set(model.parameters()["layers"][0]) == {"weight", "bias"}
    assert close(model(x), np.exp(np.array(model.layers[0](x))))
    assert nn.Sequential()(x) is x


@pytest.mark.parametrize("dtype", [mx.float32, mx.float16])
def test_dropout(dtype: mx.Dtype) -> None:
    mx.random.seed(0)
    layer = nn.Dropout(0.25)
    x = mx.ones((100, 100), dtype=dtype)
    y = layer(x)
    assert y.dtype == dtype
    values = np.array(y.astype(mx.float32))
    assert set(np.unique(values.round(3))) <= {0.0, np.float32(1.333)}
    assert (values == 0).mean() == pytest.approx(0.25, abs=0.02)
    assert values.mean() == pytest.approx(1, abs=0.03)
    assert layer(x).tolist() != y.tolist()
    assert layer.eval()(x) is x
    assert nn.Dropout(0.0)(x) is x


@pytest.mark.parametrize("p", [1.0, -0.1, 2, float("nan")])
def test_dropout_probability(p: float) -> None:
    with pytest.raises(ValueError, match="p must"):
        nn.Dropout(p)


# ---- wrong sizes


@pytest.mark.parametrize(
    ("layer", "sizes", "name"),
    [
        (nn.Linear, (0, 2), "input_dims"),
        (nn.Linear, (2, -1), "output_dims"),
        (nn.Embedding, (0, 2), "num_embeddings"),
        (nn.Embedding, (2, 0), "dims"),
        (nn.RMSNorm, (0,), "dims"),
        (nn.LayerNorm, (0,), "dims"),
        (nn.RoPE, (0,), "dims"),
        (nn.QuantizedLinear, (0, 64), "input_dims"),
        (nn.QuantizedEmbedding, (64, 0), "dims"),
    ],
)
def test_sizes_must_be_positive_integers(layer: Any, sizes: tuple[int, ...], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        layer(*sizes)
    with pytest.raises(TypeError, match=name):
        layer(*(2.5 if size < 1 else size for size in sizes))


def test_wrong_input_size() -> None:
    with pytest.raises(ValueError, match="3"):
        nn.Linear(3, 2)(mx.ones((2, 4)))


# ---- init


def test_initializers_have_the_right_spread() -> None:
    mx.random.seed(0)
    a = mx.zeros((300, 100))
    spread = {
        "normal": (nn.init.normal(1.0, 2.0)(a), 1.0, 2.0),
        "uniform": (nn.init.uniform(-1, 3)(a), 1.0, 4 / math.sqrt(12)),
        "glorot_normal": (nn.init.glorot_normal()(a, gain=2), 0.0, 2 * math.sqrt(2 / 400)),
        "glorot_uniform": (nn.init.glorot_uniform()(a), 0.0, math.sqrt(2 / 400)),
        "he_normal": (nn.init.he_normal()(a), 0.0, 1 / math.sqrt(100)),
        "he_uniform": (nn.init.he_uniform()(a, "fan_out", 3.0), 0.0, 3 / math.sqrt(300)),
    }
    for name, (values, mean, std) in spread.items():
        assert values.shape == a.shape, name
        assert np.array(values).mean() == pytest.approx(mean, abs=0.05), name
        assert np.array(values).std() == pytest.approx(std, rel=0.03), name


def test_fans_of_a_convolution() -> None:
    mx.random.seed(0)
    values = nn.init.he_normal()(mx.zeros((50, 3, 3, 20)))
    assert np.array(values).std() == pytest.approx(1 / math.sqrt(180), rel=0.05)


def test_fixed_initializers() -> None:
    assert nn.init.constant(2.5, mx.float16)(mx.zeros((2,))).tolist() == [2.5, 2.5]
    assert nn.init.constant(2.5, mx.float16)(mx.zeros((2,))).dtype == mx.float16
    assert nn.init.identity()(mx.zeros((3, 3))).tolist() == np.eye(3).tolist()
    sparse = np.array(nn.init.sparse(0.3)(mx.zeros((20, 10))))
    assert ((sparse == 0).sum(axis=1) == 3).all()
    assert len(set(map(tuple, (sparse == 0).tolist()))) > 1


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (4, 4)])
def test_orthogonal(shape: tuple[int, int]) -> None:
    values = np.array(nn.init.orthogonal(2.0)(mx.zeros(shape)))
    product = values @ values.T if shape[0] < shape[1] else values.T @ values
    assert np.allclose(product, 4 * np.eye(min(shape)), atol=1e-4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: nn.init.identity()(mx.zeros((2, 3))),
        lambda: nn.init.sparse(1.5),
        lambda: nn.init.sparse(0.5)(mx.zeros((2,))),
        lambda: nn.init.orthogonal()(mx.zeros((2,))),
        lambda: nn.init.glorot_normal()(mx.zeros((2,))),
        lambda: nn.init.he_uniform()(mx.zeros((2, 2)), "fan"),
    ],
)
def test_wrong_arguments_of_initializers(call: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        call()
