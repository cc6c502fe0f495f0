"""Indices of grids, of triangles and of the flattened array, against NumPy."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import assert_equal, integers, quick


@quick
@given(shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
def test_indices(shape: tuple[int, ...]) -> None:
    assert_equal(mx.indices(shape), np.indices(shape))
    for ours, numpys in zip(
        mx.indices(shape, mx.float32, True), np.indices(shape, sparse=True), strict=True
    ):
        assert ours.dtype == mx.float32
        assert_equal(ours, numpys)


def test_ix() -> None:
    x = np.arange(24).reshape(2, 3, 4)
    a = mx.array(x)
    rows, columns = [1, 0], [True, False, True]
    assert_equal(a[mx.ix_(rows, columns, [3])], x[np.ix_(rows, columns, [3])])
    assert [part.shape for part in mx.ix_([], [1, 2])] == [(0, 1), (1, 2)]


@quick
@given(n=st.integers(0, 5), k=st.integers(-6, 6), m=st.none() | st.integers(0, 5))
def test_triangles(n: int, k: int, m: int | None) -> None:
    for ours, numpys in zip(mx.tril_indices(n, k, m), np.tril_indices(n, k, m), strict=True):
        assert ours.dtype == mx.uint32
        assert_equal(ours, numpys)
    for ours, numpys in zip(mx.triu_indices(n, k, m), np.triu_indices(n, k, m), strict=True):
        assert_equal(ours, numpys)
    for ours, numpys in zip(mx.diag_indices(n, 3), np.diag_indices(n, 3), strict=True):
        assert_equal(ours, numpys)


@quick
@given(
    shape=hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5),
    mode=st.sampled_from(["raise", "wrap", "clip"]),
    data=st.data(),
)
def test_flat_indices(shape: tuple[int, ...], mode: Any, data: st.DataObject) -> None:
    size = int(np.prod(shape))
    flat = data.draw(integers((2, 3), 0, size - 1))
    parts = np.unravel_index(flat, shape)
    for ours, numpys in zip(mx.unravel_index(mx.array(flat), shape), parts, strict=True):
        assert ours.dtype == mx.uint32
        assert_equal(ours, numpys)
    index = [mx.array(part) for part in parts]
    assert_equal(mx.ravel_multi_index(index, shape, mode), flat)
    if mode != "raise":
        far = [part + 7 * (-1) ** d for d, part in enumerate(parts)]
        want = np.ravel_multi_index(far, shape, mode)
        assert_equal(mx.ravel_multi_index([mx.array(part) for part in far], shape, mode), want)


def test_scalars() -> None:
    assert [part.item() for part in mx.unravel_index(5, (2, 3))] == [1, 2]
    assert mx.ravel_multi_index([1, 2], (2, 3)).item() == 5
    compiled = mx.compile(lambda i: mx.unravel_index(i, (2, 3)))
    assert [part.item() for part in compiled(mx.array(5))] == [1, 2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.indices((-1,)), ValueError, "dimensions must not be negative"),
        (lambda: mx.ix_(mx.ones((1, 1))), ValueError, "args must be vectors"),
        (lambda: mx.tril_indices(-1), ValueError, "n must not be negative"),
        (lambda: mx.triu_indices(1, 0, -1), ValueError, "m must not be negative"),
        (lambda: mx.ravel_multi_index([1], (2, 3)), ValueError, "2 axes need as many"),
        (lambda: mx.ravel_multi_index([2], (2,)), ValueError, "multi_index has an index"),
        (lambda: mx.ravel_multi_index([-1], (2,)), ValueError, "multi_index has an index"),
        (lambda: mx.ravel_multi_index([0.5], (2,)), TypeError, "multi_index must hold integers"),
        (lambda: mx.ravel_multi_index([0], (2,), "x"), ValueError, "mode must be one of"),
        (lambda: mx.unravel_index(6, (2, 3)), ValueError, "indices has an index that is out of"),
        (lambda: mx.unravel_index(mx.array(0.5), (2, 3)), TypeError, "indices must hold integers"),
    ],
)
def test_errors(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
