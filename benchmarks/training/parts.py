"""Parts of steps of training: convolutions, layer normalisation and updates by themselves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.problem import Values

EPSILON, TAPS, PADDING = 1e-5, 3, 1
# Large, so that a wrong update shows beside the parameters.
ADAM_RATE = 0.5
TOLERANCE = 1e-3


@dataclass(frozen=True)
class Convolution:
    """A convolution of 3 x 3 taps, or one of its gradients.

    Attributes:
        part: What is computed: ``forward``, ``by input`` or ``by weights``.
        batch: The number of pictures.
        inputs: Their channels.
        outputs: The channels of the result.
        side: The sides of the pictures.
        stride: How far apart the windows are.
    """

    part: str
    batch: int
    inputs: int
    outputs: int
    side: int
    stride: int = 1

    @property
    def title(self) -> str:
        stride = f", stride {self.stride}" if self.stride > 1 else ""
        sides = f"{self.side} x {self.side}"
        channels = f"{self.inputs} to {self.outputs}"
        return f"conv2d {self.part}, {self.batch} of {sides}, {channels}{stride}"

    def data(self) -> list[Values]:
        """Pictures with the channels last, weights likewise, and the cotangent of the result."""
        after = (self.side + 2 * PADDING - TAPS) // self.stride + 1
        return normal(
            (self.batch, self.side, self.side, self.inputs),
            (self.outputs, TAPS, TAPS, self.inputs),
            (self.batch, after, after, self.outputs),
        )


@dataclass(frozen=True)
class LayerNorm:
    """Layer normalisation of rows, or all its gradients.

    Attributes:
        part: What is computed: ``forward`` or ``gradients``.
        rows: The number of rows.
        size: Their length.
    """

    part: str
    rows: int
    size: int

    @property
    def title(self) -> str:
        return f"layer_norm {self.part}, {self.rows} of {self.size}"

    def data(self) -> list[Values]:
        """Rows, weight, bias and the cotangent of the result."""
        return normal((self.rows, self.size), (self.size,), (self.size,), (self.rows, self.size))


@dataclass(frozen=True)
class Adam:
    """An update by Adam.

    Attributes:
        count: The number of parameters.
        size: The numbers of each.
    """

    count: int
    size: int

    @property
    def title(self) -> str:
        return f"update by Adam, {self.count} x {self.size}"

    def data(self) -> list[Values]:
        """The parameters, and their gradients."""
        return normal(*[(self.size,)] * (2 * self.count))


Part = Convolution | LayerNorm | Adam


def normal(*shapes: tuple[int, ...]) -> list[Values]:
    """Normally distributed numbers of some shapes."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape, np.float32) for shape in shapes]


def summary(results: Sequence[Values]) -> list[float]:
    """The length of each result, and that with its direction compared with a fixed one."""
    values: list[float] = []
    for result in results:
        wide = result.astype(np.float64).ravel()
        fixed = np.cos(np.arange(wide.size))
        length = math.sqrt(wide @ wide)
        along = float(wide @ fixed) / math.sqrt(fixed @ fixed)
        values += [length, 2 * length + along]
    return values


def check_agreement(values: dict[str, list[float]]) -> None:
    """Compare the summaries of all sides.

    Raises:
        ValueError: If two differ.
    """
    for one in zip(*values.values(), strict=True):
        if any(not math.isclose(one[0], value, rel_tol=TOLERANCE) for value in one):
            raise ValueError(f"the sides compute different results: {values}")


CONVOLUTIONS = (
    (32, 64, 64, 32),
    (32, 64, 128, 32, 2),
    (32, 128, 128, 16),
    (32, 256, 256, 8),
    (32, 512, 512, 4),
    (32, 3, 64, 32),
    (1, 512, 512, 4),
    (4, 3, 32, 64),
)
ROWS = ((512, 256), (4096, 256), (4096, 257), (1024, 768), (4096, 1024), (512, 4096))
PARTS: tuple[Part, ...] = (
    *(
        Convolution(part, *shape)
        for part in ("forward", "by input", "by weights")
        for shape in CONVOLUTIONS
    ),
    *(LayerNorm(part, *shape) for part in ("forward", "gradients") for shape in ROWS),
    *(Adam(count, size) for count, size in ((1, 1 << 23), (16, 1 << 16))),
)
