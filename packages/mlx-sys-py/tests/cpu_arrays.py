"""Arrays of every type and layout, in this library and in stock MLX, for tests of kernels."""

from __future__ import annotations

from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from hypothesis import strategies as st
from mlx_sys_py import array, ops
from numpy.typing import NDArray

stock = pytest.importorskip("mlx.core", reason="official MLX is what it is compared with")

Values = NDArray[Any]

INTEGERS = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
FLOATS = ["float16", "bfloat16", "float32"]
TYPES = ["bool_", *INTEGERS, *FLOATS, "float64"]

# Half a unit in the last place of the type, and three of float32.
PRECISION = {"float16": 2.0**-11, "bfloat16": 2.0**-8, "float32": 0}
SMALLEST = {"float16": 2.0**-24, "bfloat16": 2.0**-133, "float32": 2.0**-149}
LARGEST = {"float16": 65504.0, "bfloat16": 3.3895e38, "float32": 3.4028235e38}
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, 1e-40, -1e-40, 1e-5, 60000.0]

layouts = st.sampled_from(["plain", "transposed", "strided", "reversed", "row", "column", "scalar"])
seeds = st.integers(0, 2**32 - 1)
shapes = st.sampled_from(
    [(), (1,), (5,), (17, 1), (3, 70), (2, 1, 33), (0, 4), (7, 300), (1, 2000), (5, 6, 7)]
)


def floats(values: Any) -> Values:
    return np.asarray(values, np.float32)


def random_values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Values:
    if dtype == "bool_":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype in INTEGERS:
        limits = np.iinfo(dtype)
        small = rng.integers(0, 5, shape).astype(dtype)
        wide = rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)
        return np.where(rng.random(shape) < 0.5, small, wide)
    values = rng.normal(0, 3, shape)
    return np.where(rng.random(shape) < 0.3, rng.choice(SPECIAL, shape), values)


def both(values: Values, layout: str, dtype: str) -> tuple[Any, Any]:
    """The values as an array of this library and of stock MLX, laid out in memory as asked."""

    def make(library: Any, values: Values) -> Any:
        values = values.copy()
        exact = values.astype(np.float32) if dtype in FLOATS else values
        if library is mx:
            return array(exact, getattr(mx, dtype))
        # Stock MLX has doubles on the CPU only.
        a = library.array(exact, dtype=getattr(library, dtype))
        return a.astype(getattr(library, dtype), stream=library.cpu)

    def lay_out(library: Any, calls: Any) -> Any:
        if layout == "transposed" and values.ndim > 1:
            return calls.swapaxes(make(library, values.swapaxes(0, -1)), 0, -1)
        if layout == "strided" and values.ndim > 0:
            return make(library, np.repeat(values, 2, -1))[..., ::2]
        if layout == "reversed" and values.ndim > 0:
            return make(library, values[..., ::-1])[..., ::-1]
        if layout == "row" and values.ndim > 0 and values.size:
            return calls.broadcast_to(make(library, values[:1]), values.shape)
        if layout == "column" and values.ndim > 0 and values.size:
            return calls.broadcast_to(make(library, values[..., :1]), values.shape)
        if layout == "scalar" and values.size:
            return calls.broadcast_to(make(library, values.reshape(-1)[0]), values.shape)
        return make(library, values)

    return lay_out(mx, ops), lay_out(stock, stock)


def numpy(a: Any) -> Values:
    if isinstance(a, array):
        if a.dtype == mx.bfloat16:
            a = ops.astype(a, mx.float32)
    elif a.dtype == stock.bfloat16:
        a = a.astype(stock.float32)
    return np.array(a)


def check_same(ours: Any, theirs: Any) -> None:
    assert ours.shape == theirs.shape
    assert str(ours.dtype).split(".")[-1] == str(theirs.dtype).split(".")[-1]
    np.testing.assert_array_equal(numpy(ours), numpy(theirs))
    if numpy(ours).dtype.kind == "f":
        signs = [np.signbit(np.nan_to_num(numpy(a), nan=1)) for a in (ours, theirs)]
        np.testing.assert_array_equal(*signs)


def on_cpu(function: Any, *arguments: Any) -> Any:
    with stock.stream(stock.cpu):
        result = function(*arguments)
        stock.eval(result)
    return result
