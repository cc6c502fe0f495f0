"""What a batch generator tells of its sequences and of its work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Literal

import mlx_core_py as mx

from mlx_lm_py.cache import Cache

from .request import Request
from .scores import check_token

__all__ = ["BatchStats", "PromptResponse", "TokenResponse", "failure", "progress", "take_token"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class PromptResponse:
    """How far the prompt of a sequence has been read.

    Attributes:
        uid: The sequence.
        progress: The number of tokens read, and of all tokens of the prompt.
        end_of_segment: Whether a segment ends here: `BatchGenerator.extract_cache` then gives the
            cache of what precedes.
        end_of_prompt: Whether the prompt ends here.
        cached: How many of the tokens read a prefix cache had.
    """

    uid: int
    progress: tuple[int, int]
    end_of_segment: bool
    end_of_prompt: bool
    cached: int = 0


@dataclass(frozen=True)
class TokenResponse:
    """A token of a sequence.

    Attributes:
        uid: The sequence.
        token: The token; -1 if the sequence failed.
        logprobs: Log-probabilities of shape ``(vocabulary,)`` that it was chosen from; ``None`` if
            the sequence failed.
        finish_reason: ``"stop"`` after a stop sequence, ``"length"`` after ``max_tokens`` or at the
            end of the context, ``"error"`` if the sequence failed, else ``None``.
        prompt_cache: The cache of a sequence that has finished.
        all_tokens: The tokens that this cache holds.
        error: Why the sequence failed.
        from_draft: Whether the token had been guessed.
    """

    uid: int
    token: int
    logprobs: mx.array | None
    finish_reason: Literal["stop", "length", "error"] | None = None
    prompt_cache: Sequence[Cache] | None = None
    all_tokens: list[int] | None = None
    error: Exception | None = None
    from_draft: bool = False


@dataclass
class BatchStats:
    """The work of a batch generator.

    A step that reads prompts and decodes counts for both, by its rows.

    Attributes:
        prompt_tokens: Tokens of prompts that were read.
        prompt_time: Seconds that this took.
        generation_tokens: Tokens that were generated.
        generation_time: Seconds that this took.
        generation_steps: Steps that generated.
        peak_memory: Most memory of the process so far, in GB.
        unrecorded: Why the steps of the model cannot be recorded and repeated; ``None`` if they
            can, or as long as that is not known.
    """

    prompt_tokens: int = 0
    prompt_time: float = 0.0
    generation_tokens: int = 0
    generation_time: float = 0.0
    generation_steps: int = 0
    peak_memory: float = 0.0
    unrecorded: str | None = None

    @property
    def prompt_tps(self) -> float:
        """Tokens of prompts per second; 0 without any."""
        return self.prompt_tokens / self.prompt_time if self.prompt_time else 0.0

    @property
    def generation_tps(self) -> float:
        """Generated tokens per second; 0 without any."""
        return self.generation_tokens / self.generation_time if self.generation_time else 0.0

    def since(self, before: BatchStats) -> BatchStats:
        """The work after that of ``before``.

        Args:
            before: Earlier statistics of the same generator.

        Returns:
            The differences; what is no sum as it is.

        Example:
            >>> BatchStats(5, 2.0, 8).since(BatchStats(2, 1.0)).prompt_tps
            3.0
        """
        others = ("peak_memory", "unrecorded")
        names = [one.name for one in fields(self) if one.name not in others]
        values = {name: getattr(self, name) - getattr(before, name) for name in names}
        return replace(self, **values)


def progress(request: Request) -> PromptResponse:
    """Say how far the prompt of a sequence has been read.

    Args:
        request: The sequence.

    Returns:
        The response.
    """
    return PromptResponse(
        uid=request.uid,
        progress=(request.prompt_tokens - request.unread, request.prompt_tokens),
        end_of_segment=request.at_segment_end,
        end_of_prompt=not request.segments,
        cached=request.lease.length if request.lease is not None else 0,
    )


def failure(request: Request, error: Exception) -> TokenResponse:
    """End a sequence that has failed.

    Args:
        request: The sequence.
        error: Why.

    Returns:
        The response.
    """
    request.done = True
    return TokenResponse(request.uid, -1, None, "error", error=error)


def take_token(request: Request, token: int, logprobs: mx.array) -> TokenResponse:
    """Add a token to an answer, which may end with it.

    Args:
        request: The sequence.
        token: The token.
        logprobs: The log-probabilities that it was chosen from.

    Returns:
        The response, a failure if the token is none.
    """
    try:
        check_token(token)
    except ValueError as error:
        return failure(request, error)
    request.answer.append(token)
    reason: Literal["stop", "length"] | None = None
    if request.is_stopped():
        reason = "stop"
    elif len(request.answer) == request.max_tokens:
        reason = "length"
    if reason is None:
        return TokenResponse(request.uid, token, logprobs)
    request.done = True
    cache: Sequence[Cache] = request.cache
    if request.lease is not None:
        # Another sequence may go on in the caches themselves.
        cache = [layer.copy() for layer in cache]
    mx.async_eval(request.keep(is_last=True))
    return TokenResponse(request.uid, token, logprobs, reason, cache, request.held)
