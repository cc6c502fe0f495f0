"""From log-probabilities and settings to tokens, for all rows at once."""

from __future__ import annotations

import math
from typing import Protocol

import mlx_core_py as mx

from .settings import Columns

__all__ = ["Random", "sample"]


def __dir__() -> list[str]:
    return __all__


# Beyond this float32 has only infinity, under which all tokens would be alike.
_SHARPEST = 1e30


class Random(Protocol):
    """Where random numbers come from."""

    def gumbel(self, like: mx.array) -> mx.array:
        """Numbers of Gumbel's distribution in the shape of ``like``."""
        ...

    def uniform(self, like: mx.array, probability: mx.array) -> mx.array:
        """A number between 0 and 1 for each row of ``like``.

        Rows of probability 0 draw none.
        """
        ...


def sample(logprobs: mx.array, settings: Columns, random: Random) -> mx.array:
    """Choose a token for each row.

    Args:
        logprobs: Log-probabilities of shape ``(rows, vocabulary)``.
        settings: Those of the rows.
        random: Random numbers.

    Returns:
        Tokens of shape ``(rows,)``.
    """
    if not settings.filters:
        return _choose(logprobs, settings, random)
    # In descending order what most filters keep is a prefix of what is left.
    order = mx.argsort(-logprobs, axis=-1)
    ranked = mx.take_along_axis(logprobs, order, axis=-1).astype(mx.float32)
    choice = _choose(_filtered(ranked, order, settings, random), settings, random)
    return mx.take_along_axis(order, choice[..., None], axis=-1).squeeze(-1)


def _choose(logprobs: mx.array, settings: Columns, random: Random) -> mx.array:
    scaled = logprobs * _sharpness(logprobs, settings)
    return mx.argmax(scaled + random.gumbel(scaled), axis=-1)


def _sharpness(logprobs: mx.array, settings: Columns) -> mx.array:
    """What the temperature divides by."""
    temp = settings.coldest
    if settings.is_dynamic:
        # By how open the choice is: entropy in proportion to the most that so many tokens have.
        possible = logprobs > -math.inf
        count = possible.sum(axis=-1, keepdims=True)
        logs = logprobs - mx.logsumexp(logprobs, axis=-1, keepdims=True)
        entropy = -mx.where(possible, mx.exp(logs) * logs, 0.0).sum(axis=-1, keepdims=True)
        openness = mx.clip(entropy / mx.log(mx.maximum(count, 2)), 0.0, 1.0)
        temp = temp + settings.span * openness**settings.dynatemp_exponent
    return mx.minimum(1 / temp, _SHARPEST)


def _filtered(ranked: mx.array, order: mx.array, settings: Columns, random: Random) -> mx.array:
    """Leave out tokens, in descending order, by all filters."""
    filters = settings.filters
    if "top_n_sigma" in filters:
        bound = ranked[..., :1] - settings.top_n_sigma * _deviation(ranked)
        # Infinity times no deviation is none, too.
        ranked = mx.where(~(ranked < bound), ranked, -math.inf)
    if "typical_p" in filters:
        ranked = mx.where(_typical(ranked, settings.typical_p), ranked, -math.inf)
    if "top_p" in filters:
        probabilities = mx.exp(ranked)
        before = mx.cumsum(probabilities, axis=-1) - probabilities
        ranked = mx.where(before < settings.top_p, ranked, -math.inf)
    if "min_p" in filters:
        best = ranked.max(axis=-1, keepdims=True)
        places = mx.cumsum((ranked > -math.inf).astype(mx.int32), axis=-1)
        likely = (ranked >= best + settings.min_logprob) | (places <= settings.min_tokens_to_keep)
        ranked = mx.where(likely, ranked, -math.inf)
    if "xtc" in filters:
        ranked = _without_top_choices(ranked, order, settings, random)
    if "top_k" in filters:
        kept = mx.cumsum((ranked > -math.inf).astype(mx.int32), axis=-1) <= settings.top_k
        ranked = mx.where(kept, ranked, -math.inf)
    return ranked


def _deviation(ranked: mx.array) -> mx.array:
    """The standard deviation of the tokens that can come at all."""
    possible = ranked > -math.inf
    count = possible.sum(axis=-1, keepdims=True)
    mean = mx.where(possible, ranked, 0.0).sum(axis=-1, keepdims=True) / count
    squares = mx.where(possible, mx.square(ranked - mean), 0.0)
    return mx.sqrt(squares.sum(axis=-1, keepdims=True) / count)


def _typical(ranked: mx.array, mass: mx.array) -> mx.array:
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
    ranked: mx.array, order: mx.array, settings: Columns, random: Random
) -> mx.array:
    """Sometimes leave out all likely tokens but the least likely one of them."""
    likely = mx.softmax(ranked, axis=-1) > settings.xtc_threshold
    # In descending order the last of the likely ones stays; others may have gone before them.
    places = mx.cumsum(likely.astype(mx.int32), axis=-1)
    left_out = likely & (places < places[..., -1:])
    special = settings.special_tokens
    if special.size:
        left_out = left_out & ~mx.any(order[..., None] == special, axis=-1)
    probability = settings.xtc_probability
    happens = random.uniform(ranked, probability) < probability
    return mx.where(happens & left_out, -math.inf, ranked)
