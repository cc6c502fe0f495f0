"""Jacobians and Hessians are the finite differences of their functions."""

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest

JACOBIANS = [mx.jacfwd, mx.jacrev]


def differences(fun: Callable[..., Any], x: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """The Jacobian by central differences in double precision, of the shape of output and input.

    MLX's softmax has an error of 1e-8 in double precision too, which a shorter step would show.
    """
    columns = []
    with mx.stream(mx.cpu):
        for i in np.ndindex(x.shape):
            unit = np.zeros_like(x)
            unit[i] = step
            high, low = (np.array(fun(mx.array(x + s * unit, mx.float64))) for s in (1, -1))
            columns.append((high - low) / (2 * step))
    return np.stack(columns, axis=-1).reshape((*columns[0].shape, *x.shape))


FUNCTIONS: list[tuple[Callable[[mx.array], mx.array], tuple[int, ...]]] = [
    (lambda x: mx.sin(x) * x, (4,)),
    (lambda x: mx.sum(x * x * x), (2, 3)),
    (lambda x: x @ mx.array(np.arange(6.0).reshape(3, 2), x.dtype), (2, 3)),
    (lambda x: mx.softmax(x, axis=-1), (2, 3)),
    (lambda x: mx.exp(x)[..., None] * x, (3,)),
    (lambda x: x * 2, ()),
    (lambda x: mx.stack([x[0] * x[1], x[2] ** 2, mx.sigmoid(x[0])]), (3,)),
    (lambda x: mx.cumsum(mx.tanh(x), axis=0), (3, 2)),
    (lambda x: mx.concatenate([x[::-1], x[mx.array([1, 1])]]) ** 2, (3,)),
]


@pytest.mark.parametrize("transform", JACOBIANS)
@pytest.mark.parametrize(("fun", "shape"), FUNCTIONS)
def test_jacobians(transform: Any, fun: Any, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(3).standard_normal(shape)
    found = transform(fun)(mx.array(x.astype(np.float32)))
    expected = differences(fun, x)
    assert found.shape == expected.shape
    assert found.dtype == mx.float32
    np.testing.assert_allclose(np.array(found), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("fun", "shape"), FUNCTIONS)
def test_hessians(fun: Any, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(4).standard_normal(shape)
    found = mx.hessian(fun)(mx.array(x.astype(np.float32)))
    with mx.stream(mx.cpu):
        expected = differences(mx.jacrev(fun), x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(np.array(found), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("transform", JACOBIANS)
def test_trees(transform: Any) -> None:
    def fun(scale: float, p: dict[str, Any], x: mx.array, *, shift: float) -> Any:
        return {"y": p["w"] * x * scale + shift, "z": [mx.sum(p["b"][0] ** 2), p["w"]]}

    w, b, x = mx.array([1.0, 2.0]), mx.array([[3.0], [4.0]]), mx.array([5.0, 6.0])
    found = transform(fun, argnums=1)(2.0, {"w": w, "b": [b]}, x, shift=1.0)
    assert found["y"]["w"].tolist() == [[10, 0], [0, 12]]
    assert found["y"]["b"][0].tolist() == [[[0], [0]]] * 2
    assert found["z"][0]["w"].tolist() == [0, 0]
    assert found["z"][0]["b"][0].tolist() == [[6], [8]]
    assert found["z"][1]["w"].tolist() == [[1, 0], [0, 1]]
    by_both = transform(fun, argnums=(2, 1))(2.0, {"w": w, "b": [b]}, x, shift=1.0)
    assert type(by_both["y"]) is tuple
    assert by_both["y"][0].tolist() == [[2, 0], [0, 4]]
    assert by_both["y"][1]["w"].tolist() == [[10, 0], [0, 12]]


def test_hessian_of_several_arguments() -> None:
    def fun(x: mx.array, y: mx.array) -> mx.array:
        return mx.sum(x * x * y[0]) + y[1] ** 3

    x, y = mx.array([1.0, 2.0, 3.0]), mx.array([4.0, 5.0])
    (xx, xy), (yx, yy) = mx.hessian(fun, argnums=(0, 1))(x, y)
    assert xx.tolist() == [[8, 0, 0], [0, 8, 0], [0, 0, 8]]
    assert xy.tolist() == [[2, 0], [4, 0], [6, 0]]
    assert mx.array_equal(xy, yx.T)
    assert yy.tolist() == [[0, 0], [0, 30]]


@pytest.mark.parametrize("transform", JACOBIANS)
def test_with_other_transforms(transform: Any) -> None:
    x = mx.array([[1.0, 2.0], [3.0, 4.0]])
    each = mx.vmap(transform(lambda v: v * v))(x)
    assert each.tolist() == [[[2, 0], [0, 4]], [[6, 0], [0, 8]]]
    assert mx.compile(transform(lambda v: v * v))(x[0]).tolist() == [[2, 0], [0, 4]]
    trace = mx.grad(lambda v: mx.sum(transform(lambda u: u**3)(v)))
    assert trace(x[0]).tolist() == [6, 12]


@pytest.mark.parametrize("transform", JACOBIANS)
def test_what_depends_on_nothing_or_is_empty(transform: Any) -> None:
    constant = mx.array([1.0, 2.0, 3.0])
    assert transform(lambda x: constant)(mx.ones(2)).tolist() == [[0, 0]] * 3
    assert transform(lambda x: x)(mx.zeros((0, 2))).shape == (0, 2, 0, 2)
    assert transform(lambda x: mx.sum(x))(mx.zeros((0, 2))).shape == (0, 2)
    assert transform(lambda x: x[:0])(mx.ones(2)).shape == (0, 2)


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16, mx.float32])
def test_data_types_are_kept(dtype: mx.Dtype) -> None:
    for transform in (*JACOBIANS, mx.hessian):
        assert transform(lambda x: x * x)(mx.ones(2, dtype)).dtype == dtype


@pytest.mark.parametrize("name", ["jacfwd", "jacrev", "hessian"])
def test_wrong_use(name: str) -> None:
    transform = getattr(mx, name)
    with pytest.raises(TypeError, match=f"\\[{name}\\] fun must be callable"):
        transform(3)
    with pytest.raises(TypeError, match="argnums"):
        transform(mx.sin, "x")
    with pytest.raises(ValueError, match="argnums asks for argument 1"):
        transform(mx.sin, 1)(mx.ones(1))
    with pytest.raises(ValueError, match="must not be negative"):
        transform(mx.sin, -1)
    with pytest.raises(ValueError, match="floating-point arrays only"):
        transform(lambda x: x)(mx.ones(2, mx.int32))
    with pytest.raises(ValueError, match="floating-point arrays only"):
        transform(lambda x: x > 0)(mx.ones(2))
    with pytest.raises(ValueError, match="must hold arrays only"):
        transform(lambda x: x)(2.0)
