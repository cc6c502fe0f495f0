"""The limits of the data types are NumPy's."""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_floating_point(name: str) -> None:
    ours, theirs = mx.finfo(getattr(mx, name)), np.finfo(name)
    for limit in ("bits", "eps", "max", "min", "smallest_normal"):
        assert getattr(ours, limit) == float(getattr(theirs, limit))
    assert ours.dtype == getattr(mx, name)


def test_bfloat16_has_the_range_of_float32_and_fewer_digits() -> None:
    narrow, wide = mx.finfo(mx.bfloat16), mx.finfo(mx.float32)
    assert narrow.smallest_normal == wide.smallest_normal
    assert wide.max * 0.99 < narrow.max < wide.max
    one = mx.array(1.0, mx.bfloat16)
    assert (one + narrow.eps).item() > 1
    assert (one + narrow.eps / 4).item() == 1
    assert mx.array(narrow.max, mx.bfloat16).item() == narrow.max


def test_complex_numbers_have_the_limits_of_their_parts() -> None:
    assert mx.finfo(mx.complex64).dtype == mx.float32
    assert mx.finfo(mx.complex64).max == mx.finfo(mx.float32).max


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("kind", ["int", "uint"])
def test_integers(kind: str, bits: int) -> None:
    ours, theirs = mx.iinfo(getattr(mx, f"{kind}{bits}")), np.iinfo(f"{kind}{bits}")
    assert (ours.min, ours.max, ours.bits) == (theirs.min, theirs.max, theirs.bits)


@pytest.mark.parametrize(
    ("info", "dtype", "error"),
    [
        (mx.finfo, mx.int32, ValueError),
        (mx.finfo, "float32", TypeError),
        (mx.iinfo, mx.float32, ValueError),
        (mx.iinfo, mx.bool_, ValueError),
        (mx.iinfo, 3, TypeError),
    ],
)
def test_wrong_types(info: Any, dtype: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="dtype"):
        info(dtype)


def test_constants() -> None:
    assert (mx.pi, mx.e, mx.euler_gamma) == (np.pi, np.e, np.euler_gamma)
    assert mx.inf == np.inf
    assert np.isnan(mx.nan)
    assert mx.newaxis is None
    assert mx.Array is mx.array
