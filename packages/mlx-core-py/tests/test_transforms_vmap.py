"""Vectorized functions compute for each entry of an axis what the function computes for one."""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close

X = mx.array([1.0, 2.0, 3.0])
Y = mx.array([4.0, 5.0, 6.0])
M = np.arange(6, dtype=np.float32).reshape(2, 3)


def dot(x: mx.array, y: mx.array) -> mx.array:
    return mx.sum(x * y)


@pytest.mark.parametrize(
    ("in_axes", "out_axes", "expected"),
    [
        ((0, None), 0, M + M[0]),
        ((0, None), 1, (M + M[0]).T),
        ((0, None), -1, (M + M[0]).T),
        ((-2, None), -2, M + M[0]),
    ],
)
def test_vmap_axes(in_axes: Any, out_axes: Any, expected: np.ndarray) -> None:
    got = mx.vmap(lambda a, b: a + b, in_axes, out_axes)(mx.array(M), mx.array(M[0]))
    assert close(got, expected)


def test_vmap_of_trees() -> None:
    tree = {"k": mx.array(M)}
    for in_axes in ({"k": 1}, ({"k": 1},)):
        got = mx.vmap(lambda t: [t["k"] * 2, t["k"]], in_axes, [1, 0])(tree)
        assert close(got[0], M * 2)
        assert close(got[1], M.T)


def test_vmap_of_vmap_is_an_outer_product() -> None:
    inner = mx.vmap(lambda a, b: a * b, in_axes=(None, 0))
    assert close(mx.vmap(inner, in_axes=(0, None))(X, Y), np.outer(X, Y))


def test_vmap_repeats_what_does_not_depend_on_the_axis() -> None:
    doubled, one = mx.vmap(lambda a: (a * 2, mx.array(1.0)), out_axes=(0, None))(mx.array(M))
    assert close(doubled, M * 2)
    assert close(one, np.ones(one.shape))


def test_vmap_of_grad() -> None:
    per_row = mx.vmap(mx.grad(lambda row: mx.sum(row**2)))
    assert close(per_row(mx.array(M)), 2 * M)


@pytest.mark.parametrize(
    ("in_axes", "out_axes", "args", "error", "message"),
    [
        (5, 0, (mx.array(M),), IndexError, "axis 5"),
        (-3, 0, (mx.array(M),), IndexError, "axis -3"),
        (0, 5, (mx.array(M),), IndexError, "axis 5"),
        (0, 0, (mx.array(1.0),), IndexError, "axis 0"),
        ("a", 0, (mx.array(M),), ValueError, "str"),
        (0, "a", (mx.array(M),), ValueError, "str"),
        (True, 0, (mx.array(M),), ValueError, "bool"),
        ((0, 0), 0, (mx.array(M),), ValueError, "prefix"),
        ({"a": 0}, 0, ({"b": mx.array(M)},), ValueError, "prefix"),
        (0, [0, 0], (mx.array(M),), ValueError, "prefix"),
        (None, 0, (mx.array(M),), ValueError, "at least one"),
        (0, 0, (3.0,), ValueError, "float"),
    ],
)
def test_wrong_axes(
    in_axes: Any, out_axes: Any, args: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        mx.vmap(lambda a: a, in_axes, out_axes)(*args)


def test_vmap_sizes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"\[2, 3\]"):
        mx.vmap(dot, in_axes=(0, 1))(mx.array(M), mx.array(M))


def test_vmap_takes_positional_arguments_only() -> None:
    with pytest.raises(TypeError, match="keyword"):
        mx.vmap(dot)(X, y=Y)


def test_vmap_results_must_be_arrays() -> None:
    with pytest.raises(ValueError, match="float"):
        mx.vmap(lambda a: 1.0)(X)


@pytest.mark.parametrize("kind", [tuple, list])
def test_axis_of_the_one_output_in_a_tuple(kind: type) -> None:
    x = mx.arange(6).reshape(2, 3)
    assert mx.array_equal(mx.vmap(lambda v: v, out_axes=kind([1]))(x), x.T)
    (only,) = mx.vmap(lambda v: [v], out_axes=kind([1]))(x)
    assert mx.array_equal(only, x.T)
    with pytest.raises(ValueError, match="prefix"):
        mx.vmap(lambda v: v, out_axes=kind([1, 1]))(x)


def test_an_array_that_is_returned_twice() -> None:
    x = mx.arange(24.0).reshape(2, 3, 4)

    def twice(v: mx.array) -> tuple[mx.array, mx.array, mx.array]:
        y = v * 2
        return y, mx.flatten(v * 3), mx.reshape(y, y.shape)

    for out_axes in (0, 2, -1, (0, 1, 2), (2, 0, 1)):
        places = out_axes if isinstance(out_axes, tuple) else (out_axes, min(out_axes, 1), out_axes)
        first, _, second = mx.vmap(twice, in_axes=2, out_axes=places)(x)
        wanted = np.moveaxis(np.array(x) * 2, 2, 0)
        np.testing.assert_array_equal(np.moveaxis(np.array(first), places[0], 0), wanted)
        np.testing.assert_array_equal(np.moveaxis(np.array(second), places[2], 0), wanted)
    same, again = mx.vmap(lambda v: (v, v), in_axes=1)(x)
    assert same.tolist() == again.tolist() == mx.moveaxis(x, 1, 0).tolist()


@pytest.mark.parametrize(("dims", "groups"), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1)])
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_convolutions_with_mapped_weights(
    dims: int, axes: tuple[int | None, int | None], groups: int
) -> None:
    rng = np.random.default_rng(dims)
    size = (5,) * dims
    xs, ws = (
        mx.array(rng.standard_normal(shape).astype(np.float32))
        for shape in ((3, 2, *size, 4), (3, 6, *(2,) * dims, 4 // groups))
    )
    x, w = (values if axis == 0 else values[0] for values, axis in zip((xs, ws), axes, strict=True))
    conv = getattr(mx, f"conv{dims}d")
    got = mx.vmap(lambda x, w: conv(x, w, groups=groups), in_axes=axes)(x, w)
    expected = [
        conv(x[i] if axes[0] == 0 else x, w[i] if axes[1] == 0 else w, groups=groups)
        for i in range(3)
    ]
    np.testing.assert_allclose(np.array(got), np.array(mx.stack(expected)), rtol=1e-4, atol=1e-4)


def test_a_convolution_that_is_mapped_twice() -> None:
    rng = np.random.default_rng(0)
    xs = rng.standard_normal((3, 8)).astype(np.float32)
    ws = rng.standard_normal((2, 3, 4)).astype(np.float32)
    nested = mx.vmap(mx.vmap(mx.convolve), in_axes=(None, 0))
    expected = [[np.convolve(x, w) for x, w in zip(xs, row, strict=True)] for row in ws]
    np.testing.assert_allclose(np.array(nested(mx.array(xs), mx.array(ws))), expected, atol=1e-4)
