"""The loop that generates tokens, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import mlx_core_py as mx

from mlx_lm_py.cache import Cache, PrefixCache
from mlx_lm_py.cache.prompt_cache import reserve_prompt_cache
from mlx_lm_py.engine.plan import IMPOSSIBLE, Plan, make_plan
from mlx_lm_py.engine.recorder import StepRecorder
from mlx_lm_py.engine.scores import check_token, draw, score
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.sampling import LogitsProcessor, Sampler

__all__ = ["generate_step", "generate_tokens", "make_recorder", "read_prompt"]


def __dir__() -> list[str]:
    return __all__


def generate_step(
    prompt: Sequence[int] | mx.array,
    model: LanguageModel,
    *,
    max_tokens: int = 256,
    sampler: Sampler | None = None,
    logits_processors: Sequence[LogitsProcessor] | None = None,
    prompt_cache: Sequence[Cache] | None = None,
    prefill_step_size: int = 512,
    max_kv_size: int | None = None,
    kv_bits: int | None = None,
    kv_group_size: int = 64,
    quantized_kv_start: int = 0,
    prefix_cache: PrefixCache | None = None,
) -> Iterator[tuple[int, mx.array]]:
    """Generate tokens.

    Args:
        prompt: The tokens to continue, at least one.
        model: The model.
        max_tokens: Number of tokens to generate. Default: 256.
        sampler: Chooses a token from log-probabilities of shape ``(1, vocabulary)``, as
            `make_sampler` makes it. Default: ``None``, the most likely one.
        logits_processors: Change the logits, one after the other, by the tokens of the prompt and
            those so far, as `make_logits_processors` makes them. Default: ``None``, none.
        prompt_cache: A cache that holds what goes before the prompt, to which this adds. Default:
            ``None``, an empty one.
        prefill_step_size: Number of tokens of the prompt to read at a time, which bounds the
            memory that this takes. Default: 512.
        max_kv_size: How many positions the cache keeps at most, as of `make_prompt_cache`, if there
            is no ``prompt_cache``. Default: ``None``, all.
        kv_bits: With how many bits, 2 to 8, numbers of keys and values are kept. Default: ``None``,
            as they are.
        kv_group_size: How many of them share a scale: 32, 64 or 128. Default: 64.
        quantized_kv_start: From how many positions on they are kept so. Default: 0.
        prefix_cache: Where to look for what has been read of the prompt, and to keep what is read
            now. Default: ``None``, nowhere.

    Yields:
        A token and the log-probabilities of shape ``(vocabulary,)`` that it was chosen from; no
        more of them than the context of the model has room for.

    Raises:
        TypeError: If the prompt or ``max_tokens`` is of the wrong type.
        ValueError: If the prompt is empty, holds what is no token or is longer than the context
            of the model, a number is too small, or there are both a ``prompt_cache`` and a
            ``prefix_cache``, or one of another model.
        FloatingPointError: If the logits are NaN, or no token is possible.
    """
    plan = make_plan(
        prompt,
        model,
        max_tokens=max_tokens,
        sampler=sampler,
        logits_processors=logits_processors,
        prompt_cache=prompt_cache,
        prefill_step_size=prefill_step_size,
        max_kv_size=max_kv_size,
        kv_bits=kv_bits,
        kv_group_size=kv_group_size,
        quantized_kv_start=quantized_kv_start,
        prefix_cache=prefix_cache,
    )
    return generate_tokens(model, plan, make_recorder(model))


def make_recorder(model: LanguageModel) -> StepRecorder:
    """Make what repeats the steps of a single sequence.

    Args:
        model: The model.

    Returns:
        The recorder.
    """

    def read(tokens: mx.array, caches: Sequence[Sequence[Cache]]) -> mx.array:
        return model(tokens[None], cache=caches[0], last_only=True)[:, -1, :]

    return StepRecorder(read)


def generate_tokens(
    model: LanguageModel, plan: Plan, recorder: StepRecorder
) -> Iterator[tuple[int, mx.array]]:
    """Generate tokens as planned.

    Args:
        model: The model for which the plan was made.
        plan: What to generate.
        recorder: What repeats its steps.

    Yields:
        As `generate_step` does.
    """
    history = mx.array(plan.prompt) if plan.processors else None
    tokens = list(plan.prompt)
    bad: deque[mx.array] = deque()

    def step(tokens: mx.array) -> tuple[mx.array, mx.array]:
        if len(tokens) == 1:
            logits = recorder(tokens, [plan.cache])
        else:
            logits = model(tokens[None], cache=plan.cache, last_only=True)[:, -1, :]
        plan.kv.quantize(plan.cache)
        logprobs, impossible = score(plan.processors, logits, history)
        bad.append(impossible)
        return draw(plan.sampler, logprobs), logprobs[0]

    token, logprobs = step(mx.array(read_prompt(model, plan)))
    if history is not None:
        history = mx.concatenate([history, token])
    # Waiting bounds the memory: it is not all given out before the work begins.
    mx.eval(token, bad[0])
    mx.clear_cache()
    with plan.keeping(tokens, len(tokens) + plan.max_tokens - 1):
        for i in range(plan.max_tokens):
            if i + 1 < plan.max_tokens:
                # The next step is under way while the caller deals with this one.
                next_token, next_logprobs = step(token)
                if history is not None:
                    history = mx.concatenate([history, next_token])
                mx.async_eval(next_token, bad[-1])
            if bad.popleft().item():
                raise FloatingPointError(IMPOSSIBLE)
            tokens.append(check_token(int(token.item())))
            yield tokens[-1], logprobs
            if i + 1 < plan.max_tokens:
                token, logprobs = next_token, next_logprobs


def read_prompt(model: LanguageModel, plan: Plan) -> list[int]:
    """Read a prompt into the cache, but for its last piece.

    Args:
        model: The model for which the plan was made.
        plan: What to generate.

    Returns:
        The last piece, at least one token.
    """
    ids, cache = plan.prompt, plan.cache
    start, count = plan.cached, len(plan.prompt)
    if not start:
        reserve_prompt_cache(cache, count + 1)
    stops = plan.kv.stops(count, cache, plan.lease)
    # All pieces but the last just fill the cache. Other buffers that they needed are of sizes that
    # what follows has no use for.
    while True:
        end = min([start + plan.prefill_step_size, *(stop for stop in stops if stop > start)])
        if end >= count:
            return ids[start:]
        model(mx.array([ids[start:end]]), cache=cache, last_only=True)
        plan.kv.quantize(cache)
        mx.eval([layer.state for layer in cache])
        if end in stops and plan.lease is not None and plan.lease.has_states:
            plan.keep(ids[:end], is_last=False)
        mx.clear_cache()
        start = end
