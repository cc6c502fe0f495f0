"""Products of matrices and tensors against NumPy."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import FLOATS, TOLERANCE, assert_close, assert_equal, floats, integers, quick

LENGTHS = st.integers(1, 6)


@st.composite
def products(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Operands of a matrix product, vectors and broadcast leading axes among them."""
    shapes = draw(hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_side=5))
    a, b = (draw(floats(shape)) for shape in shapes.input_shapes)
    return a, b


@quick
@given(pair=products())
def test_matmul(pair: tuple[np.ndarray, np.ndarray]) -> None:
    a, b = pair
    want = a.astype(np.float64) @ b.astype(np.float64)
    assert_close(mx.matmul(mx.array(a), mx.array(b)), want, atol=1e-4)
    assert_close(mx.array(a) @ mx.array(b), want, atol=1e-4)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(1, 64, 48), (33, 65, 17), (64, 64, 64)])
@pytest.mark.parametrize("transposed", [False, True])
def test_matmul_of_real_size(dtype: str, shape: tuple[int, int, int], transposed: bool) -> None:
    m, k, n = shape
    rng = np.random.default_rng(m)
    kind = getattr(mx, dtype)
    a = mx.array(rng.normal(size=(m, k))).astype(kind)
    b = mx.array(rng.normal(size=(n, k) if transposed else (k, n))).astype(kind)
    b = b.T if transposed else b
    wide = [np.array(x.astype(mx.float32)).astype(np.float64) for x in (a, b)]
    got = mx.matmul(a, b)
    assert got.dtype == kind
    assert_close(got, wide[0] @ wide[1], rtol=TOLERANCE[dtype], atol=16 * TOLERANCE[dtype])


@quick
@given(pair=products(), alpha=st.floats(-2, 2, width=32), beta=st.floats(-2, 2, width=32))
def test_addmm(pair: tuple[np.ndarray, np.ndarray], alpha: float, beta: float) -> None:
    a, b = (x.astype(np.float64) for x in pair)
    c = np.float32(1.5)
    got = mx.addmm(mx.array(c), mx.array(pair[0]), mx.array(pair[1]), alpha, beta)
    assert_close(got, alpha * (a @ b) + beta * c, atol=1e-3)


@quick
@given(a=floats(hnp.array_shapes(max_dims=2)), b=floats(hnp.array_shapes(max_dims=2)))
def test_outer_and_kron(a: np.ndarray, b: np.ndarray) -> None:
    assert_close(mx.outer(mx.array(a), mx.array(b)), np.outer(a, b))
    assert_close(mx.kron(mx.array(a), mx.array(b)), np.kron(a, b))


@quick
@given(m=LENGTHS, n=LENGTHS, k=LENGTHS, data=st.data())
def test_inner_and_tensordot(m: int, n: int, k: int, data: st.DataObject) -> None:
    a, b = data.draw(floats((m, 2, k))), data.draw(floats((n, k)))
    assert_close(mx.inner(mx.array(a), mx.array(b)), np.inner(a, b), atol=1e-4)
    axes = ([2], [1])
    got = mx.tensordot(mx.array(a), mx.array(b), axes)
    assert_close(got, np.tensordot(a, b, axes), atol=1e-4)
    got = mx.tensordot(mx.array(a), mx.array(b.T), 1)
    assert_close(got, np.tensordot(a, b.T, 1), atol=1e-4)


@quick
@given(x=floats((2, 3, 4)), y=floats((2, 3, 4)), axis=st.integers(-3, 2))
def test_vecdot(x: np.ndarray, y: np.ndarray, axis: int) -> None:
    want = (x * y).sum(axis)
    assert_close(mx.vecdot(mx.array(x), mx.array(y), axis=axis), want, atol=1e-4)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("ij,jk,kl", [(2, 3), (3, 4), (4, 2)]),
        ("bij,bkj->bik", [(2, 3, 4), (2, 5, 4)]),
        ("ii->", [(3, 3)]),
        ("ij->ji", [(2, 3)]),
        ("i,j->ij", [(2,), (3,)]),
        ("ij->", [(2, 3)]),
    ],
)
def test_einsum(subscripts: str, shapes: list[tuple[int, ...]]) -> None:
    rng = np.random.default_rng(0)
    operands = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    want = np.einsum(subscripts, *operands)
    assert_close(mx.einsum(subscripts, *map(mx.array, operands)), want)


@quick
@given(a=floats((3, 2, 4)), b=floats((5, 4, 2)), data=st.data())
def test_gather_mm(a: np.ndarray, b: np.ndarray, data: st.DataObject) -> None:
    left = data.draw(integers((4,), 0, 2, "uint32"))
    right = data.draw(integers((4,), 0, 4, "uint32"))
    got = mx.gather_mm(mx.array(a), mx.array(b), mx.array(left), mx.array(right))
    assert_close(got, a[left] @ b[right], atol=1e-4)


@quick
@given(a=floats((3, 8)), b=floats((8, 2)), cut=st.integers(0, 8))
def test_segmented_mm(a: np.ndarray, b: np.ndarray, cut: int) -> None:
    segments = mx.array([[0, cut], [cut, 8]], mx.uint32)
    want = np.stack([a[:, :cut] @ b[:cut], a[:, cut:] @ b[cut:]])
    assert_close(mx.segmented_mm(mx.array(a), mx.array(b), segments), want, atol=1e-4)


def test_block_masked_mm() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 64, 64)).astype(np.float32)
    mask = np.array([[True, False], [False, True]])
    got = mx.block_masked_mm(mx.array(a), mx.array(b), 32, mx.array(mask))
    assert_close(got, (a @ b) * np.kron(mask, np.ones((32, 32))), atol=1e-4)


@pytest.mark.parametrize("length", [1, 2, 8, 12, 32, 40])
def test_hadamard_transform_keeps_lengths(length: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, length)).astype(np.float32)
    got = np.array(mx.hadamard_transform(mx.array(x)))
    np.testing.assert_allclose(np.linalg.norm(got, axis=1), np.linalg.norm(x, axis=1), rtol=1e-5)
    if length & (length - 1) == 0:
        matrix = np.ones((1, 1))
        while len(matrix) < length:
            matrix = np.kron(np.array([[1.0, 1.0], [1.0, -1.0]]), matrix)
        assert_close(mx.hadamard_transform(mx.array(x), scale=1.0), x @ matrix, atol=1e-4)


@pytest.mark.parametrize(
    "shapes", [((2, 3), (2, 3)), ((3,), (2,)), ((), (2,)), ((2, 2, 3), (3, 3, 1))]
)
def test_shapes_that_do_not_fit(shapes: Any) -> None:
    a, b = map(mx.zeros, shapes)
    with pytest.raises(ValueError):
        mx.matmul(a, b)


def test_other_wrong_arguments() -> None:
    x = mx.zeros((2, 3))
    with pytest.raises(ValueError):
        mx.inner(x, mx.zeros((2, 2)))
    with pytest.raises(ValueError):
        mx.tensordot(x, x, [[1], [1], [0]])
    with pytest.raises(ValueError):
        mx.einsum("ij,jk", x)
    with pytest.raises(ValueError):
        mx.block_masked_mm(mx.ones((14, 14)), mx.ones((14, 14)), 7, mx.ones((2, 2)))


def test_products_with_nothing() -> None:
    assert_equal(mx.matmul(mx.zeros((2, 0)), mx.zeros((0, 3))), np.zeros((2, 3)))


WHOLE = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


def random_integers(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Of all bits, so that sums wrap round."""
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", WHOLE)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (5, 3, 7), (4, 300, 33), (130, 17, 70), (65, 64, 1)])
def test_products_of_integers_are_exact(dtype: str, sizes: tuple[int, int, int]) -> None:
    m, k, n = sizes
    a, b = random_integers(dtype, (m, k)), random_integers(dtype, (k, n), 1)
    assert_equal(mx.array(a) @ mx.array(b), a @ b)
    # What lies in memory another way.
    assert_equal(mx.array(a.T.copy()).T @ mx.array(b.T.copy()).T, a @ b)
    assert_equal(mx.array(a)[::2] @ mx.array(b)[:, ::-1], a[::2] @ b[:, ::-1])


@quick
@given(
    shapes=hnp.mutually_broadcastable_shapes(signature=np.matmul.signature, max_side=4, min_side=0)
)
def test_integers_broadcast_and_vectors_lose_their_axis(
    shapes: hnp.BroadcastableShapes,
) -> None:
    a, b = (random_integers("int32", shape, seed) for seed, shape in enumerate(shapes.input_shapes))
    assert_equal(mx.array(a) @ mx.array(b), a @ b)


def test_types_of_integer_products() -> None:
    ones = {name: mx.ones((2, 2), dtype=getattr(mx, name)) for name in (*WHOLE, "bool_", "float32")}
    assert (ones["int8"] @ ones["uint8"]).dtype == mx.int16
    assert (ones["int8"] @ ones["float32"]).dtype == mx.float32
    truth = np.array([[True, False], [True, True]])
    assert_equal(mx.array(truth) @ mx.array(~truth), truth @ ~truth)
    many = mx.ones((1, 256), dtype=mx.bool_)
    assert (many @ many.T).tolist() == [[True]]
    with pytest.raises(ValueError):
        ones["int8"] @ mx.ones((3, 2), dtype=mx.int8)
    with pytest.raises(ValueError):
        mx.matmul(mx.array(2), ones["int8"])


def test_integer_products_in_transforms() -> None:
    a, b = random_integers("int32", (3, 4, 5)), random_integers("int32", (5, 2), 1)
    assert_equal(mx.vmap(mx.matmul, (0, None))(mx.array(a), mx.array(b)), a @ b)
    columns = mx.vmap(mx.matmul, (None, 1), 1)(mx.array(a[0]), mx.array(b))
    assert_equal(columns, a[0] @ b)
    assert_equal(mx.compile(mx.matmul)(mx.array(a), mx.array(b)), a @ b)
    indices = mx.array([[0, 1], [1, 0]])
    gradient = mx.grad(lambda x: (x * (indices @ indices).astype(mx.float32)).sum())(
        mx.ones((2, 2))
    )
    assert gradient.tolist() == [[1, 0], [0, 1]]


@quick
@given(data=st.data())
def test_other_products_of_integers(data: st.DataObject) -> None:
    a = data.draw(integers((2, 3, 4)))
    b = data.draw(integers((4, 3, 2)))
    x, y = mx.array(a), mx.array(b)
    several: list[Any] = [1, 0, [[2], [0]], [[1, 2], [1, 0]], [[-1, 0], [0, -1]]]
    for axes in several:
        assert_equal(mx.tensordot(x, y, axes), np.tensordot(a, b, axes))
    assert_equal(mx.inner(x, y.swapaxes(0, 2)), np.inner(a, b.swapaxes(0, 2)))
    assert_equal(mx.dot(x, y.swapaxes(0, 1)), np.dot(a, b.swapaxes(0, 1)))
    assert_equal(mx.vdot(x, y), np.vdot(a, b))
    assert_equal(mx.dot(x, mx.array(3)), a * 3)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        ("ij,jk->ik", [(2, 3), (3, 4)]),
        ("ij,jk", [(2, 3), (3, 4)]),
        ("bij,bjk->bik", [(2, 2, 3), (2, 3, 4)]),
        ("ii->i", [(3, 3)]),
        ("ii", [(3, 3)]),
        ("ij->ji", [(2, 3)]),
        ("ij->", [(2, 3)]),
        ("i,j->ij", [(2,), (3,)]),
        ("i,i,i->", [(3,), (3,), (3,)]),
        ("ij,jk,kl->li", [(2, 3), (3, 4), (4, 2)]),
        ("iij,jk->k", [(2, 2, 3), (3, 4)]),
        ("ij,ij->ij", [(2, 3), (2, 3)]),
        ("ij,kj->ik", [(2, 1), (4, 3)]),
        (" i j , j -> i ", [(2, 3), (3,)]),
    ],
)
def test_einsum_of_integers(subscripts: str, shapes: list[tuple[int, ...]]) -> None:
    operands = [random_integers("int32", shape, seed) for seed, shape in enumerate(shapes)]
    want = np.einsum(subscripts, *operands)
    assert_equal(mx.einsum(subscripts, *map(mx.array, operands)), want)


@pytest.mark.parametrize(
    ("subscripts", "message"),
    [
        ("ij,jk->iq", "'q', which no operand has"),
        ("ij,jk->ii", "'i' more than once"),
        ("ij->ij", "1 groups of letters for 2 operands"),
        ("ijk,jk->i", "operand 0 has 2 dimensions"),
        ("ij,j1->i", "'1', which is no letter"),
        ("ij,ik->jk", "'i' stands for axes of the lengths 2 and 3"),
    ],
)
@pytest.mark.parametrize("dtype", [mx.float32, mx.int32])
def test_wrong_subscripts(subscripts: str, message: str, dtype: mx.Dtype) -> None:
    with pytest.raises(ValueError, match=message):
        mx.einsum(subscripts, mx.ones((2, 3), dtype=dtype), mx.ones((3, 2), dtype=dtype))
    with pytest.raises(ValueError, match="'k', which no operand has"):
        mx.einsum("ij->ijk", mx.ones((2, 2), dtype=dtype))


def test_dot_as_in_numpy() -> None:
    rng = np.random.default_rng(0)
    for one, other in (
        ((3,), (3,)),
        ((2, 3), (3,)),
        ((2, 3), (3, 4)),
        ((2, 3), (5, 3, 4)),
        ((), (2,)),
    ):
        a, b = (rng.normal(size=shape).astype(np.float32) for shape in (one, other))
        assert_close(mx.dot(mx.array(a), mx.array(b)), np.dot(a, b), atol=1e-5)
    z = (rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))).astype(np.complex64)
    assert_close(mx.vdot(mx.array(z), mx.array(z.T)), np.array(np.vdot(z, z.T)), atol=1e-5)
    with pytest.raises(ValueError, match="lengths 3 and 2"):
        mx.dot(mx.ones((2, 3)), mx.ones((2, 3)))
    with pytest.raises(ValueError, match="6 and 2 elements"):
        mx.vdot(mx.ones((2, 3)), mx.ones(2))
