"""Objects that keep transformed functions which know them: the collector frees them."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import pytest
from mlx_core_py import nn

X = mx.ones((1, 2))


class Model(nn.Module):
    """A module that keeps a function made of one of its methods."""

    def __init__(self, transform: Callable[[Model], Any]) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.kept = transform(self)

    def __call__(self, x: mx.array) -> Any:
        return self.layer(x).sum()


def custom(model: Model) -> Any:
    function = mx.custom_function(model)
    return function.vjp(lambda x, dy, y: dy * model(x) * x)


def step(model: Model) -> Callable[..., Any]:
    """A step of training as users write them: compiled, with the model's parameters as state."""
    gradient = nn.value_and_grad(model, mx.checkpoint(model))

    def update(x: mx.array) -> Any:
        loss, grads = gradient(x)
        model.update(grads)
        return loss

    return mx.compile(update, inputs=model, outputs=model)


TRANSFORMS: dict[str, Callable[[Model], Any]] = {
    "compile": mx.compile,
    "grad": mx.grad,
    "value_and_grad": mx.value_and_grad,
    "vmap": mx.vmap,
    "checkpoint": mx.checkpoint,
    "custom_function": custom,
    "nn.value_and_grad": lambda model: nn.value_and_grad(model, model),
    "compile of checkpoint": lambda model: mx.compile(mx.checkpoint(model)),
    "checkpoint of compile": lambda model: mx.checkpoint(mx.compile(model)),
    "compile of grad of checkpoint": lambda model: mx.compile(mx.grad(mx.checkpoint(model))),
    "step": step,
}


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_a_module_that_keeps_a_transformed_method(transform: Callable[[Model], Any]) -> None:
    model = Model(transform)
    mx.eval(model.kept(X), model.kept(X + 1))
    reference = weakref.ref(model)
    weight = weakref.ref(model.layer.weight)
    del model
    gc.collect()
    assert reference() is None
    assert weight() is None


@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_a_failure_keeps_nothing(transform: Callable[[Model], Any]) -> None:
    class Failing(Model):
        def __call__(self, x: mx.array) -> Any:
            raise ZeroDivisionError

    model = Failing(transform)
    with pytest.raises(ZeroDivisionError):
        model.kept(X)
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None
