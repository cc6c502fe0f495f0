"""Arrays and other libraries: the buffer protocol, NumPy and DLPack."""

from __future__ import annotations

import gc
import struct
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from mlx_sys_py import array

NUMPY_NAMES = (
    "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64 complex64"
).split()


def ours(name: str) -> mx.Dtype:
    dtype = getattr(mx, "bool_" if name == "bool" else name)
    assert isinstance(dtype, mx.Dtype)
    return dtype


@pytest.mark.parametrize("name", NUMPY_NAMES)
def test_round_trips_keep_type_and_values(name: str) -> None:
    values = np.array([[0, 1, 2], [3, 4, 5]]).astype(name)
    a = array(values, ours(name))
    assert a.dtype is ours(name)
    for back in (np.array(a), np.asarray(memoryview(a)), np.from_dlpack(a)):
        assert back.dtype == values.dtype
        np.testing.assert_array_equal(back, values)
    np.testing.assert_array_equal(np.array(mx.from_dlpack(values)), values)


def test_numpy_shares_the_memory() -> None:
    a = array([1.0, 2.0])
    view = np.asarray(a)
    view[0] = 5.0
    assert a.tolist() == [5.0, 2.0]


def test_a_view_outlives_its_array() -> None:
    a = array(np.arange(1000.0))
    views = [np.asarray(a), np.from_dlpack(a), np.asarray(memoryview(a))]
    a += 1
    del a
    gc.collect()
    mx.memory.clear_cache()
    for view in views:
        np.testing.assert_array_equal(view, np.arange(1000.0))


def test_views_of_strided_arrays() -> None:
    a = array(np.arange(12).reshape(3, 4))
    for strided in (a.T, a[:, 1:3], a[::2], a[:, None]):
        mx.transforms.eval([strided])
        expected = np.array(strided.tolist())
        np.testing.assert_array_equal(np.asarray(strided), expected)
        np.testing.assert_array_equal(np.from_dlpack(strided), expected)
    assert bytes(array([[1, 2], [3, 4]], mx.uint8)) == b"\1\2\3\4"


def test_a_strided_array_is_no_simple_buffer() -> None:
    turned = array(np.zeros((2, 3))).T
    mx.transforms.eval([turned])
    with pytest.raises(BufferError, match="row-contiguous"):
        struct.unpack_from("f", turned)


def test_strided_and_reversed_buffers_are_read() -> None:
    values = np.arange(24).reshape(2, 3, 4)
    for strided in (values.T, values[:, ::-1], values[..., 1:3], values[::-1, :, ::2]):
        np.testing.assert_array_equal(np.array(array(strided)), strided)
        np.testing.assert_array_equal(np.array(mx.from_dlpack(strided)), strided)


def test_bfloat16() -> None:
    a = array([1.5, -2.0], mx.bfloat16)
    with pytest.raises(BufferError, match="astype"):
        memoryview(a)
    assert np.array(a).dtype == np.float32
    assert np.array(a).tolist() == [1.5, -2.0]


def test_numpy_leaves_operators_to_the_array() -> None:
    a = array([1.0, 2.0])
    for result in (np.ones(2) + a, np.float32(1) + a, np.arange(2) * a):  # type: ignore[operator]
        assert isinstance(result, array)


class Tensor:
    """An object of another framework."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __dlpack__(self, **_: Any) -> Any:
        return self.values.__dlpack__()


class Convertible:
    def __mlx_array__(self) -> array:
        return array([1, 2])


def test_protocols() -> None:
    assert array(Tensor(np.arange(3))).tolist() == [0, 1, 2]
    assert array(Convertible()).tolist() == [1, 2]
    assert (array([1, 1]) + Convertible()).tolist() == [2, 3]


def test_dlpack_refuses() -> None:
    with pytest.raises(TypeError, match="__dlpack__"):
        mx.from_dlpack([1, 2])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="copy=False"):
        mx.from_dlpack(np.arange(3), copy=False)
    with pytest.raises(BufferError, match="capsule"):
        mx.from_dlpack(Fake())
    with pytest.raises(BufferError, match="dl_device"):
        array([1]).__dlpack__(dl_device=(2, 0))


class Fake:
    def __dlpack__(self) -> str:
        return "no capsule"


def test_a_capsule_is_consumed_once() -> None:
    capsule = np.arange(3).__dlpack__()

    class Once:
        def __dlpack__(self) -> Any:
            return capsule

    assert mx.from_dlpack(Once()).tolist() == [0, 1, 2]
    with pytest.raises(BufferError):
        mx.from_dlpack(Once())


def test_unused_capsules_free_their_tensor() -> None:
    a = array(np.ones(1 << 16, np.float32))
    mx.transforms.eval([a])
    gc.collect()
    before = mx.memory.get_active_memory()
    for _ in range(10):
        array(np.ones(1 << 16, np.float32)).__dlpack__()
    gc.collect()
    assert mx.memory.get_active_memory() <= before


def test_a_dlpack_copy_does_not_share() -> None:
    a = array([1.0, 2.0])
    mx.transforms.eval([a])
    copied = mx.from_dlpack(a)
    shared = np.from_dlpack(a)
    np.asarray(a)[0] = 9.0
    assert copied.tolist() == [1.0, 2.0]
    assert shared.tolist() == [9.0, 2.0]
