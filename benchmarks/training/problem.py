"""What both sides train: sizes, first parameters and data, as NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
# Does one step of training and returns the loss before it.
Step = Callable[[], float]

# The perceptron, on pictures of the size of MNIST's.
PIXELS, HIDDEN, CLASSES, PICTURES = 784, 1024, 10, 64
SGD_RATE = 0.1

# The transformer: a language model with normalisation before each sublayer.
LAYERS, WIDTH, HEADS, VOCABULARY = 4, 256, 8, 1000
SEQUENCES, LENGTH = 8, 64
ADAM_RATE, ADAM_BETAS, ADAM_EPSILON = 1e-3, (0.9, 0.999), 1e-8


def linear(rng: np.random.Generator, name: str, inputs: int, outputs: int) -> dict[str, Values]:
    """The weight and bias of a layer, by the names that both libraries give them."""
    bound = 1 / math.sqrt(inputs)
    return {
        f"{name}.weight": rng.uniform(-bound, bound, (outputs, inputs)).astype(np.float32),
        f"{name}.bias": rng.uniform(-bound, bound, outputs).astype(np.float32),
    }


def mlp_parameters() -> dict[str, Values]:
    rng = np.random.default_rng(0)
    return linear(rng, "hidden", PIXELS, HIDDEN) | linear(rng, "output", HIDDEN, CLASSES)


def mlp_data() -> tuple[Values, Values]:
    """Pictures and their classes."""
    rng = np.random.default_rng(1)
    pictures = rng.random((PICTURES, PIXELS), np.float32)
    return pictures, rng.integers(0, CLASSES, PICTURES, dtype=np.int32)


def transformer_parameters() -> dict[str, Values]:
    rng = np.random.default_rng(2)

    def norm(name: str) -> dict[str, Values]:
        return {
            f"{name}.weight": np.ones(WIDTH, np.float32),
            f"{name}.bias": np.zeros(WIDTH, np.float32),
        }

    parameters = {
        "tokens.weight": rng.normal(0, 0.02, (VOCABULARY, WIDTH)).astype(np.float32),
        "positions.weight": rng.normal(0, 0.02, (LENGTH, WIDTH)).astype(np.float32),
    }
    for i in range(LAYERS):
        layer = f"layers.{i}"
        parameters |= norm(f"{layer}.attention_norm") | norm(f"{layer}.mlp_norm")
        for name in ("query", "key", "value", "mixed"):
            parameters |= linear(rng, f"{layer}.{name}", WIDTH, WIDTH)
        parameters |= linear(rng, f"{layer}.up", WIDTH, 4 * WIDTH)
        parameters |= linear(rng, f"{layer}.down", 4 * WIDTH, WIDTH)
    return parameters | norm("norm") | linear(rng, "output", WIDTH, VOCABULARY)


def transformer_data() -> tuple[Values, Values]:
    """Sequences of tokens, and those that follow each."""
    rng = np.random.default_rng(3)
    text = rng.integers(0, VOCABULARY, (SEQUENCES, LENGTH + 1), dtype=np.int32)
    return text[:, :-1], text[:, 1:]


def check_agreement(ours: Step, theirs: Step, steps: int = 5, tolerance: float = 1e-3) -> None:
    """Do some steps on both sides.

    Raises:
        ValueError: If the losses differ by more than the tolerance, or do not fall.
    """
    losses = [(ours(), theirs()) for _ in range(steps)]
    if any(not math.isclose(*pair, rel_tol=tolerance) for pair in losses):
        raise ValueError(f"the sides compute different losses: {losses}")
    if not losses[-1][0] < losses[0][0]:
        raise ValueError(f"the losses do not fall: {losses}")
