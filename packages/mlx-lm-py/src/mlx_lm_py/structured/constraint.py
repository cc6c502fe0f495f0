"""The logits processor that lets only such tokens through as a grammar allows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx
from mlx_lm_utils_py import Tokenizer

from mlx_lm_py.answers import AnswerFormat, answer_format
from mlx_lm_py.answers.search import WordSearch

from .grammar import make_grammar, make_matcher
from .library import library, vocabulary

__all__ = ["Constraint", "make_constraint"]


def __dir__() -> list[str]:
    return __all__


_FINAL = "<|channel|>final<|message|>"


class Constraint:
    """Lets only tokens through that a grammar allows; a logits processor for one generation.

    It follows the tokens that it is called with: new ones are taken in, and those that are gone
    or others now, as when speculation was wrong, are taken back. After a token that the grammar
    does not allow, and at its end, only the tokens that end an answer are left.

    Args:
        tokenizer: The tokenizer of the model.
        matcher: An ``LLMatcher`` at its beginning.
        size: Number of tokens that the matcher knows.
        reasoning_end: What the reasoning ends with, after which the grammar begins. Default:
            ``None``, it begins at once.
        reasoning_begin: A token that begins the reasoning, if it comes first; else there is none.
            Default: ``None``, it has begun already.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        matcher: Any,
        size: int,
        reasoning_end: str | None = None,
        reasoning_begin: int | None = None,
    ) -> None:
        # The matcher asks the tokenizer, and does not keep it.
        self._tokenizer = tokenizer
        self._matcher = matcher
        self._fill = library("llguidance.numpy").fill_next_token_bitmask
        self._bits = library("llguidance.numpy").allocate_token_bitmask(1, size)
        self._numpy = library("numpy")
        self._size = size
        self._ends = tokenizer.eos_token_ids
        self._pieces = tokenizer.token_bytes() if reasoning_end else []
        # Bytes as characters: a tag may be cut anywhere, also within a character.
        end = (reasoning_end or "").encode().decode("latin-1")
        self._search = WordSearch([end] if end else [])
        self._waits = bool(end)
        self._begin = reasoning_begin
        self._prompt: int | None = None
        # All tokens of the answer: of the reasoning, of the grammar, and after what it allows.
        self._taken: list[int] = []
        self._reasoning = 0
        self._matched = 0
        self._after = 0
        self._reasons = self._waits and reasoning_begin is None

    def __call__(self, tokens: mx.array, logits: mx.array) -> mx.array:
        """Change logits.

        Args:
            tokens: The prompt and the tokens so far, of shape ``(length,)``; the first call tells
                where the prompt ends.
            logits: Of shape ``(batch, vocabulary)``.

        Returns:
            Those logits, ``-inf`` for what may not follow.

        Raises:
            ValueError: If the grammar turns out to be too complex.
        """
        if self._prompt is None:
            self._prompt = tokens.size
        latest = tokens[self._prompt :]
        # The tokens first: the model computes the logits while they are read and the mask is made.
        mx.async_eval(latest)
        mx.async_eval(logits)
        answer: list[int] = latest.tolist()
        if answer[: self.count] != self._taken:
            pairs = zip(answer, self._taken, strict=False)
            same = next((i for i, (a, b) in enumerate(pairs) if a != b), len(answer))
            self.rollback(self.count - same)
        for token in answer[self.count :]:
            self._take(token)
        allowed = self._allowed(logits.shape[-1])
        return mx.where(mx.array(allowed), logits, mx.array(-math.inf, logits.dtype))

    @property
    def count(self) -> int:
        """Number of tokens taken in, after the prompt."""
        return len(self._taken)

    def rollback(self, count: int) -> None:
        """Undo the latest tokens.

        Args:
            count: How many of them.

        Raises:
            ValueError: If there are not so many.
        """
        if not 0 <= count <= self.count:
            raise ValueError(f"count must be between 0 and {self.count}, not {count}")
        kept = self._taken[: self.count - count]
        undone = min(count, self._after)
        self._after -= undone
        count -= undone
        undone = min(count, self._matched)
        if undone and not self._matcher.rollback(undone):
            self._refuse()
        self._matched -= undone
        if undone == count:
            self._taken = kept
        else:
            # Within the reasoning, which is followed once more.
            self._taken = []
            self._reasoning = 0
            self._search.reset()
            self._reasons = self._waits and self._begin is None
            for token in kept:
                self._take(token)

    def _take(self, token: int) -> None:
        first = not self._taken
        self._taken.append(token)
        if self._reasons or (first and self._waits and token == self._begin):
            self._reasons = True
            self._reasoning += 1
            piece = self._pieces[token] if token < len(self._pieces) else b""
            for character in piece.decode("latin-1"):
                if self._search.step(character) is not None:
                    self._reasons = False
            return
        if self._after or (self._matcher.is_stopped() and token in self._ends):
            self._after += 1
        elif token < self._size and self._matcher.validate_tokens([token]) == 1:
            if not self._matcher.consume_token(token):
                self._refuse()
            self._matched += 1
        else:
            self._after += 1

    def _allowed(self, size: int) -> Any:
        """Which of so many tokens may follow."""
        np = self._numpy
        if self._reasons:
            # An answer that is all reasoning is none, and what pads a vocabulary is no token.
            allowed = np.arange(size) < self._size
            allowed[[end for end in self._ends if end < size]] = False
            return allowed
        allowed = np.zeros(size, np.bool_)
        if self._after:
            allowed[[end for end in self._ends if end < size]] = True
            return allowed
        self._fill(self._matcher, self._bits)
        if self._matcher.is_error():
            self._refuse()
        bits = np.unpackbits(self._bits[0].view(np.uint8), bitorder="little")
        known = min(size, self._size)
        allowed[:known] = bits[:known]
        if self._waits and self._begin is not None and not self._taken and self._begin < size:
            allowed[self._begin] = True
        return allowed

    def _refuse(self) -> None:
        reason = self._matcher.get_error().partition("\n<state>")[0].strip()
        raise ValueError(f"response_format is too complex: {reason}")


def make_constraint(
    tokenizer: Tokenizer,
    response_format: Mapping[str, Any],
    prompt: str = "",
    format: AnswerFormat | None = None,
) -> Constraint | None:
    """Make a logits processor that holds an answer to a structure, with llguidance.

    Where the model reasons first, the structure is that of what comes after the reasoning.

    Args:
        tokenizer: The tokenizer of the model.
        response_format: ``{"type": "json_schema", "json_schema": {"schema": ...}}``;
            ``{"type": "json_object"}``, any object; ``{"type": "regex", "pattern": ...}``;
            ``{"type": "grammar", "definition": ...}`` in Lark's syntax, or in llama.cpp's with
            ``"syntax": "gbnf"``; or ``{"type": "text"}``, anything.
        prompt: The prompt as text, which may have begun the reasoning, or ended it. Default:
            ``""``.
        format: How the model writes answers. Default: ``None``, what `answer_format` finds.

    Returns:
        The processor, for ``logits_processors`` of one generation; ``None`` for plain text.

    Raises:
        ImportError: If llguidance is not installed; the extra ``structured`` brings it.
        TypeError: If the response format, or a part of it, is of the wrong type.
        ValueError: If it is wrong, too large or asks for something that is not supported. The
            message says where.

    Example:
        >>> from tokenizers import Tokenizer as Pieces, decoders, models
        >>> pieces = Pieces(models.BPE({"a": 0, "b": 1, "</s>": 2}, []))
        >>> pieces.decoder = decoders.ByteLevel()
        >>> process = make_constraint(
        ...     Tokenizer(pieces, eos_token_ids=[2]), {"type": "regex", "pattern": "ab"}
        ... )
        >>> process(mx.array([1]), mx.zeros((1, 3))).tolist()
        [[0.0, -inf, -inf]]
        >>> process(mx.array([1, 0, 1]), mx.zeros((1, 3))).tolist()
        [[-inf, -inf, 0.0]]
    """
    made = make_grammar(response_format)
    if made is None:
        return None
    known = vocabulary(tokenizer)
    matcher = make_matcher(known, *made)
    end, begin = _reasoning(tokenizer, format or answer_format(tokenizer), prompt.rstrip())
    return Constraint(tokenizer, matcher, known.vocab_size, end, begin)


def _reasoning(
    tokenizer: Tokenizer, format: AnswerFormat, prompt: str
) -> tuple[str | None, int | None]:
    """What the reasoning ends with, and a token that begins it unless it has begun."""
    if format.harmony:
        return (None if prompt.endswith(_FINAL) else _FINAL), None
    if format.reasoning is None or prompt.endswith(format.reasoning[1]):
        return None, None
    begin, end = format.reasoning
    if prompt.endswith(begin):
        return end, None
    # Without a token for it, there is no telling what begins the reasoning from an answer.
    token = tokenizer.token_to_id(begin)
    return (None, None) if token is None else (end, token)
