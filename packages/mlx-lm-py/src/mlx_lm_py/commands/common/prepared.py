"""Prompts ready to be answered: what is to be read of them, and after what."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlx_lm_py.cache import Cache, make_prompt_cache

from .cache_options import make_caches, make_quantized_caches
from .parser import UsageError
from .requests import Request, to_prompt, uses_template
from .reuse import cut_back, in_own_tokens, pieces, read_tokens, tail_after

if TYPE_CHECKING:
    from mlx_lm_utils_py import Tokenizer

    from .kept_prompts import KeptPrompt
    from .opening import Opened

__all__ = ["Prepared", "prepare"]


def __dir__() -> list[str]:
    return __all__


# What mlx-lm puts where a cached prompt goes on.
_QUERY = "<query>"


@dataclass(frozen=True)
class Prepared:
    """A prompt.

    Attributes:
        tokens: The tokens that are to be read.
        cache: What goes before them, and takes them in: that of the model, followed by that of the
            draft model if there is one.
        reused: How many tokens it holds.
    """

    tokens: list[int]
    cache: list[Cache]
    reused: int = 0


def prepare(
    requests: list[Request], opened: Opened, options: argparse.Namespace, *, together: bool
) -> list[Prepared]:
    """Make prompts ready.

    Args:
        requests: What is asked.
        opened: The model.
        options: What the parser has read.
        together: Whether they are answered at once.

    Returns:
        The prompts.

    Raises:
        UsageError: If options do not go together.
        OSError: If a file cannot be read.
        ValueError: If a prompt or a file is not valid.
    """
    if options.prompt_cache is None:
        make = make_quantized_caches if together else make_caches
        drafts = () if together else (opened.draft_model,)
        return [
            Prepared(
                to_prompt(request, opened.tokenizer, options), make(options, opened.model, *drafts)
            )
            for request in requests
        ]
    for name in ("system_prompt", "max_kv_size"):
        if getattr(options, name) is not None:
            option = name.replace("_", "-")
            raise UsageError(f"--{option} is what the file of --prompt-cache has: leave it away")
    if together and options.kv_bits is not None:
        raise UsageError("--kv-bits is what the file of --prompt-cache has: leave it away")
    from .kept_prompts import load_kept_prompt

    kept = load_kept_prompt(options.prompt_cache, opened)
    return [_after(kept, request, opened, options) for request in requests]


def _after(
    kept: KeptPrompt, request: Request, opened: Opened, options: argparse.Namespace
) -> Prepared:
    cache = [layer.copy() for layer in kept.cache]
    tokenizer = opened.tokenizer
    if kept.tokens is None:
        if opened.draft_model is not None:
            raise ValueError(f"{options.prompt_cache} does not say what --draft-model has to read")
        return Prepared(_tail(request, opened, options), cache)
    said = argparse.Namespace(**{**vars(options), "system_prompt": kept.said.system_prompt})
    prompt = to_prompt(_continued(kept, request, tokenizer, options), tokenizer, said)
    prompt = in_own_tokens(kept.tokens, prompt, tokenizer)
    reused = cut_back(cache, kept.tokens, prompt)
    if reused is None:
        cache, reused = make_caches(options, opened.model), 0
    draft_cache: list[Cache] = []
    if opened.draft_model is not None:
        draft_cache = make_prompt_cache(opened.draft_model)
        read_tokens(opened.draft_model, pieces(prompt[:reused]), draft_cache)
    return Prepared(prompt[reused:], [*cache, *draft_cache], reused)


def _continued(
    kept: KeptPrompt, request: Request, tokenizer: Tokenizer, options: argparse.Namespace
) -> Request:
    """What is asked, with what goes before it."""
    talks = uses_template(options, tokenizer)
    if (kept.text is None) != talks:
        what = "a text: give --raw" if talks else "a conversation: leave --raw away"
        raise ValueError(f"{options.prompt_cache} holds {what}")
    if kept.text is not None:
        return Request(kept.text + request.text)
    new = list(request.messages or [{"role": "user", "content": request.text}])
    messages = list(kept.said.messages)
    # What cache-prompt has read is the beginning of a message.
    if messages and messages[-1]["role"] == new[0].get("role"):
        begun = messages.pop()["content"]
        new[0] = {**new[0], "content": begun + str(new[0].get("content", ""))}
    return Request(request.text, [*messages, *new])


def _tail(request: Request, opened: Opened, options: argparse.Namespace) -> list[int]:
    """The tokens from what is asked on, whatever goes before."""
    tokenizer = opened.tokenizer
    prompt = to_prompt(request, tokenizer, options)
    if options.raw:
        return prompt
    asked = replace(request, text=_QUERY)
    before, found, _ = tokenizer.decode(to_prompt(asked, tokenizer, options)).partition(_QUERY)
    tail = tail_after(before, prompt, tokenizer) if found and request.messages is None else None
    if tail is None:
        raise ValueError(
            f"{options.prompt_cache} does not say what it holds, and the chat template does not "
            "let this prompt go on there"
        )
    return tail
