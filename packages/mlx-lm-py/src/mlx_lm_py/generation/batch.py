"""Answers to many prompts at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlx_core_py as mx
from mlx_lm_utils_py import Tokenizer

from mlx_lm_py.cache import Cache
from mlx_lm_py.engine import BatchGenerator, BatchStats
from mlx_lm_py.models.protocols import LanguageModel

from .stream import encode_prompt

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
        seeds: Seeds for each prompt, as of `BatchGenerator.insert`. Default: ``None``.
        **options: Options of `BatchGenerator`.

    Returns:
        The answers.

    Raises:
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
    tokens: dict[int, list[int]] = {}
    logprobs: dict[int, list[float]] = {}
    caches: dict[int, Sequence[Cache]] = {}
    with BatchGenerator(model, **options) as generator, generator.stats() as stats:
        uids = generator.insert(ids, limits, prompt_caches, seeds=seeds)
        for uid in uids:
            tokens[uid], logprobs[uid] = [], []
        while responses := generator.next_generated():
            for response in responses:
                if response.error is not None:
                    raise response.error
                if response.finish_reason is not None and response.prompt_cache is not None:
                    caches[response.uid] = response.prompt_cache
                if response.finish_reason == "stop":
                    continue
                tokens[response.uid].append(response.token)
                if return_logprobs and response.logprobs is not None:
                    logprobs[response.uid].append(float(response.logprobs[response.token].item()))
    if verbose:
        print(
            f"Prompts: {stats.prompt_tokens} tokens, {stats.prompt_tps:.1f} tokens/s\n"
            f"Generation: {stats.generation_tokens} tokens, {stats.generation_tps:.1f} tokens/s\n"
            f"Peak memory: {stats.peak_memory:.3f} GB"
        )
    return BatchResponse(
        [tokenizer.decode(tokens[uid]) for uid in uids],
        stats,
        [caches[uid] for uid in uids] if return_prompt_caches else None,
        [tokens[uid] for uid in uids] if return_token_ids else None,
        [logprobs[uid] for uid in uids] if return_logprobs else None,
    )
