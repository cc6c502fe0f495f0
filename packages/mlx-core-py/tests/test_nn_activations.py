"""Activation functions are their formulas, computed by NumPy with twice the digits."""

import math
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn

X = np.linspace(-6, 6, 49).astype(np.float32).reshape(7, 7)[:, :6]


def sigmoid(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = 1 / (1 + np.exp(-x))
    return result


def softplus(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = np.log1p(np.exp(x))
    return result


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    result: np.ndarray = np.exp(x) / np.exp(x).sum(axis, keepdims=True)
    return result


def elu(x: np.ndarray, alpha: float = 1.0) -> np.ndarray:
    return np.where(x > 0, x, alpha * np.expm1(x))


def gelu(x: np.ndarray) -> np.ndarray:
    result: np.ndarray = x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2
    return result


FORMULAS: list[tuple[str, str, tuple[Any, ...], Callable[[np.ndarray], np.ndarray]]] = [
    ("sigmoid", "Sigmoid", (), sigmoid),
    ("tanh", "Tanh", (), np.tanh),
    ("relu", "ReLU", (), lambda x: np.where(x > 0, x, 0)),
    ("relu2", "ReLU2", (), lambda x: np.where(x > 0, x, 0) ** 2),
    ("relu6", "ReLU6", (), lambda x: np.clip(x, 0, 6)),
    ("leaky_relu", "LeakyReLU", (), lambda x: np.where(x > 0, x, 0.01 * x)),
    ("leaky_relu", "LeakyReLU", (0.3,), lambda x: np.where(x > 0, x, 0.3 * x)),
    ("elu", "ELU", (), elu),
    ("elu", "ELU", (0.5,), lambda x: elu(x, 0.5)),
    ("celu", "CELU", (), elu),
    ("celu", "CELU", (2.0,), lambda x: np.where(x > 0, x, 2 * np.expm1(x / 2))),
    ("selu", "SELU", (), lambda x: 1.0507009873554805 * elu(x, 1.6732632423543772)),
    ("silu", "SiLU", (), lambda x: x * sigmoid(x)),
    ("gelu", "GELU", (), gelu),
    ("mish", "Mish", (), lambda x: x * np.tanh(softplus(x))),
    ("hardswish", "Hardswish", (), lambda x: x * np.clip(x + 3, 0, 6) / 6),
    ("hard_tanh", "HardTanh", (), lambda x: np.clip(x, -1, 1)),
    ("hard_tanh", "HardTanh", (-2.0, 0.5), lambda x: np.clip(x, -2, 0.5)),
    ("hard_shrink", "HardShrink", (), lambda x: np.where(np.abs(x) > 0.5, x, 0)),
    ("hard_shrink", "HardShrink", (2.1,), lambda x: np.where(np.abs(x) > 2.1, x, 0)),
    ("softshrink", "Softshrink", (), lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)),
    ("softshrink", "Softshrink", (2.0,), lambda x: np.sign(x) * np.maximum(np.abs(x) - 2, 0)),
    ("softsign", "Softsign", (), lambda x: x / (1 + np.abs(x))),
    ("softplus", "Softplus", (), softplus),
    ("log_sigmoid", "LogSigmoid", (), lambda x: np.log(sigmoid(x))),
    ("softmax", "Softmax", (), softmax),
    ("softmin", "Softmin", (), lambda x: softmax(-x)),
    ("log_softmax", "LogSoftmax", (), lambda x: np.log(softmax(x))),
    ("step", "Step", (), lambda x: (x >= 0).astype(np.int32)),
    ("step", "Step", (1.0,), lambda x: (x >= 1).astype(np.int32)),
    ("glu", "GLU", (), lambda x: x[:, :3] * sigmoid(x[:, 3:])),
]


@pytest.mark.parametrize(("function", "layer", "options", "formula"), FORMULAS)
def test_formulas(
    function: str, layer: str, options: tuple[Any, ...], formula: Callable[..., np.ndarray]
) -> None:
    expected = formula(X.astype(np.float64))
    for compute in (lambda x: getattr(nn, function)(x, *options), getattr(nn, layer)(*options)):
        got = np.array(compute(mx.array(X)))
        assert got.shape == expected.shape
        assert np.allclose(got, expected, rtol=1e-5, atol=2e-6)


def test_options_are_attributes_that_subclasses_inherit() -> None:
    class Leaky(nn.LeakyReLU):
        def __init__(self) -> None:
            super().__init__(0.5)

    layer = Leaky()
    assert layer(mx.array([-2.0, 2.0])).tolist() == [-1, 2]
    layer.negative_slope = 0.25
    assert layer(mx.array([-2.0, 2.0])).tolist() == [-0.5, 2]
    assert Leaky.__doc__ is None


@pytest.mark.parametrize("name", ["softmax", "softmin", "log_softmax"])
def test_other_axes(name: str) -> None:
    function = getattr(nn, name)
    got = np.array(function(mx.array(X), axis=0))
    assert np.allclose(got, np.array(function(mx.array(X.T))).T, atol=1e-6)


def test_glu_halves_an_axis() -> None:
    x = mx.array(X)
    assert nn.glu(x[:6], axis=0).shape == (3, 6)
    with pytest.raises(ValueError, match="split"):
        nn.glu(x, axis=0)


@pytest.mark.parametrize(
    ("approx", "function", "bound"),
    [
        ("precise", nn.gelu_approx, 5e-4),
        ("tanh", nn.gelu_approx, 5e-4),
        ("fast", nn.gelu_fast_approx, 0.025),
    ],
)
def test_approximations_of_gelu(
    approx: str, function: Callable[[mx.array], mx.array], bound: float
) -> None:
    got = np.array(function(mx.array(X)))
    assert np.abs(got - gelu(X.astype(np.float64))).max() < bound
    assert np.array_equal(np.array(nn.GELU(approx)(mx.array(X))), got)
    assert np.abs(got - np.array(nn.gelu(mx.array(X)))).max() > bound / 100


def test_gelu_knows_its_approximations() -> None:
    with pytest.raises(ValueError, match="approx"):
        nn.GELU("exact")


def test_prelu_has_a_parameter() -> None:
    layer = nn.PReLU()
    assert layer.weight.tolist() == [0.25]
    assert np.allclose(np.array(layer(mx.array(X))), np.where(X > 0, X, 0.25 * X))
    layer = nn.PReLU(6, 0.5)
    layer.weight = mx.arange(6)
    assert np.allclose(np.array(layer(mx.array(X))), np.where(X > 0, X, np.arange(6) * X))


SMOOTH = ["sigmoid", "tanh", "silu", "gelu", "gelu_approx", "gelu_fast_approx", "mish", "elu"]
SMOOTH += ["celu", "selu", "softplus", "softsign", "log_sigmoid", "relu", "leaky_relu", "hardswish"]


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("value", [-1000.0, -100.0, 100.0, 1000.0])
def test_far_out_there_are_numbers_and_slopes(name: str, value: float) -> None:
    function = getattr(nn, name)
    result, slope = mx.value_and_grad(function)(mx.array(value))
    assert math.isfinite(result.item())
    assert math.isfinite(slope.item())


@pytest.mark.parametrize("name", sorted({row[0] for row in FORMULAS} - {"step"}))
def test_half_precision_stays_half_precision(name: str) -> None:
    for dtype in (mx.float16, mx.bfloat16):
        assert getattr(nn, name)(mx.array(X).astype(dtype)).dtype == dtype


def test_step_at_the_threshold() -> None:
    x = mx.array([-0.5, 0.0, 0.5])
    assert nn.step(x).tolist() == nn.Step()(x).tolist() == [0, 1, 1]
    assert nn.step(x, 0.5).tolist() == [0, 0, 1]


@pytest.mark.parametrize("value", [0.0, 1e4, -1e8, 1e20])
def test_log_softmax_of_large_values(value: float) -> None:
    x = mx.full((2, 2), value)
    expected = [[-0.6931472, -0.6931472]] * 2
    for axis in (0, 1):
        np.testing.assert_allclose(nn.log_softmax(x, axis).tolist(), expected, rtol=1e-6)
    gradient = mx.grad(lambda x: nn.log_softmax(x)[0, 0])(x)
    assert gradient.tolist() == [[0.5, -0.5], [0, 0]]
