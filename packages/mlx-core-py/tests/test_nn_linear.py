"""Linear layers are products of matrices, from parameters of MLX's names and shapes."""

import math

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from layer_checks import check_sizes, shapes
from mlx_core_py import nn


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("leading", [(), (4,), (2, 3)])
def test_linear(bias: bool, leading: tuple[int, ...]) -> None:
    layer = nn.Linear(5, 3, bias)
    assert shapes(layer) == {"weight": (3, 5)} | ({"bias": (3,)} if bias else {})
    x = normal(*leading, 5)
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


@pytest.mark.parametrize(("sizes", "name"), [((0, 2), "input_dims"), ((2, -1), "output_dims")])
def test_sizes_must_be_positive_integers(sizes: tuple[int, ...], name: str) -> None:
    check_sizes(nn.Linear, sizes, name)


def test_wrong_input_size() -> None:
    with pytest.raises(ValueError, match="3"):
        nn.Linear(3, 2)(mx.ones((2, 4)))


def test_identity_takes_any_arguments() -> None:
    x = mx.array([1.0])
    assert nn.Identity(3, name="x")(x) is x
