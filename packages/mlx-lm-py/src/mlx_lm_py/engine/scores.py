"""From logits to tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.sampling import LogitsProcessor, Sampler, SettingsSampler, greedy, remembered

__all__ = ["NO_TOKEN", "check_token", "choose", "draw", "process", "score"]


def __dir__() -> list[str]:
    return __all__


# What stands for a token where a sampler has chosen none of the vocabulary. As an index it is one,
# so that a step that reads it fails no other sequence.
NO_TOKEN = -1


def process(processors: Sequence[LogitsProcessor], history: mx.array, logits: mx.array) -> mx.array:
    """Change logits, and check what processors return.

    Args:
        processors: What changes the logits, one after the other.
        history: All tokens so far.
        logits: Shape ``(1, vocabulary)``.

    Returns:
        The logits.

    Raises:
        ValueError: If a processor returns something of another shape.
    """
    for one in processors:
        changed: Any = one(history, logits)
        shape = getattr(changed, "shape", type(changed).__name__)
        if shape != logits.shape:
            raise ValueError(
                f"logits_processors must return logits of shape {logits.shape}, not {shape}"
            )
        # Arrays of NumPy are as good as ours.
        logits = changed if isinstance(changed, mx.array) else mx.array(changed)
    return logits


def draw(sampler: Sampler, logprobs: mx.array) -> mx.array:
    """Choose tokens, and check what a sampler returns.

    Args:
        sampler: The sampler.
        logprobs: Shape ``(1, vocabulary)``.

    Returns:
        A token of shape ``(1,)``, `NO_TOKEN` for what is none of the vocabulary.

    Raises:
        TypeError: If the sampler returns something else than integers.
        ValueError: If it returns something of another shape.
    """
    if sampler is greedy or isinstance(sampler, SettingsSampler):
        return sampler(logprobs)
    chosen: Any = sampler(logprobs)
    shape = getattr(chosen, "shape", type(chosen).__name__)
    if shape != (1,):
        raise ValueError(f"a sampler must return tokens of shape (1,), not {shape}")
    chosen = mx.array(chosen)
    if not mx.issubdtype(chosen.dtype, mx.integer):
        raise TypeError(f"a sampler must return integers, not {chosen.dtype}")
    is_token = (chosen >= 0) & (chosen < logprobs.shape[-1])
    return mx.where(is_token, chosen.astype(mx.int32), mx.array(NO_TOKEN, mx.int32))


def check_token(token: int) -> int:
    """Return a token that `draw` has chosen.

    Raises:
        ValueError: If it is none.
    """
    if token == NO_TOKEN:
        raise ValueError("a sampler returned what is no token of the vocabulary")
    return token


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
    if processors:
        assert history is not None
        logits = process(processors, history, logits)
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
        chosen.append(draw(sampler, logprobs[i : i + 1]))
        states.append(remembered(sampler))
    return mx.concatenate(chosen), logprobs, impossible, states
