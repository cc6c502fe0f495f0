"""Transformations of functions of one step, against those of official MLX in single precision."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx.core as stock
import mlx_sys_py
import numpy as np
import pytest
from cpu_arrays import numpy, on_cpu
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only, run_at, runs_the_others
from mlx_sys_py import array, fast, ops, transforms
from mlx_sys_py.export import export_function, import_function
from numpy.typing import NDArray

Values = NDArray[Any]
# Of the functions `fast`, and of what else is needed, of a library.
Function = Callable[[Any, list[Any]], Any]

# What MLX computes in steps is rounded at each.
TOLERANCES = {"float32": 2e-5, "float16": 2.0**-7, "bfloat16": 2.0**-4}

# So large that gradients of rows of two numbers are no differences of almost the same.
EPS = 0.1

# Each with the shapes of its inputs, from sizes a, b and c.
CASES: dict[str, tuple[Function, Callable[[int, int, int], list[tuple[int, ...]]]]] = {
    "rms_norm": (
        lambda fast, x: fast.rms_norm(x[0], x[1], EPS),
        lambda a, b, c: [(a, b, c), (c,)],
    ),
    "rms_norm without weight": (
        lambda fast, x: fast.rms_norm(x[0], None, EPS),
        lambda a, b, c: [(a, b, c)],
    ),
    "layer_norm": (
        lambda fast, x: fast.layer_norm(x[0], x[1], x[2], EPS),
        lambda a, b, c: [(a, b, c), (c,), (c,)],
    ),
    "layer_norm without weight": (
        lambda fast, x: fast.layer_norm(x[0], None, x[1], EPS),
        lambda a, b, c: [(a, b, c), (c,)],
    ),
    "layer_norm without bias": (
        lambda fast, x: fast.layer_norm(x[0], x[1], None, EPS),
        lambda a, b, c: [(a, b, c), (c,)],
    ),
    "rope": (
        lambda fast, x: fast.rope(
            x[0], x[0].shape[-1] // 2 * 2, traditional=False, base=100.0, scale=0.5, offset=3
        ),
        lambda a, b, c: [(a, b, c + 1)],
    ),
    "traditional rope": (
        lambda fast, x: fast.rope(x[0], 2, traditional=True, base=100.0, scale=1.0, offset=3),
        lambda a, b, c: [(a, b, c + 1)],
    ),
    "attention": (
        lambda fast, x: fast.scaled_dot_product_attention(*x, scale=x[0].shape[-1] ** -0.5),
        lambda a, b, c: [(2, 4, a, c), (2, 2, b, c), (2, 2, b, 5)],
    ),
    "causal attention": (
        lambda fast, x: fast.scaled_dot_product_attention(
            *x, scale=x[0].shape[-1] ** -0.5, mask="causal"
        ),
        lambda a, b, c: [(a, 2, b, c), (a, 1, b + 3, c), (a, 1, b + 3, c)],
    ),
}

names = st.sampled_from(list(CASES))
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
    result = np.array(on_cpu(function, stock.fast, primals))
    cotangent = normal(rng, result.shape, dtype)
    (_, expected) = on_cpu(
        stock.vjp, lambda *x: function(stock.fast, list(x)), primals, [stock.array(cotangent)]
    )

    def make(v: Values) -> array:
        return (
            turned(v, dtype) if not in_order else ops.astype(array(v), getattr(mlx_sys_py, dtype))
        )

    (value,), gradients = transforms.vjp(
        lambda x: [function(fast, x)], [make(v) for v in values], [make(cotangent)]
    )
    assert all(str(g.dtype).endswith(dtype) for g in [value, *gradients])
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
    _, expected = on_cpu(stock.jvp, lambda *x: function(stock.fast, list(x)), *theirs)
    _, tangents = transforms.jvp(lambda x: [function(fast, x)], *ours)
    check(tangents, expected, TOLERANCES["float32"])

    def slope_of_theirs(*x: Any) -> Any:
        def square(*x: Any) -> Any:
            return stock.sum(stock.square(function(stock.fast, list(x))))

        _, gradient = stock.vjp(square, list(x), [stock.array(1.0)])
        return sum(stock.sum(g * d) for g, d in zip(gradient, theirs[1], strict=True))

    def slope_of_ours(x: list[array]) -> list[array]:
        _, gradient = transforms.value_and_grad(
            lambda x: [ops.sum(ops.square(function(fast, x)))], list(range(len(x)))
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
            lambda x: [ops.sum(ops.square(function(fast, x)))], list(range(len(x)))
        )
        values, gradients = loss(x)
        return [*values, *gradients]

    compiled = transforms.compile(gradients, shapeless)
    for more in range(2 if shapeless else 1):
        x = [array(normal(rng, shape, "float32")) for shape in shapes(a + more, b, c)]
        check(compiled(x), [numpy(g) for g in gradients(x)], 1e-6)


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
            lambda x: [ops.sum(ops.square(function(fast, x)))], list(range(len(x)))
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
    pending = function(fast, others)

    def gradients(x: list[array]) -> list[array]:
        loss = transforms.value_and_grad(lambda x: [ops.sum(function(fast, x) * pending)], [0])
        return [y for part in loss(x) for y in part]

    path = tmp_path / "function.mlxfn"
    export_function(path, lambda args, _: gradients(args), x)
    check(import_function(path)(x), [numpy(g) for g in gradients(x)], 1e-5)


@runs_the_others
@at_every_level
def test_level(level: str) -> None:
    run_at(level, __file__)
