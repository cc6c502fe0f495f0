"""Dropout sets a part of its input to zero while training, and keeps the mean."""

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn


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
