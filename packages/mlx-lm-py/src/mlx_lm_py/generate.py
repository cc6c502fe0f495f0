"""Generate text."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import mlx_core_py as mx
from mlx_lm_utils_py import Tokenizer

from .cache import KVCache, make_prompt_cache
from .sample_utils import Sampler, make_sampler


class LanguageModel(Protocol):
    """What generation needs of a model.

    Attributes:
        args: The configuration: ``vocab_size``, and ``context_length``, how many positions it has.
    """

    args: Any

    @property
    def layers(self) -> Sequence[object]:
        """The layers, each of which needs a cache of its own."""
        ...

    def __call__(
        self, tokens: mx.array, cache: Sequence[KVCache] | None = None, *, last_only: bool = False
    ) -> mx.array:
        """Return the logits that follow each of ``tokens``, of shape ``(batch, length)``.

        If ``last_only``, those after the last one alone, as if the length were 1.
        """
        ...


@dataclass(frozen=True)
class GenerationResponse:
    """A piece of generated text and how things stand after it.

    Attributes:
        text: The text that this token completes; empty within a character.
        token: The token.
        logprobs: Log-probabilities of all tokens at this place, of shape ``(vocabulary,)``.
        prompt_tokens: Number of tokens of the prompt.
        prompt_tps: Tokens of the prompt read per second.
        generation_tokens: Number of tokens generated so far, this one included.
        generation_tps: Tokens generated per second, from the first one on.
        peak_memory: Most memory used so far, in GB.
        finish_reason: ``"stop"`` after a token that ends the answer, ``"length"`` after
            ``max_tokens`` or at the end of the context, else ``None``.
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

    @property
    def statistics(self) -> str:
        """Speed and memory, for people to read, in four lines."""
        return (
            f"Prompt: {self.prompt_tokens} tokens, {self.prompt_tps:.1f} tokens/s\n"
            f"Generation: {self.generation_tokens} tokens, "
            f"{self.generation_tps:.1f} tokens/s\n"
            f"Time to first token: {self.prompt_tokens / self.prompt_tps:.3f} s\n"
            f"Peak memory: {self.peak_memory:.3f} GB"
        )


def generate_step(
    prompt: Sequence[int] | mx.array,
    model: LanguageModel,
    *,
    max_tokens: int = 256,
    sampler: Sampler | None = None,
    prompt_cache: Sequence[KVCache] | None = None,
    prefill_step_size: int = 512,
) -> Iterator[tuple[int, mx.array]]:
    """Generate tokens.

    Args:
        prompt: The tokens to continue, at least one.
        model: The model.
        max_tokens: Number of tokens to generate. Default: 256.
        sampler: Chooses a token from log-probabilities of shape ``(1, vocabulary)``, as
            `make_sampler` makes it. Default: ``None``, the most likely one.
        prompt_cache: A cache that holds what goes before the prompt, to which this adds. Default:
            ``None``, an empty one.
        prefill_step_size: Number of tokens of the prompt to read at a time, which bounds the
            memory that this takes. Default: 512.

    Yields:
        A token and the log-probabilities of shape ``(vocabulary,)`` that it was chosen from; no
        more of them than the context of the model has room for.

    Raises:
        ValueError: If the prompt is empty, holds what is no token or is longer than the context
            of the model, or a number is too small.
    """
    ids = _checked_prompt(prompt, model)
    max_tokens = _within_context(len(ids), model, max_tokens, prompt_cache)
    if prefill_step_size < 1:
        raise ValueError(f"prefill_step_size must be at least 1, not {prefill_step_size}")
    sample = sampler or make_sampler()
    cache = make_prompt_cache(model) if prompt_cache is None else prompt_cache
    return _generate(ids, model, max_tokens, sample, cache, prefill_step_size)


def _checked_prompt(prompt: Sequence[int] | mx.array, model: LanguageModel) -> list[int]:
    # Arrays of NumPy are as good as ours.
    values = prompt.tolist() if hasattr(prompt, "tolist") else prompt
    if not isinstance(values, (list, tuple)) or not all(type(i) is int for i in values):
        raise TypeError("prompt must be a list or a one-dimensional array of integers")
    values = list(values)
    if not values:
        raise ValueError("prompt must have at least one token")
    size = model.args.vocab_size
    for i in values:
        if not 0 <= i < size:
            raise ValueError(f"prompt has {i}, which is none of the {size} tokens of the model")
    return values


def _within_context(
    count: int, model: LanguageModel, max_tokens: int, cache: Sequence[KVCache] | None
) -> int:
    """Lower ``max_tokens`` to what there are positions for after ``count`` more in the cache."""
    if not isinstance(max_tokens, int):
        raise TypeError(f"max_tokens must be an integer, not {type(max_tokens).__name__}")
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, not {max_tokens}")
    if cache is not None and len(cache) != len(model.layers):
        raise ValueError(
            f"prompt_cache has {len(cache)} entries for the {len(model.layers)} layers of the model"
        )
    held = cache[0].offset if cache else 0
    size: int = model.args.context_length
    if held + count > size:
        before = f" after {held} in the cache" if held else ""
        raise ValueError(
            f"prompt has {count} tokens{before}, more than the context of {size} tokens holds"
        )
    # The last token needs no position: nothing follows it.
    return min(max_tokens, size - held - count + 1)


def _generate(
    ids: list[int],
    model: LanguageModel,
    max_tokens: int,
    sample: Sampler,
    cache: Sequence[KVCache],
    prefill_step_size: int,
) -> Iterator[tuple[int, mx.array]]:
    def step(tokens: mx.array) -> tuple[mx.array, mx.array]:
        logits = model(tokens[None], cache=cache, last_only=True)[:, -1, :].astype(mx.float32)
        logprobs = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        return sample(logprobs), logprobs[0]

    for layer in cache:
        layer.reserve(layer.offset + len(ids) + 1)
    # All pieces of the prompt but the last just fill the cache. Other buffers that they needed are
    # of sizes that what follows has no use for.
    last = (len(ids) - 1) // prefill_step_size * prefill_step_size
    for start in range(0, last, prefill_step_size):
        model(mx.array([ids[start : start + prefill_step_size]]), cache=cache, last_only=True)
        mx.eval([layer.state for layer in cache])
        mx.clear_cache()
    token, logprobs = step(mx.array(ids[last:]))
    # Waiting bounds the memory: it is not all given out before the work begins.
    mx.eval(token)
    mx.clear_cache()
    for i in range(max_tokens):
        if i + 1 < max_tokens:
            # The next step is under way while the caller deals with this one.
            next_token, next_logprobs = step(token)
            mx.async_eval(next_token)
        yield int(token.item()), logprobs
        if i + 1 < max_tokens:
            token, logprobs = next_token, next_logprobs


def stream_generate(
    model: LanguageModel,
    tokenizer: Tokenizer,
    prompt: str | Sequence[int] | mx.array,
    *,
    max_tokens: int = 256,
    **options: Any,
) -> Iterator[GenerationResponse]:
    """Generate text, piece by piece.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        prompt: Text, or tokens, to continue. A conversation goes through
            `Tokenizer.apply_chat_template` first.
        max_tokens: Most tokens to generate. Default: 256.
        **options: Further options of `generate_step`.

    Yields:
        A response for each token; the one that ends the answer included, with no text of its own.

    Raises:
        TypeError: If an argument is of the wrong type.
        ValueError: If the prompt is empty or longer than the context of the model, or an option
            is out of its range.
    """
    if isinstance(prompt, str):
        # A rendered chat template begins with the first token already.
        bos = tokenizer.bos_token
        prompt = tokenizer.encode(prompt, add_special_tokens=not (bos and prompt.startswith(bos)))
    ids = _checked_prompt(prompt, model)
    max_tokens = _within_context(len(ids), model, max_tokens, options.get("prompt_cache"))
    start = time.perf_counter()
    tokens = generate_step(ids, model, max_tokens=max_tokens, **options)
    return _stream(tokens, tokenizer, len(ids), max_tokens, start)


def _stream(
    tokens: Iterator[tuple[int, mx.array]],
    tokenizer: Tokenizer,
    prompt_tokens: int,
    max_tokens: int,
    start: float,
) -> Iterator[GenerationResponse]:
    detokenizer = tokenizer.detokenizer
    first = start
    for n, (token, logprobs) in enumerate(tokens, 1):
        now = time.perf_counter()
        if n == 1:
            first = now
        finish_reason: Literal["stop", "length"] | None = None
        if token in tokenizer.eos_token_ids:
            finish_reason, text = "stop", detokenizer.finalize()
        else:
            text = detokenizer.add_token(token)
            if n == max_tokens:
                finish_reason, text = "length", text + detokenizer.finalize()
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
            finish_reason=finish_reason,
        )
        if finish_reason == "stop":
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
