"""Index expressions of every form, read and written, as they are and under transformations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import quick

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@st.composite
def positions(draw: st.DrawFn, size: int) -> Any:
    """Positions along an axis: an array of some type, without axes or with several, or a list."""
    dtype = draw(st.sampled_from(INTEGERS))
    low = 0 if dtype.startswith("u") else -size
    shape = draw(st.sampled_from([(), (1,), (2,), (2,), (3, 1), (1, 2), (0,)]))
    found = draw(hnp.arrays(dtype, shape, elements=st.integers(low, size - 1)))
    return draw(st.sampled_from([found, found.tolist()])) if found.ndim else found


@st.composite
def expressions(draw: st.DrawFn, masks: bool = True) -> tuple[tuple[int, ...], Any]:
    """A shape of up to 4 axes, and an index of up to 4 items and what None and ... add."""
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
    items: list[Any] = []
    axis = 0
    while axis < len(shape) and len(items) < 4 and draw(st.integers(0, 5)):
        size = shape[axis]
        kind = draw(st.sampled_from(["slice", "int", "positions", "mask", "none", "bool"]))
        if kind == "slice" or (size == 0 and kind in ("int", "positions")):
            items.append(draw(st.slices(size)))
        elif kind == "int":
            index = draw(st.integers(-size, size - 1))
            items.append(draw(st.sampled_from([index, np.int64(index)])))
        elif kind == "positions":
            items.append(draw(positions(size)))
        elif kind == "mask" and masks:
            ndim = draw(st.integers(1, len(shape) - axis))
            items.append(draw(hnp.arrays(np.bool_, shape[axis : axis + ndim])))
            axis += ndim - 1
        elif kind == "bool" and masks:
            items.append(draw(st.sampled_from([True, False, np.True_, np.array(False)])))
            continue
        else:
            items.append(None)
            continue
        axis += 1
    if draw(st.booleans()):
        items.insert(draw(st.integers(0, len(items))), ...)
        # What is behind it indexes the last axes. NumPy lets an empty mask index any axis.
        assume(not any(is_empty_mask(item) for item in items))
        assume(selected(np.zeros(shape), tuple(items)) is not None)
    if len(items) == 1 and draw(st.booleans()):
        return shape, items[0]
    return shape, tuple(items)


def is_empty_mask(item: Any) -> bool:
    return isinstance(item, np.ndarray) and item.dtype == bool and item.size == 0


def selected(x: np.ndarray, index: Any) -> np.ndarray | None:
    """NumPy's answer; None where it refuses."""
    try:
        return np.asarray(x[index])
    except IndexError:
        return None


def numbered(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(np.prod(shape, dtype=int), dtype=np.float32).reshape(shape)


def ours(index: Any) -> Any:
    """The index with arrays of ours in place of NumPy's."""
    if isinstance(index, tuple):
        return tuple(ours(item) for item in index)
    return mx.array(index) if isinstance(index, np.ndarray) else index


def assigned(a: mx.array, index: Any, value: Any) -> mx.array:
    a = mx.array(a)
    a[index] = value
    return a


def same(found: mx.array, expected: np.ndarray) -> None:
    assert found.shape == expected.shape
    np.testing.assert_array_equal(np.array(found), expected)


@quick
@given(case=expressions(), as_ours=st.booleans())
def test_read(case: tuple[tuple[int, ...], Any], as_ours: bool) -> None:
    shape, index = case
    x = numbered(shape)
    expected = selected(x, index)
    if expected is None:
        with pytest.raises(IndexError):
            mx.array(x)[ours(index)]
    else:
        same(mx.array(x)[ours(index) if as_ours else index], expected)


@quick
@given(case=expressions(masks=False))
def test_read_under_transformations(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    x = numbered(shape)
    expected = selected(x, index)
    if expected is None:
        return
    a, i = mx.array(x), ours(index)
    same(mx.compile(lambda a: a[i])(a), expected)
    for axis in (0, len(shape)):
        several = mx.array(np.stack([x, -x, x + 1], axis))
        same(mx.vmap(lambda a: a[i], axis)(several), np.stack([expected, -expected, expected + 1]))


@quick
@given(case=expressions())
def test_gradient_of_what_is_read(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    x = numbered(shape)
    chosen = selected(x, index)
    if chosen is None:
        return
    weights = 1 + np.arange(chosen.size, dtype=np.float32).reshape(chosen.shape)
    expected = np.zeros_like(x)
    np.add.at(expected, index, weights)
    i, w = ours(index), mx.array(weights)
    same(mx.grad(lambda a: (w * a[i]).sum())(mx.array(x)), expected)
    tangent = mx.jvp(lambda a: a[i], [mx.array(x)], [mx.array(x * 2)])[1][0]
    same(tangent, 2 * chosen)


@quick
@given(case=expressions(), kind=st.sampled_from(["one", "all", "row"]), data=st.data())
def test_write(case: tuple[tuple[int, ...], Any], kind: str, data: st.DataObject) -> None:
    shape, index = case
    x = numbered(shape)
    chosen = selected(x, index)
    if chosen is None:
        return
    value: Any = np.float32(77)
    if kind != "one":
        value = 100 + np.arange(chosen.size, dtype=np.float32).reshape(chosen.shape)
    if kind == "row" and value.ndim and len(value):
        value = value[: data.draw(st.sampled_from([1, len(value)]))]
    expected = x.copy()
    expected[index] = value
    a, i, v = mx.array(x), ours(index), mx.array(value)
    same(assigned(a, i, v), expected)
    same(mx.compile(lambda a, v: assigned(a, i, v))(a, v), expected)
    for axis in (0, len(shape)):
        several = mx.array(np.stack([x, x], axis))
        same(mx.vmap(lambda a: assigned(a, i, v), axis)(several), np.stack([expected] * 2))
    values = mx.stack([v, v])
    same(mx.vmap(lambda v: assigned(a, i, v))(values), np.stack([expected] * 2))
    # Which of the values each element takes, and so which its gradient goes to.
    numbers = np.full(shape, -1)
    numbers[index] = np.broadcast_to(np.arange(value.size).reshape(value.shape), chosen.shape)
    weights = 1 + numbered(shape)
    dv = np.zeros(value.size, np.float32)
    np.add.at(dv, numbers[numbers >= 0], weights[numbers >= 0])
    w = mx.array(weights)
    da, found = mx.grad(lambda a, v: (w * assigned(a, i, v)).sum(), (0, 1))(a, v)
    same(da, np.where(numbers < 0, weights, 0))
    same(found, dv.reshape(value.shape))


UPDATES: dict[str, Any] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


@quick
@given(case=expressions(), name=st.sampled_from(sorted(UPDATES)), scalar=st.booleans())
def test_at(case: tuple[tuple[int, ...], Any], name: str, scalar: bool) -> None:
    shape, index = case
    x = numbered(shape)
    chosen = selected(x, index)
    if chosen is None:
        return
    value = np.float32(4) if scalar else (2.0 ** (np.arange(chosen.size) % 3)).astype(np.float32)
    value = value.reshape(() if scalar else chosen.shape)
    expected = x.copy()
    UPDATES[name].at(expected, index, value)
    a = mx.array(x)
    found = getattr(a.at[ours(index)], name)(mx.array(value))
    np.testing.assert_allclose(np.array(found), expected, rtol=1e-6)
    same(a, x)


@quick
@given(case=expressions())
def test_augmented_assignment(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    x = numbered(shape)
    if selected(x, index) is None:
        return
    a = mx.array(x)
    a[ours(index)] += 5
    x[index] += 5
    same(a, x)


@quick
@given(x=hnp.arrays(np.float32, (3, 4), elements=st.integers(-3, 3)))
def test_masks_that_are_arguments(x: np.ndarray) -> None:
    def put(a: mx.array, mask: mx.array, value: mx.array) -> mx.array:
        return assigned(a, mask, value)

    mask = x > 0
    count = int(mask.sum())
    values = 10 + np.arange(count, dtype=np.float32)
    for value in (np.float32(9), values):
        expected = x.copy()
        expected[mask] = value
        arguments = mx.array(x), mx.array(mask), mx.array(value)
        same(mx.compile(put)(*arguments), expected)
        same(
            mx.vmap(put, (0, None, None))(mx.stack([arguments[0]] * 2), *arguments[1:]),
            np.stack([expected] * 2),
        )
    rows = np.stack([np.where(row > 0, 9, row) for row in x])
    same(mx.vmap(put, (0, 0, None))(mx.array(x), mx.array(mask), mx.array(9.0)), rows)
    tangent = mx.jvp(
        lambda v: put(mx.array(x), mx.array(mask), v), [mx.array(values)], [mx.ones(count)]
    )
    same(tangent[1][0], mask.astype(np.float32))


def test_gradient_of_what_was_evaluated_inside() -> None:
    """A kernel has taken the place of the primitive then."""
    weights = mx.array([1.0, 10.0, 100.0])

    def multiplied(x: mx.array) -> mx.array:
        y = x.at[mx.array([0, 0, 1])].multiply(mx.array([2.0, 3.0, 4.0]))
        mx.eval(y)
        return mx.sum(y * weights)

    def put(x: mx.array) -> mx.array:
        y = assigned(mx.zeros(3), [0, 0], x)
        mx.eval(y)
        return mx.sum(y * weights)

    assert mx.grad(multiplied)(mx.ones(3)).tolist() == [6, 40, 100]
    x = mx.array([1.0, 2.0])
    assert mx.grad(put)(x).tolist() == [0, 1]
    assert mx.jvp(put, [x], [mx.array([7.0, 5.0])])[1][0].item() == 5


def test_a_mask_is_not_evaluated_when_it_is_written_through() -> None:
    wrong = mx.take(mx.arange(3), mx.array([9]))
    a = assigned(mx.zeros(3), mx.arange(3) > wrong, 1.0)
    with pytest.raises(IndexError, match="index 9"):
        mx.eval(a)


@pytest.mark.parametrize("transformation", [mx.compile, mx.vmap])
def test_a_traced_mask_cannot_be_read_by(transformation: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match=r"mx\.where"):
        transformation(lambda a, mask: a[mask])(mx.ones((2, 3)), mx.ones((2, 3)) > 0)


def test_number_of_values_for_a_mask() -> None:
    mask = mx.array([True, False, True])
    mx.eval(mask)
    for count in (0, 1, 2, 3):
        if count in (1, 2):
            assigned(mx.zeros(3), mask, mx.ones(count))
            continue
        with pytest.raises(ValueError, match=f"{count} elements for the 2"):
            assigned(mx.zeros(3), mask, mx.ones(count))
    with pytest.raises(ValueError, match="2 values for the 3"):
        mx.eval(assigned(mx.zeros(3), mx.arange(3) >= 0, mx.ones(2)))


def test_duplicates_as_in_numpy() -> None:
    a = assigned(mx.zeros(3), [1, 1, 2], mx.array([1.0, 2.0, 3.0]))
    assert a.tolist() == [0, 2, 3]
    assert mx.zeros(3).at[[1, 1]].add(1).tolist() == [0, 2, 0]
    a[[1, 1]] += 1
    assert a.tolist() == [0, 3, 3]


def test_division_in_place_of_ints() -> None:
    with pytest.raises(ValueError, match="fractions"):
        mx.array([1, 2]).at[0].divide(2)


def test_slices_clip_and_ints_do_not() -> None:
    a = mx.arange(3)
    assert a[: 2**32].tolist() == a[-(2**40) :].tolist() == [0, 1, 2]
    for error in (IndexError, ValueError):  # NumPy's, and official MLX's.
        with pytest.raises(error, match="axis 0 with size 3"):
            a[2**32]
    with pytest.raises(IndexError, match="axis 1 with size 2"):
        mx.zeros((3, 2))[0, 2]
    with pytest.raises(IndexError, match="axis 1 of size 2"):
        mx.eval(mx.zeros((3, 2))[0, mx.array([2])])


def test_in() -> None:
    a = mx.array([[1.0, 2.0], [3.0, 4.0]])
    x = np.array(a)
    for value in (2.0, 5, [1.0, 2.0], [3.0, 2.0], mx.array([9.0, 4.0]), True):
        assert (value in a) is bool(np.any(x == np.array(value)))
    assert "text" not in a
    assert None not in a
    assert 1 not in mx.zeros((0,))
    with pytest.raises(ValueError, match="broadcast"):
        mx.array([1.0, 2.0, 3.0]) in a  # noqa: B015


def test_iteration_and_length() -> None:
    a = mx.arange(6).reshape(2, 3)
    assert len(a) == 2
    assert [row.tolist() for row in a] == a.tolist()
    for wrong in (len, iter):
        with pytest.raises(TypeError, match="without axes"):
            wrong(mx.array(1))
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        a.item()


def test_vmap_of_reads_and_writes_along_any_axis() -> None:
    def read(x: mx.array, i: mx.array, j: mx.array) -> mx.array:
        return x[i, j]

    a, i, j = mx.arange(24).reshape(2, 3, 4), mx.array([0, 1]), mx.array([[0, 1], [1, 2]])
    assert mx.vmap(read, (0, None, 1))(a, i, j).tolist() == [[0, 5], [13, 18]]
    for axis in (1, 2):

        def put(x: mx.array) -> mx.array:
            return assigned(x, (mx.array([0, 1]), mx.array([0, 1])), 1.0)

        expected = np.moveaxis(np.array([put(mx.zeros((3, 3))).tolist()] * 3), 0, axis)
        same(mx.vmap(put, axis, axis)(mx.zeros((3, 3, 3))), expected)


def finite_differences(f: Callable[[mx.array], mx.array], x: np.ndarray) -> np.ndarray:
    found = np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[at] = 0.25
        found[at] = (f(mx.array(x + step)) - f(mx.array(x - step))).item() * 2
    return found


DUPLICATES = mx.array([[0, 0], [2, 1]])
# Linear in each argument, so that differences are exact but for rounding.
PRODUCTS: dict[str, Callable[[mx.array, mx.array], mx.array]] = {
    "take": lambda x, v: mx.take(x, mx.array([0, 0, 5, 3])) * v.reshape(-1),
    "take_along_axis": lambda x, v: mx.take_along_axis(x, DUPLICATES, 1) * v,
    "put_along_axis": lambda x, v: mx.put_along_axis(x, DUPLICATES, v, 1),
    "assignment": lambda x, v: assigned(x, (mx.array([1, 1]), slice(0, 2)), v),
    "at.add": lambda x, v: x.at[mx.array([1, 1]), :2].add(v),
    "at.multiply": lambda x, v: x.at[mx.array([1, 1]), 1:].multiply(v),
    "at.multiply by zero": lambda x, v: x.at[mx.array([1, 1]), 1:].multiply(v * mx.array([0, 1])),
    "at.multiply of a slice": lambda x, v: x.at[:, :2].multiply(v),
    "at.multiply under a mask": lambda x, v: x.at[:, mx.array([True, False, True])].multiply(v),
    "slice_update": lambda x, v: mx.slice_update(x, v, mx.array([0, 1]), (0, 1)),
}


@pytest.mark.parametrize("argument", [0, 1])
@pytest.mark.parametrize("name", PRODUCTS)
def test_gradients_against_finite_differences(name: str, argument: int) -> None:
    function = PRODUCTS[name]
    arguments = [
        np.array(rows, np.float32) for rows in ([[1, 2, 3], [4, 5, 6]], [[2, -1], [3, 0.5]])
    ]

    def loss(x: mx.array) -> mx.array:
        result = function(*[x if i == argument else mx.array(a) for i, a in enumerate(arguments)])
        return mx.sum(result * mx.arange(1.0, result.size + 1).reshape(result.shape))

    x = mx.array(arguments[argument])
    expected = finite_differences(loss, arguments[argument])
    np.testing.assert_allclose(np.array(mx.grad(loss)(x)), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        np.array(mx.compile(mx.grad(loss))(x)), expected, rtol=1e-4, atol=1e-4
    )
    (tangent,) = mx.jvp(loss, [x], [x * x])[1]
    assert abs(tangent.item() - np.sum(expected * np.array(x * x))) < 1e-3 * (
        1 + np.abs(expected).sum()
    )
    both = mx.grad(lambda xs: mx.vmap(loss)(xs).sum())(mx.stack([x, x]))
    np.testing.assert_allclose(np.array(both), np.stack([expected] * 2), rtol=1e-4, atol=1e-4)
