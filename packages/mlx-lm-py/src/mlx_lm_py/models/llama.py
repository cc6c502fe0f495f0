"""Llama (https://arxiv.org/abs/2407.21783) and the many models of its design."""

from __future__ import annotations

from dataclasses import dataclass

from mlx_lm_utils_py.config import check_range

from .gguf_names import GGUFNames
from .layers import MLP, Attention, CausalLM, DecoderArgs, DecoderLayer

GGUF = GGUFNames(interleaved={"attn_q": "num_attention_heads", "attn_k": "num_key_value_heads"})


@dataclass
class ModelArgs(DecoderArgs):
    """What ``config.json`` says of a Llama or Mistral model."""

    attention_bias: bool = False
    # Qwen models that became Llama ones have biases before attention alone.
    attention_out_bias: bool | None = None
    mlp_bias: bool = False
    sliding_window: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sliding_window is not None:
            check_range("sliding_window", self.sliding_window)

    @property
    def context_length(self) -> int:
        """The number of positions that the model can tell apart, or the window if it is shorter.

        Up to there a window, which some Mistral models have, hides nothing.
        """
        length = super().context_length
        return length if self.sliding_window is None else min(length, self.sliding_window)


class Model(CausalLM):
    """A Llama model with its output layer.

    Args:
        args: The configuration.

    Example:
        >>> args = ModelArgs(
        ...     hidden_size=16, num_hidden_layers=1, intermediate_size=32, num_attention_heads=2,
        ...     rms_norm_eps=1e-5, vocab_size=10,
        ... )
        >>> Model(args)(mx.array([[1, 2, 3]])).shape
        (1, 3, 10)
    """

    def __init__(self, args: ModelArgs) -> None:
        super().__init__(args, [_layer(args) for _ in range(args.num_hidden_layers)])


def _layer(args: ModelArgs) -> DecoderLayer:
    output_bias = (
        args.attention_bias if args.attention_out_bias is None else args.attention_out_bias
    )
    attention = Attention(args, bias=args.attention_bias, output_bias=output_bias)
    return DecoderLayer(
        args, attention, MLP(args.hidden_size, args.intermediate_size, bias=args.mlp_bias)
    )
