"""Transformations of functions of one step, against those of official MLX in single precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx_sys_py
import numpy as np
import pytest
from cpu_arrays import numpy, on_cpu, stock
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, fast, ops, transforms
from mlx_sys_py.export import export_function, import_function
from numpy.typing import NDArray

pytestmark = at_every_level

Values = NDArray[Any]
# Of a library and arrays of it.
Function = Callable[[Any, list[Any]], Any]

# What MLX computes in steps is rounded at each.
TOLERANCES = {"float32": 2e-5, "float16": 2.0**-7, "bfloat16": 2.0**-4}

# So large that gradients of rows of two numbers are no differences of almost the same.
EPS = 0.1


def some(mx: Any, *shape: int) -> Any:
    """Which keys queries see, always the same; MLX has another answer for one that sees none."""
    seen = np.random.default_rng(0).random(shape) < 0.7
    seen[:, :1] = True
    return mx.array(seen)


def classes(mx: Any, logits: Any) -> Any:
    shape = logits.shape[:-1]
    return mx.array(np.arange(int(np.prod(shape))).reshape(shape) % logits.shape[-1])


# Each with the shapes of its inputs, from sizes a, b and c.
CASES: dict[str, tuple[Function, Callable[[int, int, int], list[tuple[int, ...]]]]] = {
    "rms_norm": (
        lambda mx, x: mx.fast.rms_norm(x[0], x[1], EPS),
        lambda a, b, c: [(a, b, c), (c,)],
    ),
    "rms_norm without weight": (
        lambda mx, x: mx.fast.rms_norm(x[0], None, EPS),
        lambda a, b, c: [(a, b, c)],
    ),
    "layer_norm": (
        lambda mx, x: mx.fast.layer_norm(x[0], x[1], x[2], EPS),
        lambda a, b, c: [(a, b, c), (c,), (c,)],
    ),
    "layer_norm without weight": (
        lambda mx, x: mx.fast.layer_norm(x[0], None, x[1], EPS),
        lambda a, b, c: [(a, b, c), (c,)],
    ),
    "layer_norm without bias": (
        lambda mx, x: mx.fast.layer_norm(x[0], x[1], None, EPS),
        lambda a, b, c: [(a, b, c), (c,)],
    ),
    "rope": (
        lambda mx, x: mx.fast.rope(
            x[0], x[0].shape[-1] // 2 * 2, traditional=False, base=100.0, scale=0.5, offset=3
        ),
        lambda a, b, c: [(a, b, c + 1)],
    ),
    "traditional rope": (
        lambda mx, x: mx.fast.rope(x[0], 2, traditional=True, base=100.0, scale=1.0, offset=3),
        lambda a, b, c: [(a, b, c + 1)],
    ),
    "rope of given periods from several positions": (
        lambda mx, x: mx.fast.rope(
            x[0],
            4,
            traditional=False,
            base=None,
            scale=0.5,
            offset=mx.array(np.arange(x[0].shape[0], dtype=np.int32)),
            freqs=mx.array([1.5, 20.0]),
        ),
        lambda a, b, c: [(a, b, c + 3)],
    ),
    "attention": (
        lambda mx, x: mx.fast.scaled_dot_product_attention(*x, scale=x[0].shape[-1] ** -0.5),
        lambda a, b, c: [(2, 4, a, c), (2, 2, b, c), (2, 2, b, 5)],
    ),
    "causal attention": (
        lambda mx, x: mx.fast.scaled_dot_product_attention(
            *x, scale=x[0].shape[-1] ** -0.5, mask="causal"
        ),
        lambda a, b, c: [(a, 2, b, c), (a, 1, b + 3, c), (a, 1, b + 3, c)],
    ),
    "attention to some keys": (
        lambda mx, x: mx.fast.scaled_dot_product_attention(
            *x, scale=x[0].shape[-1] ** -0.5, mask=some(mx, x[0].shape[2], x[1].shape[2])
        ),
        lambda a, b, c: [(2, 4, 30 * a, c), (2, 2, b, c), (2, 2, b, 5)],
    ),
    "causal attention with sinks": (
        lambda mx, x: mx.fast.scaled_dot_product_attention(
            *x,
            scale=x[0].shape[-1] ** -0.5,
            mask="causal",
            sinks=mx.array([0.5, -0.5]).astype(x[0].dtype),
        ),
        lambda a, b, c: [(a, 2, 30 * b, c), (a, 1, 30 * b + 3, c), (a, 1, 30 * b + 3, c)],
    ),
    "cross_entropy": (
        lambda mx, x: mx.fast.cross_entropy(x[0], classes(mx, x[0])),
        lambda a, b, c: [(a, b, c)],
    ),
    # With respect to a mask, too.
    "masked attention": (
        lambda mx, x: mx.fast.scaled_dot_product_attention(
            *x[:3], scale=x[0].shape[-1] ** -0.5, mask=x[3]
        ),
        lambda a, b, c: [(2, 4, a, c), (2, 2, b, c), (2, 2, b, 5), (2, 1, 1, b)],
    ),
    "attention with sinks": (
        lambda mx, x: mx.fast.scaled_dot_product_attention(
            *x[:3], scale=x[0].shape[-1] ** -0.5, sinks=x[3]
        ),
        lambda a, b, c: [(2, 4, a, c), (2, 2, b, c), (2, 2, b, 5), (4,)],
    ),
}

names = st.sampled_from(list(CASES))
KEYS = ops.ones((1, 2, 5, 8))
# Where MLX's graph or a constant above is for one shape.
ONE_SHAPE = {
    "rope of given periods from several positions",
    "attention to some keys",
    "cross_entropy",
    "masked attention",
    "attention with sinks",
}
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 7)
widths = st.sampled_from([1, 2, 7, 16, 40, 300])


def normal(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Values:
    """Values that the type has."""
    values = array(rng.normal(size=shape).astype(np.float32))
    return numpy(ops.astype(values, getattr(mlx_sys_py, dtype))).astype(np.float32)


def turned(values: Values, dtype: str) -> array:
    """The values, in memory in the opposite order of axes."""
    a = ops.astype(array(np.ascontiguousarray(values.T)), getattr(mlx_sys_py, dtype))
    return ops.transpose(a)


def check(ours: list[Any], theirs: list[Any], tolerance: float) -> None:
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        expected = np.array(b)
        assert a.shape == expected.shape
        scale = max(1.0, float(np.abs(expected).max(initial=0)))
        np.testing.assert_allclose(numpy(a), expected, rtol=tolerance, atol=tolerance * scale)


@settings(max_examples=150, deadline=None)
@given(
    seed=seeds,
    name=names,
    a=sizes,
    b=sizes,
    c=widths,
    dtype=st.sampled_from(list(TOLERANCES)),
    in_order=st.booleans(),
)
def test_gradients(
    seed: int, name: str, a: int, b: int, c: int, dtype: str, in_order: bool
) -> None:
    function, shapes = CASES[name]
    rng = np.random.default_rng(seed)
    values = [normal(rng, shape, dtype) for shape in shapes(a, b, c)]
    primals = [stock.array(v) for v in values]
    result = np.array(on_cpu(function, stock, primals))
    cotangent = normal(rng, result.shape, dtype)
    (_, expected) = on_cpu(
        stock.vjp, lambda *x: function(stock, list(x)), primals, [stock.array(cotangent)]
    )

    def make(v: Values) -> array:
        return (
            turned(v, dtype) if not in_order else ops.astype(array(v), getattr(mlx_sys_py, dtype))
        )

    given = [make(v) for v in values]
    kind = function(mlx_sys_py, given).dtype
    (value,), gradients = transforms.vjp(
        lambda x: [function(mlx_sys_py, x)], given, [ops.astype(make(cotangent), kind)]
    )
    assert value.dtype == kind
    assert all(str(g.dtype).endswith(dtype) for g in gradients)
    check([value, *gradients], [result, *expected], TOLERANCES[dtype])


@settings(max_examples=60, deadline=None)
@given(seed=seeds, name=names, a=sizes, b=sizes, c=widths)
def test_tangents_and_second_derivatives(seed: int, name: str, a: int, b: int, c: int) -> None:
    function, shapes = CASES[name]
    rng = np.random.default_rng(seed)
    values = [normal(rng, shape, "float32") for shape in shapes(a, b, c)]
    directions = [normal(rng, v.shape, "float32") for v in values]

    theirs = [stock.array(v) for v in values], [stock.array(d) for d in directions]
    ours = [array(v) for v in values], [array(d) for d in directions]
    _, expected = on_cpu(stock.jvp, lambda *x: function(stock, list(x)), *theirs)
    _, tangents = transforms.jvp(lambda x: [function(mlx_sys_py, x)], *ours)
    check(tangents, expected, TOLERANCES["float32"])

    def slope_of_theirs(*x: Any) -> Any:
        def square(*x: Any) -> Any:
            return stock.sum(stock.square(function(stock, list(x))))

        _, gradient = stock.vjp(square, list(x), [stock.array(1.0)])
        return sum(stock.sum(g * d) for g, d in zip(gradient, theirs[1], strict=True))

    def slope_of_ours(x: list[array]) -> list[array]:
        _, gradient = transforms.value_and_grad(
            lambda x: [ops.sum(ops.square(function(mlx_sys_py, x)))], list(range(len(x)))
        )(x)
        return [sum((ops.sum(g * d) for g, d in zip(gradient, ours[1], strict=True)), array(0.0))]

    numbers = list(range(len(values)))
    _, expected = on_cpu(stock.vjp, slope_of_theirs, theirs[0], [stock.array(1.0)])
    _, second = transforms.value_and_grad(slope_of_ours, numbers)(ours[0])
    check(second, expected, 1e-4)


# MLX's graph of rope is none for all shapes.
@ours_only
@settings(max_examples=40, deadline=None)
@given(seed=seeds, name=names, a=sizes, b=sizes, c=widths, shapeless=st.booleans())
def test_compiled(seed: int, name: str, a: int, b: int, c: int, shapeless: bool) -> None:
    function, shapes = CASES[name]
    rng = np.random.default_rng(seed)

    def gradients(x: list[array]) -> list[array]:
        loss = transforms.value_and_grad(
            lambda x: [ops.sum(ops.square(function(mlx_sys_py, x)))], list(range(len(x)))
        )
        values, gradients = loss(x)
        return [*values, *gradients]

    shapeless = shapeless and name not in ONE_SHAPE
    compiled = transforms.compile(gradients, shapeless)
    for more in range(2 if shapeless else 1):
        x = [array(normal(rng, shape, "float32")) for shape in shapes(a + more, b, c)]
        check(compiled(x), [numpy(g) for g in gradients(x)], 1e-6)


@ours_only
@pytest.mark.parametrize(
    ("function", "shapes"),
    [
        (lambda x: fast.layer_norm(x, ops.ones((8,)), None, 1e-5), [(2, 8), (2, 9)]),
        (lambda x: fast.rms_norm(x, ops.ones((8,)), 1e-5), [(2, 8), (2, 7)]),
        (lambda x: fast.cross_entropy(x, array([1, 2])), [(2, 8), (3, 8)]),
        (
            lambda x: fast.scaled_dot_product_attention(x, KEYS, KEYS, scale=1.0),
            [(1, 4, 3, 8), (1, 3, 3, 8)],
        ),
        (
            lambda x: fast.scaled_dot_product_attention(x, KEYS, KEYS, scale=1.0, mask="causal"),
            [(1, 2, 5, 8), (1, 2, 6, 8)],
        ),
        (
            lambda x: fast.rope(x, 8, traditional=False, base=1e4, scale=1.0, offset=array([1, 2])),
            [(2, 3, 8), (3, 3, 8)],
        ),
        (
            lambda x: fast.rope(x, 8, traditional=False, base=1e4, scale=1.0, offset=0),
            [(2, 3, 8), (2, 3, 6)],
        ),
    ],
)
def test_shapes_that_only_a_function_for_all_shapes_meets(
    function: Callable[[array], array], shapes: list[tuple[int, ...]]
) -> None:
    compiled = transforms.compile(lambda x: [function(x[0])], True)
    transforms.eval(compiled([ops.ones(shapes[0])]))
    with pytest.raises(ValueError, match="do not fit each other"):
        compiled([ops.ones(shapes[1])])


@ours_only
@pytest.mark.parametrize(
    ("name", "empty"),
    [
        ("rms_norm", [(0, 3, 8), (8,)]),
        ("layer_norm", [(2, 0, 8), (8,), (8,)]),
        ("rope", [(2, 0, 9)]),
        ("attention", [(2, 4, 0, 8), (2, 2, 4, 8), (2, 2, 4, 5)]),
        ("attention", [(2, 4, 3, 8), (2, 2, 0, 8), (2, 2, 0, 5)]),
        ("attention", [(2, 0, 3, 8), (2, 0, 4, 8), (2, 0, 4, 5)]),
    ],
)
def test_nothing_that_a_function_for_all_shapes_meets(
    name: str, empty: list[tuple[int, ...]]
) -> None:
    function, shapes = CASES[name]

    def gradients(x: list[array]) -> list[array]:
        argnums = list(range(len(x)))
        loss = transforms.value_and_grad(lambda x: [ops.sum(function(mlx_sys_py, x))], argnums)
        return [function(mlx_sys_py, x), *loss(x)[1]]

    compiled = transforms.compile(gradients, True)
    transforms.eval(compiled([ops.ones(shape) for shape in shapes(2, 3, 8)]))
    for result, shape in zip(
        compiled([ops.ones(shape) for shape in empty])[1:], empty, strict=True
    ):
        np.testing.assert_array_equal(numpy(result), np.zeros(shape))


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_another_type(name: str) -> None:
    """Of a result that is float32, say, the gradient may be given in integers."""
    function, shapes = CASES[name]
    rng = np.random.default_rng(0)
    x = [array(normal(rng, shape, "float32")) for shape in shapes(2, 3, 4)]

    def gradients(dtype: Any) -> list[array]:
        y = function(mlx_sys_py, x)
        twos = ops.astype(ops.full(y.shape, 2.0), dtype)
        return transforms.vjp(lambda x: [function(mlx_sys_py, x)], x, [twos])[1]

    expected = [numpy(g) for g in gradients(mlx_sys_py.float32)]
    for dtype in (mlx_sys_py.int32, mlx_sys_py.float16):
        check(gradients(dtype), expected, 1e-2)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, name=names, a=sizes, b=sizes, c=widths)
def test_of_many(seed: int, name: str, a: int, b: int, c: int) -> None:
    function, shapes = CASES[name]
    rng = np.random.default_rng(seed)
    # All but the last input have one more axis, in the middle.
    many = [normal(rng, (s[0], 3, *s[1:]), "float32") for s in shapes(a, b, c)]
    axes = [1] * len(many)
    if len(many) > 1:
        many[-1], axes[-1] = many[-1][:, 0], -1

    def gradients(x: list[array]) -> list[array]:
        loss = transforms.value_and_grad(
            lambda x: [ops.sum(ops.square(function(mlx_sys_py, x)))], list(range(len(x)))
        )
        return loss(x)[1]

    inputs = [array(v) for v in many]
    traced, outputs = transforms.vmap_trace(gradients, inputs, axes)
    results = transforms.vmap_replace(inputs, traced, outputs, axes, [0] * len(outputs))
    for i in range(3):
        x = [array(v[:, i] if axis == 1 else v) for v, axis in zip(many, axes, strict=True)]
        check([r[i] for r in results], [numpy(g) for g in gradients(x)], 2e-5)


@pytest.mark.parametrize("name", CASES)
def test_in_a_file(name: str, tmp_path: Path) -> None:
    """Only operations of MLX can be written, with whatever has been made before."""
    function, shapes = CASES[name]
    rng = np.random.default_rng(0)
    x = [array(normal(rng, shape, "float32")) for shape in shapes(2, 3, 4)]
    others = [array(normal(rng, shape, "float32")) for shape in shapes(2, 3, 4)]
    pending = function(mlx_sys_py, others)

    def gradients(x: list[array]) -> list[array]:
        loss = transforms.value_and_grad(
            lambda x: [ops.sum(function(mlx_sys_py, x) * pending)], [0]
        )
        return [y for part in loss(x) for y in part]

    path = tmp_path / "function.mlxfn"
    export_function(path, lambda args, _: gradients(args), x)
    check(import_function(path)(x), [numpy(g) for g in gradients(x)], 1e-5)
