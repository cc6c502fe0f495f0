"""Arrays and other libraries: the buffer protocol, NumPy and DLPack."""

from __future__ import annotations

import ctypes
import gc
import io
import operator
import struct
from collections import deque
from collections.abc import Callable
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from mlx_sys_py import Closure, array, transforms

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
    # NumPy asks for the buffer first: a format that it does not know would be its error.
    with pytest.raises(BufferError, match="astype"):
        memoryview(a)
    assert np.array(a).dtype == np.float32
    assert np.array(a).tolist() == [1.5, -2.0]
    # What reads bytes needs no format.
    bits = [0x3FC0, 0xC000]
    assert io.BytesIO().write(a) == 4
    assert struct.unpack("=2H", a) == tuple(bits)
    assert bytes(a) == struct.pack("=2H", *bits)
    with pytest.raises(ValueError, match="bfloat16"):
        np.asarray(a, copy=False)
    with pytest.raises(ValueError, match="bfloat16"):
        a.__array__(copy=False)


def test_bytes_of_any_layout() -> None:
    assert bytes(array(np.arange(6, dtype=np.uint8).reshape(2, 3)).T) == bytes([0, 3, 1, 4, 2, 5])
    assert bytes(array([3, 2, 1], mx.uint8)[::-1]) == bytes([1, 2, 3])


def test_array_protocol_shares_and_copies() -> None:
    a = array([1.0, 2.0])
    for shared in (a.__array__(), a.__array__(copy=False), np.array(a, copy=False)):
        assert np.shares_memory(shared, np.asarray(a))
        assert shared.flags.writeable
    for other in (a.__array__(copy=True), np.array(a), a.__array__(np.float64)):
        assert not np.shares_memory(other, np.asarray(a))
    assert a.__array__(np.int16).dtype == np.int16
    with pytest.raises(ValueError, match="copy"):
        a.__array__(np.float64, copy=False)


def test_functions_of_numpy() -> None:
    values = np.array([[4.0, 9.0], [16.0, np.nan]], np.float32)
    a = array(values)
    cases: list[Callable[[Any], Any]] = [
        np.sqrt,
        np.isnan,
        lambda x: np.add(x, x),
        lambda x: np.matmul(x, x),
        lambda x: np.dot(x, x),
        np.sum,
        lambda x: np.sum(x, axis=0, keepdims=True),
        lambda x: np.mean(x, axis=1, dtype=np.float64),
        np.nanmax,
        np.max,
        lambda x: np.std(x, ddof=1),
        np.any,
        np.all,
        np.argmax,
        np.cumsum,
        np.ravel,
        np.transpose,
        lambda x: np.reshape(x, -1),
        lambda x: np.round(x, 1),
        lambda x: np.clip(x, 5, 10),
        lambda x: np.concatenate([x, x]),
        lambda x: np.concatenate((x, np.ones((1, 2)))),
        lambda x: np.concatenate(deque([x, x])),
        lambda x: np.stack([x, x], axis=-1),
        lambda x: np.block([[x, x], [x, x]]),
        lambda x: np.where(x > 5, x, 0),
        lambda x: np.where(np.isnan(np.asarray(x)), 0, x),
        lambda x: np.add.reduce(x),
        lambda x: np.add.accumulate(x, axis=1),
        lambda x: np.multiply.outer(x, x),
        lambda x: np.divmod(x, 3),
        lambda x: np.maximum(x, 5, out=np.zeros((2, 2))),
        lambda x: np.add(x, 1, where=np.eye(2, dtype=bool), out=np.zeros((2, 2))),
        lambda x: np.zeros_like(x),
        lambda x: np.linalg.norm(x[0]),
        lambda x: np.einsum("ij,kj->ik", x, x),
        lambda x: np.array([x, x]),
        lambda x: np.histogram(x[0], bins=3),
        lambda x: np.quantile(x[0], 0.3),
        lambda x: np.interp(x[0], [0, 20], [0, 1]),
        lambda x: np.nan_to_num(x),
        lambda x: np.array_equal(x, x, equal_nan=True),
        lambda x: np.allclose(x, x, equal_nan=True),
    ]
    for case in cases:
        got, expected = case(a), case(values)
        assert type(got) is type(expected)
        if not isinstance(expected, tuple):
            got, expected = (got,), (expected,)
        for one, other in zip(got, expected, strict=True):
            assert type(one) is type(other)
            assert np.asarray(one).dtype == np.asarray(other).dtype
            np.testing.assert_array_equal(one, other)
    assert np.result_type(a) == np.float32
    assert np.sqrt(array([4.0], mx.bfloat16)).tolist() == [2.0]
    assert np.mean(array([4.0, 2.0], mx.bfloat16)) == 3.0


def test_shapes_are_known_without_the_values() -> None:
    a = mx.ops.add(mx.ops.zeros([2, 3]), 1)
    assert (np.shape(a), np.ndim(a), np.size(a)) == ((2, 3), 2, 6)
    traced = []

    def shapes(xs: list[array]) -> list[array]:
        traced.append((np.shape(xs[0]), np.ndim(xs[0]), np.size(xs[0])))
        return [mx.ops.add(xs[0], 1)]

    transforms.compile(Closure(shapes))([a])
    assert traced == [((2, 3), 2, 6)]


def test_numpy_does_not_write_into_arrays() -> None:
    a: Any = array([1.0, 2.0])
    with pytest.raises(TypeError):
        np.add(1, 2, out=a)
    with pytest.raises(TypeError, match="out"):
        np.sum(np.ones((2, 2)), axis=0, out=a)
    writes: list[Callable[[], None]] = [
        lambda: np.copyto(a, 5),
        lambda: np.put(a, [0], [5]),
        lambda: np.fill_diagonal(a, 5),
        lambda: np.putmask(a, True, 5),
    ]
    for write in writes:
        with pytest.raises(TypeError, match="first argument"):
            write()
    assert a.tolist() == [1.0, 2.0]


OPERATORS = [
    *(operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod),
    *(operator.pow, operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge),
]


@pytest.mark.parametrize("apply", OPERATORS)
def test_an_array_of_numpy_before_an_operator_wins(apply: Callable[[Any, Any], Any]) -> None:
    left, right = np.array([1.0, 5.0, 2.0]), np.array([2.0, 3.0, 2.0], np.float32)
    result = apply(left, array(right))
    assert type(result) is np.ndarray
    np.testing.assert_array_equal(result, apply(left, right))
    assert result.dtype == apply(left, right).dtype
    assert isinstance(apply(array(right), left), array)


@pytest.mark.parametrize("apply", OPERATORS)
@pytest.mark.parametrize("number", [np.float32(3), np.float64(3), np.int64(3), np.float16(3)])
def test_a_scalar_of_numpy_is_a_number(apply: Callable[[Any, Any], Any], number: Any) -> None:
    values = [1.0, 2.0, 4.0]
    for dtype in (mx.float32, mx.bfloat16, mx.float16):
        a = array(values, dtype)
        for got, expected in (
            (apply(number, a), apply(number.item(), a)),
            (apply(a, number), apply(a, number.item())),
        ):
            assert isinstance(got, array)
            assert got.dtype is expected.dtype
            assert got.tolist() == expected.tolist()


def test_scalars_of_numpy_beside_ints() -> None:
    a: Any = array([1, 2], mx.int8)
    assert (np.int64(3) * a).dtype is mx.int8
    assert (a * np.float32(2.5)).tolist() == [2.5, 5.0]
    # One that does not fit keeps its type.
    assert (a * np.int64(1000)).tolist() == [1000, 2000]
    assert (np.bool_(True) & (a > 1)).tolist() == [False, True]
    assert divmod(np.int64(7), a)[1].tolist() == [0, 1]
    assert (a == np.int64(2**40)).tolist() == [False, False]


def test_arrays_of_numpy_take_the_precision_of_arrays() -> None:
    for dtype in (mx.float16, mx.bfloat16, mx.float32, mx.float64):
        a: Any = array([1.0], dtype)
        assert (a + np.ones(1)).dtype is dtype
    assert (array([1.0], mx.float64) + np.array([0.1])).item() == 1.1
    assert (array([1], mx.int32) + np.array([0.5])).tolist() == [1.5]
    assert (array([100], mx.int8) + np.array([1000])).tolist() == [1100]


def test_numpy_in_place() -> None:
    x = same = np.ones(2)
    x += array([1.0, 2.0])
    x *= array(2.0)
    assert x is same
    assert x.tolist() == [4.0, 6.0]
    with pytest.raises(TypeError, match="cast"):
        np.ones(2, int).__iadd__(array([0.5, 0.5]))


def test_gradients_go_through_operators_with_numpy() -> None:
    x = array([1.0, 2.0, 3.0])
    numbers: list[Any] = [np.float32(2), np.float64(2), np.full(3, 2.0)]
    for weights in numbers:

        def squares(xs: list[array], weights: Any = weights) -> list[array]:
            return [mx.ops.sum(weights * xs[0] * xs[0])]

        def product(xs: list[array], weights: Any = weights) -> list[array]:
            return [weights * xs[0]]

        _, (gradient,) = transforms.value_and_grad(Closure(squares), [0])([x])
        assert gradient.tolist() == [4.0, 8.0, 12.0]
        assert transforms.compile(Closure(product))([x])[0].tolist() == [2.0, 4.0, 6.0]


def test_other_types_keep_their_say() -> None:
    class Override:
        def __array_function__(self, *_: Any) -> str:
            return "mine"

        def __array_ufunc__(self, *_: Any) -> str:
            return "mine"

    assert np.concatenate([array([1]), Override()]) == "mine"


def test_numpy_testing() -> None:
    a = array([1.0, 2.0])
    np.testing.assert_allclose(a, a)
    np.testing.assert_array_equal(a, [1, 2])
    np.testing.assert_array_almost_equal(a, a)
    np.testing.assert_array_less(a, 3)
    np.testing.assert_almost_equal(array(1.0), 1.0)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(a, a + 1)


@pytest.mark.parametrize(
    "values",
    [
        np.arange(3, dtype=">i4"),
        np.arange(6, dtype=">u2").reshape(2, 3).T,
        np.array([1.5, -2.0, np.inf], ">f4"),
        np.array([1.5, 0.1], ">f8"),
        np.array([1.5, 7.0], ">f2"),
        np.array([1 + 2j, -3.5j], ">c8"),
        np.array([1 + 2j, -3.5j], ">c16"),
        np.array(5, ">i8"),
        np.zeros((0, 2), ">i4"),
    ],
    ids=str,
)
def test_big_endian(values: np.ndarray) -> None:
    native = array(values.astype(values.dtype.newbyteorder("=")))
    got = array(values)
    assert got.dtype is native.dtype
    assert got.shape == values.shape
    np.testing.assert_array_equal(got, native)
    assert array(values, mx.float32).tolist() == values.real.astype(np.float32).tolist()


@pytest.mark.parametrize(
    "values",
    [
        np.zeros(2, [("a", "i4"), ("b", "f4")]),
        np.array(["a"]),
        np.array([None]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([3], "m8[s]"),
        np.ones(2, np.longdouble),
    ],
    ids=lambda values: str(values.dtype),
)
def test_what_no_array_holds(values: Any) -> None:
    with pytest.raises(TypeError, match="convert"):
        array(values)
    with pytest.raises(TypeError, match="convert"):
        mx.ops.add(array([1]), values)


def test_bytes_are_an_array_of_uint8() -> None:
    for value in (b"Hello", bytearray(b"Hello"), memoryview(b"Hello")):
        assert array(value).dtype is mx.uint8
        assert array(value).tolist() == list(b"Hello")
    assert array(b"").shape == (0,)
    assert array(b"ab", mx.float32).dtype is mx.float32
    # Only there: an operand is no text.
    text: Any = b"a"
    with pytest.raises(TypeError):
        array([1]) + text
    with pytest.raises(TypeError):
        mx.ops.add(text, array([1]))


def test_read_only_memory_is_copied() -> None:
    values = np.arange(3.0)
    values.flags.writeable = False
    assert array(values).tolist() == [0.0, 1.0, 2.0]
    assert mx.from_dlpack(values).tolist() == [0.0, 1.0, 2.0]


def test_doubles_become_floats_unless_they_are_asked_for() -> None:
    values = np.array([0.1, 2**24 + 1])
    for made in (array(values), mx.from_dlpack(values), array(Tensor(values))):
        assert made.dtype is mx.float32
        assert made.tolist() == values.astype(np.float32).tolist()
    for made in (array(values, mx.float64), array(Tensor(values), mx.float64)):
        assert made.dtype is mx.float64
        assert made.tolist() == values.tolist()
    for made in (array(values * 1j), mx.from_dlpack(values * 1j)):
        assert made.dtype is mx.complex64
        assert made.tolist() == (values * 1j).astype(np.complex64).tolist()
    assert mx.from_dlpack(array(values, mx.float64)).dtype is mx.float64


@pytest.mark.parametrize("dtype", [mx.int32, mx.int64, mx.uint32])
def test_doubles_as_ints_keep_every_digit(dtype: mx.Dtype) -> None:
    number = 2.0**24 + 1
    for values in ([number], np.array([number]), Tensor(np.array([number]))):
        assert array(values, dtype).tolist() == [int(number)]


def test_arrays_as_rows() -> None:
    x, y = array([1.0]), array([4.0])
    made = array([[x, [2.0]], [[3.0], y]])
    assert made.shape == (2, 2, 1)
    assert made.tolist() == [[[1.0], [2.0]], [[3.0], [4.0]]]
    assert array([array([1, 2]), [3, 4]]).tolist() == [[1, 2], [3, 4]]
    assert array([[3, 4], array([1, 2])]).tolist() == [[3, 4], [1, 2]]
    assert array([np.ones(2), [1, 2]]).tolist() == [[1.0, 1.0], [1.0, 2.0]]
    assert array((array(1), 2, np.int32(3))).tolist() == [1, 2, 3]
    assert array([array([1], mx.int8), [1.5]], mx.float16).dtype is mx.float16
    assert array([[array([]), []]]).shape == (1, 2, 0)

    def total(xs: list[array]) -> list[array]:
        return [mx.ops.sum(array([[xs[0], [2.0]], [[3.0], xs[0]]]))]

    _, (gradient,) = transforms.value_and_grad(Closure(total), [0])([x])
    assert gradient.tolist() == [2.0]


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2], [3]],
        [1, [2]],
        [[1], 2],
        [array([1, 2]), [3]],
        [array([1, 2]), 3],
        [[array([1.0]), [2.0, 3.0]]],
    ],
)
def test_rows_of_different_lengths(value: Any) -> None:
    with pytest.raises(ValueError, match="non-uniform length") as caught:
        array(value)
    assert str(caught.value) == "Initialization encountered non-uniform length."
    assert "shapes" in caught.value.__notes__[0]


def test_rows_that_contain_themselves() -> None:
    value: list[Any] = [array([1])]
    value.append(value)
    with pytest.raises(ValueError, match="itself"):
        array(value)


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


class Recorder:
    """A producer that tells how it was asked."""

    def __init__(self, values: Any, device: tuple[int, int]) -> None:
        self.values = values
        self.device = device
        self.asked: dict[str, Any] = {}

    def __dlpack_device__(self) -> tuple[int, int]:
        return self.device

    def __dlpack__(self, **arguments: Any) -> Any:
        self.asked = arguments
        return self.values.__dlpack__(max_version=arguments["max_version"])


@pytest.mark.parametrize("device", [(1, 0), (3, 0)])
def test_host_memory_is_asked_for_as_it_is(device: tuple[int, int]) -> None:
    producer = Recorder(np.arange(3), device)
    assert mx.from_dlpack(producer).tolist() == [0, 1, 2]
    assert producer.asked == {"max_version": (1, 0)}


def test_a_device_is_asked_for_a_copy_in_host_memory() -> None:
    producer = Recorder(np.arange(3), (2, 0))
    assert array(producer).tolist() == [0, 1, 2]
    assert producer.asked == {"max_version": (1, 0), "dl_device": (1, 0), "copy": True}


def name_of(capsule: Any) -> bytes:
    ask = ctypes.pythonapi.PyCapsule_GetName
    ask.restype, ask.argtypes = ctypes.c_char_p, [ctypes.py_object]
    name = ask(capsule)
    assert isinstance(name, bytes)
    return name


class Versioned(ctypes.Structure):
    """The head of ``DLManagedTensorVersioned``."""

    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
    ]


def flags_of(capsule: Any) -> int:
    point = ctypes.pythonapi.PyCapsule_GetPointer
    point.restype, point.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    head = Versioned.from_address(point(capsule, b"dltensor_versioned"))
    assert (head.major, head.minor) == (1, 0)
    return int(head.flags)


def test_versions_of_capsules() -> None:
    a = array([1.0, 2.0])
    for version in (None, (0, 8)):
        assert name_of(a.__dlpack__(max_version=version)) == b"dltensor"
    for version in ((1, 0), (1, 3), (2, 0)):
        assert name_of(a.__dlpack__(max_version=version)) == b"dltensor_versioned"
    # Neither read-only nor copied; copied.
    assert flags_of(a.__dlpack__(max_version=(1, 0))) == 0
    assert flags_of(a.__dlpack__(max_version=(1, 0), copy=False)) == 0
    assert flags_of(a.__dlpack__(max_version=(1, 0), copy=True)) == 2
    assert flags_of(a[::-1].__dlpack__(max_version=(1, 0))) == 2


def test_copies_by_dlpack() -> None:
    a = array([1.0, 2.0])
    np.from_dlpack(a)[0] = 7.0
    assert a.tolist() == [7.0, 2.0]
    for copied in (np.from_dlpack(a, copy=True), np.from_dlpack(a[::-1])):
        copied[...] = 0
    assert a.tolist() == [7.0, 2.0]


def strides_of(values: Any) -> tuple[int, ...]:
    return tuple(np.from_dlpack(values).strides)


def test_no_stride_of_an_export_is_negative() -> None:
    a = array(np.arange(24).reshape(2, 3, 4))
    for turned in (a[::-1], a[:, ::-1], a[..., ::-2], a[:1, ::-1], a[::-1][:1], a[:1][::-1]):
        np.testing.assert_array_equal(np.from_dlpack(turned), np.asarray(turned))
        assert min(strides_of(turned)) > 0
    with pytest.raises(BufferError, match="backwards"):
        a[::-1].__dlpack__(copy=False)


def test_unused_versioned_capsules_free_their_tensor() -> None:
    gc.collect()
    before = mx.memory.get_active_memory()
    for copy in (None, True):
        for _ in range(10):
            array(np.ones(1 << 16, np.float32)).__dlpack__(max_version=(1, 0), copy=copy)
    gc.collect()
    assert mx.memory.get_active_memory() <= before


def test_a_versioned_capsule_is_consumed_once() -> None:
    capsule = array([1, 2]).__dlpack__(max_version=(1, 0))

    class Once:
        def __dlpack__(self, **_: Any) -> Any:
            return capsule

    assert mx.from_dlpack(Once()).tolist() == [1, 2]
    assert name_of(capsule) == b"used_dltensor_versioned"
    with pytest.raises(BufferError, match="used"):
        mx.from_dlpack(Once())


def test_producers_from_before_version_1() -> None:
    class Old:
        def __dlpack__(self, stream: Any = None) -> Any:
            return np.arange(3).__dlpack__()

    old: Any = Old()
    assert mx.from_dlpack(old).tolist() == [0, 1, 2]
    assert (array([1, 1, 1]) + old).tolist() == [1, 2, 3]


def test_device() -> None:
    a = array([1.0])
    assert a.device == mx.default_device()
    assert a.to_device(a.device) is a
    assert a.to_device(mx.cpu, stream=None) is a
    with pytest.raises(TypeError, match="device"):
        a.to_device("cpu")  # type: ignore[arg-type]
    if not mx.is_available(mx.gpu):
        with pytest.raises(ValueError, match="not available"):
            a.to_device(mx.gpu)
