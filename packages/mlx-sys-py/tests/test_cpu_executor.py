"""Evaluations that the library schedules itself: in the calling thread, or on the stream's."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from levels import ours_only
from mlx_sys_py import array, fast, float32, memory, ops, transforms
from numpy.typing import NDArray

Values = NDArray[Any]

SIZE = 4
# Kernels of this library, operations of MLX, and operations that move nothing.
STEPS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "matmul": (lambda x, y: ops.matmul(x, y) * 0.25, lambda x, y: x @ y * 0.25),
    "rms_norm": (
        lambda x, y: fast.rms_norm(x, None, 1.0) + y,
        lambda x, y: x / np.sqrt((x**2).mean(-1, keepdims=True) + 1) + y,
    ),
    "add": (lambda x, y: x + y, lambda x, y: x + y),
    "sin": (lambda x, y: ops.sin(x) * y, lambda x, y: np.sin(x) * y),
    "transpose": (lambda x, y: ops.transpose(x) - y, lambda x, y: x.T - y),
    "reshape": (
        lambda x, y: ops.reshape(ops.transpose(ops.reshape(x, (2, 2, SIZE)), (1, 0, 2)), y.shape),
        lambda x, y: x.reshape(2, 2, SIZE).swapaxes(0, 1).reshape(y.shape),
    ),
    "split": (
        lambda x, y: ops.concatenate(ops.split(x, 2, axis=1)[::-1], axis=1) + y,
        lambda x, y: np.concatenate(np.split(x, 2, axis=1)[::-1], axis=1) + y,
    ),
    "take": (
        lambda x, y: ops.take(x, array([3, 1, 0, 2]), axis=0) + y,
        lambda x, y: x[[3, 1, 0, 2]] + y,
    ),
}
programs = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0), st.integers(0)),
    min_size=1,
    max_size=60,
)


def values(a: array) -> Values:
    return np.array(a).astype(np.float64)


def run(program: list[tuple[str, int, int]], which: int, start: list[Any]) -> list[Any]:
    results = list(start)
    for name, first, second in program:
        x, y = results[first % len(results)], results[second % len(results)]
        results.append(STEPS[name][which](x, y))
    return results


@given(programs, st.integers(0, 2**32 - 1), st.data())
def test_graphs_give_what_numpy_does(program: Any, seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    start = [rng.normal(size=(SIZE, SIZE)).astype(np.float32) for _ in range(2)]
    expected = run(program, 1, [x.astype(np.float64) for x in start])
    results = run(program, 0, [array(x) for x in start])
    wanted = data.draw(st.lists(st.integers(0, len(results) - 1), min_size=1, max_size=4))
    begin = transforms.async_eval if data.draw(st.booleans()) else transforms.eval
    begin([results[i] for i in wanted])
    if data.draw(st.booleans()):
        # Whatever only the graph held is gone when it is computed.
        results = [results[i] if i in wanted else None for i in range(len(results))]
    for result, correct in zip(results, expected, strict=True):
        if result is not None:
            scale = max(1.0, float(np.abs(correct).max()))
            np.testing.assert_allclose(values(result), correct, rtol=0, atol=1e-3 * scale)


shapes = st.lists(st.sampled_from([1, 2, 3, 4, 6]), min_size=1, max_size=4)


@given(shapes, st.data())
def test_reshape_of_any_layout(shape: list[int], data: st.DataObject) -> None:
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    a = array(x)
    if data.draw(st.booleans(), "sliced"):
        x, a = x[..., ::2], a[..., ::2]
    axes = data.draw(st.permutations(range(len(shape))), "axes")
    x, a = x.transpose(axes), ops.transpose(a, axes)
    if data.draw(st.booleans(), "broadcast"):
        x, a = np.broadcast_to(x, (2, *x.shape)), ops.broadcast_to(a, (2, *a.shape))
    factors = data.draw(st.permutations([*x.shape, 1]), "shape")
    cut = data.draw(st.integers(0, len(factors)), "cut")
    target = (*factors[:cut], int(np.prod(factors[cut:])))
    np.testing.assert_array_equal(np.array(ops.reshape(a, target)), x.reshape(target))


def test_outputs_dropped_while_they_are_computed() -> None:
    x = ops.ones((256, 256))
    transforms.eval([x])
    for _ in range(50):
        products = [ops.matmul(x, x) for _ in range(4)]
        transforms.async_eval(products)
        del products
        gc.collect()
    assert ops.matmul(x, x)[0, 0].item() == 256


def test_a_buffer_is_not_reused_while_it_is_read() -> None:
    x = ops.ones((64, 64))
    y = ops.matmul(x, x)
    transforms.async_eval([y])
    total = ops.matmul(y, x)
    transforms.async_eval([total])
    y += 1.0
    transforms.async_eval([y])
    assert total[0, 0].item() == 4096
    assert y[0, 0].item() == 65


@pytest.mark.parametrize("evaluates", [False, True])
def test_evaluation_inside_a_transformation_keeps_the_graph(evaluates: bool) -> None:
    def loss(inputs: list[array]) -> list[array]:
        y = ops.matmul(inputs[0], inputs[0])
        if evaluates:
            transforms.eval([y])
        return [ops.sum(fast.rms_norm(y, None, 1.0) * y)]

    _, gradients = transforms.vjp(loss, [ops.eye(3) * 2.0], [array(1.0)])
    # Of the sum over i of x_ii^4 / sqrt(mean_j of x_ij^4 + 1), at x = 2 times the identity.
    y, rms = 4.0, np.sqrt(16 / 3 + 1)
    slope = 2 * y / rms - y**3 / 3 / rms**3
    np.testing.assert_allclose(values(gradients[0]), np.eye(3) * slope * 4, atol=1e-5)


@pytest.mark.parametrize("evaluate", [transforms.eval, transforms.async_eval])
def test_indices_out_of_range_fail_what_depends_on_them(evaluate: Any) -> None:
    x = ops.ones((SIZE, SIZE))
    good = ops.matmul(x, x)
    bad = ops.matmul(ops.take(x, array([9]), axis=0), x)
    with contextlib.suppress(IndexError):
        evaluate([good, bad])
    with pytest.raises(IndexError, match="9 is out of range"):
        values(bad)
    assert values(good)[0, 0] == SIZE
    with pytest.raises(IndexError, match="9 is out of range"):
        values(bad + 1.0)


def test_large_work_is_left_to_the_stream() -> None:
    x = ops.zeros((2048, 1024), dtype=float32)
    y = ops.matmul(x, ops.transpose(x))
    transforms.eval([x])
    transforms.eval([fast.rms_norm(y, None, 1.0), ops.reshape(ops.transpose(y), (-1,))])
    assert values(y).sum() == 0


@ours_only
def test_a_cache_that_is_read_grows_in_place() -> None:
    """What is under way reads the cache before the next row is there, so it needs no copy."""
    rows, size = 20, 1 << 16
    cache, ones = array(np.zeros((rows, size), np.float32)), array(np.ones((size, 1), np.float32))
    transforms.eval([cache, ones])
    memory.reset_peak_memory()
    before = memory.get_active_memory()
    totals = []
    for i in range(rows):
        cache[i] = i + 1.0
        totals.append(ops.sum(ops.matmul(cache, ones)))
        transforms.async_eval([totals[-1]])
        if i == rows // 2:
            kept = cache[...]
    expected = size * np.cumsum(np.arange(1, rows + 1))
    np.testing.assert_array_equal([float(values(total)) for total in totals], expected)
    assert memory.get_peak_memory() - before < 1.5 * cache.nbytes
    np.testing.assert_array_equal(values(kept)[:, 0], [*range(1, rows // 2 + 2), *[0] * 9])
    np.testing.assert_array_equal(values(cache)[:, 0], np.arange(1, rows + 1))


def test_many_evaluations_under_way() -> None:
    """More than MLX lets be under way, some of which fail: none is waited for twice or lost."""
    rng = np.random.default_rng(3)
    a = rng.standard_normal((400, 400)).astype(np.float32) / 20
    x = array(a)
    bad = array(np.array([900], np.uint32))
    kept, y = [], x
    for i in range(60):
        y = ops.matmul(y, x) if i % 10 else x
        transforms.async_eval([y])
        kept.append(y)
        if i % 20 == 7:
            transforms.async_eval([ops.take(x, bad, 0)])
    want = a
    for i, got in enumerate(kept):
        want = want @ a if i % 10 else a
        for _ in range(4):
            try:
                values = np.array(got)
                break
            except IndexError:
                pass
        np.testing.assert_allclose(values, want, atol=1e-4)
