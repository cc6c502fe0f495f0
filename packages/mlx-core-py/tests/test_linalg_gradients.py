"""Gradients of linear algebra against finite differences, in double precision on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest

Function = Callable[[mx.array], Any]
SHAPES = {
    "square": (3, 3),
    "batch": (2, 3, 3),
    "tall": (4, 3),
    "wide": (3, 4),
    "tall batch": (2, 4, 2),
}


@pytest.fixture(autouse=True)
def on_the_cpu() -> Any:
    """The only device with double precision, and with factorisations."""
    before = mx.default_device()
    mx.set_default_device(mx.cpu)
    yield
    mx.set_default_device(before)


def values(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def regular(shape: tuple[int, ...]) -> np.ndarray:
    result: np.ndarray = values(shape) + 3 * np.eye(shape[-2], shape[-1])
    return result


def positive(shape: tuple[int, ...]) -> np.ndarray:
    x = regular(shape)
    result: np.ndarray = x @ x.mT
    return result


def double(x: np.ndarray) -> mx.array:
    return mx.array(x, dtype=mx.float64)


def weighted(result: Any) -> mx.array:
    """One number that depends on all elements of all results."""
    parts = [result] if isinstance(result, mx.array) else list(result)
    total = mx.array(0.0, dtype=mx.float64)
    for number, part in enumerate(parts):
        if part.dtype == mx.float64:
            total = total + (part * double(values(part.shape, number + 1))).sum()
    return total


def difference(function: Function, x: np.ndarray, change: np.ndarray, step: float = 1e-5) -> float:
    """The derivative of `function` along a change of its input."""
    ends = [function(double(x + sign * step * change)).item() for sign in (1, -1)]
    slope: float = (ends[0] - ends[1]) / (2 * step)
    return slope


def check(function: Function, x: np.ndarray, symmetric: bool = False) -> None:
    """First and second derivatives, forwards and backwards, of the weighted results."""

    def scalar(a: mx.array) -> mx.array:
        return weighted(function(a))

    change = values(x.shape, 7)
    other = values(x.shape, 8)
    if symmetric:
        change, other = change + change.mT, other + other.mT
    want = difference(scalar, x, change)
    gradient = mx.grad(scalar)
    np.testing.assert_allclose(
        (gradient(double(x)) * double(change)).sum().item(), want, 1e-5, 1e-7
    )
    (_,), (forward,) = mx.jvp(scalar, [double(x)], [double(change)])
    np.testing.assert_allclose(forward.item(), want, 1e-5, 1e-7)

    def along(a: mx.array) -> mx.array:
        total: mx.array = (gradient(a) * double(change)).sum()
        return total

    second = difference(along, x, other, 1e-4)
    got = (mx.grad(along)(double(x)) * double(other)).sum().item()
    np.testing.assert_allclose(got, second, 1e-4, 1e-5)
    np.testing.assert_allclose(
        mx.compile(gradient)(double(x)).tolist(), gradient(double(x)).tolist()
    )


SQUARE: dict[str, Function] = {
    "inv": mx.linalg.inv,
    "tri_inv": mx.linalg.tri_inv,
    "tri_inv upper": lambda a: mx.linalg.tri_inv(a, True),
    "det": mx.linalg.det,
    "slogdet": mx.linalg.slogdet,
    "solve": lambda a: mx.linalg.solve(a, double(values((*a.shape[:-1], 2), 3))),
    "solve of a vector": lambda a: mx.linalg.solve(a, double(values((3,), 3))),
    "solve_triangular": lambda a: mx.linalg.solve_triangular(a, double(values((3, 2), 3))),
    "solve_triangular upper": lambda a: mx.linalg.solve_triangular(
        a, double(values((3, 2), 3)), upper=True
    ),
    "matrix_power": lambda a: mx.linalg.matrix_power(a, 3),
    "matrix_power of the inverse": lambda a: mx.linalg.matrix_power(a, -2),
    "cond": mx.linalg.cond,
    "cond 1": lambda a: mx.linalg.cond(a, 1),
}


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3)])
@pytest.mark.parametrize("name", SQUARE)
def test_functions_of_square_matrices(name: str, shape: tuple[int, ...]) -> None:
    check(SQUARE[name], regular(shape))


@pytest.mark.parametrize("shape", [(3, 3), (2, 3, 3)])
@pytest.mark.parametrize(
    "function",
    [
        mx.linalg.cholesky,
        lambda a: mx.linalg.cholesky(a, upper=True),
        mx.linalg.eigvalsh,
        lambda a: mx.linalg.eigh(a)[0],
        lambda a: mx.linalg.eigh(a, "U")[1] ** 2,
    ],
)
def test_functions_of_symmetric_matrices(function: Function, shape: tuple[int, ...]) -> None:
    check(function, positive(shape), symmetric=True)


def low_rank(a: mx.array) -> mx.array:
    return mx.linalg.pinv(a[..., :1] @ a[..., :1, :], rtol=1e-8)


RECTANGULAR: dict[str, Function] = {
    "qr": mx.linalg.qr,
    "svdvals": mx.linalg.svdvals,
    "singular values of svd": lambda a: mx.linalg.svd(a)[1],
    # Signs of vectors are not determined, products of two are.
    "svd": lambda a: [part**2 for part in mx.linalg.svd(a, full_matrices=False)],
    "projection by all vectors": lambda a: (
        mx.linalg.svd(a)[0][..., :1] * mx.linalg.svd(a)[2][..., :1, :]
    ),
    "pinv": mx.linalg.pinv,
    "pinv of rank one": low_rank,
    "lu": lambda a: mx.linalg.lu(a)[1:],
    "lu_factor": lambda a: mx.linalg.lu_factor(a)[0],
    "lstsq": lambda a: (
        mx.linalg.lstsq(a, double(values((a.shape[0], 2), 3))).x if a.ndim == 2 else a
    ),
    "norm": lambda a: mx.linalg.norm(a, axis=(-2, -1)),
    "nuclear norm": lambda a: mx.linalg.matrix_norm(a, ord="nuc"),
    "spectral norm": lambda a: mx.linalg.matrix_norm(a, ord=2),
    "norm 1": lambda a: mx.linalg.matrix_norm(a, ord=1),
    "vector norm 3": lambda a: mx.linalg.vector_norm(a, ord=3, axis=-1),
    "vector norm inf": lambda a: mx.linalg.vector_norm(a, ord=np.inf, axis=(-2, -1)),
    "multi_dot": lambda a: (
        mx.linalg.multi_dot([a, double(values((a.shape[-1], 2), 4))]) if a.ndim == 2 else a
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", RECTANGULAR)
def test_functions_of_all_matrices(name: str, shape: str) -> None:
    check(RECTANGULAR[name], values(SHAPES[shape]))


@pytest.mark.parametrize("name", ["solve", "solve_triangular"])
def test_right_sides(name: str) -> None:
    a = double(regular((3, 3)))
    for shape in ((3,), (3, 2), (2, 3, 2)):
        check(lambda b: getattr(mx.linalg, name)(a, b), values(shape))


def test_a_determinant_of_zero_has_a_gradient() -> None:
    """The cofactors: there is no inverse."""
    x = values((4, 3)) @ values((3, 4), 1)
    gradient = mx.grad(lambda a: mx.linalg.det(a))(double(x))
    want = [
        [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(x, i, 0), j, 1)) for j in range(4)]
        for i in range(4)
    ]
    np.testing.assert_allclose(gradient.tolist(), want, 1e-8, 1e-8)
    assert mx.grad(lambda a: mx.linalg.det(a))(mx.zeros((1, 1))).tolist() == [[1]]


def test_norms_have_a_gradient_at_zero() -> None:
    for order in (None, 1, 2, 3, np.inf, 1.5):
        gradient = mx.grad(lambda a, order=order: mx.linalg.norm(a, order))(mx.zeros(3))
        assert gradient.tolist() == [0, 0, 0], order


def test_equal_values() -> None:
    """What depends on them alone has a gradient; that of their vectors is not determined."""
    x, change = double(2 * np.eye(3)), double(values((3, 3)))
    for function in (
        lambda a: mx.linalg.eigh(a)[0],
        mx.linalg.eigvalsh,
        lambda a: mx.linalg.svd(a)[1],
        mx.linalg.svdvals,
    ):
        gradient = mx.grad(lambda a, f=function: f(a).sum())(x)
        np.testing.assert_allclose(gradient.tolist(), np.eye(3).tolist(), atol=1e-12)
        assert np.isfinite(mx.jvp(function, [x], [change])[1][0].tolist()).all()

    def by_eigenvalues(a: mx.array) -> mx.array:
        w, v = mx.linalg.eigh(a)
        return (v / w) @ v.T

    def by_singular_values(a: mx.array) -> mx.array:
        u, s, vh = mx.linalg.svd(a)
        return (vh.T / s) @ u.T

    for function in (by_eigenvalues, by_singular_values):
        check(function, positive((3, 3)), symmetric=True)
        gradient = mx.grad(lambda a, f=function: (f(a) * change).sum())(x)
        assert np.isnan(gradient.tolist()).any()
        assert np.isnan(mx.jvp(function, [x], [change])[1][0].tolist()).any()


def test_hermitian_matrices() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
    x, change = x + x.conj().T, np.array([[1, 2j, 0], [-2j, 0, 1], [0, 1, 3]])

    def lowest(a: mx.array) -> mx.array:
        return mx.linalg.eigvalsh(a)[0]

    gradient = np.array(mx.grad(lowest)(mx.array(x.astype(np.complex64))).tolist())
    step = 1e-4
    want = (np.linalg.eigvalsh(x + step * change)[0] - np.linalg.eigvalsh(x - step * change)[0]) / (
        2 * step
    )
    np.testing.assert_allclose(np.sum(gradient.conj() * change).real, want, 1e-3)


@pytest.mark.parametrize("name", [*SQUARE, "qr", "svdvals", "lu_factor", "pinv"])
def test_gradients_are_mapped(name: str) -> None:
    x = regular((4, 3, 3))
    function = {**SQUARE, **RECTANGULAR}[name]
    gradient = mx.grad(lambda a: weighted(function(a)))
    want = [gradient(double(row)).tolist() for row in x]
    np.testing.assert_allclose(mx.vmap(gradient)(double(x)).tolist(), want, 1e-9, 1e-9)


def test_against_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = regular((2, 4, 4))
    for name in ("inv", "det", "qr", "svdvals", "pinv", "slogdet"):
        tensor = torch.tensor(x, requires_grad=True)
        result = getattr(torch.linalg, name)(tensor)
        parts = [result] if isinstance(result, torch.Tensor) else list(result)
        sum(
            (part * torch.tensor(values(tuple(part.shape), number + 1))).sum()
            for number, part in enumerate(parts)
        ).backward()
        got = mx.grad(lambda a, name=name: weighted(getattr(mx.linalg, name)(a)))(double(x))
        np.testing.assert_allclose(got.tolist(), tensor.grad.numpy(), 1e-8, 1e-8, err_msg=name)
