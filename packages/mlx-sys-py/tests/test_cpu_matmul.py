"""Products of matrices against NumPy in double precision, at each level the machine can run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import (
    array,
    bfloat16,
    complex64,
    float16,
    float32,
    float64,
    ops,
    transforms,
    uint16,
)
from numpy.typing import NDArray

pytestmark = at_every_level

Values = NDArray[Any]

# What rounding a result costs, and each addition to a sum, relative to the sum of the magnitudes.
TOLERANCES = {
    float32: (2.0**-24, 2.0**-24),
    float16: (2.0**-11, 2.0**-24),
    bfloat16: (2.0**-8, 2.0**-24),
    float64: (2.0**-53, 2.0**-53),
    complex64: (2.0**-23, 2.0**-22),
}
SMALLEST = {float16: 2.0**-24}

dtypes = st.sampled_from(list(TOLERANCES))
layouts = st.sampled_from(
    ["plain", "transposed", "strided", "reversed", "offset", "row", "column", "permuted"]
)
sizes = st.sampled_from([1, 2, 3, 7, 8, 9, 16, 31, 33, 64, 65, 130, 400])
seeds = st.integers(0, 2**32 - 1)


def numpy(a: array) -> Values:
    """The values of `a` in double precision."""
    wide = complex64 if a.dtype == complex64 else float64
    wide_numpy = np.complex128 if a.dtype == complex64 else np.float64
    return np.array(ops.astype(a, wide)).astype(wide_numpy)


def random(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Values:
    values: Values = rng.normal(size=shape)
    return values + 1j * rng.normal(size=shape) if dtype == complex64 else values


def laid_out(values: Values, layout: str, dtype: Any) -> array:
    """Values of the shape of `values`, in memory as `layout` says."""

    def make(source: Values) -> array:
        source = source.astype(np.complex64 if np.iscomplexobj(source) else np.float64)
        made = ops.astype(array(source), dtype)
        transforms.eval([made])
        return made

    match layout:
        case "transposed":
            return ops.swapaxes(make(values.swapaxes(-1, -2)), -1, -2)
        case "strided":
            return make(np.repeat(values, 2, -1))[..., ::2]
        case "reversed":
            return make(values[..., ::-1, ::-1])[..., ::-1, ::-1]
        case "offset":
            margins = [(0, 0)] * (values.ndim - 2) + [(1, 2), (3, 1)]
            return make(np.pad(values, margins))[..., 1:-2, 3:-1]
        case "row":
            return ops.broadcast_to(make(values[..., :1, :]), values.shape)
        case "column":
            return ops.broadcast_to(make(values[..., :1]), values.shape)
        case "permuted":
            axes = tuple(reversed(range(values.ndim)))
            return ops.transpose(make(values.transpose(axes)), axes)
    return make(values)


def check(result: array, expected: Values, magnitude: Values, dtype: Any, terms: int) -> None:
    assert result.dtype == dtype
    assert result.shape == expected.shape
    error = np.abs(numpy(result) - expected)
    rounding, addition = TOLERANCES[dtype]
    limit = (rounding + (terms + 3) * addition) * magnitude + SMALLEST.get(dtype, 0.0) + 1e-30
    np.testing.assert_array_less(error, limit)


@ours_only
@settings(max_examples=250, deadline=None)
@given(
    seed=seeds,
    m=sizes,
    n=sizes,
    k=sizes,
    batches=st.sampled_from(
        [((), ()), ((3,), (3,)), ((2, 3), (2, 1)), ((1, 2), (4, 1)), ((2, 2), ())]
    ),
    dtype=dtypes,
    layout_a=layouts,
    layout_b=layouts,
    layout_c=layouts,
    alpha=st.sampled_from([1.0, 0.5, -2.0]),
    beta=st.sampled_from([1.0, 2.0, 0.25]),
    whole=st.booleans(),
)
def test_product(
    seed: int,
    m: int,
    n: int,
    k: int,
    batches: tuple[tuple[int, ...], tuple[int, ...]],
    dtype: Any,
    layout_a: str,
    layout_b: str,
    layout_c: str,
    alpha: float,
    beta: float,
    whole: bool,
) -> None:
    rng = np.random.default_rng(seed)
    a = laid_out(random(rng, (*batches[0], m, k), dtype), layout_a, dtype)
    b = laid_out(random(rng, (*batches[1], k, n), dtype), layout_b, dtype)
    left, right = numpy(a), numpy(b)
    product, magnitude = left @ right, np.abs(left) @ np.abs(right)
    check(ops.matmul(a, b), product, magnitude, dtype, k)
    result = ops.matmul(a, b)
    turned = ops.swapaxes(result, -1, -2)
    transforms.eval([turned])
    check(turned, product.swapaxes(-1, -2), magnitude.swapaxes(-1, -2), dtype, k)
    check(result, product, magnitude, dtype, k)
    c = laid_out(random(rng, product.shape if whole else (m, n), dtype), layout_c, dtype)
    third = numpy(c)
    check(
        ops.addmm(c, a, b, alpha, beta),
        alpha * product + beta * third,
        abs(alpha) * magnitude + abs(beta * third),
        dtype,
        k,
    )


@ours_only
@pytest.mark.parametrize("dtype", list(TOLERANCES))
@pytest.mark.parametrize(
    "shape", [(300, 70, 500), (1, 900, 700), (900, 700, 1), (40, 9, 1100), (3, 1500, 2000)]
)
def test_product_in_threads(shape: tuple[int, int, int], dtype: Any) -> None:
    m, k, n = shape
    rng = np.random.default_rng(5)
    a, b = random(rng, (m, k), dtype), random(rng, (k, n), dtype)
    for layout in ("plain", "transposed"):
        x, y = laid_out(a, layout, dtype), laid_out(b, layout, dtype)
        left, right = numpy(x), numpy(y)
        result = ops.matmul(x, y)
        check(result, left @ right, np.abs(left) @ np.abs(right), dtype, k)
        np.testing.assert_array_equal(numpy(ops.matmul(x, y)), numpy(result))


@ours_only
@pytest.mark.parametrize("dtype", list(TOLERANCES))
@pytest.mark.parametrize("shape", [(5, 7), (1, 7), (5, 1), (3, 5, 7), (2, 3, 5, 7)])
def test_product_that_is_read_transposed_lies_in_order(shape: tuple[int, ...], dtype: Any) -> None:
    a = laid_out(np.ones((*shape[:-1], 4)), "plain", dtype)
    b = laid_out(np.ones((*shape[:-2], 4, shape[-1])), "plain", dtype)
    turned = ops.swapaxes(ops.matmul(a, b), -1, -2)
    if dtype == bfloat16:
        turned = ops.view(turned, uint16)
    assert memoryview(turned).c_contiguous


@ours_only
@settings(max_examples=80, deadline=None)
@given(
    seed=seeds,
    m=st.sampled_from([1, 2, 9, 40]),
    n=st.sampled_from([1, 5, 33, 130]),
    k=st.sampled_from([1, 6, 64]),
    count=st.integers(1, 12),
    ordered=st.booleans(),
    dtype=st.sampled_from([float32, float16, bfloat16, float64]),
    layout=layouts,
)
def test_gathered_product(
    seed: int, m: int, n: int, k: int, count: int, ordered: bool, dtype: Any, layout: str
) -> None:
    rng = np.random.default_rng(seed)
    a = laid_out(random(rng, (5, m, k), dtype), layout, dtype)
    b = laid_out(random(rng, (3, k, n), dtype), layout, dtype)
    left, right = rng.integers(0, 5, count), rng.integers(0, 3, count)
    if ordered:
        # As a mixture of experts has them: one row after the other, sorted by expert.
        left, right = np.arange(count) % 5, np.sort(right)
    chosen, factors = numpy(a)[left], numpy(b)[right]
    y = ops.gather_mm(
        a, b, array(left.astype(np.uint32)), array(right.astype(np.uint32)), sorted_indices=ordered
    )
    check(y, chosen @ factors, np.abs(chosen) @ np.abs(factors), dtype, k)


@ours_only
def test_gathered_product_in_threads() -> None:
    rng = np.random.default_rng(2)
    a = laid_out(random(rng, (600, 1, 64), float32), "plain", float32)
    b = laid_out(random(rng, (4, 64, 200), float32), "transposed", float32)
    experts = np.sort(rng.integers(0, 4, 600))
    factors = numpy(b)[experts]
    y = ops.gather_mm(a, b, rhs_indices=array(experts.astype(np.uint32)), sorted_indices=True)
    check(y, numpy(a) @ factors, np.abs(numpy(a)) @ np.abs(factors), float32, 64)


@ours_only
@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    m=sizes,
    n=sizes,
    k=st.integers(0, 70),
    count=st.integers(1, 5),
    dtype=st.sampled_from([float32, float16, bfloat16, float64]),
    layout=layouts,
)
def test_segmented_product(
    seed: int, m: int, n: int, k: int, count: int, dtype: Any, layout: str
) -> None:
    rng = np.random.default_rng(seed)
    a = laid_out(random(rng, (m, k + 1), dtype), layout, dtype)
    b = laid_out(random(rng, (k + 1, n), dtype), layout, dtype)
    segments = rng.integers(0, k + 2, (count, 2))
    left, right = numpy(a), numpy(b)
    parts = [slice(begin, max(begin, end)) for begin, end in segments]
    check(
        ops.segmented_mm(a, b, array(segments.astype(np.uint32))),
        np.stack([left[:, part] @ right[part] for part in parts]),
        np.stack([np.abs(left[:, part]) @ np.abs(right[part]) for part in parts]),
        dtype,
        k,
    )


@pytest.mark.parametrize("dtype", [float32, float16, bfloat16, float64])
@pytest.mark.parametrize("m", [1, 5, 20])
@pytest.mark.parametrize("transposed", [False, True])
def test_what_is_not_finite_stays_in_its_row(dtype: Any, m: int, transposed: bool) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(1, 3, (m, 37)).astype(float), rng.integers(1, 3, (37, 41)).astype(float)
    a[0, 36], b[5, 40] = np.inf, np.nan
    layout = "transposed" if transposed else "plain"
    y = ops.matmul(laid_out(a, layout, dtype), laid_out(b, layout, dtype))
    np.testing.assert_array_equal(numpy(y), a @ b)


def test_factors_of_zero_hide_what_they_multiply() -> None:
    nan, ones = ops.full((9, 9), float("nan")), ops.ones((9, 9))
    for dtype in (float32, float16, float64):
        x, y = ops.astype(nan, dtype), ops.astype(ones, dtype)
        np.testing.assert_array_equal(numpy(ops.addmm(x, y, y, 1.0, 0.0)), np.full((9, 9), 9.0))


@pytest.mark.parametrize("dtype", list(TOLERANCES))
def test_product_of_nothing(dtype: Any) -> None:
    zeros = ops.zeros
    assert numpy(ops.matmul(zeros((2, 0, 3), dtype), zeros((3, 4), dtype))).shape == (2, 0, 4)
    y = ops.matmul(zeros((2, 0), dtype), zeros((0, 4), dtype))
    np.testing.assert_array_equal(numpy(y), np.zeros((2, 4)))
    y = ops.addmm(ops.full((2, 4), 3.0, dtype), zeros((2, 0), dtype), zeros((0, 4), dtype), 1, 2.0)
    np.testing.assert_array_equal(numpy(y), np.full((2, 4), 6.0))
