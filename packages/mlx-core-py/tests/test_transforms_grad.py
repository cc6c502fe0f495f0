"""Derivatives are those of mathematics, for trees as for arrays."""

import threading
from collections import namedtuple
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close
from mlx_core_py import nn

Pair = namedtuple("Pair", "first second")

X = mx.array([1.0, 2.0, 3.0])
Y = mx.array([4.0, 5.0, 6.0])


def dot(x: mx.array, y: mx.array) -> mx.array:
    return mx.sum(x * y)


# ---- grad and value_and_grad


@pytest.mark.parametrize("name", ["sin", "cos", "tanh", "exp", "sigmoid", "square", "erf", "log1p"])
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    fun = getattr(mx, name)
    points = np.linspace(0.1, 1.5, 7)
    step = 1e-3
    above, below = (np.array(fun(mx.array(points + h))) for h in (step, -step))
    gradient = mx.grad(lambda x: mx.sum(fun(x)))(mx.array(points))
    assert np.allclose(np.array(gradient), (above - below) / (2 * step), atol=2e-3)


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16, mx.float32])
@pytest.mark.parametrize("b", [1e-4, 1e-2, 0.5, -3.0, 255.0, 257.0, 1000.0, 6e4])
def test_gradients_of_quotients_whose_squares_no_type_has(b: float, dtype: mx.Dtype) -> None:
    a = b / 2
    gradients = mx.grad(lambda a, b: a / b, (0, 1))(mx.array(a, dtype), mx.array(b, dtype))
    for got, expected in zip(gradients, (1 / b, -a / b**2), strict=True):
        assert got.dtype == dtype
        assert got.item() == pytest.approx(expected, rel=2e-2, abs=1e-7)
    assert mx.grad(mx.grad(lambda b: 2 / b))(mx.array(2.0, dtype)).item() == 0.5
    row = mx.array([b, b / 2], dtype)
    by_row = mx.grad(lambda row: (mx.array(a, dtype) / row).sum())(row)
    assert np.allclose(
        np.array(by_row.astype(mx.float32)), [-a / b**2, -4 * a / b**2], rtol=2e-2, atol=1e-7
    )


def test_second_derivative() -> None:
    assert mx.grad(mx.grad(lambda x: x**3))(mx.array(2.0)).item() == pytest.approx(12.0)


def test_gradient_of_a_tree_is_such_a_tree() -> None:
    gradient = mx.grad(lambda t: dot(t["a"][0], t["b"]))({"a": [X], "b": Y})
    assert list(gradient) == ["a", "b"]
    assert close(gradient["a"][0], Y)
    assert close(gradient["b"], X)


def test_gradient_keeps_named_tuples() -> None:
    gradient = mx.grad(lambda pair: dot(pair.first, pair.second))(Pair(X, Y))
    assert isinstance(gradient, Pair)
    assert close(gradient.first, Y)


@pytest.mark.parametrize(
    ("argnums", "argnames", "structure"),
    [
        (None, (), "x"),
        (1, (), "y"),
        ((0, 1), (), ("x", "y")),
        ((1, 0), (), ("y", "x")),
        ([0], (), "x"),
        (None, "z", (None, {"z": "z"})),
        (0, ["z"], ("x", {"z": "z"})),
        ((0, 1), "z", (("x", "y"), {"z": "z"})),
    ],
)
def test_what_is_differentiated_by_shows_in_the_structure(
    argnums: Any, argnames: Any, structure: Any
) -> None:
    z = mx.array([7.0, 8.0, 9.0])
    expected = {"x": Y * z, "y": X * z, "z": X * Y}

    def fun(x: mx.array, y: mx.array, *, z: mx.array) -> mx.array:
        return mx.sum(x * y * z)

    def check(got: Any, names: Any) -> None:
        if isinstance(names, str):
            assert close(got, expected[names])
        elif names is None:
            assert got is None
        elif isinstance(names, dict):
            assert got.keys() == names.keys()
            check(got["z"], names["z"])
        else:
            assert isinstance(got, tuple)
            for part, name in zip(got, names, strict=True):
                check(part, name)

    value, gradient = mx.value_and_grad(fun, argnums, argnames)(X, Y, z=z)
    assert value.item() == pytest.approx(4 * 7 + 10 * 8 + 18 * 9)
    check(gradient, structure)
    check(mx.grad(fun, argnums, argnames)(X, Y, z=z), structure)


def test_other_results_pass_through() -> None:
    def fun(x: mx.array) -> Any:
        return mx.sum(x * x), 1, {"double": 2 * x, "text": "as it is"}

    (loss, one, others), gradient = mx.value_and_grad(fun)(X)
    assert (loss.item(), one, others["text"]) == (14.0, 1, "as it is")
    assert close(others["double"], [2, 4, 6])
    assert close(gradient, [2, 4, 6])


def test_other_arguments_pass_through() -> None:
    marker = object()

    def fun(x: mx.array, other: object, *, flag: bool) -> mx.array:
        assert other is marker
        assert flag
        return mx.sum(x)

    assert close(mx.grad(fun)(X, marker, flag=True), [1, 1, 1])


def test_the_name_of_the_function_is_kept() -> None:
    assert mx.grad(dot).__name__ == "dot"
    assert mx.value_and_grad(dot).__wrapped__ is dot  # type: ignore[attr-defined]


def test_stop_gradient() -> None:
    assert close(mx.grad(lambda x: mx.sum(x * mx.stop_gradient(x)))(X), X)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"argnums": -1}, ValueError, "-1"),
        ({"argnums": (0, 0)}, ValueError, "more than once"),
        ({"argnums": []}, ValueError, "no argument"),
        ({"argnums": "x"}, TypeError, "argnums"),
        ({"argnums": [1.5]}, TypeError, "float"),
        ({"argnums": True}, TypeError, "bool"),
        ({"argnames": [3]}, TypeError, "argnames"),
        ({"argnames": ["x", "x"]}, ValueError, "more than once"),
    ],
)
def test_wrong_choice_of_arguments(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    for transform in (mx.grad, mx.value_and_grad):
        with pytest.raises(error, match=message):
            transform(dot, **options)


@pytest.mark.parametrize(
    ("options", "args", "kwargs", "message"),
    [
        ({"argnums": 2}, (X, Y), {}, "argument 2"),
        ({}, (), {"x": X, "y": Y}, "argument 0"),
        ({"argnames": "z"}, (X, Y), {}, "'z'"),
        ({}, (1.0, Y), {}, "float"),
        ({}, ({"a": X, "b": 3}, Y), {}, "int"),
        ({}, ([], Y), {}, "no array"),
    ],
)
def test_wrong_arguments(
    options: dict[str, Any], args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    for transform in (mx.grad, mx.value_and_grad):
        with pytest.raises(ValueError, match=message):
            transform(dot, **options)(*args, **kwargs)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (lambda x: x, r"shape \(3,\)"),
        (lambda x: 1.0, "float"),
        (lambda x: [mx.sum(x)], "list"),
        (lambda x: {"a": mx.sum(x)}, "dict"),
        (lambda x: (1, mx.sum(x)), "int"),
        (lambda x: (), "tuple"),
        (lambda x: None, "NoneType"),
    ],
)
def test_wrong_results(result: Callable[[mx.array], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mx.value_and_grad(result)(X)


def test_grad_takes_no_further_results() -> None:
    with pytest.raises(ValueError, match="tuple"):
        mx.grad(lambda x: (mx.sum(x), 1))(X)


# ---- vjp and jvp


def test_vjp_and_jvp_agree_with_the_jacobian() -> None:
    matrix = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=np.float32)
    linear = mx.array(matrix)
    outputs, products = mx.vjp(lambda x: linear @ x, [X], [mx.array([1.0, 10.0])])
    assert close(outputs[0], matrix @ [1, 2, 3])
    assert close(products[0], [1.0, 10.0] @ matrix)
    outputs, products = mx.jvp(lambda x: linear @ x, (X,), (Y,))
    assert close(outputs[0], matrix @ [1, 2, 3])
    assert close(products[0], matrix @ [4, 5, 6])


def test_several_inputs_and_outputs() -> None:
    outputs, products = mx.vjp(lambda x, y: (x * y, x), [X, Y], [X, Y])
    assert len(outputs) == 2
    assert close(products[0], np.array(X) * np.array(Y) + np.array(Y))
    assert close(products[1], np.array(X) ** 2)


@pytest.mark.parametrize("transform", [mx.vjp, mx.jvp])
@pytest.mark.parametrize(
    ("primals", "directions", "error"),
    [
        (X, [X], TypeError),
        ([X], X, TypeError),
        ([1.0], [X], TypeError),
        ([X], [X, X], ValueError),
        ([X], [], ValueError),
        ([X], [X[:2]], ValueError),
    ],
)
def test_wrong_directions(
    transform: Callable[..., Any], primals: Any, directions: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        transform(lambda x: x * 2, primals, directions)


@pytest.mark.parametrize("transform", [mx.vjp, mx.jvp])
def test_outputs_must_be_arrays(transform: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="dict"):
        transform(lambda x: {"a": x}, [X], [X])


def test_changes_of_the_containers_of_arguments_stay() -> None:
    m: dict[str, Any] = {
        "a": mx.array(1.0),
        "b": [mx.array(2.0), mx.array(3.0)],
        "c": mx.array(5.0),
    }
    a, inner, second = m["a"], m["b"], m["b"][1]

    def change(m: dict[str, Any]) -> Any:
        m["new"] = mx.array(7.0)
        m["b"][0] = mx.array(9.0)
        m["b"].append(mx.array(4.0))
        del m["c"]
        return m["a"] * m["b"][1]

    gradients = mx.grad(change)(m)
    assert gradients["a"].item() == 3
    assert gradients["b"][1].item() == 1
    assert gradients["c"].item() == 0
    # What was not changed is the very object that it was.
    assert m["a"] is a
    assert m["b"] is inner
    assert inner[1] is second
    assert [x.item() for x in inner] == [9, 3, 4]
    assert list(m) == ["a", "b", "new"]


def test_lists_of_arguments_may_become_shorter() -> None:
    m = [mx.array(1.0), mx.array(2.0)]
    assert mx.grad(lambda m: m.pop() * m[0])(m)[0].item() == 2
    assert [x.item() for x in m] == [1]


def test_containers_are_whole_again_after_an_error() -> None:
    m = [mx.array(1.0)]
    before = m[0]

    def fail(m: list[mx.array]) -> mx.array:
        raise KeyError

    with pytest.raises(KeyError):
        mx.grad(fail)(m)
    assert m[0] is before


def test_threads_may_differentiate_by_the_same_dictionary() -> None:
    parameters = {"w": mx.array(3.0)}
    both = threading.Barrier(2, timeout=60)

    def loss(parameters: dict[str, mx.array]) -> mx.array:
        both.wait()
        value = parameters["w"] * parameters["w"]
        both.wait()
        return value

    with ThreadPoolExecutor(2) as pool:
        gradients = list(pool.map(mx.grad(loss), [parameters] * 2))
    assert [gradient["w"].item() for gradient in gradients] == [6, 6]


def test_a_module_is_an_argument_as_it_is() -> None:
    linear = nn.Linear(2, 1)
    model = nn.Sequential(linear, nn.ReLU())
    weight = linear.weight
    x = mx.array([[3.0, 4.0]])

    def loss(given: nn.Module) -> mx.array:
        assert given is model
        return mx.sum(given.layers[0](x))

    gradients = mx.grad(loss)(model)
    assert gradients["layers"][0]["weight"].tolist() == [[3, 4]]
    assert gradients["layers"][1] == {}
    assert linear.weight is weight


def test_jvp_of_addmm_has_its_factors() -> None:
    rng = np.random.default_rng(0)
    c, a, b, dc, da, db = (
        mx.array(rng.standard_normal((3, 3)).astype(np.float32)) for _ in "cabxyz"
    )
    _, (got,) = mx.jvp(
        lambda c, a, b: mx.addmm(c, a, b, alpha=2.0, beta=0.5), [c, a, b], [dc, da, db]
    )
    expected = 0.5 * dc + 2.0 * (da @ b + a @ db)
    np.testing.assert_allclose(np.array(got), np.array(expected), rtol=1e-5, atol=1e-5)


def test_an_output_that_is_there_twice_has_both_cotangents() -> None:
    def twice(x: mx.array) -> tuple[mx.array, mx.array]:
        y = 2 * x
        return y, y

    _, (product,) = mx.vjp(twice, [X], [X, Y])
    assert product.tolist() == [10, 14, 18]


def test_a_gradient_inside_leaves_the_trace_around_it_alone() -> None:
    def outer(x: mx.array) -> mx.array:
        y = x * x
        inner = mx.grad(lambda w: dot(w, y))(X)
        mx.eval(y, inner)
        return mx.sum(y)

    assert mx.grad(outer)(X).tolist() == [2, 4, 6]


def test_gradients_by_inputs_that_are_used_several_times_or_not_at_all() -> None:
    def f(x: mx.array, y: mx.array, z: mx.array) -> mx.array:
        parts = mx.split(mx.concatenate([x, x]), 2)
        return dot(parts[0] * x, y) + mx.sum(x)

    by_x, by_y, by_z = mx.grad(f, argnums=(0, 1, 2))(X, Y, Y)
    assert by_x.tolist() == [9, 21, 37]
    assert by_y.tolist() == [1, 4, 9]
    assert by_z.tolist() == [0, 0, 0]


def test_the_derivative_of_a_deep_graph() -> None:
    def f(x: mx.array) -> mx.array:
        for _ in range(50_000):
            x = x + 1
        return mx.sum(x)

    assert mx.grad(f)(X).tolist() == [1, 1, 1]
    assert mx.jvp(f, [X], [Y])[1][0].item() == 15
    assert mx.vmap(f)(mx.stack([X, Y])).tolist() == [150_006, 150_015]
