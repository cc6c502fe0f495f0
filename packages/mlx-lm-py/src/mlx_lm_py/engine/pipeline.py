"""Steps that are under way, and what they give."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

import mlx_core_py as mx

from mlx_lm_py.models.protocols import LanguageModel

from .kv_options import KVOptions
from .plan import IMPOSSIBLE
from .recorder import StepRecorder
from .request import Request
from .responses import BatchStats, PromptResponse, TokenResponse, failure, progress, take_token
from .rounds import make_rounds
from .scheduler import Scheduler
from .step import Step, make_step, read_tokens

__all__ = ["Pipeline"]


def __dir__() -> list[str]:
    return __all__


class Pipeline:
    """Does the steps of a batch generator.

    Args:
        model: The model.
        scheduler: What is told of sequences whose prompts are read, and of the time of steps.
        kv: How caches are kept.

    Attributes:
        steps: Under way, the oldest first: at most two, of which the second one goes on with
            tokens of the first that are not known yet.
        counted: The work so far.
    """

    def __init__(self, model: LanguageModel, scheduler: Scheduler, kv: KVOptions) -> None:
        self.steps: deque[Step] = deque()
        self.counted: BatchStats = BatchStats()
        self._model = model
        self._scheduler = scheduler
        self._kv = kv
        self._recorder = StepRecorder(
            lambda tokens, caches: read_tokens(model, tokens, caches, [1] * len(caches))
        )
        self._last: Step | None = None
        self._read_at = 0.0

    def launch(
        self, decoding: list[Request], pieces: list[tuple[Request, list[int]]]
    ) -> tuple[list[PromptResponse], list[TokenResponse]]:
        """Make the next step, if there is one, and begin with it.

        Args:
            decoding: The sequences that decode.
            pieces: Those of which the prompt is read, with the tokens.

        Returns:
            How far prompts are, and sequences that have failed.
        """
        if not decoding:
            self._recorder.forget()
        if not decoding and not pieces:
            return [], []
        try:
            step = make_step(self._model, self._recorder, self._last, decoding, pieces)
            for request in step.requests:
                self._kv.quantize(request.cache)
            kept = [request.keep() for request, _ in pieces if request.is_worth_keeping]
            mx.async_eval(step.tokens, step.impossible, step.states, kept)
        except Exception as error:
            # A model that fails has changed some caches and not others: none of them can go on.
            # What was under way is theirs still.
            responses = []
            while self.steps:
                responses += self.read()
            requests = [*decoding, *(request for request, _ in pieces)]
            return [], responses + [failure(one, error) for one in requests if not one.done]
        self.steps.append(step)
        self._last = step
        prompts = [request for request, _ in pieces]
        self._scheduler.decoding += [request for request in prompts if not request.segments]
        return [progress(request) for request in prompts], []

    def read(self) -> list[TokenResponse]:
        """Wait for the oldest step.

        Returns:
            What it gave.
        """
        step = self.steps[0]
        try:
            mx.eval(step.states)
            tokens, impossible = step.tokens.tolist(), step.impossible.tolist()
        except Exception as error:
            self.steps.popleft()
            return [failure(one, error) for one in step.requests if not one.done]
        self.steps.popleft()
        self._count(step)
        responses = []
        for row, request in enumerate(step.sampled):
            if request.done:
                continue
            # The exception came with its latest token, which may be that of the step after this.
            if request.error is not None and len(request.answer) + 1 == request.generated:
                responses.append(failure(request, request.error))
            elif impossible[row]:
                responses.append(failure(request, FloatingPointError(IMPOSSIBLE)))
            else:
                responses.append(take_token(request, tokens[row], step.logprobs[row]))
        return responses

    def guess(self, decoding: list[Request]) -> list[TokenResponse]:
        """Do a round: read the guesses of sequences.

        Args:
            decoding: The sequences that decode.

        Returns:
            What it gave.
        """
        started = time.perf_counter()
        try:
            rounds = make_rounds(self._model, decoding) if decoding else []
            mx.eval([(one.chosen, one.impossible) for one in rounds])
        except Exception as error:
            return [failure(one, error) for one in decoding]
        responses = [
            failure(one, one.error) for one in decoding if one.error is not None and not one.done
        ]
        for one in rounds:
            request = one.request
            count = len(request.answer)
            given, right, is_impossible = one.finish()
            self._kv.quantize(request.cache)
            del request.answer[count:]
            for i, token in enumerate(given):
                response = take_token(request, token, one.logprobs[i])
                responses.append(replace(response, from_draft=i < right))
                if request.done:
                    break
            if is_impossible and not request.done:
                responses.append(failure(request, FloatingPointError(IMPOSSIBLE)))
            self.counted.generation_tokens += len(given)
        if rounds:
            self.counted.generation_steps += 1
            self.counted.generation_time += time.perf_counter() - started
        return responses

    def drop(self, requests: Sequence[Request]) -> list[TokenResponse]:
        """End sequences that an interrupted step has left half done.

        Args:
            requests: The sequences.

        Returns:
            What is said of each.
        """
        self.steps.clear()
        self._last = None
        self._recorder.forget()
        error = RuntimeError("the step that read this sequence was interrupted")
        return [failure(one, error) for one in requests if not one.done]

    def _count(self, step: Step) -> None:
        now = time.perf_counter()
        seconds = now - max(step.started, self._read_at)
        self._read_at = now
        decoded = step.rows - step.prompt_rows
        counted = self.counted
        counted.prompt_tokens += step.prompt_rows
        counted.prompt_time += seconds * step.prompt_rows / step.rows
        counted.generation_tokens += len(step.sampled)
        counted.generation_time += seconds * decoded / step.rows
        counted.generation_steps += decoded > 0
        counted.unrecorded = self._recorder.reason
        if step.prompt_rows:
            self._scheduler.measure(step.rows, seconds)
            self._scheduler.learn(step.requests[-1])
