"""Samplers: from the log-probabilities of all tokens to one token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import mlx_core_py as mx

from .filters import sample
from .settings import Settings, columns

__all__ = [
    "Sampler",
    "SettingsSampler",
    "begun",
    "greedy",
    "make_sampler",
    "put_back",
    "remembered",
]


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


def begun(sampler: Sampler) -> Sampler:
    """A sampler for one answer.

    Args:
        sampler: The sampler.

    Returns:
        The sampler itself; one that has a method ``begin``, as it remembers something, makes
        another one.
    """
    begin: Callable[[], Sampler] | None = getattr(sampler, "begin", None)
    return sampler if begin is None else begin()


def remembered(sampler: Sampler) -> tuple[mx.array, Any]:
    """What the next choice of a sampler depends on besides log-probabilities.

    Args:
        sampler: The sampler.

    Returns:
        The random state, and what the sampler itself remembers in ``memory``, if anything.
    """
    return mx.random.state[0], getattr(sampler, "memory", None)


def put_back(sampler: Sampler, state: tuple[mx.array, Any]) -> None:
    """Undo choices of a sampler.

    Args:
        sampler: The sampler.
        state: What `remembered` returned before them.
    """
    mx.random.state[0] = state[0]
    if state[1] is not None:
        sampler.memory = state[1]  # type: ignore[attr-defined]


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
    dynatemp_range: float = 0.0,
    dynatemp_exponent: float = 1.0,
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
        dynatemp_range: How far the temperature goes below and above ``temp``, down to 0: it is
            lowest where one token is certain, and highest where all that remain are equally likely.
            Default: 0, it is always the same.
        dynatemp_exponent: The power of the entropy, in proportion to its maximum, with which the
            temperature rises. Default: 1.

    Filters apply in this order: ``top_n_sigma``, ``typical_p``, ``top_p``, ``min_p``, XTC,
    ``top_k``.

    Returns:
        A function from log-probabilities of shape ``(batch, vocabulary)`` to tokens of shape
        ``(batch,)``.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If one is out of its range.

    Example:
        >>> sampler = make_sampler(temp=0.7, top_p=0.9)
        >>> sampler(mx.log(mx.array([[0.01, 0.98, 0.01]]))).tolist()
        [1]
    """
    settings = Settings(
        temp,
        top_p,
        min_p,
        min_tokens_to_keep,
        top_k,
        xtc_probability,
        xtc_threshold,
        tuple(xtc_special_tokens or ()),
        typical_p,
        top_n_sigma,
        dynatemp_range,
        dynatemp_exponent,
    )
    return greedy if settings.is_greedy else SettingsSampler(settings)


class SettingsSampler:
    """A sampler that depends on nothing but numbers, so that many of them are one.

    Args:
        settings: The numbers.

    Attributes:
        settings: The numbers.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings: Settings = settings

    def __call__(self, logprobs: mx.array) -> mx.array:
        """Choose tokens.

        Args:
            logprobs: Log-probabilities of shape ``(batch, vocabulary)``.

        Returns:
            Tokens of shape ``(batch,)``.
        """
        return sample(logprobs, columns((self.settings,)), _Shared())


class _Shared:
    """The random numbers of the program."""

    def gumbel(self, like: mx.array) -> mx.array:
        return mx.random.gumbel(like.shape)

    def uniform(self, like: mx.array, probability: mx.array) -> mx.array:
        return mx.random.uniform(shape=(*like.shape[:-1], 1))
