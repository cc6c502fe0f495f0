"""Qwen2 and Qwen2.5 (https://arxiv.org/abs/2412.15115)."""

from __future__ import annotations

from dataclasses import dataclass

from .gguf_names import GGUFNames
from .layers import MLP, Attention, CausalLM, DecoderArgs, DecoderLayer

GGUF = GGUFNames()


@dataclass
class ModelArgs(DecoderArgs):
    """What ``config.json`` says of a Qwen2 model."""

    max_position_embeddings: int = 32768
    use_sliding_window: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.use_sliding_window:
            raise ValueError("'use_sliding_window' in the configuration is not supported")


class Model(CausalLM):
    """A Qwen2 model with its output layer.

    Args:
        args: The configuration.

    Example:
        >>> args = ModelArgs(
        ...     hidden_size=16, num_hidden_layers=1, intermediate_size=32, num_attention_heads=2,
        ...     rms_norm_eps=1e-6, vocab_size=10,
        ... )
        >>> Model(args)(mx.array([[1, 2, 3]])).shape
        (1, 3, 10)
    """

    def __init__(self, args: ModelArgs) -> None:
        super().__init__(args, [_layer(args) for _ in range(args.num_hidden_layers)])


def _layer(args: ModelArgs) -> DecoderLayer:
    attention = Attention(args, bias=True)
    return DecoderLayer(args, attention, MLP(args.hidden_size, args.intermediate_size))
