"""Logits processors: what changes the logits of the next token by the tokens before it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from numbers import Real
from typing import Any

import mlx_core_py as mx

from mlx_lm_py._checks import check_integer, check_number

__all__ = [
    "LogitsProcessor",
    "make_dry_penalty",
    "make_frequency_penalty",
    "make_logits_processors",
    "make_min_tokens",
    "make_presence_penalty",
    "make_repetition_penalty",
]


def __dir__() -> list[str]:
    return __all__


LogitsProcessor = Callable[[mx.array, mx.array], mx.array]
"""From the tokens so far, of shape ``(length,)``, and the logits, of shape ``(batch, vocabulary)``,
to other logits."""


def make_logits_processors(
    logit_bias: Mapping[int, float] | None = None,
    repetition_penalty: float | None = None,
    repetition_context_size: int = 20,
    presence_penalty: float | None = None,
    presence_context_size: int = 20,
    frequency_penalty: float | None = None,
    frequency_context_size: int = 20,
) -> list[LogitsProcessor]:
    """Create the usual logits processors, in the order in which they are given.

    Args:
        logit_bias: What to add to the logits of some tokens. Default: ``None``.
        repetition_penalty: As for `make_repetition_penalty`. Default: ``None``, none.
        repetition_context_size: How many of the latest tokens it looks at. Default: 20.
        presence_penalty: As for `make_presence_penalty`. Default: ``None``, none.
        presence_context_size: How many of the latest tokens it looks at. Default: 20.
        frequency_penalty: As for `make_frequency_penalty`. Default: ``None``, none.
        frequency_context_size: How many of the latest tokens it looks at. Default: 20.

    Returns:
        The processors, for ``logits_processors`` of `generate_step`.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of its range.

    Example:
        >>> (bias,) = make_logits_processors({1: 5.0})
        >>> bias(mx.array([0]), mx.zeros((1, 3))).tolist()
        [[0.0, 5.0, 0.0]]
    """
    processors: list[LogitsProcessor] = []
    if logit_bias:
        if not all(type(i) is int and i >= 0 for i in logit_bias):
            raise ValueError("logit_bias must be a mapping from tokens to numbers")
        biases: Mapping[int, Any] = logit_bias
        for token, value in biases.items():
            if isinstance(value, bool) or not isinstance(value, Real):
                raise TypeError(f"logit_bias of {token} must be a number, not {value!r}")
        if any(math.isnan(value) for value in logit_bias.values()):
            raise ValueError("logit_bias must not hold NaN")
        tokens = mx.array(list(logit_bias))
        values = mx.array(list(logit_bias.values()), dtype=mx.float32)
        highest = max(biases)

        def add_bias(_: mx.array, logits: mx.array) -> mx.array:
            if highest >= logits.shape[-1]:
                raise ValueError(
                    f"logit_bias has {highest}, which is none of the {logits.shape[-1]} tokens"
                )
            return logits.at[:, tokens].add(values.astype(logits.dtype))

        processors.append(add_bias)
    if repetition_penalty:
        processors.append(make_repetition_penalty(repetition_penalty, repetition_context_size))
    if presence_penalty:
        processors.append(make_presence_penalty(presence_penalty, presence_context_size))
    if frequency_penalty:
        processors.append(make_frequency_penalty(frequency_penalty, frequency_context_size))
    return processors


def make_repetition_penalty(penalty: float, context_size: int = 20) -> LogitsProcessor:
    """Divide the positive logits of recent tokens by a number, and multiply the negative ones.

    Args:
        penalty: The number, positive; above 1 repetitions become rarer.
        context_size: How many of the latest tokens are recent. Default: 20.

    Returns:
        The processor (https://arxiv.org/abs/1909.05858).

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is not positive.

    Example:
        >>> make_repetition_penalty(2.0)(mx.array([0, 1]), mx.array([[4.0, -4.0, 4.0]])).tolist()
        [[2.0, -8.0, 4.0]]
    """
    check_number("repetition_penalty", penalty, above=0)
    check_integer("repetition_context_size", context_size, 1)

    def process(tokens: mx.array, logits: mx.array) -> mx.array:
        seen = _recent(tokens, logits, context_size) > 0
        changed = mx.where(logits < 0, logits * penalty, logits / penalty)
        return mx.where(seen, changed, logits)

    return process


def make_presence_penalty(penalty: float, context_size: int = 20) -> LogitsProcessor:
    """Subtract a number from the logits of recent tokens.

    Args:
        penalty: The number.
        context_size: How many of the latest tokens are recent. Default: 20.

    Returns:
        The processor.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the penalty is not finite, or the size not positive.

    Example:
        >>> make_presence_penalty(1.0)(mx.array([1, 1]), mx.zeros((1, 2))).tolist()
        [[0.0, -1.0]]
    """
    check_number("presence_penalty", penalty)
    check_integer("presence_context_size", context_size, 1)

    def process(tokens: mx.array, logits: mx.array) -> mx.array:
        seen = _recent(tokens, logits, context_size) > 0
        return mx.where(seen, logits - penalty, logits)

    return process


def make_frequency_penalty(penalty: float, context_size: int = 20) -> LogitsProcessor:
    """Subtract a number from the logits of recent tokens, as often as each was there.

    Args:
        penalty: The number.
        context_size: How many of the latest tokens are recent. Default: 20.

    Returns:
        The processor.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the penalty is not finite, or the size not positive.

    Example:
        >>> make_frequency_penalty(1.0)(mx.array([1, 1]), mx.zeros((1, 2))).tolist()
        [[0.0, -2.0]]
    """
    check_number("frequency_penalty", penalty)
    check_integer("frequency_context_size", context_size, 1)

    def process(tokens: mx.array, logits: mx.array) -> mx.array:
        return logits - penalty * _recent(tokens, logits, context_size).astype(logits.dtype)

    return process


def make_dry_penalty(
    multiplier: float,
    base: float = 1.75,
    allowed_length: int = 2,
    context_size: int = 0,
    breakers: Collection[int] = (),
) -> LogitsProcessor:
    """Subtract from the logit of a token that would go on with a repetition, the more the longer.

    A token that came after the same ``n`` tokens as the latest ones loses
    ``multiplier * base ** (n - allowed_length)``, if ``n`` is at least ``allowed_length``.

    Args:
        multiplier: 0 for no penalty.
        base: Greater than 1. Default: 1.75.
        allowed_length: From how many repeated tokens on. Default: 2.
        context_size: How many of the latest tokens are looked at. Default: 0, all.
        breakers: Tokens that no repetition goes beyond, such as the end of a line. Default: none.

    Returns:
        The processor (https://github.com/oobabooga/text-generation-webui/pull/5677).

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If an argument is out of its range.

    Example:
        >>> tokens = mx.array([1, 2, 3, 1, 2])
        >>> make_dry_penalty(1.0)(tokens, mx.zeros((1, 4))).tolist()
        [[0.0, 0.0, 0.0, -1.0]]
    """
    check_number("multiplier", multiplier, 0)
    check_number("base", base, above=1)
    check_integer("allowed_length", allowed_length, 1)
    check_integer("context_size", context_size, 0)
    breaking = frozenset(breakers)

    def process(tokens: mx.array, logits: mx.array) -> mx.array:
        latest: list[int] = tokens[-context_size:].tolist()
        lengths = _repeated(latest, breaking)
        penalties = {
            token: multiplier * base ** min(length - allowed_length, 64)
            for token, length in lengths.items()
            if length >= allowed_length
        }
        if not penalties:
            return logits
        values = mx.array(list(penalties.values()), dtype=mx.float32).astype(logits.dtype)
        return logits.at[:, mx.array(list(penalties))].subtract(values)

    return process


def _repeated(tokens: list[int], breaking: Collection[int]) -> dict[int, int]:
    """How many of the latest tokens each token has come after before, at most."""
    found: dict[int, int] = {}
    for end in range(len(tokens) - 1, 0, -1):
        length = 0
        while (
            length < end
            and tokens[end - 1 - length] == tokens[len(tokens) - 1 - length]
            and tokens[end - 1 - length] not in breaking
        ):
            length += 1
        token = tokens[end]
        if length > found.get(token, 0) and token not in breaking:
            found[token] = length
    return found


def make_min_tokens(count: int, prompt_tokens: int, ends: Collection[int]) -> LogitsProcessor:
    """Let no answer end before it has so many tokens.

    Args:
        count: The number of tokens.
        prompt_tokens: The number of tokens of the prompt.
        ends: The tokens that end an answer.

    Returns:
        The processor.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If ``count`` is negative.

    Example:
        >>> process = make_min_tokens(1, 2, {0})
        >>> process(mx.array([5, 6]), mx.zeros((1, 2))).tolist()
        [[-inf, 0.0]]
    """
    check_integer("min_tokens", count, 0)

    def process(tokens: mx.array, logits: mx.array) -> mx.array:
        # A tokenizer may know ends that the output layer does not have.
        banned = [token for token in sorted(ends) if token < logits.shape[-1]]
        if tokens.size - prompt_tokens >= count or not banned:
            return logits
        return logits.at[:, mx.array(banned)].add(mx.array(-math.inf, logits.dtype))

    return process


def _recent(tokens: mx.array, logits: mx.array, size: int) -> mx.array:
    """How often each token of the vocabulary is among the latest ones."""
    return mx.zeros((logits.shape[-1],), mx.int32).at[tokens[-size:]].add(1)
