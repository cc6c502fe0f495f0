"""Answers to many prompts at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import mlx_core_py as mx
from mlx_lm_utils_py import Tokenizer

from mlx_lm_py.cache import Cache
from mlx_lm_py.engine import BatchGenerator, BatchStats, TokenResponse
from mlx_lm_py.models.protocols import LanguageModel

from .text import AnswerText, constraints, encode_prompt

__all__ = ["BatchResponse", "batch_generate"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class BatchResponse:
    """Answers to prompts, in their order.

    Attributes:
        texts: The text of each answer.
        stats: How fast that was.
        caches: The cache of each sequence, if asked for.
        token_ids: The tokens of each answer, without the one that ends it, if asked for.
        logprobs: The log-probability of each of these tokens, if asked for.
    """

    texts: list[str]
    stats: BatchStats
    caches: list[Sequence[Cache]] | None = None
    token_ids: list[list[int]] | None = None
    logprobs: list[list[float]] | None = None


def batch_generate(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompts: Sequence[str | Sequence[int] | mx.array],
    prompt_caches: Sequence[Sequence[Cache] | None] | None = None,
    max_tokens: int | Sequence[int] = 128,
    verbose: bool = False,
    return_prompt_caches: bool = False,
    return_token_ids: bool = False,
    return_logprobs: bool = False,
    *,
    stop: str | Sequence[str] = (),
    response_format: Mapping[str, Any] | Sequence[Mapping[str, Any] | None] | None = None,
    seeds: Sequence[int | None] | None = None,
    **options: Any,
) -> BatchResponse:
    """Answer many prompts at once.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        prompts: Texts, or tokens, to continue.
        prompt_caches: What goes before each prompt; they stay as they are. Default: nothing.
        max_tokens: Most tokens of an answer, or of each. Default: 128.
        verbose: Print how fast that was. Default: ``False``.
        return_prompt_caches: Return the cache of each sequence. Default: ``False``.
        return_token_ids: Return the tokens of the answers. Default: ``False``.
        return_logprobs: Return the log-probabilities of these tokens. Default: ``False``.
        stop: A string, or several, that end an answer, as of `stream_generate`. Default: none.
        response_format: What answers must look like, as of `stream_generate`; or a list with one
            for each prompt. Default: ``None``, anything.
        seeds: Seeds for each prompt, as of `BatchGenerator.insert`. Default: ``None``.
        **options: Options of `BatchGenerator`.

    Returns:
        The answers.

    Raises:
        ImportError: If there is a response format, and the extra ``structured`` is not installed.
        TypeError: If an argument is of the wrong type.
        ValueError: If a prompt is empty or longer than the context of the model, a number is below
            1, or there is not one of a list for each prompt.
        Exception: What a sampler, a processor or the model raises for one of the sequences.

    See: mlx-lm ``mlx_lm.batch_generate``.
    """
    if isinstance(prompts, str):
        raise TypeError("prompts must be a list of texts or of tokens, not one text")
    ids = [encode_prompt(tokenizer, one) if isinstance(one, str) else one for one in prompts]
    limits = [max_tokens] * len(ids) if isinstance(max_tokens, int) else max_tokens
    options.setdefault("stop_tokens", sorted(tokenizer.eos_token_ids))
    general = tuple(options.get("logits_processors") or ())
    is_one = response_format is None or isinstance(response_format, Mapping)
    formats: Any = [response_format] * len(ids) if is_one else response_format
    if len(formats) != len(ids):
        raise ValueError(
            f"response_format must have {len(ids)} entries, one for each prompt, not {len(formats)}"
        )
    answers = [_Answer(AnswerText(tokenizer, stop, ())) for _ in ids]
    with BatchGenerator(model, **options) as generator, generator.stats() as stats:
        processors = [
            [*general, *constraints(tokenizer, one, encoded)]
            for one, encoded in zip(formats, ids, strict=True)
        ]
        uids = generator.insert(
            ids, limits, prompt_caches, logits_processors=processors, seeds=seeds
        )
        of = dict(zip(uids, answers, strict=True))
        while responses := generator.next_generated():
            for response in responses:
                of[response.uid].take(response, return_logprobs)
            found = [uid for uid in uids if of[uid].goes_on_in_vain]
            removed = generator.remove(found, return_prompt_caches)
            for uid, (cache, _) in removed.items():
                of[uid].cache = cache
            for uid in found:
                of[uid].goes_on_in_vain = False
    if verbose:
        print(
            f"Prompts: {stats.prompt_tokens} tokens, {stats.prompt_tps:.1f} tokens/s\n"
            f"Generation: {stats.generation_tokens} tokens, {stats.generation_tps:.1f} tokens/s\n"
            f"Peak memory: {stats.peak_memory:.3f} GB"
            + (f"\nSteps are not recorded: {stats.unrecorded}" if stats.unrecorded else "")
        )
    return BatchResponse(
        [one.text for one in answers],
        stats,
        [one.cache for one in answers] if return_prompt_caches else None,
        [one.tokens for one in answers] if return_token_ids else None,
        [one.logprobs for one in answers] if return_logprobs else None,
    )


@dataclass
class _Answer:
    """An answer so far."""

    pieces: AnswerText
    text: str = ""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    cache: Sequence[Cache] = ()
    goes_on_in_vain: bool = False

    def take(self, response: TokenResponse, with_logprobs: bool) -> None:
        if response.error is not None:
            raise response.error
        if response.prompt_cache is not None:
            self.cache = response.prompt_cache
        if response.finish_reason == "stop":
            self.text += self.pieces.finish()
            return
        self.text += self.pieces.add(response.token, is_last=response.finish_reason == "length")
        self.goes_on_in_vain = self.pieces.finish_reason == "stop" and not response.finish_reason
        self.tokens.append(response.token)
        if with_logprobs and response.logprobs is not None:
            self.logprobs.append(float(response.logprobs[response.token].item()))
