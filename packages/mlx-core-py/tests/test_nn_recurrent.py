"""Recurrent layers do recur, from the state that they are given."""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from layer_checks import check_sizes
from mlx_core_py import nn

LAYERS = [nn.RNN, nn.GRU, nn.LSTM]


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def reference(layer: Any, x: Any, hidden: Any, cell: Any) -> Any:
    """The formulas in float64, a step at a time."""
    p = {name: np.array(value, np.float64) for name, value in layer.parameters().items()}
    size, states, cells = layer.hidden_size, [], []
    for t in range(x.shape[-2]):
        at = x[..., t, :].astype(np.float64)
        if isinstance(layer, nn.RNN):
            hidden = np.tanh(at @ p["Wxh"].T + hidden @ p["Whh"].T + p.get("bias", 0))
        elif isinstance(layer, nn.GRU):
            a = at @ p["Wx"].T + p.get("b", 0)
            b = hidden @ p["Wh"].T
            r = sigmoid(a[..., :size] + b[..., :size])
            z = sigmoid(a[..., size : 2 * size] + b[..., size : 2 * size])
            n = np.tanh(a[..., 2 * size :] + r * (b[..., 2 * size :] + p.get("bhn", 0)))
            hidden = (1 - z) * n + z * hidden
        else:
            gates = at @ p["Wx"].T + hidden @ p["Wh"].T + p.get("bias", 0)
            i, f, g, o = (gates[..., k * size : (k + 1) * size] for k in range(4))
            cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
            hidden = sigmoid(o) * np.tanh(cell)
            cells.append(cell)
        states.append(hidden)
    result = np.stack(states, -2)
    return (result, np.stack(cells, -2)) if cells else (result,)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(7, 3), (2, 7, 3), (2, 5, 7, 3), (2, 1, 3)])
@pytest.mark.parametrize("kind", LAYERS)
def test_against_the_formulas(kind: Any, shape: tuple[int, ...], bias: bool) -> None:
    layer = kind(3, 4, bias)
    x = normal(*shape)
    for given in (False, True):
        states = [normal(*shape[:-2], 4, seed=s) if given else np.zeros((4,)) for s in (1, 2)]
        inputs = [mx.array(s) for s in states[: 2 if kind is nn.LSTM else 1]] if given else []
        got = layer(mx.array(x), *inputs)
        got = got if isinstance(got, tuple) else (got,)
        for a, b in zip(got, reference(layer, x, *states), strict=True):
            assert close(a, b, 1e-4, 1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_two_halves_are_one_sequence(kind: Any) -> None:
    layer, x = kind(3, 4), mx.array(normal(2, 8, 3))

    def run(x: mx.array, *states: mx.array) -> list[mx.array]:
        y = layer(x, *states)
        return list(y) if isinstance(y, tuple) else [y]

    first = run(x[:, :3])
    second = run(x[:, 3:], *(y[:, -1] for y in first))
    for whole, a, b in zip(run(x), first, second, strict=True):
        assert close(whole, mx.concatenate([a, b], axis=1), 1e-5, 1e-6)


@pytest.mark.parametrize("kind", LAYERS)
def test_no_steps_give_no_states(kind: Any) -> None:
    y = kind(3, 4)(mx.zeros((2, 0, 3)))
    for states in y if isinstance(y, tuple) else (y,):
        assert states.shape == (2, 0, 4)


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
@pytest.mark.parametrize("kind", LAYERS)
def test_half_precision_stays(kind: Any, dtype: mx.Dtype) -> None:
    layer = kind(3, 4)
    layer.set_dtype(dtype)
    y = layer(mx.zeros((2, 5, 3), dtype))
    for states in y if isinstance(y, tuple) else (y,):
        assert states.dtype == dtype


@pytest.mark.parametrize("kind", LAYERS)
def test_wrong_input(kind: Any) -> None:
    check_sizes(kind, (0, 4), "input_size")
    check_sizes(kind, (3, 0), "hidden_size")
    layer = kind(3, 4)
    with pytest.raises(TypeError, match="x must be an array"):
        layer([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="x must have the shape"):
        layer(mx.zeros((3,)))
    with pytest.raises(ValueError, match="last axis of x"):
        layer(mx.zeros((5, 4)))
    with pytest.raises(ValueError, match=r"hidden must have the shape \(2, 4\)"):
        layer(mx.zeros((2, 5, 3)), mx.zeros((4,)))
    with pytest.raises(TypeError, match="hidden"):
        layer(mx.zeros((5, 3)), [0.0] * 4)
    with pytest.raises(ValueError, match="cell"):
        nn.LSTM(3, 4)(mx.zeros((5, 3)), None, mx.zeros((3,)))
    with pytest.raises(TypeError, match="nonlinearity"):
        nn.RNN(3, 4, nonlinearity=3)  # type: ignore[arg-type]


def test_gradients_reach_the_first_step() -> None:
    """What mlx-rs's layers do not have: a state that depends on earlier inputs."""
    for kind in LAYERS:
        layer = kind(1, 1)

        def last(x: mx.array, layer: Any = layer) -> mx.array:
            y = layer(x)
            states: mx.array = y[0] if isinstance(y, tuple) else y
            return states[-1, 0]

        x = mx.array(normal(6, 1))
        gradient = mx.grad(last)(x)
        for t in range(6):
            e = mx.array(np.eye(6, dtype=np.float32)[t][:, None] * 1e-2)
            difference = (last(x + e) - last(x - e)) / 2e-2
            assert gradient[t, 0].item() == pytest.approx(difference.item(), rel=2e-2, abs=1e-5)
            assert gradient[t, 0].item() != 0


@pytest.mark.parametrize(
    ("nonlinearity", "formula"),
    [
        (None, np.tanh),
        (mx.tanh, np.tanh),
        (nn.Tanh(), np.tanh),
        (nn.relu, lambda a: np.maximum(a, 0)),
        (nn.ReLU(), lambda a: np.maximum(a, 0)),
        (nn.silu, lambda a: a * sigmoid(a)),
        (nn.PReLU(), lambda a: np.where(a > 0, a, 0.25 * a)),
        (lambda a: mx.sin(a), np.sin),
    ],
)
def test_nonlinearities(nonlinearity: Any, formula: Any) -> None:
    layer, x = nn.RNN(3, 4, nonlinearity=nonlinearity), normal(2, 5, 3)
    p = {name: np.array(layer[name], np.float64) for name in ("Wxh", "Whh", "bias")}
    hidden, states = np.zeros((2, 4)), []
    for t in range(5):
        hidden = formula(x[:, t] @ p["Wxh"].T + hidden @ p["Whh"].T + p["bias"])
        states.append(hidden)
    assert close(layer(mx.array(x)), np.stack(states, 1), 1e-4, 1e-5)
    assert layer(mx.zeros((2, 0, 3))).shape == (2, 0, 4)


def test_a_nonlinearity_may_have_parameters() -> None:
    function, x = nn.PReLU(), mx.array(normal(2, 5, 3))
    layer = nn.RNN(3, 4, nonlinearity=function)

    def loss() -> mx.array:
        return layer(x).sum()

    slope = nn.value_and_grad(layer, loss)()[1]["nonlinearity"]["weight"]
    before = loss()
    function.weight = function.weight + 1e-3
    assert slope.item() == pytest.approx((loss() - before).item() * 1e3, rel=5e-2)


def test_a_nonlinearity_is_called_at_each_step() -> None:
    calls = 0

    def counting(a: mx.array) -> mx.array:
        nonlocal calls
        calls += 1
        return a * calls

    layer = nn.RNN(1, 1, bias=False, nonlinearity=counting)
    layer.Wxh, layer.Whh = mx.array([[1.0]]), mx.array([[1.0]])
    assert layer(mx.ones((3, 1))).tolist() == [[1.0], [4.0], [15.0]]


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
@pytest.mark.parametrize("kind", LAYERS)
def test_training_in_half_precision_stays(kind: Any, dtype: mx.Dtype) -> None:
    layer = kind(3, 4)
    layer.set_dtype(dtype)
    x = mx.array(normal(2, 5, 3)).astype(dtype)

    def loss() -> mx.array:
        y = layer(x)
        total: mx.array = (y[0] if isinstance(y, tuple) else y).sum()
        return total

    value, gradients = nn.value_and_grad(layer, loss)()
    assert value.dtype == dtype
    for gradient in gradients.values():
        if isinstance(gradient, mx.array):
            assert gradient.dtype == dtype
            assert mx.any(gradient != 0)
