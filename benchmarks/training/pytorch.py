"""The same steps with PyTorch: as it runs without being told more, Adam in its fused form."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from training import problem
from training.problem import Step, Values


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

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(problem.VOCABULARY, problem.WIDTH)
        self.positions = nn.Embedding(problem.LENGTH, problem.WIDTH)
        self.layers = nn.ModuleList([Layer() for _ in range(problem.LAYERS)])
        self.norm = nn.LayerNorm(problem.WIDTH)
        self.output = nn.Linear(problem.WIDTH, problem.VOCABULARY)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return self.output(self.norm(x))


def training_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    parameters: dict[str, Values],
    data: tuple[Values, Values],
) -> Step:
    model.load_state_dict({name: torch.from_numpy(value) for name, value in parameters.items()})
    inputs, targets = torch.from_numpy(data[0]), torch.from_numpy(data[1]).long()

    def call() -> float:
        optimizer.zero_grad()
        value = functional.cross_entropy(model(inputs).flatten(0, -2), targets.flatten())
        value.backward()
        optimizer.step()
        return float(value.item())

    return call


def mlp_step() -> Step:
    """One step of the perceptron: forward, backward, gradient descent."""
    model = MLP()
    optimizer = torch.optim.SGD(model.parameters(), problem.SGD_RATE)
    return training_step(model, optimizer, problem.mlp_parameters(), problem.mlp_data())


def transformer_step() -> Step:
    """One step of the language model: forward, backward, Adam."""
    model = Transformer()
    optimizer = torch.optim.Adam(
        model.parameters(),
        lr=problem.ADAM_RATE,
        betas=problem.ADAM_BETAS,
        eps=problem.ADAM_EPSILON,
        fused=True,
    )
    return training_step(
        model, optimizer, problem.transformer_parameters(), problem.transformer_data()
    )
