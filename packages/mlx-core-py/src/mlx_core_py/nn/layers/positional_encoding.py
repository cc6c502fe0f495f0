"""Encodings of positions: rotations, sines, and biases of attention.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import math

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_arrays, positive
from mlx_core_py.nn.layers.base import Module

__all__ = ["ALiBi", "RoPE", "SinusoidalPositionalEncoding"]


def __dir__() -> list[str]:
    return __all__


class ALiBi(Module):
    r"""Lower the scores of attention with the distance of the key from the query [1].

    The bias of head :math:`h` of :math:`n`, counted from 1, is :math:`-2^{-8h/n} |i - j|` for the
    query at position :math:`i` and the key at :math:`j`. That is where :math:`n` is a power of
    two; the heads beyond one have every other factor of twice as many heads.

    [1]: https://arxiv.org/abs/2108.12409

    Shape:
        Scores ``(..., heads, queries, keys)`` to the same.

    Raises:
        TypeError: If the scores are no array.
        ValueError: If the scores have less than three axes, or ``offset`` is negative.

    Example:
        >>> nn.ALiBi()(mx.zeros((1, 2, 2, 3)), offset=1)[0, 0]
        array([[-0.0625, 0, -0.0625],
               [-0.125, -0.0625, 0]], dtype=float32)
    """

    @staticmethod
    def create_alibi_matrix(
        q_sequence_length: int,
        k_sequence_length: int,
        num_heads: int,
        offset: int = 0,
        dtype: mx.Dtype = mx.float32,
    ) -> mx.array:
        """Return the biases of the queries from position ``offset`` on.

        Args:
            q_sequence_length: The number of positions before the end of the queries, the first
                ``offset`` of which have none.
            k_sequence_length: The number of keys.
            num_heads: The number of heads.
            offset: The position of the first query. Default: ``0``.
            dtype: The data type of the biases. Default: ``float32``.

        Returns:
            Array of shape ``(1, num_heads, q_sequence_length - offset, k_sequence_length)``.

        Example:
            >>> nn.ALiBi.create_alibi_matrix(2, 2, 1)[0, 0]
            array([[0, -0.00390625],
                   [-0.00390625, 0]], dtype=float32)
        """
        queries = mx.arange(offset, q_sequence_length)
        keys = mx.arange(k_sequence_length)
        distances = mx.abs(queries[:, None] - keys[None]).astype(mx.float32)
        return (0 - distances * ALiBi.create_alibi_slope(num_heads)).astype(dtype)[None]

    @staticmethod
    def create_alibi_slope(num_heads: int) -> mx.array:
        """Return the factors of the heads.

        Args:
            num_heads: The number of heads.

        Returns:
            ``float32`` array of shape ``(num_heads, 1, 1)``.

        Example:
            >>> nn.ALiBi.create_alibi_slope(2).flatten()
            array([0.0625, 0.00390625], dtype=float32)
        """
        positive(num_heads=num_heads)
        power = 1 << (num_heads.bit_length() - 1)
        exponents = [(head + 1) / power for head in range(power)]
        exponents += [(2 * head + 1) / (2 * power) for head in range(num_heads - power)]
        return mx.array([2 ** (-8 * x) for x in exponents]).reshape(num_heads, 1, 1)

    def __call__(
        self, attention_scores: mx.array, offset: int = 0, mask: mx.array | None = None
    ) -> mx.array:
        check_arrays(attention_scores=attention_scores)
        if attention_scores.ndim < 3:
            raise ValueError(
                "attention_scores must have the shape (..., heads, queries, keys), "
                f"but has the shape {attention_scores.shape}"
            )
        if offset < 0:
            raise ValueError(f"offset must be at least 0, but is {offset}")
        heads, queries, keys = attention_scores.shape[-3:]
        bias = self.create_alibi_matrix(
            queries + offset, keys, heads, offset, attention_scores.dtype
        )
        return attention_scores + (bias if mask is None else bias + mask)


class RoPE(Module):
    """Rotate pairs of features by angles that grow with the position [1].

    [1]: https://arxiv.org/abs/2104.09864

    Args:
        dims: How many features to rotate: the first ones of the last axis; the others stay.
        traditional: Whether a pair is two neighbours, rather than the same place in the first
            and the second half, which is faster. Default: ``False``.
        base: What the frequencies are powers of. Default: ``10000``.
        scale: What the positions are multiplied by. Default: ``1.0``.

    Shape:
        ``(..., positions, features)``, with at least three axes, to the same.

    Raises:
        TypeError: If ``dims`` is not an integer.
        ValueError: If ``dims`` is less than one.

    Example:
        >>> x = mx.ones((1, 3, 4))
        >>> nn.RoPE(4)(x, offset=10).shape
        (1, 3, 4)
    """

    def __init__(
        self, dims: int, traditional: bool = False, base: float = 10000, scale: float = 1.0
    ) -> None:
        positive(dims=dims)
        super().__init__()
        self.dims = dims
        self.traditional = traditional
        self.base = base
        self.scale = scale

    def _extra_repr(self) -> str:
        return f"{self.dims}, traditional={self.traditional}"

    def __call__(self, x: mx.array, offset: int | mx.array = 0) -> mx.array:
        return mx.fast.rope(
            x,
            self.dims,
            traditional=self.traditional,
            base=self.base,
            scale=self.scale,
            offset=offset,
        )


class SinusoidalPositionalEncoding(Module):
    """Encode positions as sines and cosines of frequencies between two bounds [1].

    The frequencies fall from ``max_freq`` to ``min_freq`` as powers do: the ratio of neighbours
    is always the same.

    [1]: https://arxiv.org/abs/1706.03762

    Args:
        dims: How many features a position gets, an even number: half of them are sines.
        min_freq: The lowest frequency, greater than 0. Default: ``0.0001``.
        max_freq: The highest frequency. Default: ``1``.
        scale: What the sines are multiplied by. Default: the square root of ``2 / dims``.
        cos_first: Whether the cosines come before the sines. Default: ``False``.
        full_turns: Whether frequencies are in turns rather than in radians. Default: ``False``.

    Shape:
        Positions of any shape ``(...)`` to ``(..., dims)``.

    Raises:
        TypeError: If ``dims`` is not an integer, or the input no array.
        ValueError: If ``dims`` is odd or less than one, or a frequency is not greater than 0.

    Example:
        >>> nn.SinusoidalPositionalEncoding(4, scale=1.0)(mx.array([0.0])).tolist()
        [[0.0, 0.0, 1.0, 1.0]]
    """

    def __init__(
        self,
        dims: int,
        min_freq: float = 0.0001,
        max_freq: float = 1,
        scale: float | None = None,
        cos_first: bool = False,
        full_turns: bool = False,
    ) -> None:
        positive(dims=dims)
        if dims % 2:
            raise ValueError(f"dims must be even, but is {dims}")
        for name, frequency in (("min_freq", min_freq), ("max_freq", max_freq)):
            if not frequency > 0:
                raise ValueError(f"{name} must be greater than 0, but is {frequency}")
        super().__init__()
        count = dims // 2
        ratio = min_freq / max_freq
        turn = 2 * math.pi if full_turns else 1.0
        # The name keeps it from being a parameter.
        self._sigmas = mx.array(
            [turn * max_freq * ratio ** (i / max(count - 1, 1)) for i in range(count)]
        )
        self.scale: float = (2 / dims) ** 0.5 if scale is None else scale
        self.cos_first = cos_first

    def __call__(self, x: mx.array) -> mx.array:
        check_arrays(x=x)
        angles = x[..., None] * self._sigmas
        waves = [mx.sin(angles), mx.cos(angles)]
        y = mx.concatenate(waves[::-1] if self.cos_first else waves, axis=-1)
        return y if self.scale == 1 else y * self.scale
