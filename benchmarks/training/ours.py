"""Steps of training with this stack: compiled, on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_core_py.utils import tree_map
from training import problem
from training.problem import Step, Values


class MLP(nn.Module):
    """A perceptron with one hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(problem.PIXELS, problem.HIDDEN)
        self.output = nn.Linear(problem.HIDDEN, problem.CLASSES)

    def __call__(self, x: mx.array) -> mx.array:
        return self.output(nn.relu(self.hidden(x)))


class Layer(nn.Module):
    """Attention and a perceptron, each behind a normalisation and beside a shortcut."""

    def __init__(self) -> None:
        super().__init__()
        width = problem.WIDTH
        self.attention_norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.mixed = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def __call__(self, x: mx.array) -> mx.array:
        y = self.attention_norm(x)
        queries, keys, values = (
            mx.unflatten(layer(y), -1, (problem.HEADS, -1)).transpose(0, 2, 1, 3)
            for layer in (self.query, self.key, self.value)
        )
        y = mx.fast.scaled_dot_product_attention(
            queries, keys, values, scale=queries.shape[-1] ** -0.5, mask="causal"
        )
        x = x + self.mixed(y.transpose(0, 2, 1, 3).flatten(-2))
        return x + self.down(nn.gelu(self.up(self.mlp_norm(x))))


class Transformer(nn.Module):
    """A language model."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(problem.VOCABULARY, problem.WIDTH)
        self.positions = nn.Embedding(problem.LENGTH, problem.WIDTH)
        self.layers = [Layer() for _ in range(problem.LAYERS)]
        self.norm = nn.LayerNorm(problem.WIDTH)
        self.output = nn.Linear(problem.WIDTH, problem.VOCABULARY)

    def __call__(self, tokens: mx.array) -> mx.array:
        x = self.tokens(tokens) + self.positions(mx.arange(tokens.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return self.output(self.norm(x))


def loss(model: nn.Module, inputs: mx.array, targets: mx.array) -> mx.array:
    return nn.losses.cross_entropy(model(inputs), targets, reduction="mean")


class SGD:
    """Gradient descent."""

    def __init__(self, model: nn.Module) -> None:
        self.state: dict[str, Any] = {}

    def update(self, model: nn.Module, gradients: Any) -> None:
        model.update(tree_map(lambda p, g: p - problem.SGD_RATE * g, model.parameters(), gradients))


class Adam:
    """Adam, with correction of the first averages."""

    def __init__(self, model: nn.Module) -> None:
        zeros = partial(tree_map, mx.zeros_like)
        self.state = {
            "step": mx.array(0.0),
            "mean": zeros(model.parameters()),
            "square": zeros(model.parameters()),
        }

    def update(self, model: nn.Module, gradients: Any) -> None:
        first, second = problem.ADAM_BETAS
        state = self.state
        step = state["step"] + 1
        rate = problem.ADAM_RATE / (1 - first**step)
        correction = mx.rsqrt(1 - second**step)
        mean = tree_map(lambda m, g: first * m + (1 - first) * g, state["mean"], gradients)
        square = tree_map(
            lambda v, g: second * v + (1 - second) * mx.square(g), state["square"], gradients
        )
        model.update(
            tree_map(
                lambda p, m, v: p - rate * m / (mx.sqrt(v) * correction + problem.ADAM_EPSILON),
                *(model.parameters(), mean, square),
            )
        )
        state.update(step=step, mean=mean, square=square)


def training_step(
    model: nn.Module,
    optimizer: type[SGD] | type[Adam],
    parameters: dict[str, Values],
    data: tuple[Values, Values],
    compile: Callable[..., Any],
) -> Step:
    model.load_weights([(name, mx.array(value)) for name, value in parameters.items()])
    inputs, targets = map(mx.array, data)
    chosen = optimizer(model)
    state = [model, chosen.state]
    value_and_grad = nn.value_and_grad(model, loss)

    @partial(compile, inputs=state, outputs=state)
    def step(inputs: mx.array, targets: mx.array) -> mx.array:
        value: mx.array
        value, gradients = value_and_grad(model, inputs, targets)
        chosen.update(model, gradients)
        return value

    def call() -> float:
        value = step(inputs, targets)
        mx.eval(value, state)
        return float(value.item())

    return call


def mlp_step(compile: Callable[..., Any] = mx.compile) -> Step:
    """One step of the perceptron: forward, backward, gradient descent."""
    return training_step(MLP(), SGD, problem.mlp_parameters(), problem.mlp_data(), compile)


def transformer_step(compile: Callable[..., Any] = mx.compile) -> Step:
    """One step of the language model: forward, backward, Adam."""
    return training_step(
        *(Transformer(), Adam, problem.transformer_parameters(), problem.transformer_data()),
        compile,
    )
