"""Rounds in which a model reads guesses of many sequences at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.sampling import greedy, put_back

from .guesser import Guesser
from .request import Request
from .scores import choose
from .step import read_all

__all__ = ["Round", "make_rounds"]


def __dir__() -> list[str]:
    return __all__


@dataclass
class Round:
    """What became of the guesses of a sequence.

    Attributes:
        request: The sequence.
        inputs: Its latest token and the guesses.
        chosen: The token that comes after each of these, of shape ``(inputs,)``.
        logprobs: What they were chosen from, of shape ``(inputs, vocabulary)``.
        impossible: Whether there is none, of shape ``(inputs, 1)``.
        states: What the sampler remembers after each.
        started: When the round began.
    """

    request: Request
    inputs: list[int]
    chosen: mx.array
    logprobs: mx.array
    impossible: mx.array
    states: list[tuple[mx.array, Any]]
    started: float

    def finish(self) -> tuple[list[int], int, bool]:
        """Go on to the first token that was guessed wrong, and take back what comes after.

        Returns:
            The tokens, how many of them had been guessed, and whether the next one is impossible.
        """
        request, guesses = self.request, self.inputs[1:]
        tokens, wrong = self.chosen.tolist(), self.impossible[:, 0].tolist()
        pairs = enumerate(zip(guesses, tokens, strict=False))
        right = next((i for i, (a, b) in pairs if a != b), len(guesses))
        given: list[int] = []
        for i, token in enumerate(tokens[: right + 1]):
            if wrong[i]:
                break
            given.append(token)
            request.answer.append(token)
            if request.is_stopped() or len(request.answer) == request.max_tokens:
                break
        with request.drawing():
            # As if nothing had been chosen after that.
            put_back(request.sampler or greedy, self.states[max(len(given) - 1, 0)])
        guesser = _guesser(request)
        seconds = time.perf_counter() - self.started
        if guesses:
            guesser.pace.after_drafts(len(guesses), right, seconds)
        else:
            guesser.pace.after_tokens(1, seconds)
        kept = 1 + min(right, len(given))
        guesser.reader.keep(self.inputs, kept)
        request.fed += kept
        request.generated = len(request.answer)
        return given, min(right, len(given)), wrong[min(right, len(given))]


def _guesser(request: Request) -> Guesser:
    assert request.guesser is not None
    return request.guesser


def make_rounds(model: LanguageModel, requests: Sequence[Request]) -> list[Round]:
    """Make the graph of a round.

    Args:
        model: The model.
        requests: Sequences that decode, all of whose tokens are known.

    Returns:
        A round of each sequence, nothing of which is evaluated. That of one of which the sampler or
        a processor raises is missing.
    """
    started = time.perf_counter()
    inputs = [_inputs(request) for request in requests]
    pieces = []
    for request, mine in zip(requests, inputs, strict=True):
        reader = _guesser(request).reader
        reader.begin()
        pieces.append([*reader.behind, *mine])
        reader.behind = []
    logits = read_all(model, [request.cache for request in requests], pieces)
    rounds = []
    for request, mine, rows in zip(requests, inputs, logits, strict=True):
        try:
            with request.drawing():
                chosen = choose(
                    request.processors,
                    request.sampler or greedy,
                    rows[-len(mine) :],
                    request.known,
                    mine[1:],
                )
        except Exception as error:
            request.error = error
            continue
        rounds.append(Round(request, mine, *chosen, started))
    return rounds


def _inputs(request: Request) -> list[int]:
    guesser = _guesser(request)
    most = guesser.most(request.max_tokens - len(request.answer))
    guesses: list[int] = []
    if most:
        with request.drawing():
            guesses = guesser.draft.propose(request.known, most)
    return [request.answer[-1], *guesses]
