"""How well a model foretells a text, and how near another one comes to it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mlx_core_py as mx

if TYPE_CHECKING:
    from mlx_lm_utils_py import Tokenizer

    from mlx_lm_py.models.protocols import LanguageModel

__all__ = [
    "Comparison",
    "Estimate",
    "compare",
    "figures",
    "perplexity",
    "pieces_of",
    "sample_text",
    "score",
]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Estimate:
    """The mean of a sample.

    Attributes:
        mean: The mean.
        error: The standard error of the mean.
        count: The number of values.
    """

    mean: float
    error: float
    count: int

    @property
    def perplexity(self) -> float:
        """The perplexity, if the values are negative log-likelihoods."""
        # A model that gives what comes no chance at all is infinitely surprised.
        return math.exp(self.mean) if self.mean < 700 else math.inf

    @property
    def perplexity_error(self) -> float:
        """The standard error of the perplexity, to first order."""
        return self.perplexity * self.error


class _Sum:
    """Adds up values and their squares."""

    def __init__(self) -> None:
        self.count: int = 0
        self.total: float = 0.0
        self.squares: float = 0.0

    def add(self, values: mx.array) -> None:
        numbers: list[float] = values.tolist()
        self.count += len(numbers)
        self.total += math.fsum(numbers)
        self.squares += math.fsum(number * number for number in numbers)

    def estimate(self) -> Estimate:
        mean = self.total / self.count
        variance = max(self.squares / self.count - mean * mean, 0.0)
        # Of a single value there is no error to speak of.
        error = math.sqrt(variance / (self.count - 1)) if self.count > 1 else math.nan
        return Estimate(mean, error, self.count)


def sample_text() -> str:
    """Put together a text that every Python has: its own topics of help.

    Returns:
        English about Python, some hundred thousand characters; versions of Python differ in it.
    """
    from pydoc_data.topics import topics

    return "\n\n".join(topics[name] for name in sorted(topics))


def pieces_of(text: str, tokenizer: Tokenizer, length: int, count: int | None) -> list[list[int]]:
    """Cut a text into pieces of tokens, each of which begins as a text does.

    Args:
        text: The text.
        tokenizer: That of the model.
        length: The number of tokens of a piece.
        count: Most pieces. Default: ``None``, all.

    Returns:
        The pieces. The last tokens of the text, which fill none, are left out; a short text is one
        piece.

    Raises:
        ValueError: If there are not two tokens to score.
    """
    # What a tokenizer adds in front of a text, such as the first token.
    marks = tokenizer.encode("")[:1]
    tokens = tokenizer.encode(text, add_special_tokens=False)
    room = length - len(marks)
    if len(tokens) + len(marks) < 2 or room < 1:
        raise ValueError("the text must have at least two tokens")
    starts = range(0, max(len(tokens) - room, 0) + 1, room)
    pieces = [[*marks, *tokens[start : start + room]] for start in starts]
    return pieces[:count]


def _logprobs(model: LanguageModel, piece: list[int]) -> mx.array:
    """Log-probabilities of what follows each token but the last, of shape (length - 1, tokens)."""
    logits = model(mx.array([piece]))[0, :-1].astype(mx.float32)
    return logits - mx.logsumexp(logits, axis=-1, keepdims=True)


def score(model: LanguageModel, pieces: Iterable[list[int]]) -> Estimate:
    """Measure how surprised a model is by texts.

    Args:
        model: The model.
        pieces: Tokens of texts, each read from nothing; their first ones are not scored.

    Returns:
        The mean negative log-likelihood of a token.

    Raises:
        FloatingPointError: If the model computes NaN.
    """
    total = _Sum()
    for piece in pieces:
        total.add(-_taken(_logprobs(model, piece), piece))
    return _checked(total.estimate())


def _taken(logprobs: mx.array, piece: list[int]) -> mx.array:
    return mx.take_along_axis(logprobs, mx.array(piece[1:])[:, None], axis=-1)[:, 0]


def _checked(estimate: Estimate) -> Estimate:
    if math.isnan(estimate.mean):
        raise FloatingPointError(
            "the logits are NaN: what the model computes may be beyond the range of its type "
            "(choose another with --dtype)"
        )
    return estimate


@dataclass(frozen=True)
class Comparison:
    """A model beside another one.

    Attributes:
        base: How surprised the other one is.
        model: How surprised the model is.
        divergence: The Kullback-Leibler divergence from the other one's predictions.
        same_top: How often both find the same token most likely.
    """

    base: Estimate
    model: Estimate
    divergence: Estimate
    same_top: Estimate


def compare(model: LanguageModel, base: LanguageModel, pieces: Iterable[list[int]]) -> Comparison:
    """Measure how far a model is from another one, such as what it was quantized from.

    Args:
        model: The model.
        base: The other one, with the same tokens.
        pieces: As for `score`.

    Returns:
        The figures.

    Raises:
        FloatingPointError: If a model computes NaN.
    """
    sums = [_Sum() for _ in range(4)]
    for piece in pieces:
        ours, theirs = _logprobs(model, piece), _logprobs(base, piece)
        # A layer may be padded with tokens that nobody has.
        width = min(ours.shape[-1], theirs.shape[-1])
        ours, theirs = ours[:, :width], theirs[:, :width]
        chance = mx.exp(theirs)
        # What has no chance adds nothing, however far it is.
        far = mx.where(chance > 0, chance * (theirs - ours), 0.0)
        sums[0].add(-_taken(theirs, piece))
        sums[1].add(-_taken(ours, piece))
        sums[2].add(far.sum(axis=-1))
        sums[3].add((mx.argmax(ours, axis=-1) == mx.argmax(theirs, axis=-1)).astype(mx.float32))
    estimates = [_checked(total.estimate()) for total in sums]
    return Comparison(*estimates)


def perplexity(estimate: Estimate) -> dict[str, float | None]:
    """Describe how surprised a model is.

    Args:
        estimate: As `score` gives it.

    Returns:
        The perplexity and its error, by name; ``None`` for what is not finite.
    """
    return _named("perplexity", estimate.perplexity, estimate.perplexity_error)


def figures(found: Comparison) -> dict[str, float | None]:
    """Describe how far a model is from another one.

    Args:
        found: As `compare` gives it.

    Returns:
        The figures and their errors, by name; ``None`` for what is not finite.
    """
    base, divergence, top = found.base, found.divergence, found.same_top
    return {
        **perplexity(found.model),
        **_named("perplexity_of_the_other", base.perplexity, base.perplexity_error),
        **_named("kl_divergence", divergence.mean, divergence.error),
        **_named("same_top_token", top.mean, top.error),
    }


def _named(name: str, mean: float, error: float) -> dict[str, float | None]:
    # JSON has neither infinity nor NaN, which the error of a single token is.
    values = {name: mean, f"{name}_error": error}
    return {key: value if math.isfinite(value) else None for key, value in values.items()}
