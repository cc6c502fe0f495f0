"""Random numbers: shapes, types, bounds, keys, and moments of large samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import FLOATS, assert_equal, quick, to_numpy

KEY = mx.random.key(2024)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
COUNT = 40_000

# name: arguments, mean, standard deviation
DISTRIBUTIONS: dict[str, tuple[dict[str, Any], float, float]] = {
    "bernoulli": ({"p": 0.25}, 0.25, math.sqrt(3) / 4),
    "gumbel": ({}, 0.5772, math.pi / math.sqrt(6)),
    "laplace": ({"loc": 1.0, "scale": 0.5}, 1.0, math.sqrt(0.5)),
    "normal": ({"loc": 2.0, "scale": 3.0}, 2.0, 3.0),
    "randint": ({"low": -3, "high": 4}, 0.0, 2.0),
    "truncated_normal": ({"lower": -1.0, "upper": 1.0}, 0.0, 0.5396),
    "uniform": ({"low": 1.0, "high": 3.0}, 2.0, 2 / math.sqrt(12)),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_moments(name: str) -> None:
    arguments, mean, deviation = DISTRIBUTIONS[name]
    x = to_numpy(getattr(mx.random, name)(shape=(COUNT,), key=KEY, **arguments))
    # Five standard errors: with the key fixed, the outcome is too.
    assert abs(x.mean() - mean) < 5 * deviation / math.sqrt(COUNT)
    assert abs(x.std() - deviation) < 0.05 * deviation


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@quick
@given(shape=SHAPES, seed=st.integers(0, 2**64 - 1))
def test_a_key_decides_the_numbers(name: str, shape: tuple[int, ...], seed: int) -> None:
    key = mx.random.key(seed)
    draw = getattr(mx.random, name)
    one = draw(shape=shape, key=key, **DISTRIBUTIONS[name][0])
    assert one.shape == shape
    assert_equal(draw(shape=shape, key=key, **DISTRIBUTIONS[name][0]), to_numpy(one))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["gumbel", "laplace", "normal", "truncated_normal", "uniform"])
def test_types(name: str, dtype: str) -> None:
    kind = getattr(mx, dtype)
    got = getattr(mx.random, name)(shape=(8,), dtype=kind, **DISTRIBUTIONS[name][0])
    assert got.dtype == kind
    assert getattr(mx.random, name)(shape=(8,), dtype=None, **DISTRIBUTIONS[name][0]).dtype == (
        mx.float32
    )


@quick
@given(low=st.integers(-50, 50), width=st.integers(1, 50))
def test_bounds(low: int, width: int) -> None:
    integers = to_numpy(mx.random.randint(low, low + width, (500,)))
    assert integers.min() >= low
    assert integers.max() < low + width
    reals = to_numpy(mx.random.uniform(low, low + width, (500,)))
    assert reals.min() >= low
    assert reals.max() < low + width


def test_bounds_broadcast() -> None:
    got = mx.random.uniform(mx.array([0.0, 10.0]), mx.array([1.0, 11.0]), (100, 2))
    assert ((got >= mx.array([0.0, 10.0])) & (got < mx.array([1.0, 11.0]))).all().item()
    got = mx.random.truncated_normal(mx.array([[-1.0], [0.0]]), mx.array([0.5, 1.0, 2.0]))
    assert got.shape == (2, 3)
    assert mx.random.normal((100, 2), loc=mx.array([0.0, 1e6])).shape == (100, 2)
    assert_equal(mx.random.bernoulli(mx.array([0.0, 1.0])), [False, True])


def test_seed_restarts_the_numbers() -> None:
    mx.random.seed(3)
    one = to_numpy(mx.random.normal((4,)))
    other = to_numpy(mx.random.normal((4,)))
    mx.random.seed(3)
    assert_equal(mx.random.normal((4,)), one)
    assert not np.array_equal(one, other)


def test_bounds_that_are_computed_draw_from_the_same_state() -> None:
    """They are not known when the node is made, so that it takes another way."""
    low, high = mx.array([3, 3]) * 1, mx.array([90, 90]) * 1
    mx.random.seed(7)
    expected = [mx.random.randint(3, 90, (2,)).tolist() for _ in range(3)]
    after = mx.random.state[0].tolist()
    mx.random.seed(7)
    assert [mx.random.randint(low, high, (2,)).tolist() for _ in range(3)] == expected
    assert mx.random.state[0].tolist() == after


def test_split_keys_are_distinct() -> None:
    keys = to_numpy(mx.random.split(KEY, 50))
    assert keys.shape == (50, 2)
    assert keys.dtype == np.uint32
    assert len(np.unique(keys, axis=0)) == 50


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_out_of_range(seed: int) -> None:
    for function in (mx.random.seed, mx.random.key):
        with pytest.raises((TypeError, ValueError)):
            function(seed)


def test_categorical_follows_its_logits() -> None:
    p = np.array([0.1, 0.2, 0.7])
    x = to_numpy(mx.random.categorical(mx.array(np.log(p)), num_samples=COUNT, key=KEY))
    frequencies = np.bincount(x, minlength=3) / COUNT
    np.testing.assert_allclose(frequencies, p, atol=5 * math.sqrt(0.25 / COUNT))


def test_shapes_of_categorical() -> None:
    logits = mx.zeros((2, 3, 4))
    assert mx.random.categorical(logits).shape == (2, 3)
    assert mx.random.categorical(logits, axis=0).shape == (3, 4)
    assert mx.random.categorical(logits, num_samples=5).shape == (2, 3, 5)
    assert mx.random.categorical(logits, shape=(6, 2, 3)).shape == (6, 2, 3)
    with pytest.raises(ValueError):
        mx.random.categorical(logits, shape=(2, 3), num_samples=1)
    with pytest.raises(IndexError):
        mx.random.categorical(logits, axis=3)


@quick
@given(n=st.integers(0, 30))
def test_permutation_of_numbers(n: int) -> None:
    assert_equal(mx.sort(mx.random.permutation(n)), np.arange(n))


def test_permutation_moves_whole_slices() -> None:
    x = np.arange(12).reshape(4, 3)
    rows = to_numpy(mx.random.permutation(mx.array(x)))
    np.testing.assert_array_equal(rows[np.argsort(rows[:, 0])], x)
    columns = to_numpy(mx.random.permutation(mx.array(x), axis=1))
    np.testing.assert_array_equal(np.sort(columns, axis=1), x)


def test_multivariate_normal() -> None:
    mean, covariance = np.array([1.0, -2.0]), np.array([[2.0, 0.6], [0.6, 1.0]])
    x = to_numpy(
        mx.random.multivariate_normal(
            mx.array(mean), mx.array(covariance), (COUNT,), key=KEY, stream=mx.cpu
        )
    )
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.cov(x.T), covariance, atol=0.1)


def test_wrong_types() -> None:
    calls: tuple[Callable[[], mx.array], ...] = (
        lambda: mx.random.uniform(0, 1, (2,), mx.int32),
        lambda: mx.random.randint(0, 5, (2,), mx.float32),
        lambda: mx.random.bernoulli(mx.array([1])),
        lambda: mx.random.normal((2,), key=mx.array([1.0, 2.0])),
        lambda: mx.random.normal((-2,)),
        lambda: mx.random.uniform(mx.zeros(3), 1, (2,)),
    )
    for wrong in calls:
        with pytest.raises(ValueError):
            wrong()


def test_the_state_is_a_key() -> None:
    mx.random.seed(2**40 + 5)
    assert mx.random.state[0].tolist() == [2**8, 5]
    following, used = mx.random.split(mx.random.state[0])
    assert mx.random.normal((3,)).tolist() == mx.random.normal((3,), key=used).tolist()
    assert mx.random.state[0].tolist() == following.tolist()
    first = mx.random.uniform(0, 1, (3,), mx.float32, None).tolist()
    assert first == mx.random.uniform(0, 1, (3,), key=mx.random.split(following)[1]).tolist()


def test_a_compiled_function_draws_from_the_state() -> None:
    state = mx.random.state
    draw = mx.compile(lambda: mx.random.uniform(shape=(4,)), inputs=state, outputs=state)
    mx.random.seed(3)
    compiled = [draw().tolist() for _ in range(3)]
    mx.random.seed(3)
    assert compiled == [mx.random.uniform(shape=(4,)).tolist() for _ in range(3)]
    assert compiled[0] != compiled[1]


def test_every_thread_has_a_state() -> None:
    state = mx.random.state
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: mx.random.state).result() is state
        theirs = pool.submit(lambda: state[0].tolist()).result()
        assert pool.submit(lambda: state[0].tolist()).result() == theirs
    assert theirs != state[0].tolist()


def test_a_compiled_function_draws_from_the_state_of_its_thread() -> None:
    state = mx.random.state
    draw = mx.compile(lambda: mx.random.uniform(shape=(2,)), inputs=state, outputs=state)
    mx.random.seed(1)
    draw()
    ours = state[0].tolist()

    def in_thread() -> tuple[list[object], list[object], list[object]]:
        drawn = [draw().tolist() for _ in range(4)]
        mx.random.seed(9)
        compiled = [draw().tolist() for _ in range(4)]
        mx.random.seed(9)
        return drawn, compiled, [mx.random.uniform(shape=(2,)).tolist() for _ in range(4)]

    with ThreadPoolExecutor(1) as pool:
        drawn, compiled, eager = pool.submit(in_thread).result()
    assert len({str(x) for x in drawn}) == 4
    assert compiled == eager
    assert state[0].tolist() == ours


def test_the_state_is_a_list_of_one_key() -> None:
    state = mx.random.state
    assert isinstance(state, list)
    assert len(state) == 1
    assert [key.shape for key in state] == [(2,)]
    state[0] = mx.random.key(4)
    assert repr(state) == repr([mx.random.key(4)])
    with pytest.raises(ValueError, match="one key"):
        state[:] = []
    mx.eval(state)
