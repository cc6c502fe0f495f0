"""Sequences that are to be added, checked before any of them is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py._checks import check_function, check_integer, check_list
from mlx_lm_py.cache import Cache
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.sampling import LogitsProcessor, Sampler, greedy

from .kv_options import KVOptions
from .plan import check_cache, make_plan
from .request import Request

__all__ = ["checked_stops", "for_each", "make_request"]


def __dir__() -> list[str]:
    return __all__


def for_each(n: int, given: dict[str, Any]) -> list[dict[str, Any]]:
    """Take apart arguments that have an entry for each prompt.

    Args:
        n: The number of prompts.
        given: The arguments by name; ``None`` for those that are not given.

    Returns:
        The arguments of each prompt.

    Raises:
        TypeError: If one is no list.
        ValueError: If one has another number of them.
    """
    for name, values in given.items():
        if values is None:
            continue
        check_list(name, values)
        if len(values) != n:
            raise ValueError(
                f"{name} must have {n} entries, one for each prompt, not {len(values)}"
            )
    return [
        {name: None if values is None else values[i] for name, values in given.items()}
        for i in range(n)
    ]


def make_request(
    model: LanguageModel,
    kv: KVOptions,
    segments: Sequence[Sequence[int] | mx.array],
    max_tokens: int,
    caches: Sequence[Cache] | None,
    all_tokens: Sequence[int] | None,
    samplers: Sampler | None,
    logits_processors: Sequence[LogitsProcessor] | None,
    stop_sequences: Sequence[int | Sequence[int]],
    seeds: int | None,
) -> Request:
    """Check what is asked for one sequence.

    Args:
        model: The model.
        kv: How its cache is kept.
        segments: The parts of its prompt.
        max_tokens: As of `BatchGenerator.insert`, for this sequence, and so are the others.
        caches: What goes before the prompt, if anything.
        all_tokens: The tokens that it holds.
        samplers: The sampler; ``None`` for the most likely tokens.
        logits_processors: The processors; ``None`` for none.
        stop_sequences: What ends the answer.
        seeds: The seed; ``None`` draws one.

    Returns:
        The sequence, which has no number yet.

    Raises:
        TypeError: As `BatchGenerator.insert` does.
        ValueError: As `BatchGenerator.insert` does.
    """
    check_list("segments of a prompt", segments)
    parts = [part for part in (_tokens(one, "prompts") for one in segments) if part]
    held = [] if all_tokens is None else _tokens(all_tokens, "all_tokens")
    for token in held:
        check_integer("a token of all_tokens", token, 0)
    if samplers is not None:
        check_function("samplers", samplers)
    if seeds is not None:
        check_integer("seeds", seeds, 0, 2**64 - 1)
    if caches is not None:
        check_cache("caches", caches, model)
    plan = make_plan(
        [token for part in parts for token in part],
        model,
        max_tokens=max_tokens,
        sampler=samplers,
        logits_processors=logits_processors,
        prompt_cache=None if caches is None else [layer.copy() for layer in caches],
        max_kv_size=kv.max_size,
        kv_bits=kv.bits,
        kv_group_size=kv.group_size,
        quantized_kv_start=kv.start,
    )
    return Request(
        uid=-1,
        segments=parts,
        prompt_tokens=len(plan.prompt),
        max_tokens=plan.max_tokens,
        sampler=None if plan.sampler is greedy else plan.sampler,
        processors=plan.processors,
        ends=checked_stops(stop_sequences, "stop_sequences"),
        key=_drawn_key() if seeds is None else mx.random.key(seeds),
        cache=plan.cache,
        tokens=held,
        is_new=caches is None and not held,
        plan=plan,
        history=mx.array(held + plan.prompt) if plan.processors else None,
    )


def _tokens(values: Any, name: str) -> list[int]:
    # Arrays are as good as lists; what is in them is checked with the whole prompt.
    values = values.tolist() if hasattr(values, "tolist") else values
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"{name} must be lists of tokens, not {type(values).__name__}")
    return list(values)


def checked_stops(
    stops: Sequence[int | Sequence[int]] | None, name: str
) -> tuple[tuple[int, ...], ...]:
    """What ends an answer, as sequences of tokens.

    Args:
        stops: Tokens, or sequences of them; ``None`` for none.
        name: What they are called.

    Returns:
        The sequences.

    Raises:
        TypeError: If they are no tokens.
        ValueError: If one of them is empty, or negative.
    """
    if stops is not None and (isinstance(stops, (str, bytes)) or not isinstance(stops, Iterable)):
        raise TypeError(f"{name} must be a list of tokens, not {type(stops).__name__}")
    checked = []
    for stop in stops or ():
        tokens: Any = stop.tolist() if hasattr(stop, "tolist") else stop
        sequence = tuple(tokens) if isinstance(tokens, (list, tuple)) else (tokens,)
        for token in sequence:
            check_integer(f"a token of {name}", token, 0)
        if not sequence:
            raise ValueError(f"{name} must not have an empty sequence")
        checked.append(sequence)
    return tuple(checked)


def _drawn_key() -> mx.array:
    """A key of its own for a sequence, drawn from the random numbers of the program."""
    state = mx.random.state
    state[0], key = mx.random.split(state[0])
    return key
