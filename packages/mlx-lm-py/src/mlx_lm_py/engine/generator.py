"""Generation for many sequences at once."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from types import TracebackType
from typing import Any, Literal, Self

import mlx_core_py as mx

from mlx_lm_py.cache import Cache, PrefixCache
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.sampling import LogitsProcessor, Sampler, greedy

from .guesser import Guesser, GuessOptions
from .kv_options import KVOptions
from .plan import IMPOSSIBLE, make_plan
from .recorder import StepRecorder
from .request import Request
from .responses import BatchStats, PromptResponse, TokenResponse
from .rounds import make_rounds
from .scheduler import Scheduler
from .step import Step, make_step, read_tokens

__all__ = ["BatchGenerator"]


def __dir__() -> list[str]:
    return __all__


class BatchGenerator:
    """Generates for many sequences at once, which come and go at any time.

    All sequences are rows of one input, without padding: the weights of the model are read once for
    all of them. What a sequence is answered depends on itself alone: its own cache, its own random
    numbers. (Sums are rounded differently for other numbers of rows, so that where two tokens
    are equally likely to the last digits, another may win.) An exception of its sampler or its
    processors ends it and no other.

    Args:
        model: The model.
        max_tokens: Number of tokens to generate for a sequence that does not say. Default: 128.
        stop_tokens: Tokens, or sequences of tokens, that end an answer. Default: ``None``, none.
        sampler: Chooses a token from log-probabilities of shape ``(1, vocabulary)``. Default:
            ``None``, the most likely one.
        logits_processors: Change the logits of a sequence by its tokens. Default: ``None``, none.
        completion_batch_size: Most sequences at once. Default: 32.
        prefill_batch_size: Most sequences at once whose prompts are being read. Default: 8.
        prefill_step_size: Most tokens of prompts in a step. Where sequences decode, a step has no
            more of them than take about 0.1 s. Default: 512.
        max_cache_bytes: Most bytes of all caches, by what sequences will need at their end: others
            wait. One that does not fit alone goes alone. Default: ``None``, any number.
        max_kv_size: As of `generate_step`, for sequences that no cache goes before. Default:
            ``None``.
        kv_bits: As of `generate_step`, and so are the next two. Default: ``None``.
        kv_group_size: How many numbers share a scale. Default: 64.
        quantized_kv_start: From how many positions on. Default: 0.
        prefix_cache: Where to look for what has been read of prompts, and to keep what is read.
            Default: ``None``, nowhere.
        draft_model: As of `speculative_generate_step`, for each sequence, and so are the next two.
            Default: ``None``.
        num_draft_tokens: How many tokens are guessed at a time, at most. Default: ``None``.
        ngram_size: Guess what came after so many equal tokens before. Default: ``None``.

    Raises:
        ValueError: If a number is out of its range, ``stop_tokens`` has an empty sequence, or
            ``prefix_cache`` belongs to another model.

    Example::

        generator = BatchGenerator(model, stop_tokens=[[2]])
        first, second = generator.insert([[5, 6, 7], [8]], max_tokens=[10, 20])
        while responses := generator.next_generated():
            for response in responses:
                print(response.uid, response.token, response.finish_reason)

    See: mlx-lm ``mlx_lm.generate.BatchGenerator``.
    """

    def __init__(
        self,
        model: LanguageModel,
        *,
        max_tokens: int = 128,
        stop_tokens: Sequence[int | Sequence[int]] | None = None,
        sampler: Sampler | None = None,
        logits_processors: Sequence[LogitsProcessor] | None = None,
        completion_batch_size: int = 32,
        prefill_batch_size: int = 8,
        prefill_step_size: int = 512,
        max_cache_bytes: int | None = None,
        max_kv_size: int | None = None,
        kv_bits: int | None = None,
        kv_group_size: int = 64,
        quantized_kv_start: int = 0,
        prefix_cache: PrefixCache | None = None,
        draft_model: LanguageModel | None = None,
        num_draft_tokens: int | None = None,
        ngram_size: int | None = None,
    ) -> None:
        numbers = {
            "max_tokens": max_tokens,
            "completion_batch_size": completion_batch_size,
            "prefill_batch_size": prefill_batch_size,
            "prefill_step_size": prefill_step_size,
            "max_cache_bytes": 1 if max_cache_bytes is None else max_cache_bytes,
        }
        for name, number in numbers.items():
            if number < 1:
                raise ValueError(f"{name} must be at least 1, not {number}")
        self.model: LanguageModel = model
        self.max_tokens: int = max_tokens
        self.sampler: Sampler | None = sampler
        self.logits_processors: Sequence[LogitsProcessor] | None = logits_processors
        self._stops = _checked_stops(stop_tokens or (), "stop_tokens")
        self._kv = KVOptions(max_kv_size, kv_bits, kv_group_size, quantized_kv_start)
        self._kv.new_cache(model)
        self._prefix_cache = prefix_cache
        if prefix_cache is not None:
            prefix_cache.bind(model)
        self._guesses: GuessOptions | None = None
        if draft_model is not None or ngram_size is not None:
            self._guesses = GuessOptions(draft_model, num_draft_tokens, ngram_size)
            self._guesses.check(model)
        self._scheduler = Scheduler(
            max(completion_batch_size, prefill_batch_size),
            prefill_batch_size,
            prefill_step_size,
            max_cache_bytes,
            self._admit,
            prefix_cache,
        )
        self._uids = count()
        self._recorder = StepRecorder(
            lambda tokens, caches: read_tokens(model, tokens, caches, [1] * len(caches))
        )
        # Under way, the oldest first: at most two, of which the second one goes on with tokens of
        # the first that are not known yet.
        self._steps: deque[Step] = deque()
        self._last: Step | None = None
        self._counted = BatchStats()
        self._read_at = 0.0

    def insert(
        self,
        prompts: Sequence[Sequence[int] | mx.array],
        max_tokens: Sequence[int] | None = None,
        caches: Sequence[Sequence[Cache] | None] | None = None,
        all_tokens: Sequence[Sequence[int]] | None = None,
        samplers: Sequence[Sampler | None] | None = None,
        logits_processors: Sequence[Sequence[LogitsProcessor] | None] | None = None,
        stop_sequences: Sequence[Sequence[int | Sequence[int]] | None] | None = None,
        seeds: Sequence[int | None] | None = None,
    ) -> list[int]:
        """Add sequences. Each argument has an entry for each of them.

        Args:
            prompts: The tokens to continue, at least one each.
            max_tokens: Number of tokens to generate. Default: that of the generator.
            caches: What goes before the prompt. The caches themselves stay as they are. Default:
                nothing.
            all_tokens: The tokens that the caches hold, for the processors. Default: none.
            samplers: Samplers. Default: that of the generator.
            logits_processors: Processors. Default: those of the generator.
            stop_sequences: Tokens, or sequences of tokens, that end an answer. Default: those of
                the generator.
            seeds: Seeds of the random numbers: with the same one a sequence draws the same,
                whatever goes on beside it. Default: ``None``, which draws one.

        Returns:
            The number of each sequence, by which responses name it.

        Raises:
            TypeError: If a prompt or a number is of the wrong type.
            ValueError: If a prompt is empty, holds what is no token or is longer than the context,
                a number is below 1, or an argument has not one entry for each prompt. Then none is
                added.
        """
        return self.insert_segments(
            [[prompt] for prompt in prompts],
            max_tokens,
            caches,
            all_tokens,
            samplers,
            logits_processors,
            stop_sequences,
            seeds,
        )

    def insert_segments(
        self,
        segments: Sequence[Sequence[Sequence[int] | mx.array]],
        max_tokens: Sequence[int] | None = None,
        caches: Sequence[Sequence[Cache] | None] | None = None,
        all_tokens: Sequence[Sequence[int]] | None = None,
        samplers: Sequence[Sampler | None] | None = None,
        logits_processors: Sequence[Sequence[LogitsProcessor] | None] | None = None,
        stop_sequences: Sequence[Sequence[int | Sequence[int]] | None] | None = None,
        seeds: Sequence[int | None] | None = None,
    ) -> list[int]:
        """Add sequences whose prompts have parts, at whose ends `next` stops.

        Args:
            segments: The parts of each prompt. Empty ones are passed over.
            max_tokens: As of `insert`, and so are the others.
            caches: As of `insert`.
            all_tokens: As of `insert`.
            samplers: As of `insert`.
            logits_processors: As of `insert`.
            stop_sequences: As of `insert`.
            seeds: As of `insert`.

        Returns:
            As `insert` does.

        Raises:
            TypeError: As `insert` does.
            ValueError: As `insert` does.
        """
        n = len(segments)
        given: dict[str, Any] = {
            "max_tokens": max_tokens,
            "caches": caches,
            "all_tokens": all_tokens,
            "samplers": samplers,
            "logits_processors": logits_processors,
            "stop_sequences": stop_sequences,
            "seeds": seeds,
        }
        for name, values in given.items():
            if values is not None and len(values) != n:
                raise ValueError(
                    f"{name} must have {n} entries, one for each prompt, not {len(values)}"
                )
        requests = [
            self._request(parts, **{name: values and values[i] for name, values in given.items()})
            for i, parts in enumerate(segments)
        ]
        for request in requests:
            request.uid = next(self._uids)
        self._scheduler.waiting.extend(requests)
        return [request.uid for request in requests]

    def _request(
        self,
        segments: Sequence[Sequence[int] | mx.array],
        max_tokens: int | None,
        caches: Sequence[Cache] | None,
        all_tokens: Sequence[int] | None,
        samplers: Sampler | None,
        logits_processors: Sequence[LogitsProcessor] | None,
        stop_sequences: Sequence[int | Sequence[int]] | None,
        seeds: int | None,
    ) -> Request:
        parts = [part for part in map(_checked_tokens, segments) if part]
        sampler = samplers or self.sampler or greedy
        if not callable(sampler):
            raise TypeError(f"a sampler must be a function, not {type(sampler).__name__}")
        processors = self.logits_processors if logits_processors is None else logits_processors
        plan = make_plan(
            [token for part in parts for token in part],
            self.model,
            max_tokens=self.max_tokens if max_tokens is None else max_tokens,
            sampler=sampler,
            logits_processors=processors,
            prompt_cache=None if caches is None else [layer.copy() for layer in caches],
            max_kv_size=self._kv.max_size,
            kv_bits=self._kv.bits,
            kv_group_size=self._kv.group_size,
            quantized_kv_start=self._kv.start,
        )
        held = list(all_tokens or ())
        if caches is not None and self._guesses is not None and self._guesses.draft_model:
            raise ValueError("caches cannot be given where a draft_model guesses")
        ends = self._stops
        if stop_sequences is not None:
            ends = _checked_stops(stop_sequences, "stop_sequences")
        return Request(
            uid=-1,
            segments=parts,
            prompt_tokens=len(plan.prompt),
            max_tokens=plan.max_tokens,
            sampler=None if plan.sampler is greedy else plan.sampler,
            processors=plan.processors,
            ends=ends,
            key=_drawn_key() if seeds is None else mx.random.key(seeds),
            cache=plan.cache,
            tokens=held,
            is_new=caches is None and not held,
            plan=plan,
            history=mx.array(held + plan.prompt) if plan.processors else None,
        )

    def _admit(self, request: Request) -> None:
        """Look for what has been read of the prompt of a sequence that is let in."""
        prompt = [token for part in request.segments for token in part]
        if self._prefix_cache is not None and request.is_new:
            request.begin(self._kv.begin(self._prefix_cache, self.model, prompt, len(prompt) + 1))
        request.stops = self._kv.stops(len(prompt), request.cache, request.lease)
        if self._guesses is not None:
            assert request.plan is not None
            plan = replace(request.plan, cache=request.cache, lease=request.lease)
            request.guesser = Guesser(self.model, plan, self._guesses)

    def next(self) -> tuple[list[PromptResponse], list[TokenResponse]]:
        """Do a step: read the last tokens of sequences that decode, and pieces of prompts.

        The step after it is under way when the tokens of one are returned, unless tokens are
        guessed.

        Returns:
            How far prompts are, and tokens. Both are empty when there is nothing left to do.
        """
        before = len(self._steps)
        decoding, pieces = self._scheduler.plan()
        if self._guesses is not None:
            prompts, responses = self._launch([], pieces)
            responses += self._read() if self._steps else []
            return prompts, responses + self._guess(decoding)
        prompts, responses = self._launch(decoding, pieces)
        if len(self._steps) > 1 or (self._steps and len(self._steps) == before):
            responses += self._read()
        return prompts, responses

    def next_generated(self) -> list[TokenResponse]:
        """Do steps until there are tokens.

        Returns:
            The tokens, at most one of each sequence unless tokens are guessed; none when there is
            nothing left to do.
        """
        while True:
            prompts, responses = self.next()
            if responses or not (prompts or self._steps):
                return responses

    def remove(
        self, uids: Sequence[int], return_prompt_caches: bool = False
    ) -> dict[int, tuple[Sequence[Cache], list[int]]]:
        """Take sequences out; their places are free for the next step.

        Args:
            uids: Their numbers. Those that have finished are passed over.
            return_prompt_caches: Whether to return what `extract_cache` gives. Default: ``False``.

        Returns:
            Caches and the tokens that they hold, by number.
        """
        caches = self.extract_cache(uids) if return_prompt_caches else {}
        for request in self._find(uids):
            request.done = True
            mx.async_eval(request.keep())
        return caches

    def extract_cache(self, uids: Sequence[int]) -> dict[int, tuple[Sequence[Cache], list[int]]]:
        """The caches of sequences, as they are now.

        Args:
            uids: Their numbers. Those that have finished are passed over.

        Returns:
            A cache, which does not change as the sequence goes on, and the tokens that it holds, by
            number.
        """
        return {
            request.uid: ([layer.copy() for layer in request.cache], request.held)
            for request in self._find(uids)
        }

    @property
    def prompt_cache_nbytes(self) -> int:
        """Number of bytes of the caches of all sequences."""
        return sum(layer.nbytes for one in self._scheduler.requests for layer in one.cache)

    @contextmanager
    def stats(self) -> Iterator[BatchStats]:
        """Measure the work that is done in a ``with`` block.

        Yields:
            Statistics, which are there at the end of the block.
        """
        before = replace(self._counted)
        result = BatchStats()
        try:
            yield result
        finally:
            self._counted.peak_memory = mx.get_peak_memory() / 1e9
            vars(result).update(vars(self._counted.since(before)))

    def close(self) -> None:
        """Take all sequences out."""
        for request in self._scheduler.requests:
            request.done = True
        self._steps.clear()
        self._scheduler.plan()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _find(self, uids: Sequence[int]) -> list[Request]:
        wanted = set(uids)
        return [one for one in self._scheduler.requests if one.uid in wanted and not one.done]

    def _launch(
        self, decoding: list[Request], pieces: list[tuple[Request, list[int]]]
    ) -> tuple[list[PromptResponse], list[TokenResponse]]:
        """Make the next step, if there is one, and begin with it."""
        if not decoding:
            self._recorder.forget()
        if not decoding and not pieces:
            return [], []
        try:
            step = make_step(self.model, self._recorder, self._last, decoding, pieces)
            for request in step.requests:
                self._kv.quantize(request.cache)
            kept = [request.keep() for request, _ in pieces if request.is_worth_keeping]
            mx.async_eval(step.tokens, step.impossible, step.states, kept)
        except Exception as error:
            # A model that fails has changed some caches and not others: none of them can go on.
            # What was under way is theirs still.
            responses = []
            while self._steps:
                responses += self._read()
            requests = [*decoding, *(request for request, _ in pieces)]
            return [], responses + [_failure(one, error) for one in requests if not one.done]
        self._steps.append(step)
        self._last = step
        prompts = [request for request, _ in pieces]
        self._scheduler.decoding += [request for request in prompts if not request.segments]
        return [_progress(request) for request in prompts], []

    def _read(self) -> list[TokenResponse]:
        """Wait for the oldest step, and say what it gave."""
        step = self._steps[0]
        try:
            mx.eval(step.states)
            tokens, impossible = step.tokens.tolist(), step.impossible.tolist()
        except Exception as error:
            self._steps.popleft()
            return [_failure(one, error) for one in step.requests if not one.done]
        self._steps.popleft()
        self._count(step)
        responses = []
        for row, request in enumerate(step.sampled):
            if request.done:
                continue
            # The exception came with its latest token, which may be that of the step after this.
            if request.error is not None and len(request.answer) + 1 == request.generated:
                responses.append(_failure(request, request.error))
            elif impossible[row]:
                responses.append(_failure(request, FloatingPointError(IMPOSSIBLE)))
            else:
                responses.append(_token(request, tokens[row], step.logprobs[row]))
        return responses

    def _guess(self, decoding: list[Request]) -> list[TokenResponse]:
        """Do a round: read the guesses of all sequences that decode."""
        started = time.perf_counter()
        try:
            rounds = make_rounds(self.model, decoding) if decoding else []
            mx.eval([(one.chosen, one.impossible) for one in rounds])
        except Exception as error:
            return [_failure(one, error) for one in decoding]
        responses = [
            _failure(one, one.error) for one in decoding if one.error is not None and not one.done
        ]
        for one in rounds:
            request = one.request
            count = len(request.answer)
            given, right, is_impossible = one.finish()
            self._kv.quantize(request.cache)
            del request.answer[count:]
            for i, token in enumerate(given):
                response = _token(request, token, one.logprobs[i])
                responses.append(replace(response, from_draft=i < right))
            if is_impossible and not request.done:
                responses.append(_failure(request, FloatingPointError(IMPOSSIBLE)))
            self._counted.generation_tokens += len(given)
        if rounds:
            self._counted.generation_steps += 1
            self._counted.generation_time += time.perf_counter() - started
        return responses

    def _count(self, step: Step) -> None:
        now = time.perf_counter()
        seconds = now - max(step.started, self._read_at)
        self._read_at = now
        decoded = step.rows - step.prompt_rows
        counted = self._counted
        counted.prompt_tokens += step.prompt_rows
        counted.prompt_time += seconds * step.prompt_rows / step.rows
        counted.generation_tokens += len(step.sampled)
        counted.generation_time += seconds * decoded / step.rows
        counted.generation_steps += decoded > 0
        if step.prompt_rows:
            self._scheduler.measure(step.rows, seconds)
            self._scheduler.learn(step.requests[-1])


def _checked_tokens(part: Any) -> list[int]:
    # Arrays are as good as lists; what is in them is checked with the whole prompt.
    values = part.tolist() if hasattr(part, "tolist") else part
    if not isinstance(values, (list, tuple)):
        raise TypeError(f"prompts must be lists of tokens, not {type(part).__name__}")
    return list(values)


def _checked_stops(stops: Sequence[int | Sequence[int]], name: str) -> tuple[tuple[int, ...], ...]:
    checked = tuple((stop,) if isinstance(stop, int) else tuple(stop) for stop in stops)
    if not all(checked):
        raise ValueError(f"{name} must not have an empty sequence")
    return checked


def _drawn_key() -> mx.array:
    """A key of its own for a sequence, drawn from the random numbers of the program."""
    state = mx.random.state
    state[0], key = mx.random.split(state[0])
    return key


def _progress(request: Request) -> PromptResponse:
    return PromptResponse(
        uid=request.uid,
        progress=(request.prompt_tokens - request.unread, request.prompt_tokens),
        end_of_segment=request.at_segment_end,
        end_of_prompt=not request.segments,
        cached=request.lease.length if request.lease is not None else 0,
    )


def _failure(request: Request, error: Exception) -> TokenResponse:
    request.done = True
    return TokenResponse(request.uid, -1, None, "error", error=error)


def _token(request: Request, token: int, logprobs: mx.array) -> TokenResponse:
    request.answer.append(token)
    reason: Literal["stop", "length"] | None = None
    if request.is_stopped():
        reason = "stop"
    elif len(request.answer) == request.max_tokens:
        reason = "length"
    if reason is None:
        return TokenResponse(request.uid, token, logprobs)
    request.done = True
    mx.async_eval(request.keep())
    return TokenResponse(request.uid, token, logprobs, reason, request.cache, request.held)
