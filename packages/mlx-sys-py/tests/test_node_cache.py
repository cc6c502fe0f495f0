"""Nodes that are built after a pattern: the graphs and results of stock MLX, call after call."""

from __future__ import annotations

import io
import re
from typing import Any

import mlx_sys_py
import numpy as np
import pytest
from cpu_arrays import check_same, numpy, stock
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_sys_py import array, graph, ops, transforms

REDUCTIONS = ["sum", "prod", "max", "min", "all", "any", "argmax", "argmin", "logsumexp"]
# Few, so that calls meet the patterns of others.
dtypes = st.sampled_from(["float32", "float16", "int32", "bool_"])
shapes = st.lists(st.integers(1, 4), max_size=4).map(tuple)
seeds = st.integers(0, 2**32 - 1)


def check_graph(ours: array, theirs: Any) -> None:
    file, their_file = io.StringIO(), io.StringIO()
    graph.export_to_dot(file, [ours])
    stock.export_to_dot(their_file, theirs)

    def without_addresses(text: str) -> str:
        addresses = dict.fromkeys(re.findall(r"\d{6,}", text))
        for i, address in enumerate(addresses):
            text = text.replace(address, f"node {i}")
        return text

    assert without_addresses(file.getvalue()) == without_addresses(their_file.getvalue())


def same_values(seed: int, shape: tuple[int, ...], dtype: str) -> tuple[array, Any]:
    values = np.random.default_rng(seed).integers(0, 3, shape)
    ours = array(values, getattr(mlx_sys_py, dtype))
    theirs = stock.array(values, dtype=getattr(stock, dtype))
    transforms.eval([ours])
    stock.eval(theirs)
    return ours, theirs


@settings(max_examples=200, deadline=None)
@given(data=st.data(), seed=seeds, name=st.sampled_from(REDUCTIONS))
def test_reductions(data: Any, seed: int, name: str) -> None:
    for _ in range(4):
        # Stock fails for the index of an extreme of a scalar.
        shape = data.draw(shapes.filter(len) if name.startswith("arg") else shapes)
        dtype = data.draw(dtypes)
        if shape == () and name in ("sum", "prod") and dtype == "bool_":
            continue  # The sum of one boolean is a number here, and that boolean in MLX.
        ours, theirs = same_values(seed, shape, dtype)
        axis: Any = None
        if shape:
            axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
        # Stock adds half precision along other axes in half precision.
        last = len(shape) == 1 if axis is None else axis in (-1, len(shape) - 1)
        widened = name == "logsumexp" and dtype == "float16" and shape != () and not last
        if axis is not None and not name.startswith("arg") and data.draw(st.booleans()):
            axis = [axis]
        keepdims = data.draw(st.booleans())
        with stock.stream(stock.cpu):
            wide = theirs.astype(stock.float32) if widened else theirs
            expected = getattr(stock, name)(wide, axis=axis, keepdims=keepdims)
        result = getattr(ops, name)(ours, axis, keepdims)
        if not widened:
            check_graph(result, expected)
        if name == "logsumexp":
            assert result.shape == expected.shape
            np.testing.assert_allclose(numpy(result), numpy(expected), rtol=2e-3)
        else:
            check_same(result, expected)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), seed=seeds)
def test_selection(data: Any, seed: int) -> None:
    for _ in range(4):
        shape = data.draw(shapes)
        broadcast = data.draw(st.sampled_from([shape, (), shape[1:]]))
        operands = [
            same_values(seed, shape, data.draw(st.sampled_from(["bool_", "int32"]))),
            same_values(seed + 1, broadcast, data.draw(dtypes)),
            same_values(seed + 2, shape, data.draw(dtypes)),
        ]
        ours, theirs = zip(*operands, strict=True)
        with stock.stream(stock.cpu):
            expected = stock.where(*theirs)
        result = ops.where(*ours)
        check_graph(result, expected)
        check_same(result, expected)


BINARY = ["add", "subtract", "multiply", "divide", "maximum", "less", "logical_and", "power"]


@settings(max_examples=200, deadline=None)
@given(data=st.data(), seed=seeds, name=st.sampled_from(BINARY))
def test_scalars_beside_arrays(data: Any, seed: int, name: str) -> None:
    for _ in range(4):
        dtype = data.draw(dtypes)
        sides = data.draw(st.permutations([data.draw(shapes), ()]))
        operands = [
            same_values(seed + i, shape, data.draw(st.sampled_from([dtype, dtype, "int32"])))
            for i, shape in enumerate(sides)
        ]
        ours, theirs = zip(*operands, strict=True)
        if name == "subtract" and "bool" in str(ours[0].dtype) + str(ours[1].dtype):
            continue
        with stock.stream(stock.cpu):
            expected = getattr(stock, name)(*theirs)
        result = getattr(ops, name)(*ours)
        check_graph(result, expected)
        check_same(result, expected)


numbers = st.sampled_from([0, 1, 2, 3, 5, 8, 16, 0.5, -2, 2**31, np.int64(4), np.float32(3)])


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_ranges(data: Any) -> None:
    for _ in range(6):
        start, stop = data.draw(numbers), data.draw(numbers)
        step = data.draw(st.sampled_from([1, 1.0, 2, 0.25, -1]))
        if 2**31 in (start, stop):
            step *= 2**28
        dtype = data.draw(st.sampled_from([None, "float32", "int64"]))
        result = ops.arange(start, stop, step, dtype and getattr(mlx_sys_py, dtype))
        is_int = all(isinstance(number, int | np.integer) for number in (start, stop, step))
        fits = all(-(2**31) <= number < 2**31 for number in (start, stop, step))
        default = ("int32" if fits else "int64") if is_int else "float32"
        with stock.stream(stock.cpu):
            expected = stock.arange(
                float(start), float(stop), float(step), getattr(stock, dtype or default)
            )
        check_graph(result, expected)
        check_same(result, expected)


def test_a_range_that_is_refused() -> None:
    for _ in range(2):
        assert ops.arange(3).tolist() == [0, 1, 2]
        for wrong in [(True,), (0, 1, False), (0, 1, 0), (float("nan"),), (0, 2**40)]:
            with pytest.raises(ValueError, match="arange"):
                ops.arange(*wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError):
            ops.arange()
        with pytest.raises(TypeError):
            ops.arange("3")  # type: ignore[arg-type]


def product_shapes(data: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shapes of two operands of a product: stacks of matrices, matrices and vectors."""
    lengths = st.integers(1, 3)
    inner = data.draw(lengths)
    stack = tuple(data.draw(st.lists(lengths, max_size=2)))
    # Few do not agree, as most programs multiply operands that do.
    of_b = data.draw(st.sampled_from([stack] * 4 + [stack[1:], (1,) * len(stack)]))
    a = data.draw(st.sampled_from([(*stack, data.draw(lengths), inner)] * 4 + [(inner,)]))
    b = data.draw(st.sampled_from([(*of_b, inner, data.draw(lengths))] * 4 + [(inner,)]))
    return a, b


products = st.sampled_from(["float32", "float16", "bfloat16", "complex64"])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), seed=seeds)
def test_products(data: Any, seed: int) -> None:
    for _ in range(4):
        of_a, of_b = product_shapes(data)
        kind = data.draw(products)
        a, their_a = same_values(seed, of_a, kind)
        # Most operands agree in type.
        b, their_b = same_values(seed, of_b, data.draw(st.sampled_from([kind] * 3 + ["float32"])))
        with stock.stream(stock.cpu):
            expected = stock.matmul(their_a, their_b)
        result = ops.matmul(a, b)
        check_graph(result, expected)
        check_same(result, expected)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), seed=seeds)
def test_sums_with_products(data: Any, seed: int) -> None:
    for _ in range(4):
        of_a, of_b = product_shapes(data)
        if min(len(of_a), len(of_b)) < 2:
            continue  # Which not all of these sums are made for.
        kind = data.draw(products)
        a, their_a = same_values(seed, of_a, kind)
        b, their_b = same_values(seed, of_b, kind)
        with stock.stream(stock.cpu):
            product = stock.matmul(their_a, their_b)
        of_c = tuple(product.shape)
        of_c = data.draw(st.sampled_from([of_c, of_c[-1:], (1,), (), (*of_c[:-1], 1)]))
        c, their_c = same_values(seed, of_c, data.draw(st.sampled_from([kind] * 3 + ["float32"])))
        factors = data.draw(st.sampled_from([(1.0, 1.0)] * 3 + [(2.0, 1.0), (1.0, 0.5)]))
        with stock.stream(stock.cpu):
            expected = stock.addmm(their_c, their_a, their_b, *factors)
        result = ops.addmm(c, a, b, *factors)
        check_graph(result, expected)
        check_same(result, expected)


def test_products_of_nothing() -> None:
    ops.matmul(ops.ones((2, 3)), ops.ones((3, 2)))
    assert numpy(ops.matmul(ops.ones((2, 0)), ops.ones((0, 2)))).tolist() == [[0, 0], [0, 0]]
    assert ops.matmul(ops.ones((0, 3)), ops.ones((3, 2))).shape == (0, 2)
    for wrong in [((2, 3), (2, 3)), ((2, 2, 3), (4, 3, 2)), ((), (3, 2))]:
        with pytest.raises(ValueError, match=r"matmul|broadcast"):
            ops.matmul(*map(ops.ones, wrong))


def test_products_are_transformed() -> None:
    """Nodes that share a primitive, one after the other, and within one graph."""
    x = np.random.default_rng(0).standard_normal((3, 3)).astype(np.float32)
    batch = np.random.default_rng(1).standard_normal((2, 3, 3)).astype(np.float32)

    def cube(inputs: list[array]) -> list[array]:
        return [ops.matmul(ops.matmul(inputs[0], inputs[0]), inputs[0])]

    theirs = stock.grad(lambda y: (y @ y @ y).sum())(stock.array(x))
    for _ in range(3):
        (result,) = cube([array(x)])
        np.testing.assert_allclose(numpy(result), x @ x @ x, rtol=1e-4)
        (gradient,) = transforms.vjp(cube, [array(x)], [ops.ones((3, 3))])[1]
        np.testing.assert_allclose(numpy(gradient), np.array(theirs), rtol=1e-4)
        traced = transforms.vmap_trace(cube, [array(batch)], [0])
        (mapped,) = transforms.vmap_replace([array(batch)], *traced, [0], [0])
        np.testing.assert_allclose(numpy(mapped), batch @ batch @ batch, rtol=1e-4)


def test_reductions_of_nothing() -> None:
    ops.max(array([1.0, 2.0]), 0)
    with pytest.raises(ValueError, match="max"):
        ops.max(array(np.zeros((0,), np.float32)), 0)
    with pytest.raises(ValueError, match="max"):
        ops.max(array(np.zeros((0,), np.float32)))
    ops.sum(array([[1.0, 2.0]]), 1)
    assert ops.sum(array(np.zeros((0, 2), np.float32)), 1).shape == (0,)
    with pytest.raises(IndexError):
        ops.sum(array([[1.0, 2.0]]), 2)
    with pytest.raises(IndexError):
        ops.sum(array([[1.0, 2.0]]), -3)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions_that_others_look_at(name: str) -> None:
    """The node that keeps the axis computes its own result if somebody has it."""
    x = array(np.arange(12.0, dtype=np.float32).reshape(3, 4))
    reduce = getattr(ops, name)
    kept = reduce(x, 1, True)
    squeezed = ops.squeeze(kept, 1)
    transforms.eval([squeezed])
    np.testing.assert_array_equal(numpy(kept)[:, 0], numpy(squeezed))
    np.testing.assert_array_equal(numpy(reduce(x, 1)), numpy(squeezed))
    # What is computed already is only looked at.
    transforms.eval([kept := reduce(x, 0, True)])
    np.testing.assert_array_equal(numpy(ops.squeeze(kept, 0)), numpy(kept)[0])


def test_reductions_are_transformed() -> None:
    x = array(np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3))

    def f(inputs: list[array]) -> list[array]:
        return [ops.sum(ops.max(inputs[0], 1) * ops.logsumexp(inputs[0], 1), 0)]

    for _ in range(2):
        (gradient,) = transforms.value_and_grad(f, [0])([x])[1]
        y = numpy(x)
        e = np.exp(y - y.max(1, keepdims=True))
        most = y == y.max(1, keepdims=True)
        sums = np.log(e.sum(1, keepdims=True)) + y.max(1, keepdims=True)
        expected = most * sums + y.max(1, keepdims=True) * e / e.sum(1, keepdims=True)
        np.testing.assert_allclose(numpy(gradient), expected, rtol=1e-5)
    # A captured reduction that is not computed yet, in a function for any shape.
    captured = ops.sum(x, 1)
    compiled = transforms.compile(lambda inputs: [inputs[0] + captured], True)
    np.testing.assert_array_equal(numpy(compiled([array([1.0, 1.0])])[0]), [7.0, 16.0])


@settings(max_examples=100, deadline=None)
@given(data=st.data(), seed=seeds)
def test_new_axes_and_types(data: Any, seed: int) -> None:
    for _ in range(4):
        shape = data.draw(shapes)
        ours, theirs = same_values(seed, shape, data.draw(dtypes))
        axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
        dtype = data.draw(dtypes)
        with stock.stream(stock.cpu):
            expected = stock.expand_dims(theirs, axis).astype(getattr(stock, dtype))
        result = ops.astype(ops.expand_dims(ours, axis), getattr(mlx_sys_py, dtype))
        check_graph(result, expected)
        check_same(result, expected)
        found = ours[None]
        assert numpy(found).tolist() == numpy(ours)[None].tolist()
        # Of a type that it has already, an array of its own: to assign to one changes no other.
        same = ours.astype(ours.dtype)
        assert same is not ours
