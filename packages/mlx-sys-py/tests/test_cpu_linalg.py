"""Linear algebra at every level: with LAPACK loaded, and by MLX's own kernels."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from levels import at_every_level, ours_only
from mlx_sys_py import array, linalg, ops, transforms

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 5, 5)).astype(np.float32) + 4 * np.eye(5, dtype=np.float32)
SYMMETRIC = X @ X.mT
B = RNG.normal(size=(3, 5, 2)).astype(np.float32)


def close(got: array, want: Any, tolerance: float = 1e-3) -> None:
    np.testing.assert_allclose(np.array(got), want, tolerance, tolerance)


@at_every_level
def test_results_are_those_of_numpy() -> None:
    a, s = array(X), array(SYMMETRIC)
    close(linalg.inv(a), np.linalg.inv(X))
    close(linalg.cholesky(s), np.linalg.cholesky(SYMMETRIC))
    close(linalg.eigh(s).eigenvalues, np.linalg.eigvalsh(SYMMETRIC), 1e-2)
    close(linalg.svdvals(a), np.linalg.svdvals(X))
    close(linalg.det(a), np.linalg.det(X))
    close(linalg.slogdet(a).logabsdet, np.linalg.slogdet(X)[1])
    close(linalg.solve(a, array(B)), np.linalg.solve(X, B))
    close(linalg.solve_triangular(a, array(B)), np.linalg.solve(np.tril(X), B))
    close(linalg.solve_triangular(a, array(B), upper=True), np.linalg.solve(np.triu(X), B))
    q, r = linalg.qr(a)
    close(q @ r, X)
    u, values, vh = linalg.svd(array(X[..., :2]), full_matrices=False)
    close((u * ops.expand_dims(values, -2)) @ vh, X[..., :2])
    w, v = linalg.eig(a)
    close(ops.astype(a, mx.complex64) @ v, np.array(v) * np.array(w)[:, None])


@at_every_level
def test_what_lies_in_memory_another_way() -> None:
    turned, reversed_ = ops.transpose(array(X), [0, 2, 1]), array(X)[::-1, ::-1]
    close(linalg.inv(turned), np.linalg.inv(X.mT))
    close(linalg.inv(reversed_), np.linalg.inv(X[::-1, ::-1]))
    close(linalg.solve(turned, array(B)), np.linalg.solve(X.mT, B))
    q, r = linalg.qr(turned)
    close(q @ r, X.mT)
    _, lower, upper = linalg.lu(array(X[0]))
    assert np.array_equal(np.triu(np.array(upper)), np.array(upper))
    assert np.allclose(np.diag(np.array(lower)), 1)


@at_every_level
@pytest.mark.parametrize("matrix", [[[1.0, 2.0], [2.0, 1.0]], [[-1.0, 0.0], [0.0, 1.0]]])
def test_no_factor_of_what_is_not_positive_definite(matrix: Any) -> None:
    for upper in (False, True):
        with pytest.raises(ValueError, match="not positive definite"):
            transforms.eval([linalg.cholesky(array(matrix), upper)])
    # What was evaluated with it is none the worse.
    transforms.eval([linalg.cholesky(array(SYMMETRIC))])


@at_every_level
@pytest.mark.parametrize("shape", [(0, 0), (0, 3, 3), (2, 0, 0)])
def test_matrices_without_elements(shape: tuple[int, ...]) -> None:
    a = ops.zeros(list(shape))
    for function in (linalg.inv, linalg.cholesky, linalg.eigvalsh, linalg.det, linalg.eigvals):
        result = function(a)
        transforms.eval([result])
        assert tuple(result.shape) == getattr(np.linalg, function.__name__)(np.zeros(shape)).shape
    assert np.array_equal(np.array(linalg.det(a)), np.ones(shape[:-2]))
    for result in (*linalg.svd(a), *linalg.qr(a), *linalg.lu(a), linalg.solve(a, a)):
        transforms.eval([result])


@ours_only
def test_nothing_is_loaded_before_it_is_needed() -> None:
    code = """
import mlx_sys_py as mx
from mlx_sys_py import linalg, ops, transforms
def loaded():
    return "scipy_openblas64" in open("/proc/self/maps").read()
transforms.eval([ops.add(1, 2)])
assert not loaded()
transforms.eval([linalg.inv(ops.eye(3))])
assert loaded()
"""
    if sys.platform != "linux":
        pytest.skip("there is another LAPACK")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_is_printed_and_no_process_ends() -> None:
    """XERBLA, which LAPACK calls for arguments that it does not take, does both."""
    code = """
from mlx_sys_py import array, linalg, ops, transforms
nan, inf = float("nan"), float("inf")
for number in (nan, inf, 1e38, 0.0):
    for shape in ([1, 1], [3, 3], [2, 3], [3, 2], [0, 2], [2, 0]):
        a = ops.full(shape, array(number))
        for name in linalg.__all__:
            operands = [a, a] if name in ("solve", "solve_triangular", "lstsq") else [a]
            try:
                result = getattr(linalg, name)(*operands)
                transforms.eval(list(result) if isinstance(result, tuple) else [result])
            except (ValueError, TypeError, IndexError):
                pass
print("the end")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("the end\n", "", 0)
