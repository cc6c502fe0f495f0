"""Functions with transformations of their own, against the official package."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import pytest

official = pytest.importorskip("mlx.core")


def plain(value: Any) -> Any:
    """A tree with its arrays as lists."""
    if isinstance(value, dict):
        return {key: plain(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [plain(child) for child in value]
    return value.tolist() if hasattr(value, "tolist") else value


def product(lib: Any, seen: list[Any]) -> Any:
    """A function of an array and a tree, whose rules note what they are given."""

    @lib.custom_function  # type: ignore[untyped-decorator]
    def f(x: Any, y: Any) -> Any:
        return {"sum": x + y["a"], "product": x * y["a"] * y["n"]}

    @f.vjp  # type: ignore[untyped-decorator]
    def f_vjp(primals: Any, cotangents: Any, outputs: Any) -> Any:
        seen.append(("vjp", plain(primals), plain(cotangents), plain(outputs)))
        return primals[0] * 10, {"a": cotangents["sum"] * 20, "n": 3}

    @f.jvp  # type: ignore[untyped-decorator]
    def f_jvp(primals: Any, tangents: Any) -> Any:
        seen.append(("jvp", plain(primals), plain(tangents)))
        return {"sum": primals[0] * 10, "product": primals[0] * 20}

    return f


RUNS: list[Callable[[Any, Any], Any]] = [
    lambda lib, f: f(lib.array(2.0), {"a": lib.array(3.0), "n": 2}),
    lambda lib, f: lib.grad(lambda x: f(x, {"a": lib.array(3.0), "n": 2})["sum"])(lib.array(2.0)),
    lambda lib, f: lib.grad(lambda a: f(lib.array(2.0), {"a": a, "n": 2})["product"])(
        lib.array(3.0)
    ),
    lambda lib, f: lib.jvp(
        lambda x: f(x, {"a": lib.array(3.0), "n": 2})["product"], [lib.array(2.0)], [lib.array(1.0)]
    ),
]


@pytest.mark.parametrize("run", RUNS)
def test_rules_see_trees(run: Callable[[Any, Any], Any]) -> None:
    ours: list[Any] = []
    theirs: list[Any] = []
    assert plain(run(mx, product(mx, ours))) == plain(run(official, product(official, theirs)))
    assert ours == theirs


def doubled(lib: Any, seen: list[Any]) -> Any:
    """A function of one array, whose vectorization notes what it is given."""

    @lib.custom_function  # type: ignore[untyped-decorator]
    def f(x: Any) -> Any:
        return x * 2

    @f.vmap  # type: ignore[untyped-decorator]
    def f_vmap(x: Any, axis: Any) -> Any:
        seen.append((plain(x), axis))
        return x * 3, axis

    @f.vjp  # type: ignore[untyped-decorator]
    def f_vjp(x: Any, cotangent: Any, output: Any) -> Any:
        seen.append((plain(x), plain(cotangent), plain(output)))
        return cotangent * 5

    return f


@pytest.mark.parametrize(
    "run",
    [
        lambda lib, f: lib.vmap(f)(lib.array([[1.0, 2.0], [3.0, 4.0]])),
        lambda lib, f: lib.vmap(f, in_axes=1, out_axes=1)(lib.array([[1.0, 2.0], [3.0, 4.0]])),
        lambda lib, f: lib.grad(f)(lib.array(3.0)),
    ],
)
def test_one_argument_comes_as_itself(run: Callable[[Any, Any], Any]) -> None:
    ours: list[Any] = []
    theirs: list[Any] = []
    assert plain(run(mx, doubled(mx, ours))) == plain(run(official, doubled(official, theirs)))
    assert ours == theirs


def test_an_argument_without_an_axis() -> None:
    @mx.custom_function
    def f(x: mx.array, y: mx.array) -> mx.array:
        return x + y

    @f.vmap
    def f_vmap(inputs: Any, axes: Any) -> Any:
        assert axes == (0, None)
        return inputs[0] * inputs[1], axes[0]

    result = mx.vmap(f, in_axes=(0, None))(mx.array([1.0, 2.0]), mx.array(3.0))
    assert result.tolist() == [3, 6]


def test_without_rules_it_is_the_function() -> None:
    @mx.custom_function
    def f(x: mx.array, scale: float = 2.0) -> mx.array:
        """Scale."""
        return mx.sum(x * x) * scale

    x = mx.array([1.0, 2.0])
    assert getattr(f, "__name__", None) == "f"
    assert f.__doc__ == "Scale."
    assert mx.grad(f)(x).tolist() == [4, 8]
    assert mx.grad(lambda x: f(x, scale=3.0))(x).tolist() == [6, 12]
    assert mx.vmap(f)(mx.array([[1.0, 2.0], [3.0, 4.0]])).tolist() == [10, 50]
    assert mx.compile(f)(x).item() == 10


@pytest.mark.parametrize("lib", [mx, official])
def test_of_a_custom_function(lib: Any) -> None:
    inner = lib.custom_function(lambda x: x * 1)
    inner.vjp(lambda x, dy, y: 10 * dy)
    outer = lib.custom_function(inner)
    assert lib.grad(outer)(lib.array(1.0)).item() == 10
    outer.vjp(lambda x, dy, y: 100 * dy)
    assert lib.grad(outer)(lib.array(1.0)).item() == 100
    assert lib.grad(inner)(lib.array(1.0)).item() == 10


def test_keyword_arguments_reach_the_rule() -> None:
    @mx.custom_function
    def f(x: mx.array, *, y: mx.array) -> mx.array:
        return x * y

    @f.vjp
    def f_vjp(x: mx.array, cotangent: mx.array, output: mx.array, *, y: mx.array) -> mx.array:
        return cotangent * y * 10

    assert mx.grad(lambda x: f(x, y=mx.array(3.0)))(mx.array(2.0)).item() == 30
    assert mx.grad(lambda y: f(mx.array(2.0), y=y))(mx.array(3.0)).item() == 0


def test_nested_gradients_and_exceptions() -> None:
    @mx.custom_function
    def cube(x: mx.array) -> mx.array:
        return x * x * x

    @cube.vjp
    def cube_vjp(x: mx.array, cotangent: mx.array, output: mx.array) -> mx.array:
        if x.size != 1:
            raise KeyError("100%s of it")
        return cotangent * 3 * x * x

    assert mx.grad(mx.grad(cube))(mx.array(2.0)).item() == 12
    with pytest.raises(KeyError, match="100%s of it"):
        mx.grad(lambda x: mx.sum(cube(x)))(mx.array([1.0, 2.0]))


def test_wrong_functions_and_rules() -> None:
    with pytest.raises(TypeError, match="f must be callable"):
        mx.custom_function(3)  # type: ignore[arg-type]
    f = mx.custom_function(lambda x: x * 2)
    with pytest.raises(TypeError, match="vjp must be callable"):
        f.vjp(3)  # type: ignore[arg-type]
    f.vjp(lambda x, cotangent, output: [cotangent, cotangent])
    with pytest.raises(ValueError, match="primal"):
        mx.grad(f)(mx.array(1.0))
    f.vmap(lambda x, axes: x)
    with pytest.raises(ValueError, match="pair"):
        mx.vmap(f)(mx.array([1.0, 2.0, 3.0]))
