"""Functions whose calls are repeated, each time a little further, against the functions."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mlx_sys_py import (
    array,
    default_device,
    default_stream,
    fast,
    float16,
    new_stream,
    ops,
    set_default_stream,
    transforms,
)

Step = Callable[[list[array], int], list[array]]


def compare(step: Step, calls: int = 7, begin: int = 0) -> None:
    recorded = transforms.record_steps(lambda x, i: step(x, begin + i), [X], lambda: calls)
    for i in range(begin, begin + calls):
        # The function may write into its inputs.
        expected, got = step([X[...]], i), recorded([X])
        assert len(got) == len(expected)
        for a, b in zip(got, expected, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(np.array(a), np.array(b))


X = array(np.arange(600, dtype=np.float32).reshape(2, 30, 10))


N = array(np.arange(10))


def rotated(x: array, offset: int | array) -> array:
    return fast.rope(x, 10, traditional=False, base=1e4, scale=1.0, offset=offset)


def written(x: array, i: int) -> array:
    x[:, 2 * i : 2 * i + 3] = x[:, :3]
    return x


@pytest.mark.parametrize(
    "step",
    [
        lambda x, i: [x[0][:, : i + 1]],
        lambda x, i: [x[0][:, i : i + 3], x[0][:, 20 - i : 29 - i : 2]],
        lambda x, i: [ops.softmax(x[0][:, : i + 1] * 2, 1)],
        lambda x, i: [written(x[0], i)],
        lambda x, i: [ops.arange(i, 2 * i + 4)],
        lambda x, i: [ops.broadcast_to(x[0][:1, :1], (2, i + 1, 10))],
        lambda x, i: [ops.reshape(x[0][:, : i + 1], (2, 10, i + 1))],
        lambda x, i: [ops.reshape(x[0][:, : i + 1], (i + 1, -1))],
        lambda x, i: [ops.unflatten(x[0][:, : 2 * i + 2], 1, (i + 1, -1))],
        lambda x, i: [N + i, N * array([i, 2, 3 - i, 4, 5, 6, 7, 8, 9, 10])],
        lambda x, i: [rotated(x[0], i)],
        lambda x, i: [rotated(x[0], array([i, 3 * i]))],
        lambda x, i: [x[0]],
        lambda x, i: [],
        lambda x, i: list(ops.split(x[0][:, i : i + 4], 2, 1)),
    ],
)
def test_what_grows_goes_on_growing(step: Step) -> None:
    compare(step, begin=1)


@given(
    st.integers(0, 5), st.integers(0, 2), st.integers(2, 4), st.integers(0, 2), st.integers(3, 8)
)
@settings(deadline=None)
def test_slices_that_grow(begin: int, p: int, width: int, q: int, calls: int) -> None:
    if p + q:
        calls = min(calls, (30 - width) // (p + q) - begin + 1)
    assume(calls >= 3)  # as many are traced

    def step(x: list[array], i: int) -> list[array]:
        part = x[0][:, p * i : p * i + width + q * i]
        return [part.sum(1), fast.rms_norm(part, None, 1e-5)]

    compare(step, calls, begin)


@pytest.mark.parametrize(
    ("step", "why"),
    [
        (lambda x, i: [x[0] + 1] if i % 2 else [x[0]], "do different things"),
        (lambda x, i: [x[0] + 1 if i % 2 else x[0] * 1], "do different things"),
        (lambda x, i: [x[0] * (0.5 * i)], "no integer differs"),
        (lambda x, i: [x[0][:, : i * i + 1]], "Slice differs"),
        (lambda x, i: [ops.arange(0.5 * i, 4, dtype=X.dtype)], "differs from call to call"),
        (lambda x, i: [ops.sum(x[0], i % 2)], "differs from call to call"),
        (lambda x, i: [x[0] * array([i * i, 2, 3, 4, 5, 6, 7, 8, 9, 10])], "grow evenly"),
    ],
)
def test_what_differs_otherwise_is_refused(step: Step, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        transforms.record_steps(step, [X], lambda: 5)


def test_values_are_not_there() -> None:
    with pytest.raises(RuntimeError, match="without a primitive"):
        transforms.record_steps(lambda x, i: [x[0] * x[0].sum().item()], [X], lambda: 3)


def test_the_exception_of_the_function_is_raised() -> None:
    def fail(x: list[array], i: int) -> list[array]:
        raise KeyError("of the user")

    with pytest.raises(KeyError, match="of the user"):
        transforms.record_steps(fail, [X], lambda: 3)


def test_inputs_of_other_shapes_and_types_are_refused() -> None:
    step: Any = transforms.record_steps(lambda x, i: [x[0] + 1], [X], lambda: 9)
    for wrong in ([X, X], [X[0]], [X.astype(float16)], []):
        with pytest.raises(ValueError, match="shapes and types that were recorded"):
            step(wrong)
    # A refused call is none.
    np.testing.assert_array_equal(np.array(step([X])[0]), np.array(X) + 1)


def test_a_constant_does_not_leave_its_type() -> None:
    with pytest.raises(OverflowError):
        transforms.record_steps(
            lambda x, i: [x[0] + array(np.array([253 + i], np.uint8))], [X], lambda: 4
        )


def test_another_default_stream_is_refused() -> None:
    step: Any = transforms.record_steps(lambda x, i: [x[0] + 1], [X], lambda: 9)
    old = default_stream(default_device())
    set_default_stream(new_stream(default_device()))
    try:
        with pytest.raises(ValueError, match="default stream"):
            step([X])
    finally:
        set_default_stream(old)
    np.testing.assert_array_equal(np.array(step([X])[0]), np.array(X) + 1)


@pytest.mark.parametrize(
    ("step", "calls"),
    [
        (lambda x, i: [x[0][:, : 3 * i + 1]], 10),
        (lambda x, i: [x[0][:, i : i + 26]], 5),
        (lambda x, i: [x[0][:, 25 - 5 * i : 30 - 5 * i]], 6),
        (lambda x, i: [x[0][:, : 10 * i + 2][:, : 9 * i + 1]], 3),
        (lambda x, i: [x[0][:, 7 * i + 1 :]], 5),
    ],
)
def test_no_slice_ends_behind_its_array(step: Step, calls: int) -> None:
    # Python shortens the slice, so that the last call is not what grows to it.
    with pytest.raises(ValueError, match=r"differs|do different things|grow evenly"):
        transforms.record_steps(step, [X], lambda: calls + 1)
    recorded = transforms.record_steps(step, [X], lambda: calls)
    for _ in range(calls):
        recorded([X])
    with pytest.raises(ValueError, match="no more calls"):
        recorded([X])


@pytest.mark.parametrize("change", [1, 2, 3, 7, 8])
def test_what_changes_later_is_refused(change: int) -> None:
    def step(x: list[array], i: int) -> list[array]:
        part = x[0][:, : i + 1]
        return [part.sum(1) if part.shape[1] <= change + 1 else part.max(1)]

    with pytest.raises(ValueError, match=r"differs from call to call|do different things"):
        transforms.record_steps(lambda x, i: step(x, i + 1), [X], lambda: 9)


@pytest.mark.parametrize("length", [2, 0, -1])
def test_too_few_calls(length: int) -> None:
    with pytest.raises(ValueError, match="length must be at least 3"):
        transforms.record_steps(lambda x, i: [x[0]], [X], lambda: length)


def test_functions_that_are_none() -> None:
    with pytest.raises(TypeError, match="fun must be callable, not int"):
        transforms.record_steps(5, [X], lambda: 3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="length must be callable, not int"):
        transforms.record_steps(lambda x, i: [x[0]], [X], 3)  # type: ignore[arg-type]
