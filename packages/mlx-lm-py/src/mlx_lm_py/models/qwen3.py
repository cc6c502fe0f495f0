"""Qwen3 (https://arxiv.org/abs/2505.09388)."""

from __future__ import annotations

from dataclasses import dataclass

from . import qwen2
from .gguf_names import LAYER, QK_NORM, GGUFNames
from .layers import MLP, Attention, CausalLM, DecoderLayer

GGUF = GGUFNames(LAYER | QK_NORM)


@dataclass
class ModelArgs(qwen2.ModelArgs):
    """What ``config.json`` says of a Qwen3 model."""

    head_dim: int = 128
    attention_bias: bool = False


class Model(CausalLM):
    """A Qwen3 model with its output layer.

    Args:
        args: The configuration.

    Example:
        >>> args = ModelArgs(
        ...     hidden_size=16, num_hidden_layers=1, intermediate_size=32, num_attention_heads=2,
        ...     num_key_value_heads=1, head_dim=8, rms_norm_eps=1e-6, vocab_size=10,
        ... )
        >>> Model(args)(mx.array([[1, 2, 3]])).shape
        (1, 3, 10)
    """

    def __init__(self, args: ModelArgs) -> None:
        super().__init__(args, [_layer(args) for _ in range(args.num_hidden_layers)])


def _layer(args: ModelArgs) -> DecoderLayer:
    bias = args.attention_bias
    attention = Attention(args, bias=bias, output_bias=bias, qk_norm=True)
    return DecoderLayer(args, attention, MLP(args.hidden_size, args.intermediate_size))
