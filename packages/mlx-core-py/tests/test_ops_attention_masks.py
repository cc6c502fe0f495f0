"""Attention of queries that a mask lets see nothing: zeros, as in PyTorch."""

from __future__ import annotations

import mlx_core_py as mx
import pytest

INF = float("inf")


@pytest.mark.parametrize("kind", ["additive", "boolean"])
@pytest.mark.parametrize("dtype", [mx.float32, mx.float16, mx.float64])
def test_attention_of_queries_that_see_nothing(kind: str, dtype: mx.Dtype) -> None:
    sees = mx.array([[True, True], [False, False]])
    mask = sees if kind == "boolean" else mx.where(sees, 0.0, -INF).astype(dtype)
    x = mx.arange(16.0).reshape(1, 1, 2, 8).astype(dtype) / 16

    def attend(q: mx.array, k: mx.array, v: mx.array) -> mx.array:
        return mx.fast.scaled_dot_product_attention(q, k, v, scale=1.0, mask=mask[None, None])

    y = attend(x, x, x)
    assert y[0, 0, 1].tolist() == [0.0] * 8
    assert y[0, 0, 0].sum().item() > 0
    for gradient in mx.grad(lambda *a: attend(*a).sum(), argnums=(0, 1, 2))(x, x, x):
        assert mx.isfinite(gradient).all().item()
    assert mx.grad(lambda q: attend(q, x, x).sum())(x)[0, 0, 1].tolist() == [0.0] * 8
