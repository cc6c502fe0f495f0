"""Linear algebra against NumPy, and the equations that factors must fulfil."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_close, floats, quick, to_numpy

STREAM = mx.cpu  # the only device that has all of them


@st.composite
def regular(draw: st.DrawFn) -> np.ndarray:
    """Batches of square matrices that are far from singular."""
    n = draw(st.integers(1, 5))
    x = draw(floats((2, n, n), -1, 1))
    return x + 2 * n * np.eye(n, dtype=np.float32)


@st.composite
def symmetric(draw: st.DrawFn) -> np.ndarray:
    """Batches of positive definite matrices."""
    x = draw(regular())
    result: np.ndarray = np.matmul(x, x.mT)
    return result


@quick
@given(x=regular())
def test_inverses(x: np.ndarray) -> None:
    assert_close(mx.linalg.inv(mx.array(x), stream=STREAM), np.linalg.inv(x), atol=1e-4)
    assert_close(mx.linalg.pinv(mx.array(x), stream=STREAM), np.linalg.pinv(x), atol=1e-4)
    for upper in (False, True):
        triangle = np.triu(x) if upper else np.tril(x)
        got = mx.linalg.tri_inv(mx.array(triangle), upper, stream=STREAM)
        assert_close(got, np.linalg.inv(triangle), atol=1e-4)


@quick
@given(x=regular(), data=st.data())
def test_equations(x: np.ndarray, data: st.DataObject) -> None:
    b = data.draw(floats((2, x.shape[-1], 3)))
    got = mx.linalg.solve(mx.array(x), mx.array(b), stream=STREAM)
    assert_close(got, np.linalg.solve(x, b), atol=1e-4)
    got = mx.linalg.solve_triangular(mx.array(x), mx.array(b), upper=True, stream=STREAM)
    assert_close(got, np.linalg.solve(np.triu(x), b), atol=1e-4)


@quick
@given(x=regular())
def test_determinants(x: np.ndarray) -> None:
    x = x / x.shape[-1]
    assert_close(mx.linalg.det(mx.array(x), stream=STREAM), np.linalg.det(x), rtol=1e-3)
    for got, want in zip(
        mx.linalg.slogdet(mx.array(x), stream=STREAM), np.linalg.slogdet(x), strict=True
    ):
        assert_close(got, want, rtol=1e-3, atol=1e-3)


@quick
@given(x=floats((2, 4, 3)))
def test_qr_and_svd_give_the_matrix_back(x: np.ndarray) -> None:
    q, r = mx.linalg.qr(mx.array(x), stream=STREAM)
    assert_close(q @ r, x, atol=1e-4)
    assert_close(q.swapaxes(1, 2) @ q, np.broadcast_to(np.eye(3), (2, 3, 3)), atol=1e-4)
    assert_close(r, np.triu(to_numpy(r)))
    u, s, vt = mx.linalg.svd(mx.array(x), stream=STREAM)
    assert_close(u[:, :, :3] @ (mx.expand_dims(s, -1) * vt), x, atol=1e-4)
    values = mx.linalg.svd(mx.array(x), compute_uv=False, stream=STREAM)
    assert isinstance(values, mx.array)
    assert_close(values, np.linalg.svd(x, compute_uv=False), atol=1e-4)


@quick
@given(x=symmetric())
def test_cholesky(x: np.ndarray) -> None:
    want = np.linalg.cholesky(x)
    lower = mx.linalg.cholesky(mx.array(x), stream=STREAM)
    upper = mx.linalg.cholesky(mx.array(x), upper=True, stream=STREAM)
    assert_close(lower, want, rtol=1e-3, atol=1e-3)
    assert_close(upper, want.mT, rtol=1e-3, atol=1e-3)
    for factor, is_upper in ((lower, False), (upper, True)):
        got = mx.linalg.cholesky_inv(factor, is_upper, stream=STREAM)
        assert_close(got, np.linalg.inv(x), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("triangle", ["L", "U"])
@quick
@given(x=symmetric())
def test_symmetric_eigenvalues(triangle: str, x: np.ndarray) -> None:
    want = np.linalg.eigvalsh(x)
    values, vectors = mx.linalg.eigh(mx.array(x), triangle, stream=STREAM)
    assert_close(values, want, rtol=1e-3, atol=1e-2)
    assert_close(mx.linalg.eigvalsh(mx.array(x), triangle, stream=STREAM), want, 1e-3, 1e-2)
    got = vectors @ (mx.expand_dims(values, -1) * vectors.swapaxes(1, 2))
    assert_close(got, x, rtol=1e-3, atol=1e-2)


@quick
@given(x=regular())
def test_general_eigenvalues(x: np.ndarray) -> None:
    values, vectors = (to_numpy(part) for part in mx.linalg.eig(mx.array(x), stream=STREAM))
    np.testing.assert_allclose(x @ vectors, vectors * values[:, None, :], rtol=1e-3, atol=1e-3)
    alone = to_numpy(mx.linalg.eigvals(mx.array(x), stream=STREAM))
    np.testing.assert_allclose(np.sort(alone.real), np.sort(values.real), rtol=1e-3, atol=1e-3)


@quick
@given(x=regular())
def test_lu(x: np.ndarray) -> None:
    x = x[0]
    p, lower, upper = (to_numpy(part) for part in mx.linalg.lu(mx.array(x), stream=STREAM))
    np.testing.assert_allclose(lower[p] @ upper, x, rtol=1e-4, atol=1e-4)
    both, _pivots = mx.linalg.lu_factor(mx.array(x), stream=STREAM)
    np.testing.assert_allclose(np.triu(to_numpy(both)), upper, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("order", "axis"),
    [
        (None, None),
        (None, 1),
        (None, (0, 1)),
        (1, 1),
        (2, 0),
        (3, 1),
        (0, 1),
        (np.inf, 1),
        (-np.inf, 0),
        ("fro", None),
        ("nuc", None),
        (1, (0, 1)),
        (np.inf, None),
        (2, None),
        (-2, (0, 1)),
    ],
)
@pytest.mark.parametrize("keepdims", [False, True])
def test_norms(order: Any, axis: Any, keepdims: bool) -> None:
    x = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    got = mx.linalg.norm(mx.array(x), order, axis, keepdims, stream=STREAM)
    assert_close(got, np.linalg.norm(x, order, axis, keepdims), rtol=1e-4)


@quick
@given(a=floats((4, 3)), b=floats((4, 3)))
def test_cross(a: np.ndarray, b: np.ndarray) -> None:
    assert_close(mx.linalg.cross(mx.array(a), mx.array(b)), np.linalg.cross(a, b), atol=1e-4)
    got = mx.linalg.cross(mx.array(a.T), mx.array(b.T), axis=0)
    assert_close(got, np.linalg.cross(a.T, b.T, axis=0), atol=1e-4)


@pytest.mark.parametrize("name", ["inv", "cholesky", "eig", "eigvals", "eigh", "det", "slogdet"])
def test_matrices_must_be_square(name: str) -> None:
    for shape in ((2, 3), (3,)):
        with pytest.raises(ValueError):
            getattr(mx.linalg, name)(mx.zeros(shape), stream=STREAM)


DECOMPOSITIONS = ["eig", "eigvals", "eigh", "eigvalsh", "svd", "pinv"]


@pytest.mark.parametrize("name", DECOMPOSITIONS)
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinity_and_nan_are_no_matrix_to_decompose(name: str, number: float, dtype: str) -> None:
    """LAPACK would end the process, or never return."""
    x = np.stack([np.eye(3), np.eye(3)]).astype(dtype)
    x[1, 2, 1] = x[1, 1, 2] = number
    # Also where the matrix is computed in the same evaluation, and lies in memory transposed.
    for a in (mx.array(x, dtype=getattr(mx, dtype)), mx.swapaxes(mx.array(x) * 1, 1, 2)):
        with pytest.raises(ValueError, match="a holds infinity or NaN"):
            mx.eval(getattr(mx.linalg, name)(a, stream=STREAM))
    # The next evaluation has nothing of it.
    mx.eval(getattr(mx.linalg, name)(mx.array(x[:1]), stream=STREAM))


def test_eigenvalues_of_symmetric_matrices_ask_one_triangle() -> None:
    x = np.array([[2, np.nan], [1, 2]], np.float32)
    assert_close(mx.linalg.eigvalsh(mx.array(x), stream=STREAM), np.array([1, 3], np.float32))
    assert_close(
        mx.linalg.eigvalsh(mx.array(x.T), "U", stream=STREAM), np.array([1, 3], np.float32)
    )
    with pytest.raises(ValueError, match="infinity or NaN"):
        mx.eval(mx.linalg.eigvalsh(mx.array(x), "U", stream=STREAM))


@pytest.mark.parametrize("name", ["inv", "lu", "lu_factor"])
@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0)])
def test_empty_matrices_do_not_reach_lapack(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError):
        mx.eval(getattr(mx.linalg, name)(mx.zeros(shape), stream=STREAM))


def test_other_wrong_arguments() -> None:
    x = mx.eye(2)
    with pytest.raises(ValueError):
        mx.linalg.norm(x, "wrong", stream=STREAM)
    with pytest.raises(ValueError):
        mx.linalg.eigh(x, "X", stream=STREAM)
    with pytest.raises(ValueError):
        mx.linalg.cross(x, mx.zeros((2, 5)))
    with pytest.raises(ValueError):
        mx.linalg.solve(x, mx.zeros((3, 1)), stream=STREAM)
