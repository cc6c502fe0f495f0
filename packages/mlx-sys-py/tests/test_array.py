"""Making arrays, what they are, their values and their operators."""

from __future__ import annotations

import copy
import gc
import operator
import pickle
import weakref
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from mlx_sys_py import array


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (True, mx.bool_, ()),
        (3, mx.int32, ()),
        (2**31, mx.int64, ()),
        (2**63, mx.uint64, ()),
        (-(2**63), mx.int64, ()),
        (1.5, mx.float32, ()),
        (1j, mx.complex64, ()),
        ([], mx.float32, (0,)),
        ([[], []], mx.float32, (2, 0)),
        ([True, False], mx.bool_, (2,)),
        ([True, 2], mx.int32, (2,)),
        ([1, 2**40], mx.int64, (2,)),
        ([1, 2**63], mx.uint64, (2,)),
        ([1, 2.5], mx.float32, (2,)),
        ([1, 2.5, 1j], mx.complex64, (3,)),
        (((1, 2), (3, 4)), mx.int32, (2, 2)),
        ([array([1, 2]), array([3, 4])], mx.int32, (2, 2)),
        ([[array(1.0)], [2]], mx.float32, (2, 1)),
        (np.float64(2.5), mx.float32, ()),
        (np.arange(3), mx.int64, (3,)),
        (np.zeros((2, 3)), mx.float32, (2, 3)),
        (np.zeros(2, np.complex128), mx.complex64, (2,)),
        (np.zeros((0, 4), np.float16), mx.float16, (0, 4)),
        (memoryview(bytearray(b"ab")), mx.uint8, (2,)),
    ],
)
def test_made_from(value: Any, dtype: mx.Dtype, shape: tuple[int, ...]) -> None:
    made = array(value)
    assert made.dtype is dtype
    assert made.shape == shape
    assert made.ndim == len(shape)
    assert made.size == np.prod(shape, dtype=int)
    assert made.nbytes == made.size * made.itemsize
    if not (isinstance(value, list) and value and isinstance(value[0], (array, list))):
        np.testing.assert_array_equal(np.array(made), np.array(value), strict=False)


@pytest.mark.parametrize("name", "bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64".split())
def test_made_with_an_int_type(name: str) -> None:
    dtype = getattr(mx, name)
    assert array([0, 1, 1], dtype).tolist() == [0, 1, 1]
    assert array([0, 1, 1], dtype).dtype is dtype
    assert array(1, dtype).item() == 1
    assert array(np.array([0.0, 1.0]), dtype).tolist() == [0, 1]


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64", "complex64"])
def test_made_with_a_float_type(name: str) -> None:
    dtype = getattr(mx, name)
    assert array([1, 2.5], dtype).tolist() == [1, 2.5]
    assert array(2, dtype).dtype is dtype
    assert array(np.array([0.5, 1.0]), dtype).dtype is dtype


def test_doubles_keep_their_precision() -> None:
    assert array(0.1, mx.float64).item() == 0.1
    assert array([0.1], mx.float64).tolist() == [0.1]
    assert array(np.array([0.1]), mx.float64).tolist() == [0.1]


def nested(depth: int) -> list[object]:
    value: list[object] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "dtype", "error", "words"),
    [
        ("text", None, TypeError, "val must be"),
        (None, None, TypeError, "val must be"),
        (b"bytes", None, TypeError, "val must be"),
        (["text"], None, TypeError, "val must be"),
        ([[1], [2, 3]], None, ValueError, "regular"),
        ([1, [2]], None, ValueError, "regular"),
        ([[1], 2], None, ValueError, "regular"),
        (nested(100), None, ValueError, "nested too deeply"),
        (2**64, None, ValueError, "64 bits"),
        ([2**64], None, ValueError, "64 bits"),
        ([-1, 2**63], None, ValueError, "64 bits"),
        (300, mx.uint8, ValueError, "300 does not fit in uint8"),
        ([1, -1], mx.uint8, ValueError, "-1, which does not fit in uint8"),
        (1j, mx.float32, TypeError, "complex"),
        ([1j], mx.float32, TypeError, "complex"),
        (1, "float32", TypeError, "dtype must be a Dtype"),
        (1, float, TypeError, "dtype must be a Dtype"),
        (np.array(["a"]), None, TypeError, "format"),
        (np.array([1], ">i4"), None, TypeError, "format"),
        (np.array([None]), None, TypeError, "format"),
    ],
)
def test_refused(value: Any, dtype: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        array(value, dtype)


def test_nan_and_infinity_survive() -> None:
    values = array([float("nan"), float("inf"), -float("inf")]).tolist()
    assert np.isnan(values[0])
    assert values[1:] == [float("inf"), -float("inf")]


def test_item_wants_one_element() -> None:
    assert array([[7]]).item() == 7
    assert array(2.5, mx.bfloat16).item() == 2.5
    assert array(2 + 1j).item() == 2 + 1j
    for empty_or_more in (array([]), array([1, 2])):
        with pytest.raises(ValueError, match="one element"):
            empty_or_more.item()
        with pytest.raises(ValueError, match="one element"):
            bool(empty_or_more)


def test_conversions_to_numbers() -> None:
    assert int(array(2.9)) == 2
    assert float(array(2)) == 2.0
    assert complex(array(2)) == 2
    assert [10, 20, 30][array(1)] == 20
    assert f"{array(1.23456):.2f}" == "1.23"
    with pytest.raises(TypeError, match="float32 is no index"):
        operator.index(array(1.0))
    with pytest.raises(TypeError, match="without axes"):
        format(array([1.0]), ".2f")


def test_sequence_protocol() -> None:
    rows = array([[1, 2], [3, 4], [5, 6]])
    assert len(rows) == 3
    assert [row.tolist() for row in rows] == [[1, 2], [3, 4], [5, 6]]
    with pytest.raises(TypeError, match="no len"):
        len(array(1))
    with pytest.raises(TypeError, match="iterated"):
        iter(array(1))


def test_repr() -> None:
    assert repr(array([[1, 2], [3, 4]])) == "array([[1, 2],\n       [3, 4]], dtype=int32)"
    assert str(array(1.5)) == "array(1.5, dtype=float32)"


OPERATORS = "add sub mul truediv floordiv mod pow".split()


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("other", [2, 2.5, True, np.float32(2), np.arange(1, 4)])
def test_operators(name: str, other: object) -> None:
    apply = getattr(operator, name)
    values = np.array([1, 5, 7], np.int32)
    a = array(values)
    for ours, theirs in (
        (apply(a, other), apply(values, other)),
        (apply(other, a), apply(other, values)),
    ):
        assert isinstance(ours, array)
        np.testing.assert_allclose(np.array(ours), theirs, rtol=1e-5)
    np.testing.assert_array_equal(np.array(a), values)


@pytest.mark.parametrize("name", "and_ or_ xor lshift rshift".split())
def test_bitwise_operators(name: str) -> None:
    apply = getattr(operator, name)
    values = np.array([1, 5, 7], np.int32)
    np.testing.assert_array_equal(np.array(apply(array(values), 2)), apply(values, 2))
    np.testing.assert_array_equal(np.array(apply(3, array(values))), apply(3, values))
    with pytest.raises(ValueError, match="bitwise"):
        apply(array(values), 1.5)


@pytest.mark.parametrize("name", "eq ne lt le gt ge".split())
def test_comparisons(name: str) -> None:
    apply = getattr(operator, name)
    values = np.array([1, 5, 7])
    assert np.array(apply(array(values), 5)).tolist() == apply(values, 5).tolist()
    assert np.array(apply(5, array(values))).tolist() == apply(5, values).tolist()


def test_unary_operators() -> None:
    a = array([1, -2])
    assert (-a).tolist() == [-1, 2]
    assert abs(a).tolist() == [1, 2]
    assert (~a).tolist() == [-2, 1]
    assert (+a).tolist() == [1, -2]
    assert +a is not a


def test_weak_scalars_keep_the_type_of_the_array() -> None:
    assert (array([1], mx.int8) + 1).dtype is mx.int8
    assert (array([1], mx.float16) * 2.5).dtype is mx.float16
    assert (1 - array([1], mx.bfloat16)).dtype is mx.bfloat16
    assert (array([1], mx.int8) + 1.0).dtype is mx.float32
    assert (array([True]) + 1).dtype is mx.int32
    assert (array([True]) & True).dtype is mx.bool_
    assert (array([1.0]) * 1j).dtype is mx.complex64
    with pytest.raises(ValueError, match="300 does not fit in uint8"):
        array([1], mx.uint8) + 300


def test_what_is_no_operand() -> None:
    others: tuple[Any, ...] = ("text", None, [1, 2], {}, object())
    for other in others:
        with pytest.raises(TypeError, match="operand"):
            array([1]) + other
        assert (array([1]) == other) is False
        assert (array([1]) != other) is True


def test_in_place_operators_change_the_object_for_all_who_hold_it() -> None:
    a = array([1.0, 2.0])
    alias, copied, sliced = a, a[:], a[...]
    a += 1
    a *= 2
    a -= 1
    a /= 2
    assert alias is a
    assert a.tolist() == [1.5, 2.5]
    assert copied.tolist() == sliced.tolist() == [1.0, 2.0]
    whole = array([1, 2])
    with pytest.raises(ValueError, match="in place"):
        whole /= 2


def test_copies() -> None:
    a = array([[1.5, 2.5]], mx.bfloat16)
    for other in (copy.copy(a), copy.deepcopy(a), pickle.loads(pickle.dumps(a))):
        assert other is not a
        assert other.dtype is a.dtype
        assert other.tolist() == a.tolist()
        other += 1
        assert a.tolist() == [[1.5, 2.5]]
    for dtype in (mx.bool_, mx.uint16, mx.complex64, mx.float64):
        a = array([0, 1], dtype)
        assert pickle.loads(pickle.dumps(a)).tolist() == a.tolist()


def test_an_array_made_without_init_is_harmless() -> None:
    a = array.__new__(array)
    assert a.shape == ()
    for use in (lambda: a + 1, a.item, lambda: repr(a), lambda: a[0], lambda: memoryview(a)):
        with pytest.raises((ValueError, IndexError, TypeError, BufferError)):
            use()


def test_arrays_are_freed() -> None:
    a = array([1.0])
    gone = weakref.ref(a)
    mx.transforms.eval([a])
    del a
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_items_of_half_precision(dtype: str) -> None:
    numbers = [0.0, -2.5, 1e-7, 65280.0, float("inf")]
    a = array(np.array(numbers, np.float32)).astype(getattr(mx, dtype))
    wide = np.array(a.astype(mx.float32)).tolist()
    assert a.tolist() == wide
    assert [a[i].item() for i in range(len(numbers))] == wide


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, 2.5], mx.float32),
        ([2.5, 1], mx.float32),
        ((1, 2**31), mx.int64),
        ([True, 2], mx.int32),
        ([2, True], mx.int32),
        ([1.0, 2j], mx.complex64),
    ],
)
def test_flat_lists_of_more_than_one_kind(values: Any, dtype: mx.Dtype) -> None:
    assert array(values).dtype is dtype
    assert array(values).tolist() == list(values)


def test_an_array_of_an_object_is_another_array() -> None:
    class Holder:
        held = array([1, 2])

        def __mlx_array__(self) -> array:
            return self.held

    a = array(Holder())
    a[0] = 7
    assert Holder.held.tolist() == [1, 2]
    a.__init__([3.5])  # type: ignore[misc]
    assert a.tolist() == [3.5]


def test_reshapes_of_one_shape_after_another() -> None:
    flat = np.arange(24)
    for _ in range(2):
        for shape in [(4, 6), (2, -1), (6, 4), (-1, 6), (24,), (2, 3, 4)]:
            for start in [(24,), (3, 8), (4, 6)]:
                a = array(flat.reshape(start)).reshape(shape)
                assert a.tolist() == flat.reshape(shape).tolist()
    with pytest.raises(ValueError, match="reshape"):
        array(flat).reshape(5, 5)
    assert array(flat[:12]).reshape(2, -1).shape == (2, 6)
    assert array(flat.astype(np.float32)).reshape(2, -1).dtype is mx.float32


def test_a_graph_goes_with_its_last_array() -> None:
    """What others hold of it stays as it is, and what nobody holds is freed at once."""
    kept = mx.array([1.0, 2.0])
    shared = kept * 2
    before = mx.memory.get_active_memory()
    node = (mx.array([3.0] * 10_000).sum() + shared) * shared
    assert mx.memory.get_active_memory() > before
    del node
    assert mx.memory.get_active_memory() == before
    assert (shared + kept).tolist() == [3.0, 6.0]


def test_no_memory_is_lost_over_many_operations() -> None:
    a = array(np.ones(1024, np.float32))
    # The numbers that operations were given are kept for the next time.
    numbers = a + 1.0, a * 0.0
    mx.transforms.eval([a, *numbers])
    del numbers
    gc.collect()
    before = mx.memory.get_active_memory()
    for _ in range(2000):
        b = (a + 1.0) * a
        b[3:7] = 0.0
        c = b[None, array([0, 1])]
    mx.transforms.eval([c])
    del b, c
    gc.collect()
    assert mx.memory.get_active_memory() <= before


def test_shape_properties() -> None:
    a = array(np.arange(6).reshape(1, 2, 3))
    assert a.T.shape == (3, 2, 1)
    assert a.mT.shape == (1, 3, 2)
    with pytest.raises(ValueError, match="2 axes"):
        array([1]).mT  # noqa: B018
    z = array([1 + 2j])
    assert z.real.item() == 1.0
    assert z.imag.item() == 2.0


def test_errors_of_mlx_come_with_their_type() -> None:
    with pytest.raises(ValueError, match="matmul"):
        array([[1.0]]) @ array([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(ValueError, match="broadcast"):
        array([1, 2]) + array([1, 2, 3])
