"""Samplers: from the log-probabilities of all tokens to one token."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import mlx_core_py as mx

__all__ = ["Sampler", "greedy", "make_sampler"]


def __dir__() -> list[str]:
    return __all__


Sampler = Callable[[mx.array], mx.array]


def greedy(logprobs: mx.array) -> mx.array:
    """Choose the most likely token, the first one of several.

    Args:
        logprobs: Log-probabilities of shape ``(batch, vocabulary)``.

    Returns:
        Tokens of shape ``(batch,)``.

    Example:
        >>> greedy(mx.array([[0.1, 0.9]])).tolist()
        [1]
    """
    return mx.argmax(logprobs, axis=-1)


def make_sampler(
    temp: float = 0.0,
    top_p: float = 0.0,
    min_p: float = 0.0,
    min_tokens_to_keep: int = 1,
    top_k: int = 0,
    xtc_probability: float = 0.0,
    xtc_threshold: float = 0.1,
    xtc_special_tokens: Sequence[int] | None = None,
    *,
    typical_p: float = 0.0,
    top_n_sigma: float = 0.0,
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
        min_tokens_to_keep: How many tokens ``min_p`` keeps whatever they are like. Default: 1.
        top_k: Keep this many of the most likely tokens. 0 keeps all. Default: 0.
        xtc_probability: How often all tokens above ``xtc_threshold`` but the least likely one of
            them are left out. Default: 0.
        xtc_threshold: A probability, at most 0.5. Default: 0.1.
        xtc_special_tokens: Tokens that are never left out so. Default: none.
        typical_p: Keep the tokens whose surprise is nearest to the expected one, which together
            reach this probability (https://arxiv.org/abs/2202.00666). 0 or 1 keeps all. Default: 0.
        top_n_sigma: Keep tokens whose logits are within this many standard deviations of the
            greatest (https://arxiv.org/abs/2411.07641). 0 keeps all. Default: 0.

    Filters apply in this order: ``top_n_sigma``, ``typical_p``, ``top_p``, ``min_p``, XTC,
    ``top_k``.

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
    if min_tokens_to_keep < 1:
        raise ValueError(f"min_tokens_to_keep must be at least 1, not {min_tokens_to_keep}")
    if top_k < 0:
        raise ValueError(f"top_k must not be negative, not {top_k}")
    if not 0 <= xtc_probability <= 1:
        raise ValueError(f"xtc_probability must be in 0..1, not {xtc_probability}")
    if not 0 <= xtc_threshold <= 0.5:
        raise ValueError(f"xtc_threshold must be in 0..0.5, not {xtc_threshold}")
    if not 0 <= typical_p <= 1:
        raise ValueError(f"typical_p must be in 0..1, not {typical_p}")
    if not (math.isfinite(top_n_sigma) and top_n_sigma >= 0):
        raise ValueError(f"top_n_sigma must not be negative, not {top_n_sigma}")
    if temp == 0:
        return greedy
    # Beyond this float32 has only infinity, under which all tokens would be alike.
    sharpness = min(1 / temp, 1e30)
    nucleus = 0 < top_p < 1
    typical = 0 < typical_p < 1
    special = mx.array(list(xtc_special_tokens or ()), dtype=mx.int32)
    if not (nucleus or typical or min_p > 0 or top_k > 0 or xtc_probability > 0 or top_n_sigma > 0):
        return lambda logprobs: mx.random.categorical(logprobs * sharpness)

    def sample(logprobs: mx.array) -> mx.array:
        # In descending order each filter is a prefix, and the first token is always kept.
        order = mx.argsort(-logprobs, axis=-1)
        ranked = mx.take_along_axis(logprobs, order, axis=-1).astype(mx.float32)
        places = mx.arange(ranked.shape[-1])
        if top_n_sigma > 0:
            bound = ranked[..., :1] - top_n_sigma * _deviation(ranked)
            ranked = mx.where(ranked >= bound, ranked, -math.inf)
        if typical:
            ranked = mx.where(_typical(ranked, typical_p), ranked, -math.inf)
        if nucleus:
            probabilities = mx.exp(ranked)
            before = mx.cumsum(probabilities, axis=-1) - probabilities
            ranked = mx.where(before < top_p, ranked, -math.inf)
        if min_p > 0:
            best = ranked.max(axis=-1, keepdims=True)
            likely = (ranked >= best + math.log(min_p)) | (places < min_tokens_to_keep)
            ranked = mx.where(likely, ranked, -math.inf)
        if xtc_probability > 0:
            ranked = _without_top_choices(ranked, order, xtc_probability, xtc_threshold, special)
        if 0 < top_k < ranked.shape[-1]:
            kept = mx.cumsum((ranked > -math.inf).astype(mx.int32), axis=-1) <= top_k
            ranked = mx.where(kept, ranked, -math.inf)
        choice = mx.random.categorical(ranked * sharpness)
        return mx.take_along_axis(order, choice[..., None], axis=-1).squeeze(-1)

    return sample


def _deviation(ranked: mx.array) -> mx.array:
    """The standard deviation of the tokens that can come at all."""
    possible = ranked > -math.inf
    count = possible.sum(axis=-1, keepdims=True)
    mean = mx.where(possible, ranked, 0.0).sum(axis=-1, keepdims=True) / count
    squares = mx.where(possible, mx.square(ranked - mean), 0.0)
    return mx.sqrt(squares.sum(axis=-1, keepdims=True) / count)


def _typical(ranked: mx.array, mass: float) -> mx.array:
    """Which tokens are about as surprising as the next one is expected to be."""
    logprobs = ranked - mx.logsumexp(ranked, axis=-1, keepdims=True)
    probabilities = mx.exp(logprobs)
    surprise = mx.where(probabilities > 0, -logprobs, 0.0)
    expected = (probabilities * surprise).sum(axis=-1, keepdims=True)
    distance = mx.where(probabilities > 0, mx.abs(surprise - expected), math.inf)
    order = mx.argsort(distance, axis=-1)
    nearest = mx.take_along_axis(probabilities, order, axis=-1)
    kept = mx.cumsum(nearest, axis=-1) - nearest < mass
    return mx.put_along_axis(mx.zeros_like(kept), order, kept, axis=-1)


def _without_top_choices(
    ranked: mx.array, order: mx.array, probability: float, threshold: float, special: mx.array
) -> mx.array:
    """Sometimes leave out all likely tokens but the least likely one of them."""
    likely = mx.softmax(ranked, axis=-1) > threshold
    # In descending order the likely ones come first: the last of them stays.
    count = likely.sum(axis=-1, keepdims=True)
    left_out = mx.arange(ranked.shape[-1]) < count - 1
    if special.size:
        left_out = left_out & ~mx.any(order[..., None] == special, axis=-1)
    happens = mx.random.uniform(shape=(*ranked.shape[:-1], 1)) < probability
    return mx.where(happens & left_out, -math.inf, ranked)
