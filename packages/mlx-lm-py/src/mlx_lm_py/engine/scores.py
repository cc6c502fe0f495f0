"""From logits to tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.sampling import LogitsProcessor, Sampler, greedy, remembered

__all__ = ["choose", "score"]


def __dir__() -> list[str]:
    return __all__


def score(
    processors: Sequence[LogitsProcessor], logits: mx.array, history: mx.array | None
) -> tuple[mx.array, mx.array]:
    """From the logits of a model to what a sampler chooses from.

    Args:
        processors: What changes the logits, one after the other.
        logits: Shape ``(rows, vocabulary)``; one row if there are processors.
        history: All tokens so far, for processors. May be ``None`` if there are none.

    Returns:
        Log-probabilities of that shape, and of shape ``(rows, 1)`` whether no token is possible.
    """
    logits = logits.astype(mx.float32)
    for process in processors:
        assert history is not None
        logits = process(history, logits)
    total = mx.logsumexp(logits, axis=-1, keepdims=True)
    # NaN or infinity anywhere makes the total so; it is -inf if no token is left.
    return logits - total, ~mx.isfinite(total)


def choose(
    processors: Sequence[LogitsProcessor],
    sampler: Sampler,
    logits: mx.array,
    tokens: Sequence[int],
    guesses: Sequence[int],
) -> tuple[mx.array, mx.array, mx.array, list[tuple[mx.array, Any]]]:
    """Choose a token after all tokens so far and after each guess of the next ones.

    Args:
        processors: What changes the logits, one after the other.
        sampler: The sampler.
        logits: Shape ``(guesses + 1, vocabulary)``.
        tokens: All tokens so far.
        guesses: The guesses.

    Returns:
        The tokens, log-probabilities, whether no token is possible, each with a row for each
        choice, and what `remembered` returns after each.
    """
    count = len(guesses) + 1
    if processors:
        history = mx.array([*tokens, *guesses])
        before = len(tokens)
        rows = [score(processors, logits[i : i + 1], history[: before + i]) for i in range(count)]
        logprobs, impossible = (mx.concatenate(part) for part in zip(*rows, strict=True))
    else:
        logprobs, impossible = score((), logits, None)
    if sampler is greedy:
        return greedy(logprobs), logprobs, impossible, [remembered(greedy)] * count
    chosen, states = [], []
    for i in range(count):
        chosen.append(sampler(logprobs[i : i + 1]))
        states.append(remembered(sampler))
    return mx.concatenate(chosen), logprobs, impossible, states
