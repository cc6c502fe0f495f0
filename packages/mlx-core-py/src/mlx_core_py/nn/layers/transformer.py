"""Attention and the Transformer.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_last_axis, positive
from mlx_core_py.nn.layers.activations import relu
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.nn.layers.dropout import Dropout
from mlx_core_py.nn.layers.linear import Linear
from mlx_core_py.nn.layers.normalization import LayerNorm
from mlx_core_py.nn.utils import checkpoint as checkpointed

__all__ = [
    "MultiHeadAttention",
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]


def __dir__() -> list[str]:
    return __all__


class MultiHeadAttention(Module):
    """Attention of several heads between projected queries, keys and values [1].

    The projections ``query_proj``, ``key_proj``, ``value_proj`` and ``out_proj`` are layers
    :class:`Linear`.

    [1]: https://arxiv.org/abs/1706.03762

    Args:
        dims: The size of the projected queries and keys, and where nothing else is said of the
            inputs, the values and the output.
        num_heads: The number of heads, a divisor of ``dims`` and ``value_dims``.
        query_input_dims: The size of the queries. Default: ``dims``.
        key_input_dims: The size of the keys. Default: ``dims``.
        value_input_dims: The size of the values. Default: ``key_input_dims``.
        value_dims: The size of the projected values. Default: ``dims``.
        value_output_dims: The size of the output. Default: ``dims``.
        bias: Whether the projections add a bias. Default: ``False``.

    Shape:
        Queries ``(N, L, query_input_dims)``, keys ``(N, S, key_input_dims)`` and values ``(N, S,
        value_input_dims)`` to ``(N, L, value_output_dims)``. A ``mask``, which is added to the
        scores, or a boolean one that says which keys a query sees, broadcasts to ``(N, num_heads,
        L, S)``; ``"causal"`` is one with which a query sees no key after it. A query that sees no
        key has zeros in place of values.

    Raises:
        TypeError: If a size is not an integer, or an input no array.
        ValueError: If a size is less than one, ``num_heads`` does not divide ``dims`` and
            ``value_dims``, or an input has another shape.

    Example:
        >>> layer = nn.MultiHeadAttention(8, 2)
        >>> x = mx.zeros((1, 5, 8))
        >>> layer(x, x, x, layer.create_additive_causal_mask(5)).shape
        (1, 5, 8)
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        query_input_dims: int | None = None,
        key_input_dims: int | None = None,
        value_input_dims: int | None = None,
        value_dims: int | None = None,
        value_output_dims: int | None = None,
        bias: bool = False,
    ) -> None:
        positive(dims=dims, num_heads=num_heads)
        query_input_dims = dims if query_input_dims is None else query_input_dims
        key_input_dims = dims if key_input_dims is None else key_input_dims
        value_input_dims = key_input_dims if value_input_dims is None else value_input_dims
        value_dims = dims if value_dims is None else value_dims
        value_output_dims = dims if value_output_dims is None else value_output_dims
        positive(
            query_input_dims=query_input_dims,
            key_input_dims=key_input_dims,
            value_input_dims=value_input_dims,
            value_dims=value_dims,
            value_output_dims=value_output_dims,
        )
        for name, size in (("dims", dims), ("value_dims", value_dims)):
            if size % num_heads:
                raise ValueError(f"num_heads must be a divisor of {name}, {size}, not {num_heads}")
        super().__init__()
        self.num_heads = num_heads
        self.query_proj: Linear = Linear(query_input_dims, dims, bias=bias)
        self.key_proj: Linear = Linear(key_input_dims, dims, bias=bias)
        self.value_proj: Linear = Linear(value_input_dims, value_dims, bias=bias)
        self.out_proj: Linear = Linear(value_dims, value_output_dims, bias=bias)

    def __call__(
        self,
        queries: mx.array,
        keys: mx.array,
        values: mx.array,
        mask: mx.array | str | None = None,
    ) -> mx.array:
        heads = []
        for name, x, projection in (
            ("queries", queries, self.query_proj),
            ("keys", keys, self.key_proj),
            ("values", values, self.value_proj),
        ):
            # A quantized projection has other weights, and finds out by itself.
            if isinstance(projection, Linear):
                check_last_axis(x, projection.weight.shape[1], name)
            y = projection(x)
            heads.append(mx.unflatten(y, -1, (self.num_heads, -1)).swapaxes(-2, -3))
        q, k, v = heads
        if k.shape[-2] != v.shape[-2]:
            raise ValueError(
                f"values must have as many positions as keys, {k.shape[-2]}, "
                f"but has the shape {values.shape}"
            )
        if isinstance(mask, mx.array) and mask.dtype != mx.bool_:
            mask = mask.astype(q.dtype)
        y = mx.fast.scaled_dot_product_attention(
            q, k, v, scale=math.sqrt(1 / q.shape[-1]), mask=mask
        )
        return self.out_proj(mx.flatten(y.swapaxes(-2, -3), -2))

    @staticmethod
    def create_additive_causal_mask(N: int, dtype: mx.Dtype = mx.float32) -> mx.array:  # noqa: N803
        """Return a mask with which a query sees no key after it.

        Args:
            N: The number of queries and keys.
            dtype: The data type, a floating-point one. Default: ``float32``.

        Returns:
            Array of shape ``(N, N)``: 0 for a key that the query sees, the least finite number of
            ``dtype`` for others.

        Raises:
            TypeError: If ``N`` is not an integer.
            ValueError: If ``N`` is less than one.

        Example:
            >>> nn.MultiHeadAttention.create_additive_causal_mask(2, mx.float16)
            array([[0, -65504],
                   [0, 0]], dtype=float16)
        """
        positive(N=N)
        positions = mx.arange(N)
        hidden = positions[:, None] < positions[None]
        return mx.where(hidden, mx.array(mx.finfo(dtype).min, dtype), mx.array(0, dtype))


class TransformerEncoderLayer(Module):
    """One layer of a :class:`TransformerEncoder`: attention and a perceptron, each added [1].

    [1]: https://arxiv.org/abs/1706.03762

    Args:
        dims: The size of the last axis.
        num_heads: The number of heads, a divisor of ``dims``.
        mlp_dims: The size inside the perceptron. Default: ``4 * dims``.
        dropout: The probability that an element after the attention, or inside the perceptron, is
            set to zero while training. Default: ``0.0``.
        activation: The function between the two layers of the perceptron. Default: :func:`relu`.
        norm_first: Whether to normalize the input of each part rather than the sum after it.
            Default: ``True``.

    Shape:
        ``(N, L, dims)``, and a mask as of :class:`MultiHeadAttention`, to ``(N, L, dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range, or ``dropout`` is not at least 0 and less than 1.

    Example:
        >>> nn.TransformerEncoderLayer(8, 2)(mx.zeros((1, 5, 8)), None).shape
        (1, 5, 8)
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        norm_first: bool = True,
    ) -> None:
        positive(dims=dims)
        mlp_dims = 4 * dims if mlp_dims is None else mlp_dims
        super().__init__()
        self.attention: MultiHeadAttention = MultiHeadAttention(dims, num_heads)
        self.ln1: LayerNorm = LayerNorm(dims)
        self.ln2: LayerNorm = LayerNorm(dims)
        self.linear1: Linear = Linear(dims, mlp_dims)
        self.linear2: Linear = Linear(mlp_dims, dims)
        self.dropout1: Dropout = Dropout(dropout)
        self.dropout2: Dropout = Dropout(dropout)
        self.activation = activation
        self.norm_first = norm_first

    def __call__(self, x: mx.array, mask: mx.array | str | None = None) -> mx.array:
        def attend(x: mx.array) -> mx.array:
            return self.dropout1(self.attention(x, x, x, mask))

        def perceptron(x: mx.array) -> mx.array:
            return self.linear2(self.dropout2(self.activation(self.linear1(x))))

        x = _add(x, attend, self.ln1, self.norm_first)
        return _add(x, perceptron, self.ln2, self.norm_first)


class TransformerEncoder(Module):
    """Layers that attend to their own input, and a normalization.

    Args:
        num_layers: How many layers there are.
        dims: The size of the last axis.
        num_heads: The number of heads, a divisor of ``dims``.
        mlp_dims: The size inside the perceptrons. Default: ``4 * dims``.
        dropout: The probability that an element is set to zero while training. Default: ``0.0``.
        activation: The function inside the perceptrons. Default: :func:`relu`.
        norm_first: Whether to normalize the input of each part rather than the sum after it.
            Default: ``True``.
        checkpoint: Whether gradients compute each layer again, rather than keep what is inside.
            Default: ``False``.

    Shape:
        ``(N, L, dims)``, and a mask as of :class:`MultiHeadAttention`, to ``(N, L, dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range, or ``dropout`` is not at least 0 and less than 1.

    Example:
        >>> nn.TransformerEncoder(2, 8, 2)(mx.zeros((1, 5, 8)), None).shape
        (1, 5, 8)
    """

    def __init__(
        self,
        num_layers: int,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        norm_first: bool = True,
        checkpoint: bool = False,
    ) -> None:
        positive(num_layers=num_layers)
        super().__init__()
        self.layers: list[TransformerEncoderLayer] = [
            TransformerEncoderLayer(dims, num_heads, mlp_dims, dropout, activation, norm_first)
            for _ in range(num_layers)
        ]
        self.ln: LayerNorm = LayerNorm(dims)
        self.checkpoint = checkpoint

    def __call__(self, x: mx.array, mask: mx.array | str | None = None) -> mx.array:
        for layer in self.layers:
            call = checkpointed(layer) if self.checkpoint else layer
            x = call(x, mask)
        return self.ln(x)


class TransformerDecoderLayer(Module):
    """One layer of a :class:`TransformerDecoder` [1].

    It attends to its own input, then to that of the encoder, and ends with a perceptron; what
    each gives is added.

    [1]: https://arxiv.org/abs/1706.03762

    Args:
        dims: The size of the last axis.
        num_heads: The number of heads, a divisor of ``dims``.
        mlp_dims: The size inside the perceptron. Default: ``4 * dims``.
        dropout: The probability that an element after an attention, or inside the perceptron, is
            set to zero while training. Default: ``0.0``.
        activation: The function between the two layers of the perceptron. Default: :func:`relu`.
        norm_first: Whether to normalize the input of each part rather than the sum after it.
            Default: ``True``.

    Shape:
        ``(N, L, dims)``, the output of the encoder ``(N, S, dims)``, and masks as of
        :class:`MultiHeadAttention` for each, to ``(N, L, dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range, or ``dropout`` is not at least 0 and less than 1.

    Example:
        >>> layer = nn.TransformerDecoderLayer(8, 2)
        >>> layer(mx.zeros((1, 5, 8)), mx.zeros((1, 7, 8)), None, None).shape
        (1, 5, 8)
    """

    def __init__(
        self,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        norm_first: bool = True,
    ) -> None:
        positive(dims=dims)
        mlp_dims = 4 * dims if mlp_dims is None else mlp_dims
        super().__init__()
        self.self_attention: MultiHeadAttention = MultiHeadAttention(dims, num_heads)
        self.cross_attention: MultiHeadAttention = MultiHeadAttention(dims, num_heads)
        self.ln1: LayerNorm = LayerNorm(dims)
        self.ln2: LayerNorm = LayerNorm(dims)
        self.ln3: LayerNorm = LayerNorm(dims)
        self.linear1: Linear = Linear(dims, mlp_dims)
        self.linear2: Linear = Linear(mlp_dims, dims)
        self.dropout1: Dropout = Dropout(dropout)
        self.dropout2: Dropout = Dropout(dropout)
        self.dropout3: Dropout = Dropout(dropout)
        self.activation = activation
        self.norm_first = norm_first

    def __call__(
        self,
        x: mx.array,
        memory: mx.array,
        x_mask: mx.array | str | None = None,
        memory_mask: mx.array | str | None = None,
    ) -> mx.array:
        def attend(x: mx.array) -> mx.array:
            return self.dropout1(self.self_attention(x, x, x, x_mask))

        def attend_to_memory(x: mx.array) -> mx.array:
            return self.dropout2(self.cross_attention(x, memory, memory, memory_mask))

        def perceptron(x: mx.array) -> mx.array:
            return self.linear2(self.dropout3(self.activation(self.linear1(x))))

        x = _add(x, attend, self.ln1, self.norm_first)
        x = _add(x, attend_to_memory, self.ln2, self.norm_first)
        return _add(x, perceptron, self.ln3, self.norm_first)


class TransformerDecoder(Module):
    """Layers that attend to their own input and to an encoder's output, and a normalization.

    Args:
        num_layers: How many layers there are.
        dims: The size of the last axis.
        num_heads: The number of heads, a divisor of ``dims``.
        mlp_dims: The size inside the perceptrons. Default: ``4 * dims``.
        dropout: The probability that an element is set to zero while training. Default: ``0.0``.
        activation: The function inside the perceptrons. Default: :func:`relu`.
        norm_first: Whether to normalize the input of each part rather than the sum after it.
            Default: ``True``.
        checkpoint: Whether gradients compute each layer again, rather than keep what is inside.
            Default: ``False``.

    Shape:
        ``(N, L, dims)``, the output of the encoder ``(N, S, dims)``, and masks as of
        :class:`MultiHeadAttention` for each, to ``(N, L, dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range, or ``dropout`` is not at least 0 and less than 1.

    Example:
        >>> decoder = nn.TransformerDecoder(2, 8, 2)
        >>> decoder(mx.zeros((1, 5, 8)), mx.zeros((1, 7, 8)), None, None).shape
        (1, 5, 8)
    """

    def __init__(
        self,
        num_layers: int,
        dims: int,
        num_heads: int,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        norm_first: bool = True,
        checkpoint: bool = False,
    ) -> None:
        positive(num_layers=num_layers)
        super().__init__()
        self.layers: list[TransformerDecoderLayer] = [
            TransformerDecoderLayer(dims, num_heads, mlp_dims, dropout, activation, norm_first)
            for _ in range(num_layers)
        ]
        self.ln: LayerNorm = LayerNorm(dims)
        self.checkpoint = checkpoint

    def __call__(
        self,
        x: mx.array,
        memory: mx.array,
        x_mask: mx.array | str | None = None,
        memory_mask: mx.array | str | None = None,
    ) -> mx.array:
        for layer in self.layers:
            call = checkpointed(layer) if self.checkpoint else layer
            x = call(x, memory, x_mask, memory_mask)
        return self.ln(x)


class Transformer(Module):
    """An encoder, and a decoder that attends to its output [1].

    [1]: https://arxiv.org/abs/1706.03762

    Args:
        dims: The size of the last axis of all inputs. Default: ``512``.
        num_heads: The number of heads, a divisor of ``dims``. Default: ``8``.
        num_encoder_layers: How many layers the encoder has. Default: ``6``.
        num_decoder_layers: How many layers the decoder has. Default: ``6``.
        mlp_dims: The size inside the perceptrons. Default: ``4 * dims``.
        dropout: The probability that an element is set to zero while training. Default: ``0.0``.
        activation: The function inside the perceptrons. Default: :func:`relu`.
        custom_encoder: What to use in place of a :class:`TransformerEncoder`. Default: ``None``.
        custom_decoder: What to use in place of a :class:`TransformerDecoder`. Default: ``None``.
        norm_first: Whether to normalize the input of each part rather than the sum after it.
            Default: ``True``.
        checkpoint: Whether gradients compute each layer again, rather than keep what is inside.
            Default: ``False``.

    Shape:
        ``src`` of shape ``(N, S, dims)``, ``tgt`` of shape ``(N, L, dims)``, and masks as of
        :class:`MultiHeadAttention`, to ``(N, L, dims)``.

    Raises:
        TypeError: If a size is not an integer.
        ValueError: If a size is out of range, or ``dropout`` is not at least 0 and less than 1.

    Example:
        >>> model = nn.Transformer(8, 2, 1, 1)
        >>> model(mx.zeros((1, 7, 8)), mx.zeros((1, 5, 8)), None, None, None).shape
        (1, 5, 8)
    """

    def __init__(
        self,
        dims: int = 512,
        num_heads: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        mlp_dims: int | None = None,
        dropout: float = 0.0,
        activation: Callable[[Any], Any] = relu,
        custom_encoder: Any | None = None,
        custom_decoder: Any | None = None,
        norm_first: bool = True,
        checkpoint: bool = False,
    ) -> None:
        super().__init__()
        options = (dims, num_heads, mlp_dims, dropout, activation, norm_first, checkpoint)
        self.encoder: Any = (
            TransformerEncoder(num_encoder_layers, *options)
            if custom_encoder is None
            else custom_encoder
        )
        self.decoder: Any = (
            TransformerDecoder(num_decoder_layers, *options)
            if custom_decoder is None
            else custom_decoder
        )

    def __call__(
        self,
        src: mx.array,
        tgt: mx.array,
        src_mask: mx.array | str | None = None,
        tgt_mask: mx.array | str | None = None,
        memory_mask: mx.array | str | None = None,
    ) -> mx.array:
        memory = self.encoder(src, src_mask)
        result: mx.array = self.decoder(tgt, memory, tgt_mask, memory_mask)
        return result


def _add(
    x: mx.array, part: Callable[[mx.array], mx.array], norm: LayerNorm, norm_first: bool
) -> mx.array:
    """Add to ``x`` what a part of a layer makes of it."""
    return x + part(norm(x)) if norm_first else norm(x + part(x))
