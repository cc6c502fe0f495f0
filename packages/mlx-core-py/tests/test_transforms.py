"""Transforms give the derivatives, batches and recordings that mathematics says they give."""

from collections import namedtuple
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest

Pair = namedtuple("Pair", "first second")

X = mx.array([1.0, 2.0, 3.0])
Y = mx.array([4.0, 5.0, 6.0])


def close(got: mx.array, expected: Any) -> bool:
    return bool(np.allclose(np.array(got), np.array(expected), rtol=1e-5, atol=1e-6))


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


class Oops(Exception):
    pass


def raise_oops(*_: Any) -> mx.array:
    raise Oops("in the function")


@pytest.mark.parametrize(
    "call",
    [
        lambda: mx.grad(raise_oops)(X),
        lambda: mx.vjp(raise_oops, [X], [X]),
        lambda: mx.jvp(raise_oops, [X], [X]),
        lambda: mx.vmap(raise_oops)(X),
        lambda: mx.compile(raise_oops)(X),
        lambda: mx.checkpoint(raise_oops)(X),
    ],
)
def test_exceptions_come_out_as_they_are(call: Callable[[], Any]) -> None:
    with pytest.raises(Oops, match="in the function"):
        call()


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "vmap", "compile", "checkpoint"])
def test_functions_must_be_callable(name: str) -> None:
    with pytest.raises(TypeError, match="callable"):
        getattr(mx, name)(3)


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


# ---- vmap

M = np.arange(6, dtype=np.float32).reshape(2, 3)


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


# ---- checkpoint


def test_checkpoint_runs_again_for_the_gradient() -> None:
    calls = []

    def fun(tree: dict[str, mx.array], scale: float = 1.0) -> dict[str, Any]:
        calls.append(scale)
        return {"y": mx.sin(tree["x"]) * scale, "scale": scale}

    checkpointed = mx.checkpoint(fun)
    gradient = mx.grad(lambda tree: mx.sum(checkpointed(tree, scale=3.0)["y"]))({"x": X})
    assert close(gradient["x"], 3 * np.cos([1, 2, 3]))
    assert calls == [3.0, 3.0]


# ---- compile


def test_compile_records_once_for_each_signature() -> None:
    recorded = []

    @mx.compile
    def fun(x: Any, scale: Any = 2) -> dict[str, Any]:
        recorded.append(scale)
        return {"y": x["a"] * scale, "scale": scale}

    for _ in range(2):
        result = fun({"a": X})
        assert close(result["y"], [2, 4, 6])
        assert result["scale"] == 2
    assert recorded == [2]
    assert close(fun({"a": X}, 3)["y"], [3, 6, 9])
    assert close(fun({"a": X}, scale=3)["y"], [3, 6, 9])
    assert recorded == [2, 3, 3]
    # Equal constants of different types are different.
    assert fun({"a": mx.array([1])}, 2)["y"].dtype == mx.int32
    assert fun({"a": mx.array([1])}, 2.0)["y"].dtype == mx.float32
    # Another shape, another structure of the result.
    assert fun({"a": X[:2]})["y"].shape == (2,)


def test_compile_follows_shapes_into_the_structure_of_the_result() -> None:
    fun = mx.compile(lambda x: [x] * x.shape[0])
    for size in (1, 3, 2, 3):
        assert len(fun(mx.zeros((size,)))) == size


def test_shapeless_compile_records_once_for_all_shapes() -> None:
    recorded = []

    def fun(x: mx.array) -> mx.array:
        recorded.append(x.ndim)
        return mx.exp(-x)

    compiled = mx.compile(fun, shapeless=True)
    for x in (X, X[:2], mx.array(M)):
        assert close(compiled(x), np.exp(-np.array(x)))
    assert recorded == [1, 2]


def test_compiled_state() -> None:
    state: dict[str, Any] = {"total": mx.array(0.0), "nested": [mx.array(1.0)]}

    def fun(x: mx.array) -> mx.array:
        state["total"] = state["total"] + mx.sum(x)
        state["nested"][0] = state["nested"][0] * 2
        y: mx.array = x + state["total"]
        return y

    compiled = mx.compile(fun, inputs=state, outputs=state)
    for round_ in (1, 2, 3):
        assert close(compiled(X), np.array([1, 2, 3]) + 6 * round_)
        assert state["total"].item() == 6 * round_
        assert state["nested"][0].item() == 2**round_
    # What is replaced from outside is seen, not what was recorded.
    state["total"] = mx.array(100.0)
    assert close(compiled(X), [107, 108, 109])


def test_compiled_state_may_begin_empty() -> None:
    state: dict[str, mx.array] = {}

    def fun(x: mx.array) -> None:
        state["n"] = state.get("n", mx.array(0.0)) + mx.sum(x)

    compiled = mx.compile(fun, inputs=state, outputs=state)
    for total in (6, 12, 18):
        assert compiled(X) is None
        assert state["n"].item() == total


def test_inputs_are_not_changed_by_recording() -> None:
    state = {"factor": mx.array(2.0)}
    factor = state["factor"]
    compiled = mx.compile(lambda x: x * state["factor"], inputs=state)
    assert close(compiled(X), [2, 4, 6])
    assert state["factor"] is factor
    state["factor"] = mx.array(3.0)
    assert close(compiled(X), [3, 6, 9])


def test_inputs_are_restored_after_an_exception() -> None:
    state = {"factor": mx.array(2.0)}
    factor = state["factor"]
    with pytest.raises(Oops):
        mx.compile(raise_oops, inputs=state)(X)
    assert state["factor"] is factor


def test_grad_of_compile_and_compile_of_grad() -> None:
    def fun(x: mx.array) -> mx.array:
        return mx.sum(mx.sin(x) ** 2)

    expected = 2 * np.sin([1, 2, 3]) * np.cos([1, 2, 3])
    assert close(mx.grad(mx.compile(fun))(X), expected)
    assert close(mx.compile(mx.grad(fun))(X), expected)


def test_compile_refuses_what_it_cannot_compare() -> None:
    with pytest.raises(ValueError, match="object"):
        mx.compile(lambda x: x)(object())


@pytest.mark.parametrize("name", ["inputs", "outputs"])
@pytest.mark.parametrize("tree", [X, (X,), [(X,)]])
def test_compiled_state_must_be_replaceable(name: str, tree: Any) -> None:
    with pytest.raises(TypeError, match=name):
        mx.compile(lambda x: x, **{name: tree})(X)


def test_disable_compile() -> None:
    recorded = []

    def fun(x: mx.array) -> mx.array:
        recorded.append(1)
        return x

    mx.disable_compile()
    try:
        compiled = mx.compile(fun)
        compiled(X)
        compiled(X)
    finally:
        mx.enable_compile()
    assert len(recorded) == 2


# ---- eval


@pytest.mark.parametrize("evaluate", [mx.eval, mx.async_eval])
def test_eval_passes_over_what_is_no_array(evaluate: Callable[..., None]) -> None:
    x = mx.exp(X)
    evaluate()
    evaluate(3, "text", None, [x, {"a": (x + 1,)}])
    assert close(x, np.exp([1, 2, 3]))


def test_eval_inside_of_compile_is_an_error() -> None:
    with pytest.raises(ValueError, match="eval"):
        mx.compile(lambda x: mx.eval(x + 1))(X)
