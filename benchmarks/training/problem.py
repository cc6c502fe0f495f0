"""What all sides train: sizes, first parameters and data, as NumPy arrays.

Parameters have the names and layouts that they have in PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
Parameters = dict[str, Values]
# Does one step of training and returns the loss before it.
Step = Callable[[], float]

# The perceptron, on pictures of the size of MNIST's.
PIXELS, HIDDEN, CLASSES, PICTURES = 784, 1024, 10, 64
SGD_RATE, MOMENTUM = 0.1, 0.9

# The transformer: a language model with normalisation before each sublayer.
LAYERS, WIDTH, HEADS, VOCABULARY = 4, 256, 8, 1000
SEQUENCES, LENGTH = 8, 64
ADAM_RATE, ADAM_BETAS, ADAM_EPSILON = 1e-3, (0.9, 0.999), 1e-8
# The small matrices beside its queries and values, which alone are trained then.
RANK, LORA_SCALE = 8, 2.0

# ResNet-18 for pictures of 32 x 32: its first convolution is as small as the others.
SIDE, CHANNELS, BATCH = 32, 3, 32
STAGES = (64, 128, 256, 512)
BLOCKS = 2
RESNET_RATE = 0.01

# A language model of letters, on an LSTM.
LETTERS, LETTER_WIDTH, STATE = 128, 128, 256
TEXTS, TEXT_LENGTH = 32, 64


@dataclass(frozen=True)
class Model:
    """Something to train.

    Attributes:
        title: What the table calls it.
        parameters: Makes the first parameters.
        data: Makes inputs and targets.
        tolerance: How far apart, relatively, the losses of two sides may be.
    """

    title: str
    parameters: Callable[[], Parameters]
    data: Callable[[], tuple[Values, Values]]
    tolerance: float = 1e-3


def linear(rng: np.random.Generator, name: str, inputs: int, outputs: int) -> Parameters:
    """The weight and bias of a layer, by the names that both libraries give them."""
    bound = 1 / math.sqrt(inputs)
    return {
        f"{name}.weight": rng.uniform(-bound, bound, (outputs, inputs)).astype(np.float32),
        f"{name}.bias": rng.uniform(-bound, bound, outputs).astype(np.float32),
    }


def norm(name: str, width: int) -> Parameters:
    """The weight and bias of a normalisation."""
    return {
        f"{name}.weight": np.ones(width, np.float32),
        f"{name}.bias": np.zeros(width, np.float32),
    }


def mlp_parameters() -> Parameters:
    rng = np.random.default_rng(0)
    return linear(rng, "hidden", PIXELS, HIDDEN) | linear(rng, "output", HIDDEN, CLASSES)


def mlp_data() -> tuple[Values, Values]:
    """Pictures and their classes."""
    rng = np.random.default_rng(1)
    pictures = rng.random((PICTURES, PIXELS), np.float32)
    return pictures, rng.integers(0, CLASSES, PICTURES, dtype=np.int32)


def transformer_parameters() -> Parameters:
    rng = np.random.default_rng(2)
    parameters = {
        "tokens.weight": rng.normal(0, 0.02, (VOCABULARY, WIDTH)).astype(np.float32),
        "positions.weight": rng.normal(0, 0.02, (LENGTH, WIDTH)).astype(np.float32),
    }
    for i in range(LAYERS):
        layer = f"layers.{i}"
        parameters |= norm(f"{layer}.attention_norm", WIDTH) | norm(f"{layer}.mlp_norm", WIDTH)
        for name in ("query", "key", "value", "mixed"):
            parameters |= linear(rng, f"{layer}.{name}", WIDTH, WIDTH)
        parameters |= linear(rng, f"{layer}.up", WIDTH, 4 * WIDTH)
        parameters |= linear(rng, f"{layer}.down", 4 * WIDTH, WIDTH)
    return parameters | norm("norm", WIDTH) | linear(rng, "output", WIDTH, VOCABULARY)


def transformer_data() -> tuple[Values, Values]:
    """Sequences of tokens, and those that follow each."""
    return text(np.random.default_rng(3), VOCABULARY, SEQUENCES, LENGTH)


def text(rng: np.random.Generator, symbols: int, count: int, length: int) -> tuple[Values, Values]:
    """Sequences of random symbols, and those that follow each."""
    drawn = rng.integers(0, symbols, (count, length + 1), dtype=np.int32)
    return drawn[:, :-1], drawn[:, 1:]


def lora_parameters() -> Parameters:
    """Those of the transformer, and of the small matrices: the second of each is not zero."""
    rng = np.random.default_rng(4)
    parameters: Parameters = {}
    for name, value in transformer_parameters().items():
        layer, _, kind = name.rpartition(".")
        if not layer.endswith((".query", ".value")):
            parameters[name] = value
            continue
        parameters[f"{layer}.linear.{kind}"] = value
        if kind == "weight":
            for key, shape in (("a", (RANK, WIDTH)), ("b", (WIDTH, RANK))):
                parameters[f"{layer}.{key}"] = rng.normal(0, 0.05, shape).astype(np.float32)
    return parameters


def resnet_parameters() -> Parameters:
    rng = np.random.default_rng(5)
    parameters: Parameters = {}

    def convolution(name: str, inputs: int, outputs: int, side: int) -> None:
        scale = math.sqrt(2 / (outputs * side**2))
        weight = rng.normal(0, scale, (outputs, inputs, side, side))
        parameters[f"{name}.weight"] = weight.astype(np.float32)

    convolution("stem", CHANNELS, STAGES[0], 3)
    parameters |= norm("stem_norm", STAGES[0])
    before = STAGES[0]
    for stage, width in enumerate(STAGES):
        for block in range(BLOCKS):
            name = f"blocks.{stage * BLOCKS + block}"
            convolution(f"{name}.first", before, width, 3)
            convolution(f"{name}.second", width, width, 3)
            parameters |= norm(f"{name}.first_norm", width) | norm(f"{name}.second_norm", width)
            if before != width:
                convolution(f"{name}.shortcut", before, width, 1)
                parameters |= norm(f"{name}.shortcut_norm", width)
            before = width
    return parameters | linear(rng, "output", before, CLASSES)


def resnet_data() -> tuple[Values, Values]:
    """Pictures with the channels first, and their classes."""
    rng = np.random.default_rng(6)
    pictures = rng.normal(0, 1, (BATCH, CHANNELS, SIDE, SIDE)).astype(np.float32)
    return pictures, rng.integers(0, CLASSES, BATCH, dtype=np.int32)


def lstm_parameters() -> Parameters:
    rng = np.random.default_rng(7)
    bound = 1 / math.sqrt(STATE)
    return {
        "letters.weight": rng.normal(0, 1, (LETTERS, LETTER_WIDTH)).astype(np.float32),
        **{
            f"lstm.{name}": rng.uniform(-bound, bound, shape).astype(np.float32)
            for name, shape in (
                ("weight_ih_l0", (4 * STATE, LETTER_WIDTH)),
                ("weight_hh_l0", (4 * STATE, STATE)),
                ("bias_ih_l0", (4 * STATE,)),
            )
        },
        **linear(rng, "output", STATE, LETTERS),
    }


def lstm_data() -> tuple[Values, Values]:
    """Texts of letters, and those that follow each."""
    return text(np.random.default_rng(8), LETTERS, TEXTS, TEXT_LENGTH)


MODELS = {
    "mlp": Model(
        "perceptron 784 → 1024 → 10, batch of 64, gradient descent", mlp_parameters, mlp_data
    ),
    "transformer": Model(
        "transformer of 4 layers, 256 wide, 8 x 64 tokens, Adam",
        transformer_parameters,
        transformer_data,
    ),
    # Each side rounds where it does.
    "transformer_bf16": Model(
        "that transformer in bfloat16", transformer_parameters, transformer_data, tolerance=2e-2
    ),
    "lora": Model(
        "that transformer with matrices of rank 8, which alone are trained",
        lora_parameters,
        transformer_data,
    ),
    "resnet": Model(
        "ResNet-18, 32 pictures of 32 x 32, gradient descent with momentum",
        resnet_parameters,
        resnet_data,
        tolerance=1e-2,
    ),
    "lstm": Model(
        "LSTM of 256 on 32 x 64 letters, Adam",
        lstm_parameters,
        lstm_data,
    ),
}


def check_agreement(losses: dict[str, list[float]], tolerance: float) -> None:
    """Compare the losses of some steps, by side.

    Raises:
        ValueError: If the losses differ by more than the tolerance, or do not fall.
    """
    for step in zip(*losses.values(), strict=True):
        if any(not math.isclose(step[0], loss, rel_tol=tolerance) for loss in step):
            raise ValueError(f"the sides compute different losses: {losses}")
    for of_side in losses.values():
        if not of_side[-1] < of_side[0]:
            raise ValueError(f"the losses do not fall: {losses}")
