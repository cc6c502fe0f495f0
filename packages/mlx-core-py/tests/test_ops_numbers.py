"""Ranges, types and limits that MLX has wrong. NumPy and PyTorch say what is right."""

from __future__ import annotations

from functools import partial

import mlx_core_py as mx
import numpy as np
import pytest


class TestRandint:
    @pytest.mark.parametrize(
        ("low", "high", "dtype"),
        [
            (2**40, 2**40 + 1024, mx.int64),
            (-(2**63), 2**63 - 1, mx.int64),
            (0, 2**64 - 1, mx.uint64),
            (0, 2**31 - 1, mx.int32),
            (-(2**31), 2**31 - 1, mx.int32),
            (0, 2**32 - 1, mx.uint32),
            (0, 3 * 2**61, mx.int64),
        ],
    )
    def test_all_values_are_as_likely(self, low: int, high: int, dtype: mx.Dtype) -> None:
        drawn = mx.random.randint(low, high, (4096,), dtype=dtype, key=mx.random.key(1)).tolist()
        assert all(low <= x < high for x in drawn)
        # Bounds of five standard deviations.
        assert 0.46 < np.mean([x % 2 for x in drawn]) < 0.54
        parts = np.bincount([(x - low) * 8 // (high - low) for x in drawn], minlength=8)
        assert (abs(parts - 512) < 106).all()

    def test_bounds_that_are_not_known_yet(self) -> None:
        key = mx.random.key(3)
        for low, high in ((0, 10), (2**40, 2**40 + 5)):
            bounds = mx.array([low], mx.int64) + 0, mx.array([high], mx.int64) + 0
            got = mx.random.randint(*bounds, (50,), dtype=mx.int64, key=key)
            known = mx.random.randint(low, high, (50,), dtype=mx.int64, key=key)
            assert got.tolist() == known.tolist()


class TestStatistics:
    def test_mean_of_ints_near_the_limit(self) -> None:
        limit = 2**31 - 1
        assert mx.mean(mx.array([limit] * 4)).item() == np.float32(limit)
        small = mx.full((70_000,), 2**15 - 1, dtype=mx.int16)
        assert small.mean().item() == 2**15 - 1

    def test_var_of_large_ints(self) -> None:
        values = [2**30, 2**30 + 2, 2**30 + 4]
        assert mx.var(mx.array(values)).item() == pytest.approx(np.var(values))
        assert mx.std(mx.array(values)).item() == pytest.approx(np.std(values))

    @pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
    def test_half_precision(self, dtype: mx.Dtype) -> None:
        ones = mx.ones((70_000,), dtype)
        assert ones.mean().item() == 1
        assert ones.mean().dtype == dtype
        large = mx.array([-300.0, 300.0], dtype)
        assert large.std().item() == 300
        assert mx.linalg.norm(large).item() == pytest.approx(np.hypot(300, 300), rel=1e-2)

    def test_cumsum_has_the_type_of_sum(self) -> None:
        for dtype in (mx.uint8, mx.int8, mx.uint16, mx.int16):
            a = mx.array([100, 100], dtype)
            assert mx.cumsum(a).dtype == mx.sum(a).dtype
            assert mx.cumsum(a).tolist() == [100, 200]
        assert mx.cumsum(mx.array([1], mx.uint8), dtype=mx.uint8).dtype == mx.uint8

    def test_gradients_at_zero(self) -> None:
        assert mx.grad(mx.linalg.norm)(mx.zeros(2)).tolist() == [0, 0]
        assert mx.grad(lambda x: mx.linalg.norm(x, axis=1).sum())(mx.zeros((2, 2))).sum() == 0
        assert mx.grad(mx.std)(mx.ones(3)).tolist() == [0, 0, 0]
        assert mx.linalg.norm(mx.array([3.0, 4.0])).item() == 5
        assert np.isnan(mx.linalg.norm(mx.array([float("nan"), 1.0])).item())

    def test_the_index_of_an_extreme_of_nothing(self) -> None:
        for function in (mx.argmax, mx.argmin):
            assert function(mx.zeros((0, 2)), axis=-1).shape == (0,)
            assert function(mx.zeros((0, 2)), axis=1, keepdims=True).shape == (0, 1)
            with pytest.raises(ValueError):
                function(mx.zeros((0, 2)), axis=0)


def test_complex_numbers() -> None:
    zero = mx.array([0j, 1j])
    assert (zero**0).tolist() == [1, 1]
    assert (zero ** mx.array(0j)).tolist() == [1, 1]
    with pytest.raises(ValueError, match="complex"):
        mx.array([1 + 2j]) // 1


@pytest.mark.parametrize("p", [2.0, -0.1, float("nan")])
def test_probabilities(p: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        mx.random.bernoulli(p, (3,))


class TestExponentials:
    VALUES = np.array([[0.1, 0.7, -0.4], [30.0, -50.0, 29.0]])

    @pytest.mark.parametrize("axis", [None, 0, -1, (0, 1)])
    def test_float64(self, axis: int | tuple[int, ...] | None) -> None:
        a = mx.array(self.VALUES, mx.float64)
        powers = np.exp(self.VALUES)
        total = powers.sum(axis, keepdims=True)
        softmax, logsumexp = mx.softmax(a, axis), mx.logsumexp(a, axis, keepdims=True)
        np.testing.assert_allclose(np.array(softmax), powers / total, rtol=1e-14)
        np.testing.assert_allclose(np.array(logsumexp), np.log(total), rtol=1e-14)
        assert mx.logsumexp(a, axis).shape == np.sum(powers, axis).shape
        gradient = mx.grad(lambda a: mx.logsumexp(a, axis).sum())(a)
        np.testing.assert_allclose(np.array(gradient), powers / total, rtol=1e-14)

    def test_infinity_in_float64(self) -> None:
        rows = mx.array([[-mx.inf, -mx.inf], [mx.inf, 1.0], [mx.nan, 1.0]], mx.float64)
        got = mx.logsumexp(rows, 1).tolist()
        assert got[:2] == [-mx.inf, mx.inf]
        assert np.isnan(got[2])

    @pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
    def test_half_precision_over_several_axes(self, dtype: mx.Dtype) -> None:
        ones = mx.ones((2, 2), dtype)
        for axis in (None, (0, 1)):
            got = mx.logsumexp(ones, axis)
            assert got.dtype == dtype
            assert got.item() == mx.array(1 + np.log(4), dtype).item()

    def test_of_empty_arrays(self) -> None:
        for dtype in (mx.float32, mx.float16, mx.int32):
            empty = mx.zeros((0, 3), dtype)
            assert mx.logsumexp(empty, 1).shape == (0,)
            assert mx.logsumexp(empty, 1, keepdims=True).shape == (0, 1)
            assert mx.issubdtype(mx.logsumexp(empty, 1).dtype, mx.floating)
            with pytest.raises(ValueError, match="empty"):
                mx.logsumexp(empty, 0)
            with pytest.raises(ValueError, match="empty"):
                mx.logsumexp(empty)


def test_the_index_of_an_extreme_of_a_scalar() -> None:
    for function in (mx.argmax, mx.argmin):
        for keepdims in (False, True):
            assert function(mx.array(3.0), keepdims=keepdims).shape == ()
            assert function(mx.array(3.0), keepdims=keepdims).item() == 0
            mapped = mx.vmap(partial(function, keepdims=True))(mx.ones(3))
        assert mapped.tolist() == [0, 0, 0]


def test_nan_to_num_of_float64() -> None:
    a = mx.array([mx.nan, mx.inf, -mx.inf, 1e300], mx.float64)
    largest = np.finfo(np.float64).max
    assert mx.nan_to_num(a).tolist() == [0, largest, -largest, 1e300]
    assert mx.nan_to_num(a, 1.0, 2.0, 3.0).tolist() == [1, 2, 3, 1e300]
    assert mx.nan_to_num(a).dtype == mx.float64


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
@pytest.mark.parametrize("order", [1, 2, 3, mx.inf])
def test_norms_of_half_precision(order: float, dtype: mx.Dtype) -> None:
    large = mx.array([[300.0, 3.0], [400.0, 4.0]], dtype)
    wanted = np.linalg.norm(np.array(large.astype(mx.float32)), order, axis=0)
    got = mx.linalg.norm(large, order, axis=0)
    assert got.dtype == dtype
    # Rounded once.
    assert got.tolist() == mx.array(wanted, dtype).tolist()
    with_gradient = mx.grad(lambda a: mx.linalg.norm(a, 2, axis=0).sum())(mx.zeros((2, 1), dtype))
    assert with_gradient.tolist() == [[0], [0]]
