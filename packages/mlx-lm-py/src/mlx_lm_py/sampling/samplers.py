"""Samplers: from the log-probabilities of all tokens to one token."""

from __future__ import annotations

import math
from collections.abc import Callable

import mlx_core_py as mx

__all__ = ["Sampler", "make_sampler"]


def __dir__() -> list[str]:
    return __all__


Sampler = Callable[[mx.array], mx.array]


def make_sampler(
    temp: float = 0.0, top_p: float = 0.0, min_p: float = 0.0, top_k: int = 0
) -> Sampler:
    """Create a sampler.

    What is unlikely is left out first, judged by the model's own probabilities; the temperature
    then acts on what remains.

    Args:
        temp: Temperature. At 0 the most likely token is taken. Default: 0.
        top_p: Keep the most likely tokens that together reach this probability
            (https://arxiv.org/abs/1904.09751). 0 or 1 keeps all. Default: 0.
        min_p: Keep tokens that are at least this likely in proportion to the most likely one
            (https://arxiv.org/abs/2407.01082). 0 keeps all. Default: 0.
        top_k: Keep this many of the most likely tokens. 0 keeps all. Default: 0.

    Returns:
        A function from log-probabilities of shape ``(batch, vocabulary)`` to tokens of shape
        ``(batch,)``.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
        >>> sampler = make_sampler(temp=0.7, top_p=0.9)
        >>> sampler(mx.log(mx.array([[0.01, 0.98, 0.01]]))).tolist()
        [1]
    """
    if not (math.isfinite(temp) and temp >= 0):
        raise ValueError(f"temp must not be negative, not {temp}")
    if not 0 <= top_p <= 1:
        raise ValueError(f"top_p must be in 0..1, not {top_p}")
    if not 0 <= min_p <= 1:
        raise ValueError(f"min_p must be in 0..1, not {min_p}")
    if top_k < 0:
        raise ValueError(f"top_k must not be negative, not {top_k}")
    if temp == 0:
        return lambda logprobs: mx.argmax(logprobs, axis=-1)
    # Beyond this float32 has only infinity, under which all tokens would be alike.
    sharpness = min(1 / temp, 1e30)
    nucleus = 0 < top_p < 1
    if not (nucleus or min_p > 0 or top_k > 0):
        return lambda logprobs: mx.random.categorical(logprobs * sharpness)

    def sample(logprobs: mx.array) -> mx.array:
        # In descending order each filter is a prefix, and the first token is always kept.
        order = mx.argsort(-logprobs, axis=-1)
        ranked = mx.take_along_axis(logprobs, order, axis=-1).astype(mx.float32)
        if nucleus:
            probabilities = mx.exp(ranked)
            before = mx.cumsum(probabilities, axis=-1) - probabilities
            ranked = mx.where(before < top_p, ranked, -math.inf)
        if min_p > 0:
            ranked = mx.where(ranked >= ranked[..., :1] + math.log(min_p), ranked, -math.inf)
        if 0 < top_k < ranked.shape[-1]:
            ranked = mx.where(mx.arange(ranked.shape[-1]) < top_k, ranked, -math.inf)
        choice = mx.random.categorical(ranked * sharpness)
        return mx.take_along_axis(order, choice[..., None], axis=-1).squeeze(-1)

    return sample
