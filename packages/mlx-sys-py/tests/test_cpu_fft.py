"""Fourier transforms on the CPU, against NumPy in double precision."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level
from mlx_sys_py import array, fft, ops, transforms

pytestmark = at_every_level

SIGNS = np.array([1, -1, 1, -1, 1, -1], np.float32)
LENGTHS = [1, 2, 3, 4, 5, 7, 8, 11, 13, 16, 30, 64, 97, 101, 128, 211, 256, 1009]


def check(got: array, want: np.ndarray) -> None:
    result = np.array(got)
    assert result.shape == want.shape
    scale = max(1.0, float(np.abs(want).max(initial=0)))
    np.testing.assert_allclose(result / scale, want / scale, rtol=0, atol=2e-6)


def values(shape: tuple[int, ...], *, is_complex: bool, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    x = random.normal(size=shape)
    if is_complex:
        return (x + 1j * random.normal(size=shape)).astype(np.complex64)
    return x.astype(np.float32)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("rows", [1, 3, 70])
def test_lengths(n: int, rows: int) -> None:
    real, z = (values((rows, n), is_complex=kind, seed=n) for kind in (False, True))
    check(fft.fft(array(z)), np.fft.fft(z))
    check(fft.ifft(array(z)), np.fft.ifft(z))
    check(fft.rfft(array(real)), np.fft.rfft(real))
    half = np.fft.rfft(real).astype(np.complex64)
    check(fft.irfft(array(half), n), np.fft.irfft(half, n))


@pytest.mark.parametrize("n", [1 << 15, (1 << 15) + 3, 10007])
def test_long(n: int) -> None:
    z = values((n,), is_complex=True)
    check(fft.fft(array(z)), np.fft.fft(z))
    check(fft.rfft(array(z.real.copy())), np.fft.rfft(z.real))
    check(fft.irfft(fft.rfft(array(z.real.copy())), n), z.real)


def laid_out(x: np.ndarray, layout: str) -> array:
    """The values, in memory as asked."""
    if layout == "transposed":
        return ops.swapaxes(array(x.swapaxes(0, -1).copy()), 0, -1)
    if layout == "strided":
        return array(np.repeat(x, 2, -1))[..., ::2]
    if layout == "reversed":
        return array(x[..., ::-1].copy())[..., ::-1]
    return ops.broadcast_to(array(x[:1].copy()), list(x.shape))


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_axes_and_layouts(data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=4), label="shape"))
    axes = data.draw(st.permutations(range(len(shape))))[: data.draw(st.integers(1, len(shape)))]
    layout = data.draw(st.sampled_from(["transposed", "strided", "reversed", "row"]))
    z, real = (laid_out(values(shape, is_complex=kind), layout) for kind in (True, False))
    a, x = z, np.array(z)
    check(fft.fftn(a, None, axes), np.fft.fftn(x, axes=axes))
    check(fft.ifftn(a, None, axes), np.fft.ifftn(x, axes=axes))
    lengths = [data.draw(st.integers(1, 9)) for _ in axes]
    check(fft.irfftn(a, lengths, axes), np.fft.irfftn(x, lengths, axes))
    a, x = real, np.array(real)
    check(fft.rfftn(a, None, axes), np.fft.rfftn(x, axes=axes))


@pytest.mark.parametrize("shape", [(64, 300), (300, 64), (5, 128, 40), (2, 1, 2000)])
def test_many_rows_by_several_threads(shape: tuple[int, ...]) -> None:
    z = values(shape, is_complex=True)
    for axis in range(len(shape)):
        check(fft.fft(array(z), axis=axis), np.fft.fft(z, axis=axis))
        check(fft.rfft(array(z.real.copy()), axis=axis), np.fft.rfft(z.real, axis=axis))
    check(fft.fft2(array(z)), np.fft.fft2(z))
    check(fft.irfft2(array(z), shape[-2:]), np.fft.irfft2(z, shape[-2:]))


def test_none() -> None:
    assert np.array(fft.fft(ops.zeros([0, 4]))).shape == (0, 4)
    assert np.array(fft.irfft(ops.zeros([3, 0, 4]), 6)).shape == (3, 0, 6)


def test_nan_and_infinity_stay_in_their_row() -> None:
    x = values((3, 16), is_complex=False)
    x[1, 3] = math.nan
    result = np.array(fft.rfft(array(x)))
    assert np.isnan(result[1]).all()
    check(array(result[[0, 2]]), np.fft.rfft(x[[0, 2]]))


def test_gradient() -> None:
    x = values((4, 6), is_complex=False)

    def energy(inputs: Any) -> list[array]:
        return [ops.sum(ops.square(ops.abs(fft.rfft(inputs[0]))))]

    (gradient,) = transforms.value_and_grad(energy, [0])([array(x)])[1]
    # By Parseval's theorem, the energy of all frequencies is that of the signal; of the two halves,
    # this is one, and the frequencies in none.
    first, middle = x.sum(-1, keepdims=True), (x * SIGNS).sum(-1, keepdims=True)
    np.testing.assert_allclose(np.array(gradient), 6 * x + first + middle * SIGNS, atol=1e-4)
