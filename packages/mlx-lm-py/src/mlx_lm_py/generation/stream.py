"""Generated text, piece by piece."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import mlx_core_py as mx
from mlx_lm_utils_py import Tokenizer

from mlx_lm_py.engine.guesser import GuessOptions
from mlx_lm_py.engine.plan import Plan, make_plan
from mlx_lm_py.engine.recorder import StepRecorder
from mlx_lm_py.models.protocols import LanguageModel

from .speculative import Speculation, speculate, split_cache
from .step import generate_tokens, make_recorder
from .text import AnswerText, constraints, encode_prompt

__all__ = ["GenerationResponse", "generate", "stream_generate"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class GenerationResponse:
    """A piece of generated text and how things stand after it.

    Attributes:
        text: The text that this token completes; empty within a character, and while it may
            begin a string of ``stop``.
        token: The token.
        logprobs: Log-probabilities of all tokens at this place, of shape ``(vocabulary,)``.
        prompt_tokens: Number of tokens of the prompt.
        prompt_tps: Tokens of the prompt read per second.
        generation_tokens: Number of tokens generated so far, this one included.
        generation_tps: Tokens generated per second, from the first one on.
        peak_memory: Most memory used so far, in GB.
        finish_reason: ``"stop"`` after a token or a string that ends the answer, ``"length"``
            after ``max_tokens`` or at the end of the context, else ``None``.
        from_draft: Whether the token had been guessed, as of `speculative_generate_step`.
        cached_tokens: Number of tokens of the prompt that a prefix cache had.
        unrecorded: Why the steps of the model cannot be recorded and repeated; ``None`` if they
            can, or as long as that is not known.
    """

    text: str
    token: int
    logprobs: mx.array
    prompt_tokens: int
    prompt_tps: float
    generation_tokens: int
    generation_tps: float
    peak_memory: float
    finish_reason: Literal["stop", "length"] | None = None
    from_draft: bool = False
    cached_tokens: int = 0
    unrecorded: str | None = None

    @property
    def statistics(self) -> str:
        """Speed and memory, for people to read, in four lines; five if steps are not recorded."""
        slow = f"\nSteps are not recorded: {self.unrecorded}" if self.unrecorded else ""
        return (
            f"Prompt: {self.prompt_tokens} tokens, {self.prompt_tps:.1f} tokens/s\n"
            f"Generation: {self.generation_tokens} tokens, "
            f"{self.generation_tps:.1f} tokens/s\n"
            f"Time to first token: {self.prompt_tokens / self.prompt_tps:.3f} s\n"
            f"Peak memory: {self.peak_memory:.3f} GB{slow}"
        )


def stream_generate(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str | Sequence[int] | mx.array,
    *,
    max_tokens: int = 256,
    stop: str | Sequence[str] = (),
    response_format: Mapping[str, Any] | None = None,
    draft_model: LanguageModel | None = None,
    draft_tokenizer: Tokenizer | None = None,
    num_draft_tokens: int | None = None,
    ngram_size: int | None = None,
    prompt_cache: Any = None,
    **options: Any,
) -> Iterator[GenerationResponse]:
    """Generate text, piece by piece.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        prompt: Text, or tokens, to continue. A conversation goes through
            `Tokenizer.apply_chat_template` first.
        max_tokens: Most tokens to generate. Default: 256.
        stop: A string, or several, that end the answer; the text ends before the first one that
            is complete. Default: none.
        response_format: What the answer must look like: JSON, a schema of it, a regular
            expression or a grammar, as `mlx_lm_py.structured.make_constraint` takes it. What the
            model thinks before is free. Default: ``None``, anything.
        draft_model: A model that guesses what comes next, as of `speculative_generate_step`.
            Default: ``None``, none does.
        draft_tokenizer: Its tokenizer, if its vocabulary is to be compared and not just the number
            of tokens. Default: ``None``.
        num_draft_tokens: How many tokens are guessed at a time, at most. Default: ``None``, 2 by a
            draft model, 16 from the text so far.
        ngram_size: Guess what came after so many equal tokens before. Default: ``None``, do not.
        prompt_cache: As of `generate_step`, or of `speculative_generate_step` with a draft model.
            Default: ``None``, an empty one.
        **options: Further options of `generate_step`.

    Yields:
        A response for each token; the one that ends the answer included, with no text of its own.

    Raises:
        ImportError: If there is a response format, and the extra ``structured`` is not installed.
        TypeError: If an argument is of the wrong type.
        ValueError: If the prompt is empty or longer than the context of the model, or an option
            is out of its range.
    """
    if isinstance(prompt, str):
        prompt = encode_prompt(tokenizer, prompt)
    own, theirs = split_cache(model, draft_model, prompt_cache)
    plan = make_plan(prompt, model, max_tokens=max_tokens, prompt_cache=own, **options)
    held_to = constraints(tokenizer, response_format, plan.prompt)
    plan = replace(plan, processors=(*plan.processors, *held_to))
    start = time.perf_counter()
    tokens: Iterator[tuple[int, mx.array, bool]]
    recorder = make_recorder(model)
    if draft_model is None and ngram_size is None:
        alone = generate_tokens(model, plan, recorder)
        tokens = ((token, logprobs, False) for token, logprobs in alone)
    else:
        if draft_tokenizer is not None and draft_tokenizer.token_bytes() != tokenizer.token_bytes():
            raise ValueError("draft_tokenizer has other tokens than tokenizer")
        guesses = GuessOptions(draft_model, num_draft_tokens, ngram_size)
        speculation = Speculation(model, plan, guesses, theirs)
        tokens = speculate(speculation, prompt_cache if theirs is not None else None)
    answer = AnswerText(tokenizer, stop, tokenizer.eos_token_ids)
    return _stream(tokens, answer, plan, recorder, start)


def _stream(
    tokens: Iterator[tuple[int, mx.array, bool]],
    answer: AnswerText,
    plan: Plan,
    recorder: StepRecorder,
    start: float,
) -> Iterator[GenerationResponse]:
    prompt_tokens = len(plan.prompt)
    first = start
    for n, (token, logprobs, from_draft) in enumerate(tokens, 1):
        now = time.perf_counter()
        if n == 1:
            first = now
        text = answer.add(token, is_last=n == plan.max_tokens)
        yield GenerationResponse(
            text=text,
            token=token,
            logprobs=logprobs,
            prompt_tokens=prompt_tokens,
            prompt_tps=prompt_tokens / (first - start),
            generation_tokens=n,
            # The first token comes with the prompt; a rate needs a second one.
            generation_tps=(n - 1) / (now - first) if n > 1 else 0.0,
            peak_memory=mx.get_peak_memory() / 1e9,
            finish_reason=answer.finish_reason,
            from_draft=from_draft,
            cached_tokens=plan.cached,
            unrecorded=recorder.reason,
        )
        if answer.finish_reason == "stop":
            return


def generate(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str | Sequence[int] | mx.array,
    verbose: bool = False,
    **options: Any,
) -> str:
    """Generate text.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        prompt: Text, or tokens, to continue.
        verbose: Print the text as it is made, and then how fast that was. Default: ``False``.
        **options: Options of `stream_generate`.

    Returns:
        The text.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the prompt is empty, or an option is out of its range.
    """
    text = ""
    for response in stream_generate(model, tokenizer, prompt, **options):
        text += response.text
        if verbose:
            print(response.text, end="", flush=True)
    if verbose:
        print(f"\n{response.statistics}")
    return text
