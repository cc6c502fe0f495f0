"""Initial values have the distributions that they are named after."""

import math
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn


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


def test_orthogonal_says_what_it_got() -> None:
    with pytest.raises(ValueError, match="2D array, but is a 3D array"):
        nn.init.orthogonal()(mx.zeros((2, 2, 2)))
