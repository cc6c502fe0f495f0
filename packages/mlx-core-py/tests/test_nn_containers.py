"""Containers call what they hold."""

import mlx_core_py as mx
import numpy as np
from comparing import close, normal
from mlx_core_py import nn


def test_sequential_takes_functions_too() -> None:
    model = nn.Sequential(nn.Linear(3, 2), mx.exp, nn.Identity())
    x = mx.array(normal(4, 3))
    assert set(model.parameters()["layers"][0]) == {"weight", "bias"}
    assert close(model(x), np.exp(np.array(model.layers[0](x))))
    assert nn.Sequential()(x) is x
