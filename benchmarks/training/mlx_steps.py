"""Steps of training with MLX's interface, compiled: official MLX's, or this stack's by its names.

``mlx_core_py.as_mlx.install()`` makes it the latter.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim

from training import problem
from training.problem import Step, Values


class MLP(nn.Module):  # type: ignore[misc]
    """A perceptron with one hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(problem.PIXELS, problem.HIDDEN)
        self.output = nn.Linear(problem.HIDDEN, problem.CLASSES)

    def __call__(self, x: mx.array) -> Any:
        return self.output(nn.relu(self.hidden(x)))


class Layer(nn.Module):  # type: ignore[misc]
    """Attention and a perceptron, each behind a normalisation and beside a shortcut."""

    def __init__(self, adapted: type = nn.Linear) -> None:
        super().__init__()
        width = problem.WIDTH
        self.attention_norm = nn.LayerNorm(width)
        self.query = adapted(width, width)
        self.key = nn.Linear(width, width)
        self.value = adapted(width, width)
        self.mixed = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def __call__(self, x: mx.array) -> Any:
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


class Transformer(nn.Module):  # type: ignore[misc]
    """A language model."""

    def __init__(self, adapted: type = nn.Linear) -> None:
        super().__init__()
        self.tokens = nn.Embedding(problem.VOCABULARY, problem.WIDTH)
        self.positions = nn.Embedding(problem.LENGTH, problem.WIDTH)
        self.layers = [Layer(adapted) for _ in range(problem.LAYERS)]
        self.norm = nn.LayerNorm(problem.WIDTH)
        self.output = nn.Linear(problem.WIDTH, problem.VOCABULARY)

    def __call__(self, tokens: mx.array) -> Any:
        x = self.tokens(tokens) + self.positions(mx.arange(tokens.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return self.output(self.norm(x))


class Adapted(nn.Module):  # type: ignore[misc]
    """A frozen layer, and the product of two small matrices beside it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.a = mx.zeros((problem.RANK, inputs))
        self.b = mx.zeros((outputs, problem.RANK))

    def __call__(self, x: mx.array) -> Any:
        return self.linear(x) + problem.LORA_SCALE * ((x @ self.a.T) @ self.b.T)


class Block(nn.Module):  # type: ignore[misc]
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm(outputs)
        self.narrow = inputs != outputs
        if self.narrow:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut_norm = nn.BatchNorm(outputs)

    def __call__(self, x: mx.array) -> Any:
        y = nn.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return nn.relu(y + (self.shortcut_norm(self.shortcut(x)) if self.narrow else x))


class ResNet(nn.Module):  # type: ignore[misc]
    """ResNet-18 for small pictures."""

    def __init__(self) -> None:
        super().__init__()
        width = problem.STAGES[0]
        self.stem = nn.Conv2d(problem.CHANNELS, width, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm(width)
        self.blocks = []
        for stage, outputs in enumerate(problem.STAGES):
            for i in range(problem.BLOCKS):
                self.blocks.append(Block(width, outputs, 2 if stage and i == 0 else 1))
                width = outputs
        self.output = nn.Linear(width, problem.CLASSES)

    def __call__(self, pictures: mx.array) -> Any:
        x = nn.relu(self.stem_norm(self.stem(pictures)))
        for block in self.blocks:
            x = block(x)
        return self.output(mx.mean(x, axis=(1, 2)))


class Letters(nn.Module):  # type: ignore[misc]
    """A language model of letters."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(problem.LETTERS, problem.LETTER_WIDTH)
        self.lstm = nn.LSTM(problem.LETTER_WIDTH, problem.STATE)
        self.output = nn.Linear(problem.STATE, problem.LETTERS)

    def __call__(self, letters: mx.array) -> Any:
        return self.output(self.lstm(self.letters(letters))[0])


def loss(model: nn.Module, inputs: mx.array, targets: mx.array) -> Any:
    return nn.losses.cross_entropy(model(inputs), targets, reduction="mean")


def adam() -> optim.Optimizer:
    return optim.Adam(
        problem.ADAM_RATE, list(problem.ADAM_BETAS), problem.ADAM_EPSILON, bias_correction=True
    )


def training_step(
    model: nn.Module,
    optimizer: optim.Optimizer,
    parameters: dict[str, Any],
    data: tuple[Values, Values],
    compile: Callable[..., Any],
) -> Step:
    model.load_weights([(name, mx.array(value)) for name, value in parameters.items()], False)
    inputs, targets = map(mx.array, data)
    optimizer.init(model.trainable_parameters())
    state = [model.state, optimizer.state]
    mx.eval(state)
    value_and_grad = nn.value_and_grad(model, loss)

    @partial(compile, inputs=state, outputs=state)
    def step(inputs: mx.array, targets: mx.array) -> Any:
        value, gradients = value_and_grad(model, inputs, targets)
        optimizer.update(model, gradients)
        return value

    def call() -> float:
        value = step(inputs, targets)
        mx.eval(value, state)
        return float(value.item())

    return call


def mlp_step(compile: Callable[..., Any] = mx.compile) -> Step:
    """One step of the perceptron: forward, backward, gradient descent."""
    optimizer = optim.SGD(problem.SGD_RATE)
    return training_step(MLP(), optimizer, problem.mlp_parameters(), problem.mlp_data(), compile)


def transformer_step(compile: Callable[..., Any] = mx.compile) -> Step:
    """One step of the language model: forward, backward, Adam."""
    return training_step(
        *(Transformer(), adam(), problem.transformer_parameters(), problem.transformer_data()),
        compile,
    )


def transformer_bf16_step(compile: Callable[..., Any] = mx.compile) -> Step:
    """The same with parameters, averages and activations in bfloat16."""
    model = Transformer()
    model.set_dtype(mx.bfloat16)
    parameters = {
        name: mx.array(value).astype(mx.bfloat16)
        for name, value in problem.transformer_parameters().items()
    }
    return training_step(model, adam(), parameters, problem.transformer_data(), compile)


def lora_step(compile: Callable[..., Any] = mx.compile) -> Step:
    """One step of the small matrices of the language model, with Adam."""
    model = Transformer(Adapted)
    model.freeze()
    for layer in model.layers:
        layer.query.unfreeze(keys=["a", "b"], recurse=False)
        layer.value.unfreeze(keys=["a", "b"], recurse=False)
    return training_step(
        model, adam(), problem.lora_parameters(), problem.transformer_data(), compile
    )


def resnet_step(compile: Callable[..., Any] = mx.compile) -> Step:
    """One step of the network of convolutions: forward, backward, momentum."""
    parameters = {
        # Channels are last here.
        name: value.transpose(0, 2, 3, 1) if value.ndim == 4 else value
        for name, value in problem.resnet_parameters().items()
    }
    pictures, classes = problem.resnet_data()
    optimizer = optim.SGD(problem.RESNET_RATE, momentum=problem.MOMENTUM)
    data = pictures.transpose(0, 2, 3, 1), classes
    return training_step(ResNet(), optimizer, parameters, data, compile)


def lstm_step(compile: Callable[..., Any] = mx.compile) -> Step:
    """One step of the language model of letters: forward, backward, Adam."""
    names = {"weight_ih_l0": "Wx", "weight_hh_l0": "Wh", "bias_ih_l0": "bias"}
    parameters = {}
    for name, value in problem.lstm_parameters().items():
        layer, _, kind = name.partition(".")
        parameters[f"{layer}.{names.get(kind, kind)}"] = value
    return training_step(Letters(), adam(), parameters, problem.lstm_data(), compile)
