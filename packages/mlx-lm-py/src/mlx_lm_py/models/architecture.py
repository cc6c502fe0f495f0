"""An architecture: how its configuration, its weights and its GGUF files are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .config import Config
from .gguf_names import GGUFNames
from .rules import Rule
from .spec import Decoder

__all__ = ["Architecture"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Architecture:
    """How an architecture is read.

    Attributes:
        spec: From its configuration to a decoder.
        rules: How the weights of its checkpoints become those of the decoder; a function of the
            configuration where they depend on it.
        gguf: What GGUF files call its weights. Default: ``None``, there are no such files.
    """

    spec: Callable[[Config], Decoder]
    rules: Sequence[Rule] | Callable[[Config], Sequence[Rule]] = ()
    gguf: GGUFNames | None = field(default=None)

    def rules_of(self, config: Config) -> Sequence[Rule]:
        """The rules for a configuration.

        Args:
            config: The configuration.

        Returns:
            The rules.
        """
        return self.rules(config) if callable(self.rules) else self.rules
