"""Creation, shapes, joining and splitting against NumPy."""

from __future__ import annotations

from typing import Any, Literal

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mlx_core_py import testing
from strategies import (
    SHAPES,
    assert_close,
    assert_equal,
    integers,
    quick,
    with_axes,
    with_axis,
)

WINDOWS = ("bartlett", "blackman", "hamming", "hanning")


@quick
@given(start=st.integers(-20, 20), stop=st.integers(-20, 20), step=st.integers(-5, 5))
def test_arange_of_integers(start: int, stop: int, step: int) -> None:
    if step == 0:
        with pytest.raises(ValueError):
            mx.arange(start, stop, step)
        return
    got = mx.arange(start, stop, step)
    assert got.dtype == mx.int32
    assert_equal(got, np.arange(start, stop, step))


def test_forms_of_arange() -> None:
    assert_equal(mx.arange(3), [0, 1, 2])
    assert_equal(mx.arange(stop=3), [0, 1, 2])
    assert_equal(mx.arange(6, step=2), [0, 2, 4])
    assert_equal(mx.arange(1, 3, dtype=mx.float16), [1, 2])
    assert mx.arange(3.0).dtype == mx.float32
    assert mx.arange(2**31, 2**31 + 2).dtype == mx.int64
    with pytest.raises(TypeError):
        mx.arange()
    with pytest.raises(ValueError, match="arange has no booleans"):
        mx.arange(True)


@quick
@given(start=st.floats(-5, 5), stop=st.floats(-5, 5), num=st.integers(0, 9), end=st.booleans())
def test_linspace(start: float, stop: float, num: int, end: bool) -> None:
    want = np.linspace(start, stop, num, endpoint=end)
    assert_close(mx.linspace(start, stop, num, endpoint=end), want)


@quick
@given(shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0), value=st.integers(-9, 9))
def test_filled_arrays(shape: tuple[int, ...], value: int) -> None:
    assert_equal(mx.zeros(shape), np.zeros(shape))
    assert_equal(mx.ones(shape, mx.int8), np.ones(shape))
    assert_equal(mx.full(shape, value), np.full(shape, value))
    like = mx.zeros(shape, mx.int16)
    assert mx.ones_like(like).dtype == mx.zeros_like(like).dtype == mx.int16
    assert mx.full_like(like, value).dtype == mx.int16
    assert mx.ones_like(like, mx.float16).dtype == mx.float16
    assert_equal(mx.full_like(like, value), np.full(shape, value))


def test_types_of_full() -> None:
    assert mx.full(2, 1).dtype == mx.int32
    assert mx.full(2, 1.5).dtype == mx.float32
    assert mx.full(2, True).dtype == mx.bool_
    assert mx.full(2, 1, mx.float16).dtype == mx.float16
    with pytest.raises(ValueError):
        mx.full((-1,), 0)


@quick
@given(n=st.integers(0, 5), m=st.integers(0, 5), k=st.integers(-3, 3))
def test_diagonal_matrices(n: int, m: int, k: int) -> None:
    if n and m:
        assert_equal(mx.eye(n, m, k), np.eye(n, m, k))
    assert_equal(mx.tri(n, m, k), np.tri(n, m, k))
    assert_equal(mx.identity(n + 1), np.identity(n + 1))
    x = np.arange(2 * (n + 1) * (m + 1)).reshape(2, n + 1, m + 1)
    assert_equal(mx.tril(mx.array(x), k), np.tril(x, k))
    assert_equal(mx.triu(mx.array(x), k), np.triu(x, k))
    assert_equal(mx.array(x).diagonal(k, 1, 2), np.diagonal(x, k, 1, 2))
    assert_equal(mx.trace(mx.array(x), k, 1, 2), np.trace(x, k, 1, 2))
    assert_equal(mx.diag(mx.array(x[0, 0]), k), np.diag(x[0, 0], k))
    assert_equal(mx.array(x[0]).diag(k), np.diag(x[0], k))


@pytest.mark.parametrize("name", WINDOWS)
@quick
@given(length=st.integers(0, 20))
def test_windows(name: str, length: int) -> None:
    assert_close(getattr(mx, name)(length), getattr(np, name)(length))


@quick
@given(x=integers(), data=st.data())
def test_reshape_in_all_its_forms(x: np.ndarray, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.permutations(x.shape)))
    a, want = mx.array(x), x.reshape(shape)
    for got in (mx.reshape(a, shape), a.reshape(shape), a.reshape(*shape), a.reshape(list(shape))):
        assert_equal(got, want)
    assert_equal(a.reshape(-1), x.ravel())
    assert_equal(mx.reshape(a, (x.shape[0], -1)), x.reshape(x.shape[0], -1))


def test_reshape_to_a_scalar() -> None:
    assert mx.reshape(mx.array([5]), ()).shape == ()
    with pytest.raises(ValueError):
        mx.reshape(mx.zeros((2, 3)), (4,))
    with pytest.raises(ValueError):
        mx.reshape(mx.zeros((2, 3)), (-1, -1))


@quick
@given(x=integers(), data=st.data())
def test_flatten_and_back(x: np.ndarray, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, x.ndim - 1))
    end = data.draw(st.integers(start, x.ndim - 1))
    flat = mx.array(x).flatten(start, end)
    assert_equal(flat, x.reshape(*x.shape[:start], -1, *x.shape[end + 1 :]))
    assert_equal(mx.unflatten(flat, start, x.shape[start : end + 1]), x)


@quick
@given(x=integers(), data=st.data())
def test_transpose(x: np.ndarray, data: st.DataObject) -> None:
    axes = tuple(data.draw(st.permutations(range(x.ndim))))
    a, want = mx.array(x), x.transpose(axes)
    for got in (mx.transpose(a, axes), a.transpose(axes), a.transpose(*axes)):
        assert_equal(got, want)
    assert_equal(mx.permute_dims(a, axes), want)
    assert_equal(a.transpose(), x.T)
    assert_equal(mx.transpose(a), x.T)


@quick
@given(x=integers(), data=st.data())
def test_moved_axes(x: np.ndarray, data: st.DataObject) -> None:
    one, other = data.draw(testing.axes(x.ndim)), data.draw(testing.axes(x.ndim))
    assert_equal(mx.array(x).swapaxes(one, other), x.swapaxes(one, other))
    assert_equal(mx.array(x).moveaxis(one, other), np.moveaxis(x, one, other))
    if x.ndim > 1:
        assert_equal(mx.matrix_transpose(mx.array(x)), np.matrix_transpose(x))


@quick
@given(case=with_axes(integers()))
def test_axes_of_length_one(case: tuple[np.ndarray, Any]) -> None:
    x, axes = case
    if axes is None:
        assert_equal(mx.squeeze(mx.array(x)), x.squeeze())
        return
    places = axes if isinstance(axes, tuple) else (axes,)
    # Axes count in what becomes of the array: there they may be one.
    assume(len({place % (x.ndim + len(places)) for place in places}) == len(places))
    spread = mx.expand_dims(mx.array(x), axes)
    assert_equal(spread, np.expand_dims(x, axes))
    assert_equal(spread.squeeze(axes), x)


@quick
@given(case=with_axes(integers()))
def test_flip(case: tuple[np.ndarray, Any]) -> None:
    x, axes = case
    assert_equal(mx.flip(mx.array(x), axes), np.flip(x, axes))


@quick
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=3, max_dims=3, max_side=4))
def test_broadcasting(shapes: Any) -> None:
    arrays = [np.ones(shape) for shape in shapes.input_shapes]
    assert mx.broadcast_shapes(*shapes.input_shapes) == shapes.result_shape
    for got in mx.broadcast_arrays(*map(mx.array, arrays)):
        assert got.shape == shapes.result_shape
    for x in arrays:
        got = mx.broadcast_to(mx.array(x), shapes.result_shape)
        assert_equal(got, np.broadcast_to(x, shapes.result_shape))


def test_shapes_that_do_not_broadcast() -> None:
    with pytest.raises(ValueError):
        mx.broadcast_shapes((2,), (3,))
    with pytest.raises(ValueError):
        mx.broadcast_to(mx.zeros(3), (2,))


@pytest.mark.parametrize("name", ["atleast_1d", "atleast_2d", "atleast_3d"])
@quick
@given(x=integers(hnp.array_shapes(min_dims=0, max_dims=4, min_side=1)))
def test_atleast(name: str, x: np.ndarray) -> None:
    want = getattr(np, name)(x)
    assert_equal(getattr(mx, name)(mx.array(x)), want)
    both = getattr(mx, name)(mx.array(x), mx.array(x))
    assert len(both) == 2
    assert_equal(both[1], want)


@quick
@given(case=with_axis(integers()), count=st.integers(1, 4))
def test_joining(case: tuple[np.ndarray, int], count: int) -> None:
    x, axis = case
    parts = [x + i for i in range(count)]
    arrays = [mx.array(part) for part in parts]
    assert_equal(mx.concatenate(arrays, axis), np.concatenate(parts, axis))
    assert_equal(mx.concat(arrays, axis=None), np.concatenate(parts, axis=None))
    assert_equal(mx.stack(arrays, axis), np.stack(parts, axis))
    for got, want in zip(mx.unstack(mx.stack(arrays, axis), axis=axis), parts, strict=True):
        assert_equal(got, want)


def test_an_empty_array_has_few_pieces() -> None:
    assert [x.shape for x in mx.split(mx.zeros((0, 3)), 2)] == [(0, 3)] * 2
    with pytest.raises(ValueError, match="num_splits must be at most 65536 for an empty array"):
        mx.split(mx.zeros((0, 3)), 2**31 - 1)


@quick
@given(case=with_axis(integers()), data=st.data())
def test_splitting(case: tuple[np.ndarray, int], data: st.DataObject) -> None:
    x, axis = case
    length = x.shape[axis]
    cuts = sorted(data.draw(st.lists(st.integers(0, length), max_size=3)))
    pieces = data.draw(st.sampled_from([n for n in range(1, length + 1) if length % n == 0]))
    for how in (cuts, pieces):
        got, want = mx.array(x).split(how, axis), np.split(x, how, axis)
        assert len(got) == len(want)
        for ours, numpys in zip(got, want, strict=True):
            assert_equal(ours, numpys)


def test_wrong_joins_and_splits() -> None:
    x = mx.zeros((2, 3))
    for wrong in (
        lambda: mx.concatenate([]),
        lambda: mx.concatenate([x, mx.zeros((2, 4))]),
        lambda: mx.stack([x, mx.zeros((2, 4))]),
        lambda: mx.split(x, 2, axis=1),
        lambda: mx.split(x, 0),
    ):
        with pytest.raises(ValueError):
            wrong()


@quick
@given(case=with_axis(integers()), count=st.integers(0, 3))
def test_repeat_and_tile(case: tuple[np.ndarray, int], count: int) -> None:
    x, axis = case
    assert_equal(mx.repeat(mx.array(x), count, axis), np.repeat(x, count, axis))
    assert_equal(mx.repeat(mx.array(x), count), np.repeat(x, count))
    assert_equal(mx.tile(mx.array(x), count), np.tile(x, count))
    assert_equal(mx.tile(mx.array(x), (2, count)), np.tile(x, (2, count)))


@quick
@given(x=integers(hnp.array_shapes(min_dims=2, max_dims=2)), shift=st.integers(-7, 7))
def test_roll(x: np.ndarray, shift: int) -> None:
    a = mx.array(x)
    assert_equal(mx.roll(a, shift), np.roll(x, shift))
    assert_equal(mx.roll(a, shift, 1), np.roll(x, shift, 1))
    assert_equal(mx.roll(a, shift, (0, 1)), np.roll(x, shift, (0, 1)))
    assert_equal(mx.roll(a, (shift, 1), (0, 1)), np.roll(x, (shift, 1), (0, 1)))


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
@quick
@given(x=integers(hnp.array_shapes(min_dims=1, max_dims=3, min_side=4, max_side=5)), data=st.data())
def test_pad(mode: Any, x: np.ndarray, data: st.DataObject) -> None:
    pair = st.tuples(st.integers(0, 3), st.integers(0, 3))
    pairs = data.draw(st.lists(pair, min_size=x.ndim, max_size=x.ndim))
    assert_equal(mx.pad(mx.array(x), pairs, mode), np.pad(x, pairs, mode))
    assert_equal(mx.pad(mx.array(x), pairs[0], mode), np.pad(x, pairs[0], mode))
    assert_equal(mx.pad(mx.array(x), pairs[0][0], mode), np.pad(x, pairs[0][0], mode))


def test_pad_with_a_value() -> None:
    assert_equal(mx.pad(mx.array([1, 2]), (1, 0), constant_values=9), [9, 1, 2])
    for width in (-1, [(1, 1), (1, 1)]):
        with pytest.raises(ValueError):
            mx.pad(mx.array([1, 2]), width)
    with pytest.raises(ValueError):
        mx.pad(mx.array([1, 2]), 1, "wave")  # type: ignore[arg-type]


@pytest.mark.parametrize("indexing", ["xy", "ij"])
@pytest.mark.parametrize("sparse", [False, True])
def test_meshgrid(indexing: Literal["xy", "ij"], sparse: bool) -> None:
    x = [np.arange(n) for n in (2, 3, 4)]
    got = mx.meshgrid(*map(mx.array, x), sparse=sparse, indexing=indexing)
    for ours, numpys in zip(got, np.meshgrid(*x, sparse=sparse, indexing=indexing), strict=True):
        assert_equal(ours, numpys)


@quick
@given(x=integers(SHAPES))
def test_astype_and_view(x: np.ndarray) -> None:
    a = mx.array(x)
    assert_equal(a.astype(mx.float16), x.astype(np.float16))
    assert_equal(mx.astype(a, mx.bool_), x != 0)
    assert_equal(a.view(mx.uint32), x.view(np.uint32))
    assert_equal(mx.view(a, mx.int16), x.view(np.int16))


@quick
@given(x=integers(hnp.array_shapes(min_dims=2, max_dims=2, min_side=2)))
def test_strided_views(x: np.ndarray) -> None:
    a = mx.array(x)
    rows, columns = x.shape
    assert_equal(mx.as_strided(a, (columns, rows), (1, columns)), x.T)
    assert_equal(mx.as_strided(a, (rows,), (columns,), 1), x[:, 1])
    assert_equal(mx.contiguous(a.T), x.T)


def test_depends_returns_its_inputs() -> None:
    x, y = mx.array([1, 2]), mx.array([3.0])
    one = mx.depends(x, y)
    assert isinstance(one, mx.array)
    assert_equal(one, [1, 2])
    both: Any = mx.depends([x, y], [mx.array(0)])
    assert_equal(both[1], [3.0])


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("squeeze", (2,)),
        ("expand_dims", (4,)),
        ("flip", (2,)),
        ("moveaxis", (0, 2)),
        ("swapaxes", (0, -3)),
        ("flatten", (2,)),
        ("roll", (1, 2)),
        ("repeat", (2, 2)),
    ],
)
def test_axes_out_of_bounds(name: str, arguments: tuple[int, ...]) -> None:
    with pytest.raises((IndexError, ValueError)):
        getattr(mx, name)(mx.zeros((2, 3)), *arguments)


NUMBERS: list[Any] = [2, np.int64(2), np.array(2), mx.array(2)]


@pytest.mark.parametrize("two", NUMBERS)
def test_ints_of_any_kind_are_numbers(two: Any) -> None:
    """An array of one int was taken for the positions to cut at."""
    a = mx.arange(12).reshape(4, 3)
    image = mx.ones((1, 4, 4, 1))
    assert [part.tolist() for part in mx.split(a, two)] == [a[:2].tolist(), a[2:].tolist()]
    assert mx.roll(a, two, axis=(0,)).tolist() == np.roll(np.array(a), 2, 0).tolist()
    assert mx.pad(a, two).shape == (8, 7)
    assert mx.tile(a, two).shape == (4, 6)
    assert mx.conv2d(image, mx.ones((1, 2, 2, 1)), stride=two).shape == (1, 2, 2, 1)
    assert mx.tensordot(a, a.astype(mx.float32), axes=two).item() == np.sum(np.arange(12) ** 2)
    assert mx.sum(mx.ones((1, 2, 3)), axis=two).tolist() == [[3, 3]]
    assert mx.grad(lambda x, y, z: x * y * z, argnums=two)(*map(mx.array, (2.0, 3.0, 4.0))) == 6


def test_arange_has_a_start_by_name_too() -> None:
    """With a step and a start by name, the start was taken for the stop."""
    assert mx.arange(start=1, stop=4).tolist() == mx.arange(1, stop=4).tolist() == [1, 2, 3]
    assert mx.arange(stop=4, step=2).tolist() == mx.arange(4, step=2).tolist() == [0, 2]
    assert mx.arange(4, 2, mx.float32).tolist() == [0, 2]
    assert mx.arange(4, 2, mx.float32).dtype == mx.float32
    assert mx.arange(True, 3).tolist() == [1, 2]
    wrong: dict[str, Any]
    for wrong in (
        {"start": 1},
        {"start": 1, "step": 2},
        {"start": 1, "step": mx.int32, "stop": 3},
    ):
        with pytest.raises(TypeError):
            mx.arange(**wrong)
    with pytest.raises(TypeError, match="one start"):
        mx.arange(1, start=1, stop=3)


def test_constants_of_float64_keep_their_bits() -> None:
    zeros = mx.zeros((2,), mx.float64)
    results = [
        mx.full((2,), 0.37, mx.float64),
        mx.full_like(zeros, 0.37),
        mx.where(mx.array([True, True]), 0.37, zeros),
        zeros + 0.37,
        mx.maximum(zeros, 0.37),
        mx.clip(zeros, 0.37, None),
        mx.pad(mx.zeros((0,), mx.float64), 1, constant_values=0.37),
        mx.array([0.37, 0.37], mx.float64),
        mx.linspace(0.37, 0.37, 2, dtype=mx.float64),
    ]
    assert [result.tolist() for result in results] == [[0.37, 0.37]] * len(results)


def test_fill_values_fit_the_type() -> None:
    with pytest.raises(ValueError, match="does not fit in int32"):
        mx.unique(mx.array([1, 0]), 3, fill_value=2**31)
    filled: Any = mx.unique(mx.array([1, 0]), 3, fill_value=7)
    assert filled.tolist() == [0, 1, 7]


def test_norms_need_axes() -> None:
    for order in (None, 2, "fro"):
        with pytest.raises(ValueError, match="axis must hold"):
            mx.linalg.norm(mx.ones((2, 2)), order, axis=())
