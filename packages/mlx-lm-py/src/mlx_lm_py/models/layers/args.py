"""What the configurations of decoders have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from mlx_lm_utils_py import context_length
from mlx_lm_utils_py.config import check_range, from_config, with_rope_parameters

__all__ = ["DecoderArgs"]


def __dir__() -> list[str]:
    return __all__


@dataclass
class DecoderArgs:
    """The entries of ``config.json`` that the blocks of this package read.

    A model adds its own entries, and other defaults, in a subclass.

    Raises:
        ValueError: If an entry makes no sense. The message names it.

    Example:
        >>> args = DecoderArgs(
        ...     hidden_size=16, num_hidden_layers=1, intermediate_size=32, num_attention_heads=2,
        ...     rms_norm_eps=1e-5, vocab_size=10,
        ... )
        >>> args.num_key_value_heads, args.head_dim, args.context_length
        (2, 8, 2048)
    """

    hidden_size: int
    num_hidden_layers: int
    intermediate_size: int
    num_attention_heads: int
    rms_norm_eps: float
    vocab_size: int
    # 0 stands for what follows from the others: as many as query heads, and their share of the
    # hidden size.
    num_key_value_heads: int = 0
    head_dim: int = 0
    max_position_embeddings: int = 2048
    hidden_act: str = "silu"
    rope_theta: float = 10000.0
    rope_traditional: bool = False
    rope_scaling: dict[str, Any] | None = None
    tie_word_embeddings: bool = False

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> Self:
        """Read a configuration.

        Args:
            config: As ``config.json`` has it; entries that are not needed are ignored.

        Returns:
            The arguments.

        Raises:
            ValueError: If an entry is missing or makes no sense. The message names it.
        """
        return from_config(cls, with_rope_parameters(config))

    def __post_init__(self) -> None:
        self.num_key_value_heads = self.num_key_value_heads or self.num_attention_heads
        check_range("num_hidden_layers", self.num_hidden_layers, high=1000)
        for name in ("hidden_size", "intermediate_size", "vocab_size", "num_attention_heads"):
            check_range(name, getattr(self, name))
        check_range("num_key_value_heads", self.num_key_value_heads)
        self.head_dim = self.head_dim or self.hidden_size // self.num_attention_heads
        check_range("head_dim", self.head_dim)
        if self.num_attention_heads % self.num_key_value_heads:
            raise ValueError(
                f"'num_attention_heads' ({self.num_attention_heads}) in the configuration must "
                f"be a multiple of 'num_key_value_heads' ({self.num_key_value_heads})"
            )
        if self.hidden_act != "silu":
            raise ValueError(f"'hidden_act' {self.hidden_act!r} is not supported; known: silu")
        if self.rms_norm_eps < 0:
            raise ValueError("'rms_norm_eps' in the configuration must not be negative")
        check_range("max_position_embeddings", self.max_position_embeddings)

    @property
    def context_length(self) -> int:
        """The number of positions that the model can tell apart."""
        return context_length(self.max_position_embeddings, self.rope_scaling)
