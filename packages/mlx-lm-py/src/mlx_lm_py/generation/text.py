"""From the tokens of an answer to its text, up to where it ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import mlx_core_py as mx
from mlx_lm_utils_py import Tokenizer

from mlx_lm_py.answers import StopStrings
from mlx_lm_py.sampling import LogitsProcessor

__all__ = ["AnswerText", "constraints", "encode_prompt"]


def __dir__() -> list[str]:
    return __all__


def encode_prompt(tokenizer: Tokenizer, text: str) -> list[int]:
    """The tokens of a prompt, with those that begin every text.

    Args:
        tokenizer: The tokenizer.
        text: The prompt.

    Returns:
        Its tokens.
    """
    # A rendered chat template begins with the first token already.
    bos = tokenizer.bos_token
    return tokenizer.encode(text, add_special_tokens=not (bos and text.startswith(bos)))


def constraints(
    tokenizer: Tokenizer,
    response_format: Mapping[str, Any] | None,
    prompt: Sequence[int] | mx.array,
) -> tuple[LogitsProcessor, ...]:
    """What holds an answer to a response format.

    Args:
        tokenizer: The tokenizer.
        response_format: As of `make_constraint`; ``None`` for anything.
        prompt: The tokens of the prompt.

    Returns:
        Processors, one at most.

    Raises:
        ImportError: As `make_constraint` does, and so are the others.
        TypeError: If the response format is of the wrong type.
        ValueError: If it is wrong.
    """
    if response_format is None:
        return ()
    # Few answers have a structure.
    from mlx_lm_py.structured import make_constraint

    latest: Any = prompt[-64:]
    latest = latest.tolist() if isinstance(latest, mx.array) else list(latest)
    made = make_constraint(tokenizer, response_format, tokenizer.decode(latest))
    return () if made is None else (made,)


class AnswerText:
    """The text of an answer that comes token by token.

    Args:
        tokenizer: The tokenizer.
        stop: A string, or several, that end it.
        ends: Tokens that end it.

    Attributes:
        finish_reason: ``"stop"`` or ``"length"`` where the answer has ended, else ``None``.
    """

    def __init__(
        self, tokenizer: Tokenizer, stop: str | Sequence[str], ends: Collection[int]
    ) -> None:
        self.finish_reason: Literal["stop", "length"] | None = None
        self._detokenizer = tokenizer.detokenizer
        self._stop = StopStrings(stop)
        self._ends = ends

    def add(self, token: int, *, is_last: bool) -> str:
        """Take a token.

        Args:
            token: The token.
            is_last: Whether there will be no other.

        Returns:
            The text that is certain now.
        """
        stop, detokenizer = self._stop, self._detokenizer
        if token in self._ends:
            return self.finish()
        text = stop.add(detokenizer.add_token(token))
        if is_last:
            self.finish_reason, text = "length", text + stop.add(detokenizer.finalize())
        if stop.found is not None:
            self.finish_reason = "stop"
        elif is_last:
            text += stop.finish()
        return text

    def finish(self) -> str:
        """End the answer, where its end is no text.

        Returns:
            What was not certain before.
        """
        self.finish_reason = "stop"
        return self._stop.add(self._detokenizer.finalize()) + self._stop.finish()
