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


@pytest.mark.parametrize("shape", [(0, 0), (2, 0, 0), (0, 3), (3, 0)])
def test_empty_matrices_do_not_reach_lapack(shape: tuple[int, ...]) -> None:
    p, lower, upper = mx.linalg.lu(mx.zeros(shape), stream=STREAM)
    least = min(shape[-2:])
    assert p.tolist() == np.broadcast_to(np.arange(shape[-2]), shape[:-1]).tolist()
    assert lower.shape == (*shape[:-1], least)
    assert upper.shape == (*shape[:-2], least, shape[-1])
    both, pivots = mx.linalg.lu_factor(mx.zeros(shape), stream=STREAM)
    assert both.shape == shape
    assert pivots.shape == (*shape[:-2], least)


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


# The names that NumPy and the array API have besides.


@quick
@given(x=floats((2, 4, 3), -1, 1))
def test_results_have_names(x: np.ndarray) -> None:
    a, square = mx.array(x), mx.array(x[:, :3])
    q, r = found = mx.linalg.qr(a, stream=STREAM)
    assert found.Q is q
    assert found.R is r
    svd: Any = mx.linalg.svd(a, full_matrices=False, stream=STREAM)
    assert (svd.U.shape, svd.S.shape, svd.Vh.shape) == ((2, 4, 3), (2, 3), (2, 3, 3))
    assert_close(svd.U @ (mx.expand_dims(svd.S, -1) * svd.Vh), x, atol=1e-4)
    assert isinstance(mx.linalg.eigh(square, stream=STREAM), tuple)
    assert mx.linalg.eigh(square, stream=STREAM)._fields == ("eigenvalues", "eigenvectors")
    assert mx.linalg.eig(square, stream=STREAM)._fields == ("eigenvalues", "eigenvectors")
    assert mx.linalg.slogdet(square, stream=STREAM)._fields == ("sign", "logabsdet")


@quick
@given(x=floats((2, 3, 5), -1, 1))
def test_wide_matrices_have_thin_factors(x: np.ndarray) -> None:
    u, s, vh = mx.linalg.svd(mx.array(x), full_matrices=False, stream=STREAM)
    assert (u.shape, s.shape, vh.shape) == ((2, 3, 3), (2, 3), (2, 3, 5))
    assert_close(u @ (mx.expand_dims(s, -1) * vh), x, atol=1e-4)
    assert_close(mx.linalg.svdvals(mx.array(x), stream=STREAM), np.linalg.svdvals(x), atol=1e-4)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (3, 3), (2, 4, 2)])
def test_complete_factors(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    q, r = mx.linalg.qr(mx.array(x), mode="complete", stream=STREAM)
    want_q, want_r = np.linalg.qr(x, mode="complete")
    assert q.shape == want_q.shape
    assert_close(r, want_r, atol=1e-5)
    assert_close(q @ r, x, atol=1e-5)
    assert_close(q.swapaxes(-1, -2) @ q, np.broadcast_to(np.eye(shape[-2]), q.shape), atol=1e-5)
    with pytest.raises(ValueError, match="mode"):
        mx.linalg.qr(mx.array(x), mode="raw", stream=STREAM)


@quick
@given(x=floats((2, 3, 4)), offset=st.integers(-4, 5))
def test_diagonals(x: np.ndarray, offset: int) -> None:
    got = mx.linalg.diagonal(mx.array(x), offset=offset)
    assert_close(got, np.linalg.diagonal(x, offset=offset))
    got = mx.linalg.trace(mx.array(x), offset=offset)
    assert_close(got, np.linalg.trace(x, offset=offset), atol=1e-5)


@pytest.mark.parametrize("axis", [None, 1, (0, 2), (-1,), (0, 1, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("order", [0, 1, 2, 3.5, np.inf, -np.inf, -1])
def test_vector_norms(axis: Any, keepdims: bool, order: float) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    got = mx.linalg.vector_norm(mx.array(x), axis=axis, keepdims=keepdims, ord=order, stream=STREAM)
    want = np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=order)
    assert got.shape == want.shape
    assert_close(got, want, rtol=1e-4)


@pytest.mark.parametrize("order", ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
@pytest.mark.parametrize("keepdims", [False, True])
def test_matrix_norms(order: Any, keepdims: bool) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    got = mx.linalg.matrix_norm(mx.array(x), ord=order, keepdims=keepdims, stream=STREAM)
    assert_close(got, np.linalg.matrix_norm(x, ord=order, keepdims=keepdims), rtol=1e-4)
    with pytest.raises(ValueError, match="x needs"):
        mx.linalg.matrix_norm(mx.array(x[0, 0]))


@pytest.mark.parametrize("n", [0, 1, 2, 5, -1, -3])
def test_powers(n: int) -> None:
    x = (np.random.default_rng(0).normal(size=(2, 3, 3)) + 2 * np.eye(3)).astype(np.float32)
    got = mx.linalg.matrix_power(mx.array(x), n, stream=STREAM)
    assert_close(got, np.linalg.matrix_power(x, n), rtol=1e-3, atol=1e-3)
    whole = mx.linalg.matrix_power(mx.array([[1, 1], [0, 1]]), 7)
    assert whole.tolist() == [[1, 7], [0, 1]]


def test_ranks_and_tolerances() -> None:
    x = np.diag([1, 1e-3, 0]).astype(np.float32)
    stack = np.stack([x, np.eye(3, dtype=np.float32)])
    assert mx.linalg.matrix_rank(mx.array(stack), stream=STREAM).tolist() == [2, 3]
    got = mx.linalg.matrix_rank(mx.array(stack), rtol=mx.array([0.1, 0.1]), stream=STREAM)
    assert got.tolist() == np.linalg.matrix_rank(stack, rtol=np.array([0.1, 0.1])).tolist()
    got = mx.linalg.pinv(mx.array(x), rtol=0.1, stream=STREAM)
    assert_close(got, np.linalg.pinv(x, rtol=0.1))


@pytest.mark.parametrize("order", [None, 2, -2, 1, -1, np.inf, "fro", "nuc"])
def test_condition_numbers(order: Any) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 3)).astype(np.float32)
    assert_close(mx.linalg.cond(mx.array(x), order, stream=STREAM), np.linalg.cond(x, order), 1e-3)
    with pytest.raises(ValueError, match="without elements"):
        mx.linalg.cond(mx.zeros((0, 0)), stream=STREAM)


def test_several_products() -> None:
    rng = np.random.default_rng(0)
    factors = [rng.normal(size=s).astype(np.float32) for s in ((2, 9), (9, 3), (3, 7), (7, 2))]
    assert_close(
        mx.linalg.multi_dot([mx.array(x) for x in factors]), np.linalg.multi_dot(factors), atol=1e-4
    )
    ends = [factors[0][0], *factors[1:3], factors[3][:, 0]]
    got = mx.linalg.multi_dot([mx.array(x) for x in ends])
    assert_close(got, np.linalg.multi_dot(ends), atol=1e-4)
    with pytest.raises(ValueError, match="do not fit"):
        mx.linalg.multi_dot([mx.ones((2, 3)), mx.ones((2, 3))])
    with pytest.raises(ValueError, match="at least two"):
        mx.linalg.multi_dot([mx.ones((2, 3))])


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (3, 3)])
@pytest.mark.parametrize("columns", [None, 2])
def test_least_squares(shape: tuple[int, int], columns: int | None) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=shape).astype(np.float32)
    b = rng.normal(size=shape[0] if columns is None else (shape[0], columns)).astype(np.float32)
    got = mx.linalg.lstsq(mx.array(a), mx.array(b), stream=STREAM)
    x, residuals, rank, s = np.linalg.lstsq(a, b)
    assert_close(got.x, x, rtol=1e-3, atol=1e-4)
    assert got.rank.item() == rank
    assert_close(got.singular_values, s, rtol=1e-4)
    if residuals.size:
        assert_close(got.residuals.reshape(-1), residuals, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", ["inv", "solve"])
def test_singular_matrices(name: str) -> None:
    a = mx.array([[[1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [2.0, 4.0]]])
    operands = [a, mx.ones((2, 2, 1))] if name == "solve" else [a]
    with pytest.raises(ValueError, match="a is singular"):
        mx.eval(getattr(mx.linalg, name)(*operands, stream=STREAM))
    mx.eval(getattr(mx.linalg, name)(*(x[:1] for x in operands), stream=STREAM))


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("matrix", [[[1.0, 2.0], [2.0, 1.0]], [[-1.0]], [[0.0]], [[np.nan]]])
def test_matrices_that_are_not_positive_definite(upper: bool, matrix: Any) -> None:
    with pytest.raises(ValueError, match="not positive definite"):
        mx.eval(mx.linalg.cholesky(mx.array(matrix), upper, stream=STREAM))


EMPTY = [(0, 3, 3), (2, 0, 0), (0, 0), (0, 0, 0)]


@pytest.mark.parametrize("shape", EMPTY)
@pytest.mark.parametrize(
    "name", ["inv", "cholesky", "det", "slogdet", "eigh", "eigvalsh", "qr", "svd", "eig", "eigvals"]
)
def test_empty_square_matrices(name: str, shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    got, want = getattr(mx.linalg, name)(mx.array(x), stream=STREAM), getattr(np.linalg, name)(x)
    parts = zip(got, want, strict=True) if isinstance(want, tuple) else [(got, want)]
    for one, other in parts:
        assert one.shape == other.shape
        np.testing.assert_array_equal(to_numpy(one), other)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (2, 0, 3), (2, 3, 0), (0, 3, 2)])
def test_empty_rectangular_matrices(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    a = mx.array(x)
    for full in (True, False):
        got = mx.linalg.svd(a, full_matrices=full, stream=STREAM)
        for one, other in zip(got, np.linalg.svd(x, full_matrices=full), strict=True):
            assert one.shape == other.shape
            assert_close(one, other)
    for one, other in zip(mx.linalg.qr(a, stream=STREAM), np.linalg.qr(x), strict=True):
        assert one.shape == other.shape
    assert mx.linalg.pinv(a, stream=STREAM).shape == np.linalg.pinv(x).shape
    assert mx.linalg.matrix_norm(a, stream=STREAM).shape == shape[:-2]


def test_empty_systems() -> None:
    for a, b in (((0, 0), (0, 2)), ((0, 3, 3), (0, 3, 2)), ((3, 3), (3, 0)), ((0, 0), (0,))):
        x = np.broadcast_to(np.eye(a[-1], dtype=np.float32), a)
        got = mx.linalg.solve(mx.array(x), mx.zeros(b), stream=STREAM)
        assert got.shape == np.linalg.solve(x, np.zeros(b)).shape
    with pytest.raises(ValueError, match="at least one axis"):
        mx.linalg.vector_norm(mx.ones(2), axis=())


@pytest.mark.parametrize("n", [1, 2, 33, 100])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [(), (3,)])
def test_large_and_batched_matrices(n: int, dtype: str, batch: tuple[int, ...]) -> None:
    """What is computed by one thread each, and by all together."""
    rng = np.random.default_rng(n)
    x = rng.normal(size=(*batch, n, n)).astype(dtype)
    a = mx.array(x, dtype=getattr(mx, dtype))
    scale = 1e-4 if dtype == "float32" else 1e-11
    symmetric = x + np.swapaxes(x, -1, -2)
    w, v = mx.linalg.eigh(mx.array(symmetric, dtype=a.dtype), stream=STREAM)
    assert_close(w, np.linalg.eigvalsh(symmetric), scale, scale * n)
    assert_close((v * mx.expand_dims(w, -2)) @ v.swapaxes(-1, -2), symmetric, scale, scale * n)
    q, r = mx.linalg.qr(a, stream=STREAM)
    assert_close(q @ r, x, scale, scale * n)
    u, s, vh = mx.linalg.svd(a, stream=STREAM)
    assert_close((u * mx.expand_dims(s, -2)) @ vh, x, scale, scale * n)
    b = rng.normal(size=(*batch, n, 3)).astype(dtype)
    got = mx.linalg.solve(a, mx.array(b, dtype=a.dtype), stream=STREAM)
    assert_close(a @ got, b, scale * 10, scale * n)
    assert_close(a @ mx.linalg.inv(a, stream=STREAM), np.broadcast_to(np.eye(n), x.shape), 1, 1e-2)
    sign, value = mx.linalg.slogdet(a, stream=STREAM)
    want = np.linalg.slogdet(x)
    assert_close(sign, want[0])
    assert_close(value, want[1], 1e-3, 1e-3)


def test_solutions_broadcast_as_in_numpy() -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2, 1, 3, 3)).astype(np.float32) + 3 * np.eye(3, dtype=np.float32)
    for shape in ((3,), (3, 2), (4, 3, 2), (2, 1, 3, 2)):
        b = rng.normal(size=shape).astype(np.float32)
        got = mx.linalg.solve(mx.array(a), mx.array(b), stream=STREAM)
        assert_close(got, np.linalg.solve(a, b), atol=1e-4)


def test_names_of_the_namespace_above() -> None:
    for name in ("matmul", "matrix_transpose", "outer", "tensordot", "vecdot"):
        assert getattr(mx.linalg, name) is getattr(mx, name)
        assert name in dir(mx.linalg)


def test_svd_of_complex_matrices() -> None:
    """LAPACK's routine for real numbers is not given complex ones."""
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((2, 4, 8)) + 1j * rng.standard_normal((2, 4, 8))).astype(np.complex64)
    expected = np.linalg.svd(x)[1]
    for full in (True, False):
        u, s, vt = mx.linalg.svd(mx.array(x), full_matrices=full, stream=STREAM)
        assert np.allclose(np.array(s), expected, 1e-4, 1e-5)
        product = (np.array(u)[..., :4] * np.array(s)[..., None, :]) @ np.array(vt)[..., :4, :]
        assert np.allclose(product, x, 1e-4, 1e-4)
    assert np.allclose(
        np.array(mx.linalg.svdvals(mx.array(x), stream=STREAM)), expected, 1e-4, 1e-5
    )


def test_norms_of_complex_arrays_are_real() -> None:
    x = np.array([[3 + 4j, 0], [1j, -2]], np.complex64)
    for order in (0, 1, 2, 3, np.inf, -np.inf):
        y = mx.linalg.vector_norm(mx.array(x), axis=1, ord=order, stream=STREAM)
        assert y.dtype == mx.float32
        assert np.allclose(y.tolist(), np.linalg.norm(x, order, 1), 1e-5)
    for kind in ("fro", 1, -1, np.inf, -np.inf, 2, -2, "nuc"):
        y = mx.linalg.matrix_norm(mx.array(x), ord=kind, stream=STREAM)
        assert y.dtype == mx.float32
        assert np.allclose(y.item(), np.linalg.norm(x, kind), 1e-5)
