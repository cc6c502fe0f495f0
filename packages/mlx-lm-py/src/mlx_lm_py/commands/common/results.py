"""What came of a prompt, for people and for programs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import mlx_core_py as mx
    from mlx_lm_utils_py import Tokenizer

    from mlx_lm_py.generation import GenerationResponse

__all__ = ["Answer", "likely_tokens"]


def __dir__() -> list[str]:
    return __all__


@dataclass
class Answer:
    """An answer while it is made.

    Attributes:
        prompt_index: The number of its prompt, from 0 on.
        index: Its number among the answers to that prompt, from 0 on.
        heading: What is shown above it, where there are several.
        reused: How many tokens of its prompt were read before.
        guessed: How many of its tokens had been guessed.
        text: What there is of it.
        tokens: Its tokens.
        logprobs: Of each token, itself and the most likely ones.
        last: The latest piece.
    """

    prompt_index: int
    index: int
    heading: str = ""
    reused: int = 0
    guessed: int = 0
    text: str = ""
    tokens: list[int] = field(default_factory=list)
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    last: GenerationResponse | None = None

    def add(self, response: GenerationResponse) -> None:
        """Take in a piece.

        Args:
            response: The piece.
        """
        self.text += response.text
        self.tokens.append(response.token)
        self.guessed += response.from_draft
        self.last = response

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return self.last is not None and self.last.finish_reason is not None

    def to_json(self) -> str:
        """Describe the answer in a line of JSON.

        Returns:
            The line.
        """
        assert self.last is not None
        last = self.last
        record: dict[str, Any] = {
            "prompt": self.prompt_index,
            "answer": self.index,
            "text": self.text,
            "finish_reason": last.finish_reason,
            "prompt_tokens": last.prompt_tokens,
            "cached_tokens": self.reused,
            "generation_tokens": last.generation_tokens,
            "guessed_tokens": self.guessed,
            "prompt_tps": round(last.prompt_tps, 3),
            "generation_tps": round(last.generation_tps, 3),
            "peak_memory_gb": round(last.peak_memory, 6),
        }
        if self.logprobs:
            record["logprobs"] = self.logprobs
        return json.dumps(record, ensure_ascii=False)


def likely_tokens(
    token: int, logprobs: mx.array, tokenizer: Tokenizer, count: int
) -> dict[str, Any]:
    """Describe a token and those that were most likely in its place.

    Args:
        token: The token.
        logprobs: Of all tokens, of shape ``(vocabulary,)``.
        tokenizer: That of the model.
        count: How many of the most likely ones.

    Returns:
        What goes into JSON.
    """
    import mlx_core_py as mx

    count = min(count, logprobs.size)
    # The order among equals is that of the vocabulary.
    best = mx.argsort(-logprobs)[:count].tolist()
    values = logprobs[mx.array([token, *best])].tolist()

    def entry(i: int, value: float) -> dict[str, Any]:
        # JSON has no infinity, which a token has that was left out.
        finite = value if value > float("-inf") else None
        return {"token": i, "text": tokenizer.decode([i]), "logprob": finite}

    top = [entry(i, value) for i, value in zip(best, values[1:], strict=True)]
    return {**entry(token, values[0]), "top": top}
