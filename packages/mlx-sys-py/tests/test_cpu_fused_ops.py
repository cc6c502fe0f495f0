"""The fused functions of the CPU against their definitions in double precision."""

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
    cpu_kernels,
    fast,
    float16,
    float32,
    int8,
    int16,
    int32,
    int64,
    ops,
    transforms,
    uint8,
    uint16,
    uint32,
    uint64,
)
from numpy.typing import NDArray

pytestmark = at_every_level

Values = NDArray[Any]

# One rounding of the result, and for float32 those on the way. MLX's own steps round each time.
TOLERANCES = {float32: 3e-6, float16: 2.0**-10, bfloat16: 2.0**-7}

dtypes = st.sampled_from(list(TOLERANCES))
seeds = st.integers(0, 2**32 - 1)


def numpy(a: array) -> Values:
    converted = ops.astype(a, float32)
    transforms.eval([converted])
    return np.array(converted).astype(np.float64)


def random(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any, turned: bool) -> array:
    """Normal values; if `turned`, the two axes before the last are swapped in memory."""
    if turned:
        shape = (*shape[:-3], shape[-2], shape[-3], shape[-1])
    a = ops.astype(array(rng.normal(size=shape).astype(np.float32)), dtype)
    transforms.eval([a])
    return ops.swapaxes(a, -3, -2) if turned else a


def check(result: array, expected: Values, dtype: Any) -> None:
    assert result.dtype == dtype
    assert result.shape == expected.shape
    tolerance = TOLERANCES[dtype]
    np.testing.assert_allclose(numpy(result), expected, rtol=tolerance, atol=tolerance)


def normalized(x: Values, weight: Values | float, eps: float) -> Values:
    result: Values = x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * weight
    return result


def attended(
    q: Values,
    k: Values,
    v: Values,
    scale: float,
    mask: str | Values | None = None,
    sinks: Values | None = None,
) -> Values:
    repeats = q.shape[1] // k.shape[1]
    k, v = (np.repeat(a, repeats, 1) for a in (k, v))
    scores = q @ k.swapaxes(-1, -2) * scale
    if isinstance(mask, str):
        mask = np.tri(q.shape[2], k.shape[2], k.shape[2] - q.shape[2], dtype=bool)
    if mask is not None:
        lowest = float(np.finfo(np.float32).min)
        hidden = ~mask if mask.dtype == bool else np.isneginf(mask)
        scores = np.where(hidden, lowest, scores + (0 if mask.dtype == bool else mask))
    if sinks is not None:
        column = np.broadcast_to(sinks[:, None, None], (*scores.shape[:3], 1))
        scores = np.concatenate([column, scores], -1)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    result: Values = weights[..., -k.shape[2] :] @ v
    if mask is not None and sinks is None:
        result = np.where(np.broadcast_to(hidden, scores.shape).all(-1, keepdims=True), 0, result)
    return result


def rotated(
    x: Values, dims: int, traditional: bool, periods: Values, scale: float, offsets: Values
) -> Values:
    """x of shape (batches, heads, positions, width), with an offset for each batch."""
    positions = (np.arange(x.shape[-2]) + offsets[:, None, None]) * scale
    angles = positions[..., None] / periods
    first, second = (
        (slice(0, dims, 2), slice(1, dims, 2))
        if traditional
        else (slice(0, dims // 2), slice(dims // 2, dims))
    )
    result = x.copy()
    a, b = x[..., first], x[..., second]
    result[..., first] = a * np.cos(angles) - b * np.sin(angles)
    result[..., second] = a * np.sin(angles) + b * np.cos(angles)
    return result


@settings(max_examples=80, deadline=None)
@given(
    seed=seeds,
    rows=st.integers(1, 5),
    size=st.integers(1, 700),
    dtype=dtypes,
    turned=st.booleans(),
    weighted=st.booleans(),
)
def test_rms_norm(
    seed: int, rows: int, size: int, dtype: Any, turned: bool, weighted: bool
) -> None:
    rng = np.random.default_rng(seed)
    x = random(rng, (2, rows, size), dtype, turned)
    weight = random(rng, (2 * size,), dtype, False)[::2] if weighted else None
    result = fast.rms_norm(x, weight, 1e-5)
    check(result, normalized(numpy(x), numpy(weight) if weight is not None else 1.0, 1e-5), dtype)


@ours_only
@settings(max_examples=80, deadline=None)
@given(
    seed=seeds,
    heads=st.integers(1, 3),
    positions=st.integers(1, 9),
    dims=st.integers(1, 33).map(lambda pairs: 2 * pairs),
    rest=st.integers(0, 3),
    traditional=st.booleans(),
    scale=st.sampled_from([1.0, 0.25]),
    offsets=st.one_of(st.integers(0, 3000), st.lists(st.integers(0, 3000), min_size=1, max_size=2)),
    given_periods=st.booleans(),
    dtype=dtypes,
    turned=st.booleans(),
)
def test_rope(
    seed: int,
    heads: int,
    positions: int,
    dims: int,
    rest: int,
    traditional: bool,
    scale: float,
    offsets: int | list[int],
    given_periods: bool,
    dtype: Any,
    turned: bool,
) -> None:
    rng = np.random.default_rng(seed)
    x = random(rng, (2, heads, positions, dims + rest), dtype, turned)
    periods = 10000.0 ** (np.arange(dims // 2) / (dims // 2))
    if given_periods:
        periods = rng.uniform(1, 1000, dims // 2).astype(np.float32).astype(np.float64)
    result = fast.rope(
        x,
        dims,
        traditional=traditional,
        base=None if given_periods else 10000.0,
        scale=scale,
        offset=offsets if isinstance(offsets, int) else array(offsets),
        freqs=array(periods.astype(np.float32)) if given_periods else None,
    )
    starts = np.broadcast_to(offsets, 2)
    check(result, rotated(numpy(x), dims, traditional, periods, scale, starts), dtype)


@ours_only
@settings(max_examples=120, deadline=None)
@given(
    seed=seeds,
    batch=st.integers(1, 2),
    groups=st.integers(1, 3),
    repeats=st.integers(1, 3),
    queries=st.sampled_from([1, 2, 5, 16, 17, 64, 70, 130]),
    past=st.sampled_from([0, 1, 7, 200]),
    width=st.sampled_from([1, 16, 20, 32, 64, 96]),
    value_width=st.sampled_from([3, 16, 48, 64]),
    mask=st.sampled_from([None, "causal", "truth", "numbers"]),
    mask_shape=st.sampled_from(["all", "heads", "queries", "keys", "padding"]),
    sinks=st.booleans(),
    dtype=dtypes,
    turned=st.booleans(),
)
def test_attention(
    seed: int,
    batch: int,
    groups: int,
    repeats: int,
    queries: int,
    past: int,
    width: int,
    value_width: int,
    mask: str | None,
    mask_shape: str,
    sinks: bool,
    dtype: Any,
    turned: bool,
) -> None:
    rng = np.random.default_rng(seed)
    keys = queries + past
    q = random(rng, (batch, groups * repeats, queries, width), dtype, turned)
    k = random(rng, (batch, groups, keys, width), dtype, turned)
    v = random(rng, (batch, groups, keys, value_width), dtype, turned)
    scale = width**-0.5
    given: str | array | None = mask
    expected: str | Values | None = mask
    if mask in ("truth", "numbers"):
        shape = {
            "all": (batch, groups * repeats, queries, keys),
            "heads": (groups * repeats, queries, keys),
            "queries": (queries, 1),
            "keys": (1, 1, 1, keys),
            "padding": (batch, 1, 1, keys),
        }[mask_shape]
        given = random(rng, shape, dtype, turned and len(shape) > 2)
        if mask == "truth":
            given = given > -0.5
            expected = np.array(given)
        else:
            expected = numpy(given)
    heights = random(rng, (groups * repeats,), dtype, False) if sinks else None
    result = fast.scaled_dot_product_attention(q, k, v, scale=scale, mask=given, sinks=heights)
    check(
        result,
        attended(
            numpy(q),
            numpy(k),
            numpy(v),
            scale,
            expected,
            None if heights is None else numpy(heights),
        ),
        dtype,
    )


# Of as many keys as several tasks share.
@ours_only
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("held", [40, 700])
@pytest.mark.parametrize("heads", [2, 6, 14])
def test_attention_over_part_of_a_cache(heads: int, held: int, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    q = random(rng, (1, heads, 1, 20), dtype, False)
    cache = random(rng, (2, 1, 2, 768, 20), dtype, False)
    k, v = cache[0, :, :, :held], cache[1, :, :, :held]
    result = fast.scaled_dot_product_attention(q, k, v, scale=0.5)
    check(result, attended(numpy(q), numpy(k), numpy(v), 0.5), dtype)


# A score beyond all floats, or below, decides alone, wherever its key is.
@pytest.mark.parametrize("place", [0, 300, 599])
def test_attention_of_infinite_scores(place: int) -> None:
    keys, values = np.zeros((600, 16), np.float32), np.ones((600, 16), np.float32)
    q = array(np.ones((1, 1, 1, 16), np.float32))
    values[place] = 9
    keys[:] = -np.inf
    keys[place] = 1
    for key, expected in ((1, 9), (np.inf, np.nan), (np.nan, np.nan), (-np.inf, np.nan)):
        keys[place] = key
        k, v = (array(a[None, None]) for a in (keys, values))
        result = fast.scaled_dot_product_attention(q, k, v, scale=1.0)
        np.testing.assert_array_equal(numpy(result), np.full((1, 1, 1, 16), expected))


halves = pytest.mark.parametrize("dtype", [float16, bfloat16])


@halves
def test_prompt_after_part_of_a_cache(dtype: Any) -> None:
    rng = np.random.default_rng(0)
    q = random(rng, (1, 4, 30, 64), dtype, False)
    cache = random(rng, (2, 1, 2, 96, 64), dtype, False)
    k, v = cache[0, :, :, :75], cache[1, :, :, :75]
    result = fast.scaled_dot_product_attention(q, k, v, scale=0.125, mask="causal")
    check(result, attended(numpy(q), numpy(k), numpy(v), 0.125, "causal"), dtype)


@ours_only
@halves
@pytest.mark.parametrize("scale", [0.0, -0.1, 2.0**-14, 1.0, 2.0**13])
@pytest.mark.parametrize("power", [-20, 0, 5])
def test_half_precision_of_any_magnitude(dtype: Any, scale: float, power: int) -> None:
    rng = np.random.default_rng(1)
    q, k, v = (random(rng, (1, 2, 40, 32), dtype, False) for _ in range(3))
    # The keys differ by powers of two, so that scores far apart are just as far apart in integers.
    k = ops.astype(array((2.0 ** rng.integers(-3, 3, (1, 2, 40, 32))).astype(np.float32)), dtype)
    v = ops.multiply(v, array(2.0**power, dtype=dtype))
    q = ops.astype(array(np.sign(numpy(q)).astype(np.float32)), dtype)
    result = fast.scaled_dot_product_attention(q, k, v, scale=scale)
    expected = attended(numpy(q), numpy(k), numpy(v), scale)
    error = np.abs(numpy(result) - expected)
    assert error.max() <= TOLERANCES[dtype] * 2 * max(np.abs(numpy(v)).max(), 2.0**-14)


@halves
def test_keys_and_values_repeated_in_place(dtype: Any) -> None:
    rng = np.random.default_rng(2)
    q = random(rng, (1, 2, 40, 32), dtype, False)
    k, v = (
        ops.broadcast_to(random(rng, (1, 2, 1, 32), dtype, False), (1, 2, 50, 32)) for _ in range(2)
    )
    result = fast.scaled_dot_product_attention(q, k, v, scale=0.125)
    check(result, np.broadcast_to(numpy(v)[:, :, :1], q.shape), dtype)


@ours_only
@halves
@pytest.mark.parametrize("bad", [np.inf, np.nan])
@pytest.mark.parametrize("place", ["queries", "keys", "values"])
def test_prompts_that_are_not_finite(dtype: Any, bad: float, place: str) -> None:
    rng = np.random.default_rng(3)
    given = {
        name: rng.normal(size=(1, 1, 40, 32)).astype(np.float32)
        for name in ("queries", "keys", "values")
    }
    given[place][0, 0, 20, 5] = bad
    q, k, v = (ops.astype(array(values), dtype) for values in given.values())
    result = fast.scaled_dot_product_attention(q, k, v, scale=0.125, mask="causal")
    with np.errstate(invalid="ignore"):
        expected = attended(numpy(q), numpy(k), numpy(v), 0.125, "causal")
    # What comes before the bad row does not see it.
    check(result[:, :, :20], expected[:, :, :20], dtype)
    seen = numpy(result)[0, 0, 20, 5]
    assert not np.isfinite(seen) or place != "values"


# Also of MLX's own kernels, in a type that does not round the scores: they are products of two
# numbers, which may be large.
@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("queries", [1, 5, 64])
def test_attention_of_heads_one_number_wide(queries: int, turned: bool, causal: bool) -> None:
    rng = np.random.default_rng(queries)
    q = random(rng, (2, 6, queries, 1), float32, turned)
    k, v = (random(rng, (2, 3, queries + 7, 1), float32, turned) for _ in range(2))
    result = fast.scaled_dot_product_attention(
        q, k, v, scale=1.0, mask="causal" if causal else None
    )
    check(
        result, attended(numpy(q), numpy(k), numpy(v), 1.0, "causal" if causal else None), float32
    )


def test_attention_of_scores_far_apart() -> None:
    q, k = (array(np.array(a, np.float32).reshape(1, 1, -1, 1)) for a in ([50.0], [-9, 9, 0, 9]))
    v = array(np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1))
    result = fast.scaled_dot_product_attention(q, k, v, scale=1.0)
    np.testing.assert_allclose(numpy(result), [[[[2.0]]]], rtol=1e-6)


def test_attention_to_nothing() -> None:
    """A query that sees no key gives zeros, whichever way the mask says so."""
    rng = np.random.default_rng(3)
    q, k, v = (random(rng, (1, 2, 3, 4), float32, False) for _ in range(3))
    seen = np.array([[True, False, True], [False] * 3, [True] * 3])
    added = np.where(seen, 0, -np.inf).astype(np.float32)
    for mask in (seen, added):
        result = fast.scaled_dot_product_attention(q, k, v, scale=0.5, mask=array(mask))
        np.testing.assert_array_equal((numpy(result) == 0).all(-1)[0, 0], [False, True, False])
        check(result, attended(numpy(q), numpy(k), numpy(v), 0.5, mask), float32)
    few = k[:, :, :2]
    result = fast.scaled_dot_product_attention(q, few, v[:, :, :2], scale=0.5, mask="causal")
    causal = np.tri(3, 2, -1, dtype=bool)
    check(result, attended(numpy(q), numpy(few), numpy(v)[:, :, :2], 0.5, causal), float32)
    sinks = array([1.0, 2.0])
    result = fast.scaled_dot_product_attention(q, k, v, scale=0.5, mask=array(seen), sinks=sinks)
    np.testing.assert_array_equal(numpy(result)[..., 1, :], 0)


INTEGERS = [uint8, uint16, uint32, uint64, int8, int16, int32, int64]


@settings(max_examples=60, deadline=None)
@given(
    seed=seeds,
    rows=st.integers(1, 40),
    classes=st.sampled_from([1, 2, 17, 120]),
    dtype=dtypes,
    integers=st.sampled_from(INTEGERS),
    turned=st.booleans(),
)
def test_cross_entropy(
    seed: int, rows: int, classes: int, dtype: Any, integers: Any, turned: bool
) -> None:
    rng = np.random.default_rng(seed)
    logits = random(rng, (3, rows, classes), dtype, turned)
    lowest = -classes if integers in INTEGERS[4:] else 0
    targets = rng.integers(lowest, classes, (3, rows))
    given = ops.astype(array(targets), integers)
    if turned:
        given = ops.swapaxes(ops.astype(array(targets.T.copy()), integers), 0, 1)
    result = fast.cross_entropy(logits, given)
    assert result.dtype == float32
    x = numpy(logits)
    scores = np.take_along_axis(x, targets[..., None] % classes, -1)[..., 0]
    expected = np.log(np.exp(x).sum(-1)) - scores
    # MLX rounds to the type of the logits on the way.
    tolerance = TOLERANCES[float32] if cpu_kernels.get_level() != "stock" else 8 * TOLERANCES[dtype]
    np.testing.assert_allclose(numpy(result), expected, rtol=tolerance, atol=tolerance)


@ours_only
@pytest.mark.parametrize("wrong", [3, -4, 2**31 - 1])
def test_targets_that_are_no_classes(wrong: int) -> None:
    targets = array([0, wrong])
    with pytest.raises(IndexError, match=f"cross_entropy.*{wrong}.*size 3"):
        transforms.eval([fast.cross_entropy(ops.zeros((2, 3)), targets)])

    def loss(x: list[array]) -> list[array]:
        return [ops.sum(fast.cross_entropy(x[0], targets))]

    with pytest.raises(IndexError, match="cross_entropy"):
        transforms.eval(transforms.value_and_grad(loss, [0])([ops.zeros((2, 3))])[1])


def test_values_that_are_not_finite() -> None:
    x = np.ones((3, 40), np.float32)
    x[1, 3] = np.nan
    norms = numpy(fast.rms_norm(array(x), None, 1e-5))
    np.testing.assert_array_equal(np.isnan(norms).all(-1), [False, True, False])
    assert not np.isnan(norms[[0, 2]]).any()
    q = array(x.reshape(1, 3, 1, 40))
    result = numpy(fast.scaled_dot_product_attention(q, q, q, scale=1.0))
    np.testing.assert_array_equal(np.isnan(result[0, :, 0]).all(-1), [False, True, False])


def test_gradients() -> None:
    rng = np.random.default_rng(1)
    x = random(rng, (1, 2, 3, 8), float32, False)
    w = random(rng, (8,), float32, False)

    def loss(inputs: list[array]) -> list[array]:
        h = fast.rms_norm(inputs[0], inputs[1], 1e-5)
        h = fast.rope(h, 8, traditional=False, base=100.0, scale=1.0, offset=2)
        h = fast.scaled_dot_product_attention(h, h, h, scale=0.3, mask="causal")
        return [ops.sum(ops.square(h))]

    def definition(x: Values, w: Values) -> float:
        periods = 100.0 ** (np.arange(4) / 4)
        h = rotated(normalized(x, w, 1e-5), 8, False, periods, 1.0, np.array([2]))
        return float((attended(h, h, h, 0.3, "causal") ** 2).sum())

    (value,), grads = transforms.value_and_grad(loss, [0, 1])([x, w])
    values = [numpy(x), numpy(w)]
    np.testing.assert_allclose(numpy(value), definition(*values), rtol=1e-5)
    for i, grad in enumerate(grads):
        direction = rng.normal(size=values[i].shape)
        step = 1e-5

        def moved(by: float, i: int = i, direction: Values = direction) -> float:
            return definition(*(v + by * direction * (j == i) for j, v in enumerate(values)))

        slope = (moved(step) - moved(-step)) / (2 * step)
        np.testing.assert_allclose((numpy(grad) * direction).sum(), slope, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (fast.rms_norm, [(3, 8), (7,), 1e-5]),
        (fast.rms_norm, [(), None, 1e-5]),
    ],
)
def test_shapes_that_do_not_fit(function: Any, arguments: list[Any]) -> None:
    given = [ops.ones(a) if isinstance(a, tuple) else a for a in arguments]
    with pytest.raises(ValueError, match="rms_norm"):
        function(*given)


@pytest.mark.parametrize(
    ("offset", "periods"),
    [
        (array([1.5, 2.5]), None),
        (array([True, False]), None),
        (array([[1], [2]]), None),
        (array([1, 2, 3]), None),
        (array([], dtype=int32), None),
        (0, ops.ones((3,))),
        (0, ops.ones((1, 4))),
        (0, ops.ones(())),
    ],
)
def test_rope_of_what_does_not_fit(offset: int | array, periods: array | None) -> None:
    base = None if periods is not None else 1e4
    with pytest.raises(ValueError, match="rope"):
        fast.rope(
            ops.ones((2, 3, 8)),
            8,
            traditional=False,
            base=base,
            scale=1.0,
            offset=offset,
            freqs=periods,
        )


@pytest.mark.parametrize("mask", [(4, 5), (3, 1, 1, 1), (1, 1, 1, 1, 4), (5,)])
def test_masks_that_do_not_fit(mask: tuple[int, ...]) -> None:
    x = ops.ones((2, 3, 4, 8))
    with pytest.raises(ValueError, match=r"mask|broadcast"):
        fast.scaled_dot_product_attention(x, x, x, scale=1.0, mask=ops.zeros(mask))


@pytest.mark.parametrize("sinks", [(1,), (2,), (1, 3, 1, 1), ()])
def test_sinks_that_do_not_fit(sinks: tuple[int, ...]) -> None:
    x = ops.ones((2, 3, 4, 8))
    with pytest.raises(ValueError, match="sinks"):
        fast.scaled_dot_product_attention(x, x, x, scale=1.0, sinks=ops.zeros(sinks))


@pytest.mark.parametrize("function", [ops.softmax, ops.logsumexp])
def test_rows_that_turn_out_to_be_empty(function: Any) -> None:
    """MLX's kernels divide by the length of a row: the process ended."""
    compiled = transforms.compile(lambda x: [function(x[0], -1)], True)
    assert numpy(compiled([ops.ones((3, 4))])[0]).shape[0] == 3
    assert numpy(compiled([ops.ones((0, 4))])[0]).shape[0] == 0
    if function is ops.softmax:
        assert numpy(compiled([ops.ones((3, 0))])[0]).shape == (3, 0)
    else:
        with pytest.raises(ValueError, match="empty"):
            transforms.eval(compiled([ops.ones((3, 0))]))


@pytest.mark.parametrize("shape", [(0, 8), (2, 0, 8)])
def test_nothing(shape: tuple[int, ...]) -> None:
    assert numpy(fast.rms_norm(ops.zeros(shape), None, 1e-5)).shape == shape
