"""Who guesses the next tokens of a sequence, and how many of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlx_lm_py._checks import check_integer
from mlx_lm_py.cache import Cache, cache_length, make_prompt_cache
from mlx_lm_py.models.protocols import LanguageModel

from .drafts import Draft, ModelDraft, NgramDraft
from .pace import Pace
from .plan import Plan
from .reader import Reader

__all__ = ["GuessOptions", "Guesser"]


def __dir__() -> list[str]:
    return __all__


# A text that is copied is copied at length, and finding it costs nothing.
_NGRAM_TOKENS = 16
# mlx-lm's default.
_MODEL_TOKENS = 2
# How many tokens may wait to be read once more, where a cache cannot be trimmed.
_MOST_BEHIND = 16


@dataclass(frozen=True)
class GuessOptions:
    """Where guesses come from, as of `speculative_generate_step`.

    Raises:
        TypeError: If a number is of the wrong type.
        ValueError: If a number is below 1, or there is not one of ``draft_model`` and
            ``ngram_size``.
    """

    draft_model: LanguageModel | None = None
    num_draft_tokens: int | None = None
    ngram_size: int | None = None

    def __post_init__(self) -> None:
        for name in ("num_draft_tokens", "ngram_size"):
            value = getattr(self, name)
            if value is not None:
                check_integer(name, value, 1)
        if self.draft_model is None and self.ngram_size is None:
            raise ValueError("guesses need a draft_model or an ngram_size")
        if self.draft_model is not None and self.ngram_size is not None:
            raise ValueError("ngram_size and draft_model cannot be used together")

    def check(self, model: LanguageModel) -> None:
        """Raise a `ValueError` if the draft model has another number of tokens than ``model``."""
        if self.draft_model is None:
            return
        size, other = model.args.vocab_size, self.draft_model.args.vocab_size
        if size != other:
            raise ValueError(
                f"draft_model has {other} tokens, and the model {size}: both need the same "
                "vocabulary"
            )


class Guesser:
    """Guesses the next tokens of one sequence.

    Args:
        model: The model that will read them.
        plan: What to generate.
        options: Where guesses come from.
        draft_cache: The cache of the draft model. Default: ``None``, an empty one.

    Attributes:
        draft: Where guesses come from.
        draft_cache: The cache of the draft model; empty if there is none.
        pace: How many are worth their time.
        reader: The model and its cache.
        looks_up: Whether guesses are found in the text.

    Raises:
        ValueError: If the vocabularies or the caches do not fit.
    """

    def __init__(
        self,
        model: LanguageModel,
        plan: Plan,
        options: GuessOptions,
        draft_cache: Sequence[Cache] | None = None,
    ) -> None:
        self.reader: Reader = Reader(model, plan.cache)
        self.draft: Draft
        self.draft_cache: Any = []
        self.looks_up: bool = options.draft_model is None
        self._plan = plan
        if options.draft_model is None:
            assert options.ngram_size is not None
            self.draft = NgramDraft(options.ngram_size)
        else:
            options.check(model)
            _check_caches(plan, options.draft_model, draft_cache)
            made: Any = draft_cache
            if draft_cache is None:
                made = make_prompt_cache(options.draft_model)
            self.draft_cache = made
            self.draft = ModelDraft(options.draft_model, made, plan)
        default = _NGRAM_TOKENS if self.looks_up else _MODEL_TOKENS
        self.pace: Pace = Pace(options.num_draft_tokens or default)

    def most(self, left: int) -> int:
        """How many tokens to guess at most.

        Args:
            left: How many are to be generated.

        Returns:
            The number.
        """
        if self.pace.rest or len(self.reader.behind) > _MOST_BEHIND:
            return 0
        most = min(self.pace.drafts, left - 1)
        kv = self._plan.kv
        if kv.bits is not None:
            # Keys become integers between two steps: no guess is read across that place.
            until = kv.start - cache_length(self.reader.cache)
            if until > 0:
                most = min(most, until - 1)
        return most


def _check_caches(plan: Plan, draft_model: LanguageModel, cache: Sequence[Cache] | None) -> None:
    count = len(draft_model.layers)
    if cache is not None and len(cache) != count:
        raise ValueError(
            f"prompt_cache has {len(cache)} entries for the {count} layers of the draft model"
        )
    held, theirs = cache_length(plan.cache) - plan.cached, cache_length(cache or ())
    if held != theirs:
        raise ValueError(
            f"prompt_cache holds {held} positions for the model and {theirs} for the draft model"
        )
