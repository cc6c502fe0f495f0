"""Convolutions against their definition in double precision, at each level the machine can run."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, bfloat16, float16, float32, float64, ops, transforms
from numpy.typing import NDArray

pytestmark = at_every_level

Values = NDArray[Any]

# What rounding a result costs, and each addition to a sum, relative to the sum of the magnitudes.
TOLERANCES = {
    float32: (2.0**-24, 2.0**-24),
    float16: (2.0**-11, 2.0**-24),
    bfloat16: (2.0**-8, 2.0**-24),
    float64: (2.0**-53, 2.0**-53),
}


def numpy(a: array) -> Values:
    return np.array(ops.astype(a, float64))


def convolve(
    x: Values,
    w: Values,
    stride: list[int],
    padding: list[tuple[int, int]],
    dilation: list[int],
    input_dilation: list[int],
    groups: int,
    flip: bool,
) -> Values:
    """Each tap of the weights times the part of the spread and padded input that it meets."""
    dims = x.ndim - 2
    spread = [(n - 1) * d + 1 for n, d in zip(x.shape[1:-1], input_dilation, strict=True)]
    image = np.zeros((x.shape[0], *spread, x.shape[-1]))
    image[:, *(slice(None, None, d) for d in input_dilation)] = x
    image = np.pad(image, [(0, 0), *padding, (0, 0)])
    if flip:
        w = np.flip(w, tuple(range(1, 1 + dims)))
    out = [
        (image.shape[1 + d] - (w.shape[1 + d] - 1) * dilation[d] - 1) // stride[d] + 1
        for d in range(dims)
    ]
    split = np.stack(np.split(w, groups), 0)
    y = np.zeros((x.shape[0], *out, w.shape[0]))
    for tap in itertools.product(*(range(n) for n in w.shape[1:-1])):
        starts = [t * d for t, d in zip(tap, dilation, strict=True)]
        part = image[
            :,
            *(slice(s, s + n * t, t) for s, n, t in zip(starts, out, stride, strict=True)),
        ]
        part = part[:, *(slice(0, n) for n in out)]
        grouped = part.reshape(*part.shape[:-1], groups, -1)
        weights: tuple[Any, ...] = (slice(None), slice(None), *tap)
        y += np.einsum("...gc,goc->...go", grouped, split[weights]).reshape(y.shape)
    return y


def laid_out(values: Values, layout: str, dtype: Any) -> array:
    def make(source: Values) -> array:
        made = ops.astype(array(source), dtype)
        transforms.eval([made])
        return made

    if layout == "permuted":
        axes = tuple(reversed(range(values.ndim)))
        return ops.transpose(make(values.transpose(axes)), axes)
    if layout == "strided":
        return make(np.repeat(values, 2, 1))[:, ::2]
    return make(values)


@ours_only
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_convolution(data: st.DataObject) -> None:
    def pick(*choices: Any) -> Any:
        return data.draw(st.sampled_from(choices))

    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    dims = pick(1, 2, 3)
    groups = pick(1, 1, 2, 6, 40) if dims < 3 else 1
    depthwise = groups == 40
    channels = groups * (1 if depthwise else pick(1, 3, 8, 16, 19))
    outputs = groups * (1 if depthwise else pick(1, 2, 20, 49))
    dtype = pick(*TOLERANCES)
    taps = [pick(1, 2, 3) for _ in range(dims)]
    dilation = [pick(1, 1, 2) for _ in range(dims)]
    beyond = [data.draw(st.integers(0, 7)) for _ in range(dims)]
    size = [(t - 1) * d + 1 + n for t, d, n in zip(taps, dilation, beyond, strict=True)]
    stride = [pick(1, 1, 2, 3) for _ in range(dims)]
    input_dilation = [pick(1, 1, 2) for _ in range(dims)]
    padding = [(pick(0, 1, 2), pick(0, 1, 3)) for _ in range(dims)]
    flip = pick(False, True)
    x = laid_out(
        rng.normal(size=(pick(1, 3), *size, channels)), pick("plain", "permuted", "strided"), dtype
    )
    w = laid_out(
        rng.normal(size=(outputs, *taps, channels // groups)),
        pick("plain", "permuted", "strided"),
        dtype,
    )
    y = ops.conv_general(
        x,
        w,
        stride,
        ([p[0] for p in padding], [p[1] for p in padding]),
        dilation,
        input_dilation,
        groups,
        flip,
    )
    arguments: Any = (stride, padding, dilation, input_dilation, groups, flip)
    expected = convolve(numpy(x), numpy(w), *arguments)
    magnitude = convolve(np.abs(numpy(x)), np.abs(numpy(w)), *arguments)
    assert y.dtype == dtype
    assert y.shape == expected.shape
    rounding, addition = TOLERANCES[dtype]
    terms = int(np.prod(taps)) * channels // groups + 3
    smallest = 2.0**-24 if dtype == float16 else 1e-30
    error = np.abs(numpy(y) - expected)
    np.testing.assert_array_less(error, (rounding + terms * addition) * magnitude + smallest)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_infinities_and_nan(data: st.DataObject) -> None:
    """Padding is zeros, so a weight that is infinite makes NaN there."""

    def pick(*choices: Any) -> Any:
        return data.draw(st.sampled_from(choices))

    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    x = rng.normal(size=(pick(1, 20), 5, 4, pick(3, 17)))
    w = rng.normal(size=(pick(2, 33), 3, 3, x.shape[-1]))
    target = pick(x, w)
    for _ in range(pick(1, 3)):
        index = tuple(rng.integers(n) for n in target.shape)
        target[index] = pick(np.inf, -np.inf, np.nan)
    layouts = pick("plain", "permuted")
    stride, padding = [pick(1, 2), 1], [(pick(0, 1), 1), (1, 2)]
    y = ops.conv_general(
        laid_out(x, layouts, float32),
        laid_out(w, layouts, float32),
        stride,
        ([p[0] for p in padding], [p[1] for p in padding]),
        1,
        1,
        1,
        False,
    )
    with np.errstate(invalid="ignore"):
        expected = convolve(x, w, stride, padding, [1, 1], [1, 1], 1, False)
    np.testing.assert_allclose(numpy(y), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("size", "channels", "outputs", "taps", "stride", "groups"),
    [
        ((5, 4), 600, 300, (3, 3), 1, 1),
        ((9, 8), 256, 40, (3, 3), 2, 1),
        ((40, 37), 1, 8, (3, 3), 1, 1),
        ((12, 11), 64, 100, (3, 3), 1, 2),
        ((30, 33), 16, 40, (3, 3), 1, 1),
        ((30, 33), 3, 70, (5, 2), 2, 1),
        ((20, 20), 96, 96, (3, 3), 1, 96),
        ((15, 14), 64, 200, (1, 1), 1, 1),
        ((900,), 24, 36, (7,), 2, 4),
    ],
)
def test_convolution_in_threads(
    size: tuple[int, ...],
    channels: int,
    outputs: int,
    taps: tuple[int, ...],
    stride: int,
    groups: int,
) -> None:
    rng = np.random.default_rng(1)
    x, w = (
        rng.normal(size=(2, *size, channels)),
        rng.normal(size=(outputs, *taps, channels // groups)),
    )
    dims = len(size)
    y = ops.conv_general(
        array(x.astype(np.float32)), array(w.astype(np.float32)), stride, 1, 1, 1, groups, False
    )
    ones = [1] * dims
    expected = convolve(x, w, [stride] * dims, [(1, 1)] * dims, ones, ones, groups, False)
    np.testing.assert_allclose(numpy(y), expected, rtol=1e-4, atol=1e-3)


def gradients_of(x: Values, w: Values, cotangent: Values, *arguments: Any) -> tuple[Values, Values]:
    """Of the sum of the products of a convolution and a cotangent, which is linear in each: what
    one element adds to it, counted on a convolution with that element alone.
    """
    results = []
    for operand in (x, w):
        gradient = np.zeros(operand.shape)
        for index in np.ndindex(operand.shape):
            one = np.zeros(operand.shape)
            one[index] = 1
            pair = (one, w) if operand is x else (x, one)
            gradient[index] = (convolve(*pair, *arguments) * cotangent).sum()
        results.append(gradient)
    return results[0], results[1]


@ours_only
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_gradients_of_any_convolution(data: st.DataObject) -> None:
    def pick(*choices: Any) -> Any:
        return data.draw(st.sampled_from(choices))

    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    dims = pick(1, 2, 2)
    groups = pick(1, 1, 2)
    dtype = pick(float32, float32, float16, bfloat16, float64)
    taps = [pick(1, 2, 3) for _ in range(dims)]
    dilation = [pick(1, 1, 2) for _ in range(dims)]
    size = [(t - 1) * d + 1 + pick(0, 1, 2) for t, d in zip(taps, dilation, strict=True)]
    stride = [pick(1, 1, 2) for _ in range(dims)]
    input_dilation = [pick(1, 1, 2) for _ in range(dims)]
    padding = [(pick(0, 1), pick(0, 1, 2)) for _ in range(dims)]
    arguments: Any = (stride, padding, dilation, input_dilation, groups, pick(False, True))
    x = laid_out(rng.normal(size=(pick(1, 2), *size, groups * pick(1, 3))), "plain", dtype)
    w = laid_out(
        rng.normal(size=(groups * pick(1, 3), *taps, x.shape[-1] // groups)), "plain", dtype
    )

    def function(inputs: list[array]) -> list[array]:
        return [
            ops.conv_general(
                inputs[0],
                inputs[1],
                stride,
                ([p[0] for p in padding], [p[1] for p in padding]),
                *arguments[2:],
            )
        ]

    y = function([x, w])[0]
    cotangent = laid_out(rng.normal(size=y.shape), "plain", dtype)
    _, found = transforms.vjp(function, [x, w], [cotangent])
    operands = [numpy(a) for a in (x, w, cotangent)]
    expected = gradients_of(operands[0], operands[1], operands[2], *arguments)
    tolerance = {float16: 2e-2, bfloat16: 1e-1}.get(dtype, 1e-4)
    for gradient, values in zip(found, expected, strict=True):
        assert gradient.dtype == dtype
        np.testing.assert_allclose(numpy(gradient), values, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [float32, float16, bfloat16])
@pytest.mark.parametrize(
    ("batch", "size", "channels", "outputs", "stride"),
    [
        (7, (9, 10), 40, 70, 1),
        (3, (17, 16), 32, 20, 2),
        (40, (4, 4), 24, 33, 1),
        (16, (28, 30), 1, 8, 1),
        (2, (11, 12), 3, 17, 1),
        (2, (8, 8), 200, 16, 2),
        (1, (28, 30), 1, 8, 1),
        (2, (33, 32), 3, 20, 4),
    ],
)
def test_gradients_in_threads(
    batch: int, size: tuple[int, int], channels: int, outputs: int, stride: int, dtype: Any
) -> None:
    """Against the sums of products, tap by tap, in double precision."""
    rng = np.random.default_rng(3)
    x = laid_out(rng.normal(size=(batch, *size, channels)), "plain", dtype)
    w = laid_out(rng.normal(size=(outputs, 3, 3, channels)), "plain", dtype)

    def function(inputs: list[array]) -> list[array]:
        return [ops.conv2d(inputs[0], inputs[1], (stride, stride), (1, 1))]

    y = function([x, w])[0]
    cotangent = laid_out(rng.normal(size=y.shape), "plain", dtype)
    _, (of_x, of_w) = transforms.vjp(function, [x, w], [cotangent])
    image = np.pad(numpy(x), [(0, 0), (1, 1), (1, 1), (0, 0)])
    weights, slopes = numpy(w), numpy(cotangent)
    by_image, by_weights = np.zeros(image.shape), np.zeros(weights.shape)
    for i, j in np.ndindex(3, 3):
        part = (
            slice(None),
            *(
                slice(tap, tap + (n - 1) * stride + 1, stride)
                for tap, n in zip((i, j), y.shape[1:3], strict=True)
            ),
        )
        by_weights[:, i, j] = np.einsum("nhwo,nhwc->oc", slopes, image[part])
        by_image[part] += slopes @ weights[:, i, j]
    rounding = {float32: 1e-5, float16: 1e-3, bfloat16: 8e-3}[dtype]
    for found, expected in ((of_x, by_image[:, 1:-1, 1:-1]), (of_w, by_weights)):
        error = np.abs(numpy(found) - expected).max()
        assert error < rounding * np.abs(expected).max()


def test_gradients() -> None:
    rng = np.random.default_rng(2)
    x = array(rng.normal(size=(2, 7, 6, 4)).astype(np.float32))
    w = array(rng.normal(size=(6, 3, 2, 2)).astype(np.float32))
    direction = [array(rng.normal(size=a.shape).astype(np.float32)) for a in (x, w)]

    def loss(inputs: list[array]) -> list[array]:
        return [ops.sum(ops.square(ops.conv_general(inputs[0], inputs[1], 2, 1, 1, 1, 2, False)))]

    _, gradients = transforms.value_and_grad(loss, [0, 1])([x, w])

    def at(step: float) -> float:
        moved_x, moved_w = (
            numpy(a) + step * numpy(d) for a, d in zip((x, w), direction, strict=True)
        )
        y = convolve(moved_x, moved_w, [2, 2], [(1, 1)] * 2, [1, 1], [1, 1], 2, False)
        return float((y**2).sum())

    slope = (at(1e-4) - at(-1e-4)) / 2e-4
    along = sum((numpy(g) * numpy(d)).sum() for g, d in zip(gradients, direction, strict=True))
    np.testing.assert_allclose(along, slope, rtol=1e-4)
