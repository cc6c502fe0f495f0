"""Embeddings look up rows of a table, and multiply by it."""

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from layer_checks import check_sizes, shapes
from mlx_core_py import nn


def test_embedding() -> None:
    mx.random.seed(0)
    layer = nn.Embedding(50, 64)
    assert shapes(layer) == {"weight": (50, 64)}
    table = np.array(layer.weight)
    assert table.std() == pytest.approx(1 / 8, rel=0.05)
    tokens = np.array([[0, 49], [7, 7]])
    assert close(layer(mx.array(tokens)), table[tokens], rtol=0, atol=0)
    x = normal(2, 64)
    assert close(layer.as_linear(mx.array(x)), x @ table.T)


@pytest.mark.parametrize(("sizes", "name"), [((0, 2), "num_embeddings"), ((2, 0), "dims")])
def test_sizes_must_be_positive_integers(sizes: tuple[int, ...], name: str) -> None:
    check_sizes(nn.Embedding, sizes, name)
