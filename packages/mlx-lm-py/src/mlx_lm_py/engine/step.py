"""One call of the model for all sequences, and one token of each."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.cache import Cache, ragged_prompt_cache
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.sampling import SettingsSampler, sample_rows

from .recorder import StepRecorder
from .request import Request
from .scores import draw, process

__all__ = ["Step", "make_step", "read_all", "read_tokens"]


def __dir__() -> list[str]:
    return __all__


@dataclass
class Step:
    """A step that is under way.

    Attributes:
        requests: The sequences that it reads of.
        sampled: The sequences of which a token is sampled.
        tokens: A token of each sampled sequence, of shape ``(sampled,)``.
        impossible: Whether that token is none, as the logits are NaN or none is possible.
        logprobs: Log-probabilities of shape ``(sampled, vocabulary)``.
        states: What the caches hold of sequences of which no token is sampled.
        prompt_rows: Number of tokens of prompts that are read.
        rows: Number of all tokens that are read.
        started: When the step was made.
    """

    requests: list[Request]
    sampled: list[Request]
    tokens: mx.array
    impossible: mx.array
    logprobs: mx.array
    states: list[Any]
    prompt_rows: int
    rows: int
    started: float = field(default_factory=time.perf_counter)


def make_step(
    model: LanguageModel,
    recorder: StepRecorder,
    before: Step | None,
    decoding: Sequence[Request],
    pieces: Sequence[tuple[Request, list[int]]],
) -> Step:
    """Make the graph of a step.

    Args:
        model: The model.
        recorder: What does steps in which all sequences decode, by `read_tokens`.
        before: The step before, whose tokens those that decode go on with. They need not be known
            yet.
        decoding: The sequences that decode.
        pieces: Sequences of which the prompt is read, with the tokens. Those with more to come are
            read only.

    Returns:
        The step, nothing of which is evaluated.
    """
    requests = [*decoding, *(request for request, _ in pieces)]
    lengths = [1] * len(decoding) + [len(piece) for _, piece in pieces]
    parts = []
    if decoding:
        assert before is not None
        parts.append(_latest_tokens(before, decoding))
    if pieces:
        parts.append(mx.array([token for _, piece in pieces for token in piece], mx.int32))
    inputs = parts[0] if len(parts) == 1 else mx.concatenate(parts)
    caches = [request.cache for request in requests]
    if pieces:
        logits = read_tokens(model, inputs, caches, lengths)
    else:
        logits = recorder(inputs, caches)
    for request in decoding:
        request.fed += 1
    for request, piece in pieces:
        request.tokens += piece
    return _sample(logits, requests, sum(lengths[len(decoding) :]), sum(lengths))


def _latest_tokens(before: Step, decoding: Sequence[Request]) -> mx.array:
    """What each sequence that decodes goes on with."""
    if list(decoding) == before.sampled:
        return before.tokens
    rows = {request.uid: row for row, request in enumerate(before.sampled)}
    return before.tokens[mx.array([rows[request.uid] for request in decoding])]


def read_tokens(
    model: LanguageModel,
    tokens: mx.array,
    caches: Sequence[Sequence[Cache]],
    lengths: Sequence[int],
) -> mx.array:
    """Read tokens of some sequences.

    Args:
        model: The model.
        tokens: The tokens, one sequence after the other, of shape ``(sum(lengths),)``.
        caches: The cache of each sequence.
        lengths: The number of tokens of each.

    Returns:
        The logits after the last token of each sequence, of shape ``(sequences, vocabulary)``.
    """
    if len(caches) == 1:
        logits = model(tokens[None], cache=caches[0], last_only=True)[:, -1]
    elif getattr(model, "takes_ragged_batches", False):
        ragged = ragged_prompt_cache(caches, lengths)
        logits = model(tokens[None], cache=ragged, last_only=True)[0]
    else:
        # A model that knows nothing of them reads one sequence after the other.
        ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
        parts = mx.split(tokens, ends[:-1])
        alone = [
            model(part[None], cache=cache, last_only=True)[:, -1]
            for part, cache in zip(parts, caches, strict=True)
        ]
        logits = mx.concatenate(alone)
    return logits.astype(mx.float32)


def read_all(
    model: LanguageModel, caches: Sequence[Any], pieces: Sequence[Sequence[int]]
) -> list[mx.array]:
    """Read tokens of sequences side by side.

    Args:
        model: The model.
        caches: The cache of each sequence.
        pieces: The next tokens of each.

    Returns:
        For each sequence the logits after each of its tokens, of shape ``(tokens, vocabulary)``.
    """
    if len(caches) > 1 and getattr(model, "takes_ragged_batches", False):
        lengths = [len(piece) for piece in pieces]
        tokens = mx.array([[token for piece in pieces for token in piece]], mx.int32)
        logits = model(tokens, cache=ragged_prompt_cache(caches, lengths))[0]
        return list(mx.split(logits, list(accumulate(lengths))[:-1]))
    return [
        model(mx.array([piece], mx.int32), cache=cache)[0]
        for cache, piece in zip(caches, pieces, strict=True)
    ]


def _sample(logits: mx.array, requests: Sequence[Request], prompt_rows: int, rows: int) -> Step:
    """Sample from the rows of the sequences that are at the end of their prompt or beyond."""
    kept = [row for row, request in enumerate(requests) if not request.segments]
    sampled = [requests[row] for row in kept]
    if len(kept) < len(requests):
        logits = logits[mx.array(kept, mx.int32)]
    if any(request.processors for request in sampled):
        logits = mx.concatenate(
            [_processed(logits[row : row + 1], request) for row, request in enumerate(sampled)]
        )
    total = mx.logsumexp(logits, axis=-1, keepdims=True)
    logprobs = logits - total
    tokens = mx.argmax(logprobs, axis=-1).astype(mx.int32)
    if any(request.sampler is not None for request in sampled):
        tokens = _all_chosen(tokens, logprobs, sampled)
    for row, request in enumerate(sampled):
        request.generated += 1
        if request.history is not None:
            request.history = mx.concatenate([request.history, tokens[row : row + 1]])
    return Step(
        requests=list(requests),
        sampled=sampled,
        tokens=tokens,
        # NaN or infinity anywhere makes the total so; it is -inf if no token is left.
        impossible=~mx.isfinite(total[:, 0]),
        logprobs=logprobs,
        states=[layer.state for request in requests if request.segments for layer in request.cache],
        prompt_rows=prompt_rows,
        rows=rows,
    )


# What a user's function raises ends its own sequence and no other. Its row stays in the step: no
# one will look at it.


def _processed(logits: mx.array, request: Request) -> mx.array:
    try:
        if request.processors:
            assert request.history is not None
            made = process(request.processors, request.history, logits)
            if not request.generated:
                # What shows when it is computed, such as an index that is none, shows at once.
                mx.eval(made)
            return made
    except Exception as error:
        request.error = error
    return logits


def _all_chosen(tokens: mx.array, logprobs: mx.array, requests: Sequence[Request]) -> mx.array:
    """What all samplers choose, where ``tokens`` are the most likely ones."""
    alike = {
        row: request.sampler
        for row, request in enumerate(requests)
        if isinstance(request.sampler, SettingsSampler) and request.error is None
    }
    chosen = {
        row: _chosen(tokens[row : row + 1], logprobs[row : row + 1], request)
        for row, request in enumerate(requests)
        if request.sampler is not None and row not in alike
    }
    if alike:
        rows = list(alike)
        index = mx.array(rows)
        keys = mx.stack([requests[row].key for row in rows])
        found, after = sample_rows(logprobs[index], list(alike.values()), keys)
        for i, row in enumerate(rows):
            requests[row].key = after[i]
        tokens = tokens.at[index].add(found.astype(mx.int32) - tokens[index])
    if chosen:
        parts = [chosen.get(row, tokens[row : row + 1]) for row in range(len(requests))]
        tokens = mx.concatenate(parts)
    return tokens


def _chosen(token: mx.array, logprobs: mx.array, request: Request) -> mx.array:
    """What the sampler of a sequence chooses, by random numbers of its own."""
    if request.sampler is None or request.error is not None:
        return token
    try:
        with request.drawing():
            chosen = draw(request.sampler, logprobs)
        if not request.generated:
            mx.eval(chosen)
        return chosen
    except Exception as error:
        request.error = error
    return token
