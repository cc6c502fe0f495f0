"""The same steps with PyTorch: as it runs without being told more, Adam in its fused form.

Each function takes what is done to the model before it is trained, such as ``torch.compile``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from training import problem
from training.problem import Parameters, Step, Values

Prepare = Callable[[Any], Any]


class MLP(nn.Module):  # type: ignore[misc]
    """A perceptron with one hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(problem.PIXELS, problem.HIDDEN)
        self.output = nn.Linear(problem.HIDDEN, problem.CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(functional.relu(self.hidden(x)))


class Layer(nn.Module):  # type: ignore[misc]
    """Attention and a perceptron, each behind a normalisation and beside a shortcut."""

    def __init__(self, adapted: type[nn.Module] = nn.Linear) -> None:
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

    def forward(self, x: Tensor) -> Tensor:
        y = self.attention_norm(x)
        queries, keys, values = (
            layer(y).unflatten(-1, (problem.HEADS, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        y = functional.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        x = x + self.mixed(y.transpose(1, 2).flatten(-2))
        return x + self.down(functional.gelu(self.up(self.mlp_norm(x))))


class Transformer(nn.Module):  # type: ignore[misc]
    """A language model."""

    def __init__(self, adapted: type[nn.Module] = nn.Linear) -> None:
        super().__init__()
        self.tokens = nn.Embedding(problem.VOCABULARY, problem.WIDTH)
        self.positions = nn.Embedding(problem.LENGTH, problem.WIDTH)
        self.layers = nn.ModuleList([Layer(adapted) for _ in range(problem.LAYERS)])
        self.norm = nn.LayerNorm(problem.WIDTH)
        self.output = nn.Linear(problem.WIDTH, problem.VOCABULARY)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return self.output(self.norm(x))


class Adapted(nn.Module):  # type: ignore[misc]
    """A frozen layer, and the product of two small matrices beside it."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.a = nn.Parameter(torch.zeros(problem.RANK, inputs))
        self.b = nn.Parameter(torch.zeros(outputs, problem.RANK))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + problem.LORA_SCALE * ((x @ self.a.T) @ self.b.T)


class Block(nn.Module):  # type: ignore[misc]
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.narrow = inputs != outputs
        if self.narrow:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
            self.shortcut_norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.first_norm(self.first(x)))
        y = self.second_norm(self.second(y))
        return functional.relu(y + (self.shortcut_norm(self.shortcut(x)) if self.narrow else x))


class ResNet(nn.Module):  # type: ignore[misc]
    """ResNet-18 for small pictures."""

    def __init__(self) -> None:
        super().__init__()
        width = problem.STAGES[0]
        self.stem = nn.Conv2d(problem.CHANNELS, width, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        self.blocks = nn.ModuleList()
        for stage, outputs in enumerate(problem.STAGES):
            for i in range(problem.BLOCKS):
                self.blocks.append(Block(width, outputs, 2 if stage and i == 0 else 1))
                width = outputs
        self.output = nn.Linear(width, problem.CLASSES)

    def forward(self, pictures: Tensor) -> Tensor:
        x = functional.relu(self.stem_norm(self.stem(pictures)))
        for block in self.blocks:
            x = block(x)
        return self.output(x.mean((2, 3)))


class Letters(nn.Module):  # type: ignore[misc]
    """A language model of letters."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(problem.LETTERS, problem.LETTER_WIDTH)
        self.lstm = nn.LSTM(problem.LETTER_WIDTH, problem.STATE, batch_first=True)
        # Its second bias adds nothing to the first.
        nn.init.zeros_(self.lstm.bias_hh_l0).requires_grad_(False)
        self.output = nn.Linear(problem.STATE, problem.LETTERS)

    def forward(self, letters: Tensor) -> Tensor:
        return self.output(self.lstm(self.letters(letters))[0])


def adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=problem.ADAM_RATE,
        betas=problem.ADAM_BETAS,
        eps=problem.ADAM_EPSILON,
        fused=True,
    )


def training_step(
    model: nn.Module,
    optimizer: Callable[[nn.Module], torch.optim.Optimizer],
    parameters: Parameters,
    data: tuple[Values, Values],
    prepare: Prepare,
) -> Step:
    model.load_state_dict(
        {name: torch.from_numpy(value) for name, value in parameters.items()}, strict=False
    )
    chosen = optimizer(model)
    inputs, targets = torch.from_numpy(data[0]), torch.from_numpy(data[1]).long()
    prepared = prepare(model)

    def call() -> float:
        chosen.zero_grad()
        value = functional.cross_entropy(prepared(inputs).flatten(0, -2), targets.flatten())
        value.backward()
        chosen.step()
        return float(value.item())

    return call


def as_it_is(model: Any) -> Any:
    """Nothing is done to the model."""
    return model


def mlp_step(prepare: Prepare = as_it_is) -> Step:
    """One step of the perceptron: forward, backward, gradient descent."""
    return training_step(
        MLP(),
        lambda model: torch.optim.SGD(model.parameters(), problem.SGD_RATE),
        *(problem.mlp_parameters(), problem.mlp_data()),
        prepare,
    )


def transformer_step(prepare: Prepare = as_it_is) -> Step:
    """One step of the language model: forward, backward, Adam."""
    return training_step(
        *(Transformer(), adam, problem.transformer_parameters(), problem.transformer_data()),
        prepare,
    )


def transformer_bf16_step(prepare: Prepare = as_it_is) -> Step:
    """The same with parameters, averages and activations in bfloat16."""
    model = Transformer().to(torch.bfloat16)
    return training_step(
        *(model, adam, problem.transformer_parameters(), problem.transformer_data()), prepare
    )


def lora_step(prepare: Prepare = as_it_is) -> Step:
    """One step of the small matrices of the language model, with Adam."""
    model = Transformer(Adapted)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.endswith((".a", ".b")))
    return training_step(
        *(model, adam, problem.lora_parameters(), problem.transformer_data()), prepare
    )


def resnet_step(prepare: Prepare = as_it_is) -> Step:
    """One step of the network of convolutions: forward, backward, momentum."""
    return training_step(
        ResNet(),
        lambda model: torch.optim.SGD(
            model.parameters(), problem.RESNET_RATE, momentum=problem.MOMENTUM
        ),
        *(problem.resnet_parameters(), problem.resnet_data()),
        prepare,
    )


def lstm_step(prepare: Prepare = as_it_is) -> Step:
    """One step of the language model of letters: forward, backward, Adam."""
    return training_step(
        *(Letters(), adam, problem.lstm_parameters(), problem.lstm_data()), prepare
    )
