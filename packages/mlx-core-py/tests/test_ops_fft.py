"""Fourier transforms against NumPy."""

from __future__ import annotations

from typing import Any, Literal

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import assert_close, assert_equal, floats, quick, with_axes, with_axis

Norm = Literal["backward", "ortho", "forward"]
NORMS: tuple[Norm, ...] = ("backward", "ortho", "forward")
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=2, max_side=6)


def complex_of(x: np.ndarray) -> np.ndarray:
    """An array that is not real."""
    return (x + 1j * np.roll(x, 1)).astype(np.complex64)


@pytest.mark.parametrize("norm", NORMS)
@quick
@given(case=with_axis(floats(SHAPES)), n=st.one_of(st.none(), st.integers(1, 9)))
def test_one_axis(norm: Norm, case: tuple[np.ndarray, int], n: int | None) -> None:
    x, axis = case
    z = complex_of(x)
    for name in ("fft", "ifft"):
        want = getattr(np.fft, name)(z, n, axis, norm)
        assert_close(getattr(mx.fft, name)(mx.array(z), n, axis, norm), want, 1e-4, 1e-4)
    got = mx.fft.rfft(mx.array(x), n, axis, norm)
    assert_close(got, np.fft.rfft(x, n, axis, norm), 1e-4, 1e-4)
    length = x.shape[axis] if n is None else n
    back = np.fft.irfft(np.fft.rfft(x, n, axis, norm), length, axis, norm)
    assert_close(mx.fft.irfft(got, length, axis, norm), back, 1e-4, 1e-4)


@pytest.mark.parametrize("norm", NORMS)
@quick
@given(case=with_axes(floats(SHAPES)))
def test_several_axes(norm: Norm, case: tuple[np.ndarray, Any]) -> None:
    x, axes = case
    axes = (axes,) if isinstance(axes, int) else axes
    if axes == ():
        return
    z = complex_of(x)
    for name in ("fftn", "ifftn"):
        want = getattr(np.fft, name)(z, axes=axes, norm=norm)
        assert_close(getattr(mx.fft, name)(mx.array(z), axes=axes, norm=norm), want, 1e-4, 1e-4)
    want = np.fft.rfftn(x, axes=axes, norm=norm)
    got = mx.fft.rfftn(mx.array(x), axes=axes, norm=norm)
    assert_close(got, want, 1e-4, 1e-4)
    back = np.fft.irfftn(want, axes=axes, norm=norm)
    assert_close(mx.fft.irfftn(got, axes=axes, norm=norm), back, 1e-4, 1e-4)


@pytest.mark.parametrize("name", ["fft2", "ifft2", "rfft2", "irfft2"])
@quick
@given(x=floats((2, 4, 3)), rows=st.integers(1, 6), columns=st.integers(2, 6))
def test_two_axes(name: str, x: np.ndarray, rows: int, columns: int) -> None:
    want = getattr(np.fft, name)(x)
    assert_close(getattr(mx.fft, name)(mx.array(x)), want, 1e-4, 1e-4)
    want = getattr(np.fft, name)(x, (rows, columns), (0, 1))
    assert_close(getattr(mx.fft, name)(mx.array(x), (rows, columns), (0, 1)), want, 1e-4, 1e-4)


@quick
@given(n=st.integers(1, 30), d=st.floats(0.125, 8))
def test_frequencies(n: int, d: float) -> None:
    assert_close(mx.fft.fftfreq(n, d), np.fft.fftfreq(n, d))
    assert_close(mx.fft.rfftfreq(n, d), np.fft.rfftfreq(n, d))


@quick
@given(case=with_axes(floats(SHAPES)))
def test_shifts(case: tuple[np.ndarray, Any]) -> None:
    x, axes = case
    assert_equal(mx.fft.fftshift(mx.array(x), axes), np.fft.fftshift(x, axes))
    assert_equal(mx.fft.ifftshift(mx.array(x), axes), np.fft.ifftshift(x, axes))


def frames(x: np.ndarray, n_fft: int, hop: int) -> np.ndarray:
    """Spectra of the frames of a signal, the plain way: the oracle of `stft`."""
    x = np.pad(x, n_fft // 2, "reflect")
    starts = range(0, len(x) - n_fft + 1, hop)
    window = np.hanning(n_fft + 1)[:-1]
    return np.stack([np.fft.rfft(window * x[i : i + n_fft]) for i in starts], axis=1)


@pytest.mark.parametrize("hop", [4, 8])
def test_short_time_transform(hop: int) -> None:
    x = np.random.default_rng(0).normal(size=96).astype(np.float32)
    window = mx.array(np.hanning(17)[:-1])
    got = mx.fft.stft(mx.array(x), n_fft=16, hop_length=hop, window=window)
    assert_close(got, frames(x, 16, hop), 1e-4, 1e-4)
    back = mx.fft.istft(got, hop_length=hop, window=window, length=96)
    assert_close(back, x, 1e-3, 1e-3)
    two_sided = mx.fft.stft(mx.array(x), n_fft=16, hop_length=hop, window=window, onesided=False)
    assert_close(two_sided[:9], frames(x, 16, hop), 1e-4, 1e-4)
    assert two_sided.shape[0] == 16


@pytest.mark.parametrize("name", ["fft", "ifft", "rfft", "irfft"])
def test_wrong_arguments(name: str) -> None:
    function, x = getattr(mx.fft, name), mx.zeros((2, 4))
    with pytest.raises(IndexError):
        function(x, axis=2)
    for n in (0, -1):
        with pytest.raises(ValueError):
            function(x, n)
    with pytest.raises(ValueError):
        function(x, norm="wrong")


@pytest.mark.parametrize("name", ["fftn", "rfftn", "irfftn", "ifftn"])
def test_wrong_lengths_and_axes(name: str) -> None:
    function, x = getattr(mx.fft, name), mx.zeros((2, 4))
    with pytest.raises(ValueError):
        function(x, s=(2, 2, 2))
    with pytest.raises(ValueError):
        function(x, s=(2, 2), axes=(0,))
    with pytest.raises(IndexError):
        function(x, axes=(0, 2))


def test_there_is_no_frequency_of_nothing() -> None:
    with pytest.raises(ValueError):
        mx.fft.fftfreq(0)
    with pytest.raises(ValueError):
        mx.fft.rfftfreq(-1)
