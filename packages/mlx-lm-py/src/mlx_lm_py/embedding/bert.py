"""BERT (https://arxiv.org/abs/1810.04805), RoBERTa and XLM-RoBERTa: encoders of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_lm_utils_py.config import check_range

from mlx_lm_py.models.config import Config

__all__ = ["Bert", "BertSizes"]


def __dir__() -> list[str]:
    return __all__


_ACTIVATIONS: dict[str, Callable[[mx.array], mx.array]] = {
    "gelu": nn.gelu,
    "gelu_new": nn.gelu_approx,
    "gelu_pytorch_tanh": nn.gelu_approx,
    "relu": nn.relu,
    "silu": nn.silu,
}
_TYPES = ("bert", "roberta", "xlm-roberta", "camembert")


@dataclass(frozen=True)
class BertSizes:
    """What an encoder is like.

    Attributes:
        vocab_size: The number of tokens.
        width: The number of features.
        hidden: The number of features within a feed-forward layer.
        depth: The number of layers.
        heads: The number of heads.
        positions: The number of positions that have an embedding.
        first_position: The one of the first token; RoBERTa leaves some out.
        types: The number of kinds of tokens.
        eps: Of the norms.
        act: The activation.
    """

    vocab_size: int
    width: int
    hidden: int
    depth: int
    heads: int
    positions: int
    first_position: int
    types: int
    eps: float
    act: str

    @classmethod
    def from_config(cls, values: Mapping[str, Any]) -> BertSizes:
        """Read a configuration.

        Args:
            values: As ``config.json`` has it.

        Returns:
            What the encoder is like.

        Raises:
            ValueError: If it is of another kind, or an entry is missing or makes no sense.
        """
        kind = values.get("model_type")
        if kind not in _TYPES:
            raise ValueError(f"an encoder of type {kind!r} is not supported; {_TYPES} are")
        c = Config(values)
        positions = c("position_embedding_type", "absolute")
        if positions != "absolute":
            raise ValueError(f"positions of type {positions!r} are not supported")
        types = c("type_vocab_size", 2)
        check_range("type_vocab_size", types)
        sizes = cls(
            vocab_size=c.vocab_size,
            width=c.width,
            hidden=c.hidden,
            depth=c.depth,
            heads=c.heads,
            positions=c.context,
            first_position=0 if kind == "bert" else c("pad_token_id", 1) + 1,
            types=types,
            eps=c("layer_norm_eps", 1e-12),
            act=c("hidden_act", "gelu"),
        )
        if sizes.act not in _ACTIVATIONS:
            raise ValueError(f"'hidden_act' must be one of {', '.join(_ACTIVATIONS)}")
        if sizes.width % sizes.heads or not 0 <= sizes.first_position < sizes.positions:
            raise ValueError("the sizes in the configuration do not fit each other")
        return sizes

    @property
    def length(self) -> int:
        """The number of tokens that a text may have."""
        return self.positions - self.first_position


class _Embeddings(nn.Module):
    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.word_embeddings: nn.Embedding = nn.Embedding(sizes.vocab_size, sizes.width)
        self.position_embeddings: nn.Embedding = nn.Embedding(sizes.positions, sizes.width)
        self.token_type_embeddings: nn.Embedding = nn.Embedding(sizes.types, sizes.width)
        self.LayerNorm: nn.LayerNorm = nn.LayerNorm(sizes.width, sizes.eps)
        self.first: int = sizes.first_position

    def __call__(self, tokens: mx.array) -> mx.array:
        positions = mx.arange(self.first, self.first + tokens.shape[1])
        # All tokens are of the first kind, as those of a text alone are.
        x = self.word_embeddings(tokens) + self.position_embeddings(positions)
        normalized: mx.array = self.LayerNorm(x + self.token_type_embeddings.weight[0])
        return normalized


class _SelfAttention(nn.Module):
    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.query: nn.Linear = nn.Linear(sizes.width, sizes.width)
        self.key: nn.Linear = nn.Linear(sizes.width, sizes.width)
        self.value: nn.Linear = nn.Linear(sizes.width, sizes.width)
        self.heads: int = sizes.heads

    def __call__(self, x: mx.array, mask: mx.array) -> mx.array:
        batch, length, width = x.shape
        q, k, v = (
            layer(x).reshape(batch, length, self.heads, -1).swapaxes(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        scale = (width // self.heads) ** -0.5
        y = mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask=mask)
        return y.swapaxes(1, 2).reshape(batch, length, width)


class _Output(nn.Module):
    """A projection, added to what it began with."""

    def __init__(self, input_dims: int, sizes: BertSizes) -> None:
        super().__init__()
        self.dense: nn.Linear = nn.Linear(input_dims, sizes.width)
        self.LayerNorm: nn.LayerNorm = nn.LayerNorm(sizes.width, sizes.eps)

    def __call__(self, y: mx.array, x: mx.array) -> mx.array:
        normalized: mx.array = self.LayerNorm(self.dense(y) + x)
        return normalized


class _Layer(nn.Module):
    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        # The names of checkpoints, one of which Python keeps for itself.
        self.attention: dict[str, nn.Module] = {
            "self": _SelfAttention(sizes),
            "output": _Output(sizes.width, sizes),
        }
        self.intermediate: dict[str, nn.Module] = {"dense": nn.Linear(sizes.width, sizes.hidden)}
        self.output: _Output = _Output(sizes.hidden, sizes)
        self.act: Callable[[mx.array], mx.array] = _ACTIVATIONS[sizes.act]

    def __call__(self, x: mx.array, mask: mx.array) -> mx.array:
        x = self.attention["output"](self.attention["self"](x, mask), x)
        return self.output(self.act(self.intermediate["dense"](x)), x)


class Bert(nn.Module):
    """An encoder, whose parameters have the names of checkpoints.

    Args:
        sizes: What it is like.

    Example:
        >>> model = Bert(BertSizes(10, 8, 16, 1, 2, 32, 0, 2, 1e-12, "gelu"))
        >>> model(mx.array([[1, 2, 3]])).shape
        (1, 3, 8)
    """

    def __init__(self, sizes: BertSizes) -> None:
        super().__init__()
        self.sizes: BertSizes = sizes
        self.embeddings: _Embeddings = _Embeddings(sizes)
        self.encoder: dict[str, list[_Layer]] = {
            "layer": [_Layer(sizes) for _ in range(sizes.depth)]
        }

    def __call__(self, tokens: mx.array, lengths: mx.array | None = None) -> mx.array:
        """Encode tokens.

        Args:
            tokens: Integers of shape ``(batch, length)``.
            lengths: How many of each row are there; the others fill it up. Default: ``None``, all.

        Returns:
            Features of shape ``(batch, length, width)``; those of tokens that fill up mean nothing.
        """
        batch, length = tokens.shape
        if lengths is None:
            lengths = mx.full((batch,), length)
        mask = (mx.arange(length) < lengths[:, None])[:, None, None, :]
        x = self.embeddings(tokens)
        for layer in self.encoder["layer"]:
            x = layer(x, mask)
        return x

    def sanitize(self, weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
        """Make the weights of a checkpoint those of the model.

        Args:
            weights: The weights of a checkpoint by name.

        Returns:
            Those of the encoder, without what was for training alone.
        """
        kept = {}
        for name, value in weights.items():
            # Within a model for a task it has a name of its own.
            for prefix in ("bert.", "roberta."):
                name = name.removeprefix(prefix)
            # The oldest checkpoints have TensorFlow's names.
            name = name.replace("LayerNorm.gamma", "LayerNorm.weight")
            name = name.replace("LayerNorm.beta", "LayerNorm.bias")
            if name.startswith(("embeddings.", "encoder.")) and not name.endswith("position_ids"):
                kept[name] = value
        return kept
