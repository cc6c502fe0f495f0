"""Qwen3 (https://arxiv.org/abs/2505.09388)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_lm_utils_py import context_length, create_attention_mask, initialize_rope
from mlx_lm_utils_py.config import check_range, from_config, with_rope_parameters

from mlx_lm_py.cache import KVCache
from mlx_lm_py.models.heads import join_heads, split_heads

Mask: TypeAlias = mx.array | Literal["causal"] | None


@dataclass
class ModelArgs:
    """What ``config.json`` says of a Qwen3 model."""

    hidden_size: int
    num_hidden_layers: int
    intermediate_size: int
    num_attention_heads: int
    rms_norm_eps: float
    vocab_size: int
    num_key_value_heads: int
    head_dim: int = 128
    max_position_embeddings: int = 32768
    hidden_act: str = "silu"
    attention_bias: bool = False
    rope_theta: float = 10000.0
    rope_scaling: dict[str, Any] | None = None
    use_sliding_window: bool = False
    tie_word_embeddings: bool = False

    @classmethod
    def from_dict(cls, config: Mapping[str, Any]) -> ModelArgs:
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
        check_range("num_hidden_layers", self.num_hidden_layers, high=1000)
        for name in (
            "hidden_size",
            "intermediate_size",
            "vocab_size",
            "num_attention_heads",
            "num_key_value_heads",
            "head_dim",
        ):
            check_range(name, getattr(self, name))
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
        if self.use_sliding_window:
            raise ValueError("'use_sliding_window' in the configuration is not supported")

    @property
    def context_length(self) -> int:
        """The number of positions that the model can tell apart."""
        return context_length(self.max_position_embeddings, self.rope_scaling)


class Attention(nn.Module):
    """Grouped-query attention with rotary positions, on normalized queries and keys."""

    def __init__(self, args: ModelArgs) -> None:
        super().__init__()
        self.n_heads = args.num_attention_heads
        self.n_kv_heads = args.num_key_value_heads
        self.scale = args.head_dim**-0.5
        dim, bias = args.hidden_size, args.attention_bias
        self.q_proj = nn.Linear(dim, self.n_heads * args.head_dim, bias=bias)
        self.k_proj = nn.Linear(dim, self.n_kv_heads * args.head_dim, bias=bias)
        self.v_proj = nn.Linear(dim, self.n_kv_heads * args.head_dim, bias=bias)
        self.o_proj = nn.Linear(self.n_heads * args.head_dim, dim, bias=bias)
        self.q_norm = nn.RMSNorm(args.head_dim, eps=args.rms_norm_eps)
        self.k_norm = nn.RMSNorm(args.head_dim, eps=args.rms_norm_eps)
        self.rope = initialize_rope(
            args.head_dim,
            args.rope_theta,
            scaling_config=args.rope_scaling,
            max_position_embeddings=args.max_position_embeddings,
        )

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: KVCache | None = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Attend within ``x`` of shape ``(batch, length, hidden_size)`` and to the cache.

        If ``last_only``, the last position alone attends.
        """
        asking = x[:, -1:] if last_only else x
        if last_only and isinstance(mask, mx.array):
            mask = mask[..., -1:, :]
        queries = self.q_norm(split_heads(self.q_proj(asking), self.n_heads))
        keys = self.k_norm(split_heads(self.k_proj(x), self.n_kv_heads))
        values = split_heads(self.v_proj(x), self.n_kv_heads)
        offset = cache.offset if cache is not None else 0
        queries = self.rope(queries, offset=offset + keys.shape[2] - queries.shape[2])
        keys = self.rope(keys, offset=offset)
        if cache is not None:
            keys, values = cache.update_and_fetch(keys, values)
        output = mx.fast.scaled_dot_product_attention(
            queries, keys, values, scale=self.scale, mask=mask
        )
        return self.o_proj(join_heads(output))


class MLP(nn.Module):
    """Feed-forward layer gated by SiLU."""

    def __init__(self, args: ModelArgs) -> None:
        super().__init__()
        dim, hidden = args.hidden_size, args.intermediate_size
        self.gate_proj = nn.Linear(dim, hidden, bias=False)
        self.up_proj = nn.Linear(dim, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, dim, bias=False)

    def __call__(self, x: mx.array) -> mx.array:
        """Transform ``x`` of shape ``(..., hidden_size)``."""
        return self.down_proj(nn.silu(self.gate_proj(x)) * self.up_proj(x))


class TransformerBlock(nn.Module):
    """Attention and feed-forward layer, each on normalized input and added to it."""

    def __init__(self, args: ModelArgs) -> None:
        super().__init__()
        self.self_attn = Attention(args)
        self.mlp = MLP(args)
        self.input_layernorm = nn.RMSNorm(args.hidden_size, eps=args.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(args.hidden_size, eps=args.rms_norm_eps)

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: KVCache | None = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Transform ``x`` of shape ``(batch, length, hidden_size)``.

        If ``last_only``, only what becomes of the last position is computed and returned.
        """
        attended = self.self_attn(self.input_layernorm(x), mask, cache, last_only=last_only)
        h = (x[:, -1:] if last_only else x) + attended
        return h + self.mlp(self.post_attention_layernorm(h))


class Qwen3Model(nn.Module):
    """The layers, from tokens to normalized hidden states."""

    def __init__(self, args: ModelArgs) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(args.vocab_size, args.hidden_size)
        self.layers = [TransformerBlock(args) for _ in range(args.num_hidden_layers)]
        self.norm = nn.RMSNorm(args.hidden_size, eps=args.rms_norm_eps)

    def __call__(
        self, tokens: mx.array, cache: Sequence[KVCache] | None = None, *, last_only: bool = False
    ) -> mx.array:
        """Return hidden states of shape ``(batch, length, hidden_size)``.

        If ``last_only``, those of the last position, as if the length were 1.
        """
        h = self.embed_tokens(tokens)
        mask = create_attention_mask(h, cache[0] if cache else None)
        for i, layer in enumerate(self.layers):
            # Nothing but keys and values of the last layer depends on the other positions.
            is_last = i == len(self.layers) - 1
            h = layer(h, mask, cache[i] if cache else None, last_only=last_only and is_last)
        return self.norm(h)


class Model(nn.Module):
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
        super().__init__()
        self.args = args
        self.model = Qwen3Model(args)
        if not args.tie_word_embeddings:
            self.lm_head = nn.Linear(args.hidden_size, args.vocab_size, bias=False)

    def __call__(
        self, tokens: mx.array, cache: Sequence[KVCache] | None = None, *, last_only: bool = False
    ) -> mx.array:
        """Predict the token after each of the given ones.

        Args:
            tokens: Integers of shape ``(batch, length)``.
            cache: As `make_prompt_cache` gives it; it takes in the tokens. Default: ``None``.
            last_only: Whether to predict after the last token only, which saves the output layer
                and most of the last layer for the others. Default: ``False``.

        Returns:
            Logits of shape ``(batch, length, vocab_size)``, or ``(batch, 1, vocab_size)``.

        Raises:
            ValueError: If ``tokens`` is of another shape, or empty.
        """
        if tokens.ndim != 2 or tokens.size == 0:
            raise ValueError(f"tokens must be of shape (batch, length), not {tokens.shape}")
        h = self.model(tokens, cache, last_only=last_only)
        if self.args.tie_word_embeddings:
            return self.model.embed_tokens.as_linear(h)
        return self.lm_head(h)

    @property
    def layers(self) -> list[TransformerBlock]:
        """The layers."""
        return self.model.layers

    def sanitize(self, weights: dict[str, mx.array]) -> dict[str, mx.array]:
        """Leave out what checkpoints hold beyond the parameters.

        Args:
            weights: The weights of a checkpoint by name.

        Returns:
            Those that the model has parameters for.
        """
        # Some checkpoints store a tied output layer twice.
        return {
            name: value
            for name, value in weights.items()
            if not (self.args.tie_word_embeddings and name.startswith("lm_head."))
        }
