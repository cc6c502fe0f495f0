"""Convolutions against the sum that defines them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import assert_close, floats, quick


def convolution(
    x: np.ndarray, w: np.ndarray, stride: int, padding: int, dilation: int, groups: int
) -> np.ndarray:
    """Channels-last convolution without flipping, tap by tap."""
    space = x.ndim - 2
    x = np.pad(x.astype(np.float64), [(0, 0), *[(padding, padding)] * space, (0, 0)])
    reach = [dilation * (k - 1) for k in w.shape[1:-1]]
    counts = [(n - r - 1) // stride + 1 for n, r in zip(x.shape[1:-1], reach, strict=True)]
    out = np.zeros((x.shape[0], *counts, w.shape[0]))
    per_group = w.shape[0] // groups
    for tap in product(*map(range, w.shape[1:-1])):
        window = tuple(
            slice(t * dilation, t * dilation + (c - 1) * stride + 1, stride)
            for t, c in zip(tap, counts, strict=True)
        )
        seen = np.split(x[:, *window, :], groups, axis=-1)
        for g in range(groups):
            place: Any = (slice(g * per_group, (g + 1) * per_group), *tap)
            kernel = w[place]
            out[..., g * per_group : (g + 1) * per_group] += seen[g] @ kernel.T
    return out


@pytest.mark.parametrize("space", [1, 2, 3])
@quick
@given(
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2]),
    data=st.data(),
)
def test_convolution(
    space: int, stride: int, padding: int, dilation: int, groups: int, data: st.DataObject
) -> None:
    if space == 3:
        groups = 1  # MLX has no groups there
    x = data.draw(floats((2, *[5] * space, 4), -2, 2))
    w = data.draw(floats((6, *[2] * space, 4 // groups), -2, 2))
    arguments = (stride, padding, dilation, groups)
    want = convolution(x, w, *arguments)
    got = getattr(mx, f"conv{space}d")(mx.array(x), mx.array(w), *arguments)
    assert_close(got, want, 1e-3, 1e-3)
    got = mx.conv_general(mx.array(x), mx.array(w), stride, padding, dilation, 1, groups)
    assert_close(got, want, 1e-3, 1e-3)


@pytest.mark.parametrize("space", [1, 2, 3])
@quick
@given(
    stride=st.integers(1, 2), padding=st.integers(0, 1), dilation=st.integers(1, 2), data=st.data()
)
def test_transposed_convolution_is_the_adjoint(
    space: int, stride: int, padding: int, dilation: int, data: st.DataObject
) -> None:
    y_shape = (1, *[3] * space, 2)
    w = data.draw(floats((3, *[2] * space, 2), -2, 2))
    y = data.draw(floats(y_shape, -2, 2))
    transpose = getattr(mx, f"conv_transpose{space}d")
    got = np.array(transpose(mx.array(y), mx.array(w), stride, padding, dilation), np.float64)
    x = np.random.default_rng(0).normal(size=got.shape)
    # <conv(x), y> == <x, conv_transpose(y)>, with input and output channels exchanged.
    forward = convolution(x, np.swapaxes(w, 0, -1), stride, padding, dilation, 1)
    assert forward.shape == y_shape
    np.testing.assert_allclose((forward * y).sum(), (x * got).sum(), rtol=1e-3, atol=1e-2)


def test_settings_of_every_axis() -> None:
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(1, 6, 7, 2)), rng.normal(size=(3, 3, 2, 2))
    a, b = mx.array(x), mx.array(w)
    full = convolution(np.pad(x, [(0, 0), (1, 1), (2, 2), (0, 0)]), w, 1, 0, 1, 1)
    want = full[:, ::2, ::3]
    assert_close(mx.conv2d(a, b, (2, 3), (1, 2)), want, 1e-3, 1e-3)
    assert_close(mx.conv_general(a, b, (2, 3), ([1, 2], [1, 2])), want, 1e-3, 1e-3)
    lopsided = mx.conv_general(a, b, padding=([1, 0], [0, 2]))
    want = convolution(np.pad(x, [(0, 0), (1, 0), (0, 2), (0, 0)]), w, 1, 0, 1, 1)
    assert_close(lopsided, want, 1e-3, 1e-3)
    want = convolution(x, w[:, ::-1, ::-1], 1, 0, 1, 1)
    assert_close(mx.conv_general(a, b, flip=True), want, 1e-3, 1e-3)


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@quick
@given(m=st.integers(1, 9), n=st.integers(1, 9), data=st.data())
def test_convolve(mode: Any, m: int, n: int, data: st.DataObject) -> None:
    a, v = data.draw(floats((m,))), data.draw(floats((n,)))
    got = mx.convolve(mx.array(a), mx.array(v), mode)
    assert_close(got, np.convolve(a, v, mode), 1e-3, 1e-3)


def test_wrong_arguments() -> None:
    x, w = mx.zeros((1, 5, 5, 2)), mx.zeros((3, 2, 2, 2))
    calls: tuple[Callable[[], mx.array], ...] = (
        lambda: mx.conv2d(x, mx.zeros((3, 2, 2, 5))),
        lambda: mx.conv2d(x, w, groups=3),
        lambda: mx.conv2d(x, w, stride=0),
        lambda: mx.conv2d(x, mx.zeros((3, 7, 7, 2))),
        lambda: mx.conv2d(x, w, groups=0),
        lambda: mx.conv_general(x, w, groups=-1),
        lambda: mx.conv2d(x[..., :0], w[..., :0]),
        lambda: mx.convolve(mx.zeros(2), mx.zeros(2), "wrong"),
        lambda: mx.convolve(mx.zeros((2, 2)), mx.zeros(2)),
        lambda: mx.convolve(mx.zeros(0), mx.zeros(2)),
    )
    for wrong in calls:
        with pytest.raises(ValueError):
            mx.eval(wrong())
    with pytest.raises((TypeError, ValueError)):
        mx.conv2d(x, w, padding=(1, 1, 1))  # type: ignore[arg-type]


def reference(x: Any, w: Any, form: dict[str, Any]) -> Any:
    """A convolution of one axis by its definition, in float64; None where there is no output."""
    (before, after), groups = form["padding"], form["groups"]
    dilated = np.zeros((x.shape[0], (x.shape[1] - 1) * form["input_dilation"] + 1, x.shape[2]))
    dilated[:, :: form["input_dilation"]] = x
    padded = np.pad(dilated, ((0, 0), (max(before, 0), max(after, 0)), (0, 0)))
    # Padding below zero leaves out positions, those of the padding at the other end too.
    padded = padded[:, max(-before, 0) : max(padded.shape[1] - max(-after, 0), 0)]
    kernel = w[:, ::-1] if form["flip"] else w
    window = (w.shape[1] - 1) * form["kernel_dilation"] + 1
    if padded.shape[1] < window:
        return None
    outputs, inputs = w.shape[0] // groups, w.shape[2]
    places = range(0, padded.shape[1] - window + 1, form["stride"])
    y = np.zeros((x.shape[0], len(places), w.shape[0]))
    for g in range(groups):
        of_group = slice(g * outputs, (g + 1) * outputs)
        for o, place in enumerate(places):
            part = padded[:, place : place + window : form["kernel_dilation"]]
            part = part[:, :, g * inputs : (g + 1) * inputs]
            y[:, o, of_group] = np.einsum("nkc,okc->no", part, kernel[of_group])
    return y


@settings(deadline=None)
@given(
    length=st.integers(1, 6),
    size=st.integers(1, 3),
    groups=st.integers(1, 2),
    form=st.fixed_dictionaries(
        {
            "stride": st.integers(1, 3),
            "padding": st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
            "kernel_dilation": st.integers(1, 2),
            "input_dilation": st.integers(1, 3),
            "flip": st.booleans(),
        }
    ),
)
def test_convolutions_and_their_derivatives_by_the_definition(
    length: int, size: int, groups: int, form: dict[str, Any]
) -> None:
    form["groups"] = groups
    # Something of the input is left where padding is below zero.
    positions = (length - 1) * form["input_dilation"] + 1
    assume(positions + sum(min(width, 0) for width in form["padding"]) > 0)
    x, w = normal(2, length, 2 * groups), normal(2 * groups, size, 2, seed=1)
    expected = reference(x, w, form)
    assume(expected is not None)

    def call(x: mx.array, w: mx.array) -> mx.array:
        padding = tuple([width] for width in form["padding"])
        return mx.conv_general(x, w, **{**form, "padding": padding})

    arrays = mx.array(x), mx.array(w)
    y = call(*arrays)
    assert y.shape == expected.shape
    assert close(y, expected, 1e-4, 1e-5)
    cotangent = normal(*expected.shape, seed=2)
    # A convolution is linear in each operand: its value at each unit array is the gradient.
    for argnum, operand in enumerate((x, w)):
        gradient = np.zeros(operand.shape)
        for place in np.ndindex(*operand.shape):
            unit = np.zeros(operand.shape)
            unit[place] = 1
            part = reference(unit, w, form) if argnum == 0 else reference(x, unit, form)
            gradient[place] = (part * cotangent).sum()
        got = mx.vjp(call, arrays, [mx.array(cotangent)])[1][argnum]
        assert got.shape == operand.shape
        assert close(got, gradient, 1e-4, 1e-4)
    tangents = normal(*x.shape, seed=3), normal(*w.shape, seed=4)
    got = mx.jvp(call, arrays, [mx.array(tangent) for tangent in tangents])[1][0]
    assert close(got, reference(tangents[0], w, form) + reference(x, tangents[1], form), 1e-4, 1e-4)


@settings(deadline=None)
@given(
    length=st.integers(1, 5),
    size=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 2),
    extra=st.integers(0, 2),
)
def test_transposed_convolutions_by_the_definition(
    length: int, size: int, stride: int, padding: int, dilation: int, extra: int
) -> None:
    x, w = normal(2, length, 2), normal(3, size, 2, seed=1)
    # More may be cut off than the kernel adds.
    whole = np.zeros((2, (length - 1) * stride + (size - 1) * dilation + 1 + extra, 3))
    for n, k in np.ndindex(length, size):
        whole[:, stride * n + dilation * k] += x[:, n] @ w[:, k].T
    expected = whole[:, padding : whole.shape[1] - padding]
    assume(padding == 0 or expected.shape[1] > 0)
    options = (stride, padding, dilation, extra)
    assert_close(mx.conv_transpose1d(mx.array(x), mx.array(w), *options), expected, 1e-4, 1e-5)
    # The other axis goes its own way.
    other = zip((1, 0, 1, 0), options, strict=True)
    pairs: list[Any] = [(option, nothing) for nothing, option in other]
    wide = mx.conv_transpose2d(mx.array(x)[:, :, None], mx.array(w)[:, :, None], *pairs)
    assert_close(wide[:, :, 0], expected, 1e-4, 1e-5)


def test_gradient_of_a_gradient_of_a_strided_convolution() -> None:
    x, w = mx.array(normal(1, 6, 2)), mx.array(normal(3, 1, 2, seed=1))

    def loss(x: mx.array) -> mx.array:
        return mx.sum(mx.conv1d(x, w, stride=2, padding=1) ** 3)

    def slope(x: mx.array) -> mx.array:
        return mx.sum(mx.grad(loss)(x) ** 2)

    gradient = mx.grad(slope)(x)
    for place in np.ndindex(*x.shape):
        step = np.zeros(x.shape, np.float32)
        step[place] = 1e-2
        difference = (slope(x + mx.array(step)) - slope(x - mx.array(step))) / 2e-2
        assert gradient[place].item() == pytest.approx(difference.item(), rel=5e-2, abs=0.5)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_gradients_by_weights_with_infinities_and_nan(data: st.DataObject) -> None:
    """Padding is zeros here too, so an infinite cotangent beside it makes NaN.

    Sizes are those of one task and of several, which are sums in one part and in several.
    """

    def pick(*choices: Any) -> Any:
        return data.draw(st.sampled_from(choices))

    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    batch, side, inputs = pick(1, 2, 9), pick(3, 4, 17), pick(2, 3, 17, 140)
    outputs = pick(2, 32, 33, 64)
    x, w = rng.normal(size=(batch, side, 4, inputs)), rng.normal(size=(outputs, 3, 3, inputs))
    cotangent = rng.normal(size=(batch, side, 4, outputs))
    for _ in range(pick(0, 1, 3)):
        target = pick(x, cotangent)
        target[tuple(rng.integers(n) for n in target.shape)] = pick(np.inf, -np.inf, np.nan)
    dtype = pick(mx.float32, mx.bfloat16, mx.float64)
    arrays = [mx.array(values.astype(np.float32)).astype(dtype) for values in (x, w, cotangent)]
    ours, weights, given = arrays
    (got,) = mx.vjp(lambda weights: mx.conv2d(ours, weights, padding=1), [weights], [given])[1]
    x, cotangent = (np.array(a.astype(mx.float32), np.float64) for a in (ours, given))
    padded = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)])
    with np.errstate(invalid="ignore"):
        want = np.stack(
            [
                np.einsum("nijo,nijc->oc", cotangent, padded[:, i : i + side, j : j + 4])
                for i, j in product(range(3), range(3))
            ],
            axis=1,
        ).reshape(w.shape)
    assert got.dtype == dtype
    rounding = 1e-5 if dtype == mx.float32 else 1e-2
    finite = np.isfinite(want)
    np.testing.assert_array_equal(np.isfinite(np.array(got.astype(mx.float32))), finite)
    np.testing.assert_allclose(
        np.array(got.astype(mx.float32))[finite], want[finite], rtol=rounding, atol=rounding * 30
    )
