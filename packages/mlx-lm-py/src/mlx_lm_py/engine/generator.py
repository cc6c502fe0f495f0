"""Generation for many sequences at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from types import TracebackType
from typing import Any, Self

import mlx_core_py as mx

from mlx_lm_py._checks import check_function, check_integer, check_list
from mlx_lm_py.cache import Cache, PrefixCache
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.sampling import LogitsProcessor, Sampler

from .guesser import Guesser, GuessOptions
from .insertion import checked_stops, for_each, make_request
from .kv_options import KVOptions
from .pipeline import Pipeline
from .plan import check_prefix_cache
from .request import Request
from .responses import BatchStats, PromptResponse, TokenResponse
from .scheduler import Scheduler

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
        TypeError: If an argument is of the wrong type.
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
            check_integer(name, number, 1)
        if sampler is not None:
            check_function("sampler", sampler)
        self.model: LanguageModel = model
        self.max_tokens: int = max_tokens
        self.sampler: Sampler | None = sampler
        self.logits_processors: Sequence[LogitsProcessor] | None = logits_processors
        self._stops = checked_stops(stop_tokens, "stop_tokens")
        self._kv = KVOptions(max_kv_size, kv_bits, kv_group_size, quantized_kv_start)
        self._kv.new_cache(model)
        self._prefix_cache = prefix_cache
        if prefix_cache is not None:
            check_prefix_cache(prefix_cache)
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
        self._pipeline = Pipeline(model, self._scheduler, self._kv)
        self._uids = count()
        self._is_busy = False
        # What an interrupted call could not say.
        self._late: list[TokenResponse] = []

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
            TypeError: If an argument, or an entry of one, is of the wrong type.
            ValueError: If a prompt is empty, holds what is no token or is longer than the context,
                a number is below 1, or an argument has not one entry for each prompt. Then none is
                added.
        """
        check_list("prompts", prompts)
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
        check_list("segments", segments)
        given = for_each(
            len(segments),
            {
                "max_tokens": max_tokens,
                "caches": caches,
                "all_tokens": all_tokens,
                "samplers": samplers,
                "logits_processors": logits_processors,
                "stop_sequences": stop_sequences,
                "seeds": seeds,
            },
        )
        guesses = self._guesses is not None and self._guesses.draft_model is not None
        if guesses and any(own["caches"] is not None for own in given):
            raise ValueError("caches cannot be given where a draft_model guesses")
        usual: dict[str, Any] = {
            "max_tokens": self.max_tokens,
            "samplers": self.sampler,
            "logits_processors": self.logits_processors,
            "stop_sequences": self._stops,
        }
        requests = []
        for parts, own in zip(segments, given, strict=True):
            said = {name: value for name, value in own.items() if value is not None}
            requests.append(make_request(self.model, self._kv, parts, **{**own, **usual, **said}))
        for request in requests:
            request.uid = next(self._uids)
        self._scheduler.waiting.extend(requests)
        return [request.uid for request in requests]

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

        Raises:
            RuntimeError: If it is called while it is under way.
            KeyboardInterrupt: If it is interrupted. The next call says that the sequences that were
                under way have failed; those that were waiting go on.
        """
        if self._is_busy:
            raise RuntimeError(
                "next is under way: a sampler or a processor cannot call it, nor another thread"
            )
        self._is_busy = True
        live = self._scheduler.requests
        try:
            prompts, responses = self._next()
        except BaseException:
            # Nobody knows which layers have read what, unless it has not begun.
            waiting = set(self._scheduler.waiting)
            self._late += self._pipeline.drop([one for one in live if one not in waiting])
            raise
        finally:
            self._is_busy = False
        late, self._late = self._late, []
        return prompts, late + responses

    def _next(self) -> tuple[list[PromptResponse], list[TokenResponse]]:
        pipeline = self._pipeline
        before = len(pipeline.steps)
        decoding, pieces = self._scheduler.plan()
        if self._guesses is not None:
            prompts, responses = pipeline.launch([], pieces)
            responses += pipeline.read() if pipeline.steps else []
            return prompts, responses + pipeline.guess(decoding)
        prompts, responses = pipeline.launch(decoding, pieces)
        if len(pipeline.steps) > 1 or (pipeline.steps and len(pipeline.steps) == before):
            responses += pipeline.read()
        return prompts, responses

    def next_generated(self) -> list[TokenResponse]:
        """Do steps until there are tokens.

        Returns:
            The tokens, at most one of each sequence unless tokens are guessed; none when there is
            nothing left to do.
        """
        while True:
            prompts, responses = self.next()
            if responses or not (prompts or self._pipeline.steps):
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

        Raises:
            TypeError: If ``uids`` is no list of numbers.
        """
        uids = _checked_uids(uids)
        caches = self.extract_cache(uids) if return_prompt_caches else {}
        for request in self._find(uids):
            request.done = True
            mx.async_eval(request.keep(is_last=True))
        return caches

    def extract_cache(self, uids: Sequence[int]) -> dict[int, tuple[Sequence[Cache], list[int]]]:
        """The caches of sequences, as they are now.

        Args:
            uids: Their numbers. Those that have finished are passed over.

        Returns:
            A cache, which does not change as the sequence goes on, and the tokens that it holds, by
            number.

        Raises:
            TypeError: As `remove` does.
        """
        return {
            request.uid: ([layer.copy() for layer in request.cache], request.held)
            for request in self._find(_checked_uids(uids))
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
        counted = self._pipeline.counted
        before = replace(counted)
        result = BatchStats()
        try:
            yield result
        finally:
            counted.peak_memory = mx.get_peak_memory() / 1e9
            vars(result).update(vars(counted.since(before)))

    def close(self) -> None:
        """Take all sequences out."""
        for request in self._scheduler.requests:
            request.done = True
        self._pipeline.steps.clear()
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


def _checked_uids(uids: Any) -> list[int]:
    if isinstance(uids, (str, bytes)) or not isinstance(uids, Iterable):
        raise TypeError(f"uids must be a list of numbers, not {type(uids).__name__}")
    numbers = list(uids)
    for uid in numbers:
        check_integer("a number of uids", uid)
    return numbers
