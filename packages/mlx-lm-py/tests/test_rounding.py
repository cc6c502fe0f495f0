"""Numbers rounded to few bits, against the nearest of all that there are."""

import math

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx_lm_py.models.blocks.rounding import rounded_to_fp4, rounded_to_fp8


def numbers(exponent_bits: int, mantissa_bits: int, largest: float) -> np.ndarray:
    """All that are not negative, in order: of every other one the last bit is zero."""
    bias, steps = 2 ** (exponent_bits - 1) - 1, 2**mantissa_bits
    found = [
        math.ldexp(mantissa + (steps if exponent else 0), max(exponent, 1) - bias - mantissa_bits)
        for exponent in range(2**exponent_bits)
        for mantissa in range(steps)
    ]
    return np.array([one for one in found if one <= largest])


FP4, FP8 = numbers(2, 1, 6.0), numbers(4, 3, 448.0)


def nearest(values: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """The nearest of a grid; of two that are as near, the one with a last bit of zero."""
    size = np.abs(values)[..., None]
    far = np.abs(size - grid)
    odd = np.arange(len(grid)) % 2
    best = np.lexsort((np.broadcast_to(odd, far.shape), far))[..., 0]
    return np.asarray(np.sign(values) * grid[best])


def power_above(x: np.ndarray) -> np.ndarray:
    mantissa, exponent = np.frexp(x)
    return np.asarray(np.ldexp(1.0, exponent - (mantissa == 0.5)))


def block(seed: int, exponent: int, places: int) -> np.ndarray:
    """Of few places, so that many are halfway between two."""
    values = np.random.default_rng(seed).standard_normal(32) * 2.0**exponent
    return (np.round(values * 2.0**places) / 2.0**places).astype(np.float32)


blocks = st.builds(
    block, st.integers(0, 2**32 - 1), st.integers(-3, 9), st.sampled_from([0, 1, 2, 3, 20])
)


@given(blocks)
def test_fp8(values: np.ndarray) -> None:
    scale = power_above(np.maximum(np.abs(values).max(), np.float32(1e-4)) / np.float32(448))
    expected = nearest(values.astype(np.float64) / scale, FP8) * scale
    np.testing.assert_array_equal(np.array(rounded_to_fp8(mx.array(values))), expected)


@given(blocks)
def test_fp4(values: np.ndarray) -> None:
    scale = power_above(np.maximum(np.abs(values).max(), np.float32(2.0**-100)) / np.float32(6))
    expected = nearest(values.astype(np.float64) / scale, FP4) * scale
    np.testing.assert_array_equal(np.array(rounded_to_fp4(mx.array(values))), expected)


@given(blocks)
def test_fp4_with_factors_of_eight_bits(values: np.ndarray) -> None:
    got = np.array(rounded_to_fp4(mx.array(values), 16, fine=True)).reshape(2, 16)
    for block, rounded in zip(values.reshape(2, 16), got, strict=True):
        largest = max(np.abs(block).max(), 6 * 2.0**-9)
        scale = nearest(np.array(largest / 6), FP8)
        expected = nearest(np.clip(block / scale, -6, 6), FP4) * scale
        np.testing.assert_allclose(rounded, expected, rtol=1e-6)


@pytest.mark.parametrize("rounded", [rounded_to_fp4, rounded_to_fp8])
def test_what_is_no_whole_block_stays(rounded: object) -> None:
    x = mx.random.normal((2, 40), key=mx.random.key(0))
    assert callable(rounded)
    assert mx.array_equal(rounded(x), x)
    assert rounded(x[:, :32].astype(mx.bfloat16)).dtype == mx.bfloat16
