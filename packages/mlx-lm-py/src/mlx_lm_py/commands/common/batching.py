"""Answers to several prompts, made at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mlx_core_py as mx

from mlx_lm_py.engine import BatchGenerator
from mlx_lm_py.generation import GenerationResponse
from mlx_lm_py.generation.text import AnswerText, constraints

if TYPE_CHECKING:
    from mlx_lm_py.sampling import LogitsProcessor

    from .opening import Opened
    from .prepared import Prepared

__all__ = ["answer_all"]


def __dir__() -> list[str]:
    return __all__


@dataclass
class _Sequence:
    """An answer that is being made."""

    index: int
    prompt_tokens: int
    text: AnswerText
    count: int = 0
    first: float = 0.0


def answer_all(
    opened: Opened,
    prompts: Sequence[Prepared],
    logits_processors: Sequence[Sequence[LogitsProcessor]],
    *,
    max_tokens: int,
    stop: Sequence[str],
    seed: int | None,
    response_format: dict[str, Any] | None,
    **options: Any,
) -> Iterator[tuple[int, GenerationResponse]]:
    """Answer prompts at once.

    Args:
        opened: The model.
        prompts: The prompts.
        logits_processors: What changes the logits of each.
        max_tokens: Most tokens of an answer.
        stop: Strings that end one.
        response_format: What form an answer must have; ``None`` for any.
        seed: That of the first one's random numbers; each has the next one. ``None`` for any.
        **options: Options of `BatchGenerator`.

    Yields:
        The number of a prompt and the next piece of its answer, as `stream_generate` gives it.

    Raises:
        ValueError: If a prompt is empty or does not fit the context.
    """
    tokenizer = opened.tokenizer
    start = time.perf_counter()
    ends = sorted(tokenizer.eos_token_ids)
    with BatchGenerator(opened.model, stop_tokens=ends, **options) as generator:
        seeds = None if seed is None else [(seed + i) % 2**64 for i in range(len(prompts))]
        processors = [
            [*own, *constraints(tokenizer, response_format, prompt.tokens)]
            for prompt, own in zip(prompts, logits_processors, strict=True)
        ]
        uids = generator.insert(
            [prompt.tokens for prompt in prompts],
            [max_tokens] * len(prompts),
            [prompt.cache for prompt in prompts],
            logits_processors=processors,
            seeds=seeds,
        )
        running = {
            uid: _Sequence(i, len(prompts[i].tokens), AnswerText(tokenizer, stop, ends))
            for i, uid in enumerate(uids)
        }
        while responses := generator.next_generated():
            now = time.perf_counter()
            for response in responses:
                one = running.get(response.uid)
                # A step that was under way when a string was found.
                if one is None:
                    continue
                if response.error is not None:
                    raise response.error
                one.count += 1
                one.first = one.first or now
                text = one.text.add(response.token, is_last=response.finish_reason == "length")
                if one.text.finish_reason is not None:
                    del running[response.uid]
                    generator.remove([response.uid])
                assert response.logprobs is not None
                yield (
                    one.index,
                    GenerationResponse(
                        text=text,
                        token=response.token,
                        logprobs=response.logprobs,
                        prompt_tokens=one.prompt_tokens,
                        prompt_tps=one.prompt_tokens / (one.first - start),
                        generation_tokens=one.count,
                        generation_tps=(one.count - 1) / (now - one.first)
                        if one.count > 1
                        else 0.0,
                        peak_memory=mx.get_peak_memory() / 1e9,
                        finish_reason=one.text.finish_reason,
                    ),
                )
