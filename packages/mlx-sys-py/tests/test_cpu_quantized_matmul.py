"""Products with packed weights against NumPy in double precision, at each level of the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, bfloat16, float16, float32, ops, transforms
from numpy.typing import NDArray
from packed_weights import AFFINE, FLOAT_FORMATS, FORMATS, FP4, Format, e4m3, random_weights

pytestmark = at_every_level

Values = NDArray[Any]

# One rounding of the result, and of each weight, relative to the sum of the magnitudes.
TOLERANCES = {float32: 2e-6, float16: 2.0**-10, bfloat16: 2.0**-7}

# Those that a product of few rows reads packed.
PACKED = [form for form in FORMATS if form.mode == "affine" and form.bits in (4, 8)]

formats = st.sampled_from(FORMATS)
floats = st.sampled_from(list(TOLERANCES))
layouts = st.sampled_from(["plain", "transposed", "strided", "broadcast"])
seeds = st.integers(0, 2**32 - 1)


def evaluated(a: array) -> array:
    transforms.eval([a])
    return a


def numpy(a: array) -> Values:
    return np.array(evaluated(ops.astype(a, float32))).astype(np.float64)


def laid_out(values: Values, layout: str) -> array:
    """The values in memory as `layout` says; "broadcast" repeats the first of the first axis."""
    if layout == "transposed":
        return ops.swapaxes(array(np.ascontiguousarray(values.swapaxes(-1, -2))), -1, -2)
    if layout == "strided":
        return array(np.repeat(values, 2, -1))[..., ::2]
    if layout == "broadcast":
        return ops.broadcast_to(array(values[:1]), values.shape)
    return array(values)


class Weights:
    """Packed weights as arrays."""

    def __init__(
        self,
        rng: np.random.Generator,
        shape: tuple[int, ...],
        form: Format,
        dtype: Any = float32,
        layout: str = "plain",
    ) -> None:
        packed = random_weights(rng, shape, form)
        self.form = form
        self.words = laid_out(packed.words, layout)
        self.scales = laid_out(packed.scales, layout)
        self.biases = None
        if packed.biases is not None:
            self.scales = ops.astype(self.scales, dtype)
            self.biases = ops.astype(laid_out(packed.biases, layout), dtype)
        self.values = packed.values
        if layout == "broadcast":
            self.values = np.broadcast_to(packed.values[:1], shape)

    def product(self, x: array, *, transpose: bool = True) -> array:
        return ops.quantized_matmul(
            x, self.words, self.scales, self.biases, transpose, **self.form.arguments
        )

    def gather(
        self, x: array, left: Any, right: Any, *, transpose: bool = True, **rest: Any
    ) -> array:
        return ops.gather_qmm(
            x,
            self.words,
            self.scales,
            self.biases,
            None if left is None else array(np.asarray(left, np.uint32)),
            None if right is None else array(np.asarray(right, np.uint32)),
            transpose,
            **self.form.arguments,
            **rest,
        )


def check(result: array, x: Values, w: Values, dtype: Any) -> None:
    """`result` is x @ w."""
    expected, magnitude = x @ w, np.abs(x) @ np.abs(w)
    assert result.shape == expected.shape
    error = np.abs(numpy(result) - expected)
    np.testing.assert_array_less(error, TOLERANCES[dtype] * magnitude + 1e-6)


@ours_only
@settings(max_examples=100, deadline=None)
@given(
    seed=seeds,
    form=formats,
    groups=st.integers(1, 5),
    n=st.integers(1, 70),
    m=st.sampled_from([1, 2, 3, 7, 9, 20, 130]),
    dtype=floats,
    layout=layouts,
    weights_layout=layouts,
)
def test_product(
    seed: int,
    form: Format,
    groups: int,
    n: int,
    m: int,
    dtype: Any,
    layout: str,
    weights_layout: str,
) -> None:
    rng = np.random.default_rng(seed)
    k = groups * form.group_size
    weights = Weights(rng, (n, k), form, dtype, weights_layout)
    for transpose, shape in ((True, (m, k)), (False, (m, n))):
        x = ops.astype(laid_out(rng.normal(size=shape).astype(np.float32), layout), dtype)
        values = weights.values.T if transpose else weights.values
        result = weights.product(x, transpose=transpose)
        assert result.dtype == dtype
        check(result, numpy(x), values, dtype)


@ours_only
@settings(max_examples=40, deadline=None)
@given(
    seed=seeds,
    form=formats,
    m=st.integers(1, 5),
    batches=st.sampled_from([((3,), (3,)), ((2, 3), (2, 3)), ((4, 1), (2,)), ((1, 3), (1,))]),
    dtype=floats,
    layout=layouts,
    transpose=st.booleans(),
)
def test_batches_of_weights(
    seed: int,
    form: Format,
    m: int,
    batches: tuple[tuple[int, ...], tuple[int, ...]],
    dtype: Any,
    layout: str,
    transpose: bool,
) -> None:
    rng = np.random.default_rng(seed)
    n, k = 40, form.group_size * 2
    weights = Weights(rng, (*batches[1], n, k), form, dtype, layout)
    x = ops.astype(array(rng.normal(size=(*batches[0], m, k if transpose else n))), dtype)
    values = weights.values.swapaxes(-1, -2) if transpose else weights.values
    check(weights.product(x, transpose=transpose), numpy(x), values, dtype)


@ours_only
@settings(max_examples=40, deadline=None)
@given(
    seed=seeds,
    form=formats,
    m=st.integers(1, 4),
    count=st.integers(1, 9),
    dtype=floats,
    transpose=st.booleans(),
    is_sorted=st.booleans(),
)
def test_gathered_weights(
    seed: int, form: Format, m: int, count: int, dtype: Any, transpose: bool, is_sorted: bool
) -> None:
    rng = np.random.default_rng(seed)
    n, k = 33, form.group_size * 2
    weights = Weights(rng, (2, 3, n, k), form, dtype)
    x = ops.astype(array(rng.normal(size=(4, m, k if transpose else n))), dtype)
    left, right = rng.integers(0, 4, count), rng.integers(0, 6, count)
    if is_sorted:
        right.sort()
    result = weights.gather(x, left, right, transpose=transpose, sorted_indices=is_sorted)
    flat = weights.values.reshape(6, n, k)
    values = flat.swapaxes(-1, -2) if transpose else flat
    check(result, numpy(x)[left], values[right], dtype)
    result = weights.gather(x, None, np.full(4, right[0]), transpose=transpose)
    check(result, numpy(x), values[right[0]], dtype)


@ours_only
@pytest.mark.parametrize("form", FORMATS, ids=str)
@pytest.mark.parametrize("m", [1, 5, 200])
def test_threads_give_the_same(form: Format, m: int) -> None:
    rng = np.random.default_rng(0)
    weights = Weights(rng, (300, 512), form)
    for transpose in (True, False):
        x = array(rng.normal(size=(m, 512 if transpose else 300)).astype(np.float32))
        result = weights.product(x, transpose=transpose)
        check(result, numpy(x), weights.values.T if transpose else weights.values, float32)
        again = numpy(weights.product(x, transpose=transpose))
        np.testing.assert_array_equal(numpy(result), again)


@ours_only
@pytest.mark.parametrize("evaluate", [transforms.eval, transforms.async_eval])
@pytest.mark.parametrize("m", [1, 8, 40])
def test_products_of_the_same_rows(m: int, evaluate: Any) -> None:
    rng = np.random.default_rng(m)
    values = rng.integers(-64, 64, (m, 256)) / 64
    first, second = (
        Weights(rng, (n, 256), Format("affine", 4, group), float16)
        for n, group in ((40, 32), (70, 64))
    )
    x = ops.astype(array(values), float16)
    # Takes the memory of x, when the products have read it.
    negative = ops.negative(x)
    results = [w.product(x) for w in (first, second, first)]
    results += [w.product(negative) for w in (second, first)]
    del x, negative
    evaluate(results)
    for result, w in zip(results[:3], (first, second, first), strict=True):
        check(result, values, w.values.T, float16)
    for result, w in zip(results[3:], (second, first), strict=True):
        check(result, -values, w.values.T, float16)


@pytest.mark.parametrize("form", FORMATS, ids=str)
def test_gradient(form: Format) -> None:
    rng = np.random.default_rng(1)
    weights = Weights(rng, (48, 128), form)
    x = array(rng.normal(size=(3, 128)).astype(np.float32))

    def loss(inputs: list[array]) -> list[array]:
        return [ops.sum(ops.square(weights.product(inputs[0])))]

    (_, (gradient,)) = transforms.value_and_grad(loss, [0])([x])
    y = numpy(x) @ weights.values.T
    check(gradient, 2 * y, weights.values, float32)


@ours_only
@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    form=st.sampled_from(AFFINE),
    m=st.sampled_from([1, 8, 30, 40]),
    spread=st.sampled_from([0, 4, 12, 90]),
    dtype=st.sampled_from([float16, bfloat16]),
)
def test_half_precision_of_any_magnitude(
    seed: int, form: Format, m: int, spread: int, dtype: Any
) -> None:
    rng = np.random.default_rng(seed)
    n, k = 40, form.group_size * 3
    weights = Weights(rng, (n, k), form, dtype)
    powers = rng.integers(-spread, spread, (m, k), endpoint=True)
    if dtype == float16:
        powers = powers.clip(-24, 8)
    powers[0] = -133 if dtype == bfloat16 else -24
    x = ops.astype(array((rng.normal(size=(m, k)) * 2.0**powers).astype(np.float32)), dtype)
    exact = numpy(x)
    exact[-1, : form.group_size] = 0
    x = ops.astype(array(exact.astype(np.float32)), dtype)
    expected = exact @ weights.values.T
    groups = (-1, k // form.group_size, form.group_size)
    largest = np.abs(exact).reshape(groups).max(-1)
    weight = np.abs(weights.values).reshape(groups).sum(-1)
    # Half a unit of the integers that stand for a group, and the rounding of the result.
    tolerance = 2.0**-15 * (largest @ weight.T) + TOLERANCES[dtype] / 2 * np.abs(expected)
    with np.errstate(over="ignore"):
        error = np.abs(numpy(weights.product(x)) - expected)
    overflows = np.abs(expected) > {float16: 65504.0, bfloat16: 3e38}[dtype]
    smallest = {float16: 2.0**-24, bfloat16: 2.0**-112}[dtype]
    np.testing.assert_array_less(error[~overflows], (tolerance + smallest)[~overflows])


@ours_only
@pytest.mark.parametrize("dtype", [float16, bfloat16])
@pytest.mark.parametrize("m", [1, 33])
@pytest.mark.parametrize("form", AFFINE, ids=str)
def test_integers_are_exact(form: Format, m: int, dtype: Any) -> None:
    rng = np.random.default_rng(4)
    n, k = 50, form.group_size * 2
    packed = random_weights(rng, (n, k), form)
    scales = rng.choice([-1.0, 0.5, 2.0], (n, 2)).astype(np.float32)
    biases = rng.integers(-3, 4, (n, 2)).astype(np.float32)
    x = np.zeros((m, k))
    x[np.arange(m), rng.integers(0, k, m)] = rng.integers(-8, 9, m)
    y = ops.quantized_matmul(
        ops.astype(array(x.astype(np.float32)), dtype),
        array(packed.words),
        ops.astype(array(scales), dtype),
        ops.astype(array(biases), dtype),
        True,
        **form.arguments,
    )
    grouped = packed.integers.reshape(n, 2, -1)
    w = (grouped * scales[..., None] + biases[..., None]).reshape(n, k)
    expected = ops.astype(array((x @ w.T).astype(np.float32)), dtype)
    np.testing.assert_array_equal(numpy(y), numpy(expected))


@ours_only
@pytest.mark.parametrize("form", AFFINE, ids=str)
@pytest.mark.parametrize("dtype", [float16, bfloat16])
@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_at_the_ends_of_the_integers(form: Format, dtype: Any, sign: int) -> None:
    rng = np.random.default_rng(7)
    n, k = 40, form.group_size * 2
    fractions = [2 - 2.0**-bits for bits in (5, 6, 7, 10)]
    x = ops.astype(array((sign * rng.choice(fractions, (20, k))).astype(np.float32)), dtype)
    ones = np.full((n, k * form.bits // 32), 0xFFFFFFFF, np.uint32)
    scales, biases = np.full((n, 2), 0.5, np.float32), np.full((n, 2), -1, np.float32)
    y = ops.quantized_matmul(x, array(ones), array(scales), array(biases), True, **form.arguments)
    weight = (2**form.bits - 1) * 0.5 - 1
    check(y, numpy(x), np.full((k, n), weight), dtype)


@ours_only
@settings(max_examples=40, deadline=None)
@given(
    seed=seeds,
    form=st.sampled_from(AFFINE),
    m=st.sampled_from([8, 15, 40]),
    n=st.sampled_from([5, 33, 64]),
    exponent=st.sampled_from([-70, -39, 0, 36, 50]),
)
def test_scales_of_any_magnitude(seed: int, form: Format, m: int, n: int, exponent: int) -> None:
    rng = np.random.default_rng(seed)
    k = form.group_size * 3
    weights = random_weights(rng, (n, k), form)
    assert weights.biases is not None
    scales = np.where(rng.random((n, 3)) < 0.3, 0, weights.scales * 2.0**exponent)
    biases = weights.biases * 2.0**exponent
    x = ops.astype(array(rng.normal(size=(m, k)).astype(np.float32)), bfloat16)
    y = ops.quantized_matmul(
        x,
        array(weights.words),
        array(scales.astype(np.float32)),
        array(biases.astype(np.float32)),
        True,
        **form.arguments,
    )
    grouped = weights.integers.reshape(n, 3, -1)
    w = (grouped * scales[..., None] + biases[..., None]).reshape(n, k).T
    expected, magnitude = numpy(x) @ w, np.abs(numpy(x)) @ np.abs(w)
    assert (np.abs(numpy(y) - expected) <= TOLERANCES[bfloat16] * magnitude).all()


@ours_only
@pytest.mark.parametrize("part", ["scales", "biases"])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan, 65504.0])
def test_scales_that_are_not_finite_or_large(part: str, bad: float) -> None:
    rng = np.random.default_rng(5)
    weights = Weights(rng, (40, 128), Format("affine", 4, 32), float16)
    assert weights.biases is not None
    values = {"scales": numpy(weights.scales), "biases": numpy(weights.biases)}
    values[part][3, 1] = bad
    weights.scales, weights.biases = (
        ops.astype(array(values[name].astype(np.float32)), float16) for name in values
    )
    x = ops.astype(array(np.abs(rng.normal(size=(20, 128))).astype(np.float32)), float16)
    y = numpy(weights.product(x))
    finite = np.arange(40) != 3
    check(array(y[:, finite].astype(np.float32)), numpy(x), weights.values.T[:, finite], float16)
    assert not np.isfinite(y[:, 3]).any()


@pytest.mark.parametrize("form", FORMATS, ids=str)
@pytest.mark.parametrize("m", [1, 40])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("dtype", list(TOLERANCES))
def test_values_that_are_not_finite(form: Format, m: int, bad: float, dtype: Any) -> None:
    rng = np.random.default_rng(2)
    weights = Weights(rng, (40, 128), form, dtype)
    assert (weights.values == 0).any() or form.mode == "affine"
    x = rng.normal(size=(m, 128)).astype(np.float32)
    x[-1, 5] = bad
    given = ops.astype(array(x), dtype)
    with np.errstate(invalid="ignore"):
        expected = numpy(given) @ weights.values.T
    magnitude = np.abs(np.nan_to_num(numpy(given), posinf=0, neginf=0)) @ np.abs(weights.values.T)
    # MLX rounds the weights as well.
    tolerance = max(8 * TOLERANCES[dtype] * magnitude.max(), 1e-3)
    np.testing.assert_allclose(numpy(weights.product(given)), expected, rtol=1e-3, atol=tolerance)


@ours_only
@pytest.mark.parametrize("form", PACKED, ids=str)
@pytest.mark.parametrize("exponent", [-140, -110, -60, 0, 60, 100])
def test_magnitudes(form: Format, exponent: int) -> None:
    rng = np.random.default_rng(3)
    weights = Weights(rng, (40, 384), form)
    x = (rng.normal(size=(3, 384)) * 2.0**exponent).astype(np.float32)
    exact, w = x.astype(np.float64), weights.values.T
    expected, magnitude = exact @ w, np.abs(exact) @ np.abs(w)
    error = np.abs(numpy(weights.product(array(x))) - expected)
    # Groups of numbers that are nearly subnormal lose what single ones would.
    least = 2.0**-125 * np.abs(w).sum(0)
    np.testing.assert_array_less(error, TOLERANCES[float32] * magnitude + least)


@ours_only
@pytest.mark.parametrize("form", PACKED, ids=str)
def test_groups_of_one_value(form: Format) -> None:
    rng = np.random.default_rng(4)
    weights = Weights(rng, (8, 384), form)
    x = np.repeat(rng.normal(size=(640, 1)).astype(np.float32), 384, 1)
    for rows in x.reshape(20, 32, 384):
        check(weights.product(array(rows)), rows.astype(np.float64), weights.values.T, float32)


@pytest.mark.parametrize("m", [1, 40])
@pytest.mark.parametrize("form", FLOAT_FORMATS, ids=str)
def test_smallest_and_largest_codes(form: Format, m: int) -> None:
    words = np.zeros((8, form.bits * 4), np.uint32)
    codes, scales = words.view(np.uint8), np.full((8, 128 // form.group_size), 1, np.uint8)
    codes[:, 0] = [0, 1, 0x80, 0x81, 0x77, 0xFE, 0x7F, 0xFF] if form.bits == 8 else range(8)
    scales[:4] = 0x7E
    x = np.zeros((m, 128), np.float32)
    x[:, 0] = 2.0**20
    first = e4m3(codes[:, 0]) if form.bits == 8 else FP4[codes[:, 0]]
    scale = e4m3(scales[:, 0]) if form.mode == "nvfp4" else 2.0 ** (scales[:, 0] - 127.0)
    y = ops.quantized_matmul(array(x), array(words), array(scales), **form.arguments)
    expected = np.broadcast_to(first * scale * 2.0**20, (m, 8))
    np.testing.assert_array_equal(numpy(y), expected.astype(np.float32))
