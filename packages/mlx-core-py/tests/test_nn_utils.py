"""Transforms of functions of modules differentiate by the modules' parameters."""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten


def make_model() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2, bias=False), nn.RMSNorm(2))


def test_value_and_grad_is_by_the_trainable_parameters() -> None:
    model = make_model().freeze(keys="bias")
    x = mx.array([[1.0, -2.0]])

    def loss(x: mx.array, power: int = 1) -> Any:
        return mx.sum(model(x) ** power), "more"

    trainable = {"layers.0.weight", "layers.2.weight", "layers.3.weight"}
    before = dict(tree_flatten(model.parameters()))
    (value, more), gradients = nn.value_and_grad(model, loss)(x, power=2)
    assert more == "more"
    assert value.item() == pytest.approx(mx.sum(model(x) ** 2).item())
    assert dict(tree_flatten(gradients)).keys() == trainable
    # The model has its own parameters again, not what was traced.
    assert all(before[path] is x for path, x in tree_flatten(model.parameters()))


def test_gradients_are_those_of_finite_differences() -> None:
    layer = nn.Linear(2, 1)
    x = mx.array([[1.0, -2.0]])
    _, gradients = nn.value_and_grad(layer, lambda: mx.sum(layer(x) ** 2))()
    weight, step = layer.weight, 1e-2
    for i in range(2):
        values = []
        for sign in (step, -step):
            layer.weight = weight + mx.array([[sign if i == j else 0.0 for j in range(2)]])
            values.append(mx.sum(layer(x) ** 2).item())
        slope = (values[0] - values[1]) / (2 * step)
        assert gradients["weight"][0, i].item() == pytest.approx(slope, rel=1e-2, abs=1e-3)


def test_the_model_is_itself_after_an_exception() -> None:
    model = nn.Linear(2, 1)
    weight = model.weight

    def fail() -> mx.array:
        raise LookupError("in the loss")

    with pytest.raises(LookupError, match="in the loss"):
        nn.value_and_grad(model, fail)()
    assert model.weight is weight


def test_value_and_grad_of_what_cannot_be_trained() -> None:
    with pytest.raises(ValueError, match="no array"):
        nn.value_and_grad(make_model().freeze(), lambda: mx.array(1.0))()
    with pytest.raises(TypeError, match="Module"):
        nn.value_and_grad(lambda x: x, lambda: mx.array(1.0))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="callable"):
        nn.value_and_grad(make_model(), 3)  # type: ignore[arg-type]


def test_checkpoint_has_the_same_gradients() -> None:
    model = make_model()
    x = mx.array([[1.0, -2.0]])
    plain = nn.value_and_grad(model, lambda: mx.sum(model(x) ** 2))()
    again = nn.utils.checkpoint(model)
    checkpointed = nn.value_and_grad(model, lambda: mx.sum(again(x) ** 2))()
    assert plain[0].item() == pytest.approx(checkpointed[0].item())
    for (path, a), (other, b) in zip(
        tree_flatten(plain[1]), tree_flatten(checkpointed[1]), strict=True
    ):
        assert path == other
        assert np.allclose(np.array(a), np.array(b), atol=1e-6)


def test_training_lowers_the_loss() -> None:
    mx.random.seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    x = mx.random.normal((64, 2))
    y = x[:, :1] * x[:, 1:]
    step = nn.value_and_grad(model, lambda: nn.losses.mse_loss(model(x), y))
    losses = []
    for _ in range(200):
        loss, gradients = step()
        losses.append(loss.item())
        flat = dict(tree_flatten(gradients))
        model.load_weights(
            [(name, w - 0.1 * flat[name]) for name, w in tree_flatten(model.parameters())]
        )
    assert losses[-1] < losses[0] / 3
