"""Products with matrices in blocks of GGUF's types that indices choose, as those of experts."""

from __future__ import annotations

from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, ops, transforms
from test_gguf_blocks import OWN, TYPES, expected, sensible, sizes

pytestmark = at_every_level

Floats = np.ndarray[Any, np.dtype[np.float32]]


def experts(name: str, count: int, rows: int, columns: int) -> tuple[array, Floats]:
    """Blocks of so many matrices, and their weights."""
    blocks = np.stack([sensible(name, rows, columns, seed) for seed in range(count)])
    weights = expected(name, blocks.reshape(count * rows, -1)).reshape(count, rows, -1)
    return array(blocks), weights


def assert_products(y: array, x: Floats, weights: Floats, tolerance: float) -> None:
    """The products of matrices of x with the weights that were chosen for each."""
    w = weights.astype(np.float64).swapaxes(-1, -2)
    want, size_of = x.astype(np.float64) @ w, np.abs(x) @ np.abs(w)
    assert y.shape == want.shape
    found = np.array(ops.astype(y, mx.float32))
    assert (np.abs(found - want) / size_of).max() < tolerance


@pytest.mark.parametrize("tokens", [1, 5, 60])
@pytest.mark.parametrize("name", TYPES + OWN)
def test_tokens_and_their_experts(name: str, tokens: int) -> None:
    """With one token two of five experts are used; with sixty each many times."""
    size, _ = sizes(name)
    columns = max(size, 32) * (3 if size < 256 else 1)
    blocks, weights = experts(name, 5, 37, columns)
    rng = np.random.default_rng(3)
    x = rng.standard_normal((tokens, 1, 1, columns)).astype(np.float32)
    chosen = rng.integers(0, 5, (tokens, 2)).astype(np.uint32)
    for dtype, tolerance in ((mx.float32, 4e-6), (mx.float16, 2e-3), (mx.bfloat16, 2e-2)):
        operand = ops.astype(array(x), dtype)
        y = ops.gather_blocks_matmul(operand, blocks, name, rhs_indices=array(chosen))
        assert y.dtype is dtype
        given = np.array(ops.astype(operand, mx.float32))
        assert_products(y, given, weights[chosen], tolerance)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 6), st.integers(1, 4), st.integers(1, 70), st.booleans(), st.integers(0, 2**32)
)
def test_any_indices(count: int, rows: int, outputs: int, is_sorted: bool, seed: int) -> None:
    """Of both sides, of any shape, sorted or not, with negative ones."""
    rng = np.random.default_rng(seed)
    blocks, weights = experts("Q4_K", count, outputs, 256)
    x = rng.standard_normal((3, 2, rows, 256)).astype(np.float32)
    shape = tuple(rng.integers(1, 5, rng.integers(0, 3)))
    left = rng.integers(-6, 6, shape)
    right = rng.integers(-count, count, (*shape[:-1], 1)[-len(shape) :] if shape else ())
    if is_sorted:
        right = np.sort(right, axis=None).reshape(right.shape)
    y = ops.gather_blocks_matmul(array(x), blocks, "Q4_K", array(left), array(right))
    flat = x.reshape(6, rows, 256)
    left, right = np.broadcast_arrays(left, right)
    assert_products(y, flat[left], weights[right], 4e-6)


def test_operands_of_any_layout() -> None:
    blocks, weights = experts("Q5_0", 4, 8, 64)
    x = np.random.default_rng(4).standard_normal((64, 3, 2)).astype(np.float32).transpose(2, 1, 0)
    chosen = np.array([[3, 0], [1, 1]], np.uint32).T
    y = ops.gather_blocks_matmul(array(x), blocks[::-1], "Q5_0", None, array(chosen))
    assert_products(y, x, weights[::-1][chosen], 4e-6)


@pytest.mark.parametrize("tokens", [1, 9])
def test_gradients_by_x(tokens: int) -> None:
    """With fewer tokens than experts, and with more."""
    blocks, weights = experts("Q6_K", 4, 5, 256)
    rng = np.random.default_rng(5)
    x = rng.standard_normal((tokens, 1, 1, 256)).astype(np.float32)
    chosen = rng.integers(0, 4, (tokens, 3))
    y = rng.standard_normal((tokens, 3, 1, 5)).astype(np.float32)

    def product(some: array) -> array:
        return ops.gather_blocks_matmul(some, blocks, "Q6_K", rhs_indices=array(chosen))

    (gradient,) = transforms.vjp(lambda some: [product(*some)], [array(x)], [array(y)])[1]
    want = (y @ weights[chosen]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.array(gradient), want, rtol=1e-4, atol=1e-3)


def test_experts_that_nothing_chose_are_not_read() -> None:
    blocks, weights = experts("Q4_K", 3, 4, 256)
    x = np.ones((1, 256), np.float32)
    broken = ops.concatenate([blocks[:2], ops.full((1, 4, 144), 0xFF, mx.uint8)])
    y = ops.gather_blocks_matmul(array(x), broken, "Q4_K", rhs_indices=array([1, 0]))
    assert_products(y, x, weights[[1, 0]], 4e-6)


@ours_only
@pytest.mark.parametrize("index", [3, -4, 2**40])
def test_indices_out_of_range(index: int) -> None:
    blocks, _ = experts("Q8_0", 3, 4, 64)
    y = ops.gather_blocks_matmul(
        ops.ones((1, 64)), blocks, "Q8_0", rhs_indices=array(np.array([0, index]))
    )
    with pytest.raises(IndexError, match=rf"gather_blocks_matmul\] index {index} is out of range"):
        mx.transforms.eval(y)
    left = array(np.array([index]))
    y = ops.gather_blocks_matmul(ops.ones((3, 1, 64)), blocks, "Q8_0", left, array([0]))
    with pytest.raises(IndexError, match=f"index {index} is out of range for a batch of size 3"):
        mx.transforms.eval(y)


def test_nothing_is_chosen() -> None:
    blocks, _ = experts("Q8_0", 3, 4, 64)
    none = array(np.zeros((2, 0), np.uint32))
    y = ops.gather_blocks_matmul(ops.ones((2, 1, 1, 64)), blocks, "Q8_0", rhs_indices=none)
    assert y.shape == (2, 0, 1, 4)
    assert np.array(y).size == 0


def test_shapes_that_do_not_fit() -> None:
    blocks, _ = experts("Q8_0", 3, 4, 64)
    with pytest.raises(ValueError, match=r"x of shape \(1,32\) must have rows of 64 numbers"):
        ops.gather_blocks_matmul(ops.ones((1, 32)), blocks, "Q8_0")
    with pytest.raises(ValueError, match="lhs_indices must be integers"):
        ops.gather_blocks_matmul(ops.ones((1, 64)), blocks, "Q8_0", ops.ones((1,)))
    with pytest.raises(ValueError, match="lhs_indices and rhs_indices"):
        ops.gather_blocks_matmul(ops.ones((1, 64)), blocks, "Q8_0", array([0, 0]), array([0, 1, 2]))
