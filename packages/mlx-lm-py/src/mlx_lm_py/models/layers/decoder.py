"""The way from tokens to logits through a stack of layers."""

from __future__ import annotations

from collections.abc import Sequence

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_lm_utils_py import create_attention_mask

from mlx_lm_py.cache import Cache

from .args import DecoderArgs
from .attention import Mask

__all__ = ["CausalLM", "Decoder", "DecoderLayer"]


def __dir__() -> list[str]:
    return __all__


class DecoderLayer(nn.Module):
    """Attention and feed-forward layer, each on normalized input and added to it.

    Args:
        args: The configuration.
        attention: Called as ``attention(x, mask, cache, last_only=last_only)``.
        mlp: Called as ``mlp(x)``.
    """

    def __init__(self, args: DecoderArgs, attention: nn.Module, mlp: nn.Module) -> None:
        super().__init__()
        self.self_attn = attention
        self.mlp = mlp
        self.input_layernorm: nn.RMSNorm = nn.RMSNorm(args.hidden_size, eps=args.rms_norm_eps)
        self.post_attention_layernorm: nn.RMSNorm = nn.RMSNorm(
            args.hidden_size, eps=args.rms_norm_eps
        )

    def __call__(
        self,
        x: mx.array,
        mask: Mask = None,
        cache: Cache | None = None,
        *,
        last_only: bool = False,
    ) -> mx.array:
        """Transform ``x`` of shape ``(batch, length, hidden_size)``.

        If ``last_only``, only what becomes of the last position is computed and returned.
        """
        attended = self.self_attn(self.input_layernorm(x), mask, cache, last_only=last_only)
        h: mx.array = (x[:, -1:] if last_only else x) + attended
        transformed: mx.array = self.mlp(self.post_attention_layernorm(h))
        return h + transformed


class Decoder(nn.Module):
    """The layers, from tokens to normalized hidden states.

    Args:
        args: The configuration.
        layers: The layers, called as `DecoderLayer` is.
    """

    def __init__(self, args: DecoderArgs, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.embed_tokens: nn.Embedding = nn.Embedding(args.vocab_size, args.hidden_size)
        self.layers: list[nn.Module] = list(layers)
        self.norm: nn.RMSNorm = nn.RMSNorm(args.hidden_size, eps=args.rms_norm_eps)

    def __call__(
        self, tokens: mx.array, cache: Sequence[Cache] | None = None, *, last_only: bool = False
    ) -> mx.array:
        """Return hidden states of shape ``(batch, length, hidden_size)``.

        If ``last_only``, those of the last position, as if the length were 1.
        """
        h = self.embed_tokens(tokens)
        # Without a window the mask is the same whatever the caches hold.
        mask = create_attention_mask(h)
        for i, layer in enumerate(self.layers):
            # Nothing but keys and values of the last layer depends on the other positions.
            is_last = i == len(self.layers) - 1
            h = layer(h, mask, cache[i] if cache else None, last_only=last_only and is_last)
        return self.norm(h)


class CausalLM(nn.Module):
    """A decoder with its output layer, which predicts tokens.

    Args:
        args: The configuration.
        layers: The layers, called as `DecoderLayer` is.
    """

    def __init__(self, args: DecoderArgs, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.args = args
        self.model: Decoder = Decoder(args, layers)
        if not args.tie_word_embeddings:
            self.lm_head: nn.Linear = nn.Linear(args.hidden_size, args.vocab_size, bias=False)

    def __call__(
        self, tokens: mx.array, cache: Sequence[Cache] | None = None, *, last_only: bool = False
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
    def layers(self) -> list[nn.Module]:
        """The layers."""
        return self.model.layers

    def sanitize(self, weights: dict[str, mx.array]) -> dict[str, mx.array]:
        """Leave out what checkpoints hold beyond the parameters.

        Args:
            weights: The weights of a checkpoint by name.

        Returns:
            Those that the model has parameters for.
        """
        # Old checkpoints store what RoPE derives from its base, and a tied output layer twice.
        return {
            name: value
            for name, value in weights.items()
            if not name.endswith("rotary_emb.inv_freq")
            and not (self.args.tie_word_embeddings and name.startswith("lm_head."))
        }
