"""Generation with guesses of the next tokens, of which the model reads several at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.cache import Cache
from mlx_lm_py.engine.guesser import Guesser, GuessOptions
from mlx_lm_py.engine.plan import IMPOSSIBLE, Plan, make_plan
from mlx_lm_py.engine.scores import check_token, choose, draw, score
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.sampling import put_back

from .step import read_prompt

__all__ = ["Speculation", "speculate", "speculative_generate_step", "split_cache"]


def __dir__() -> list[str]:
    return __all__


def speculative_generate_step(
    prompt: Sequence[int] | mx.array,
    model: LanguageModel,
    draft_model: LanguageModel | None = None,
    *,
    num_draft_tokens: int | None = None,
    ngram_size: int | None = None,
    prompt_cache: Any = None,
    **options: Any,
) -> Iterator[tuple[int, mx.array, bool]]:
    """Generate tokens with guesses of what they will be, which is faster where many are right.

    The model reads the guesses all at once, chooses a token after each, and goes on after the
    first one that it chose otherwise. Each token is the model's own choice: the answer is the one
    of `generate_step`, with a sampler for the same random state too. Only where two tokens are
    equally likely but for rounding may it differ, which is not the same for one token as for
    several. Guesses are left out while they do not pay.

    Any cache will do. Layers that cannot be trimmed, such as those that keep a state, are put back
    after wrong guesses, and read the right ones once more with the next.

    Args:
        prompt: The tokens to continue, at least one.
        model: The model.
        draft_model: A smaller model with the same vocabulary, which guesses. Default: ``None``.
        num_draft_tokens: How many tokens are guessed at a time, at most. Default: ``None``, 2 with
            a draft model and 16 without.
        ngram_size: Guess what came after so many equal tokens before, in the prompt or the answer;
            3 is a good number. Default: ``None``, a draft model guesses.
        prompt_cache: A cache that holds what goes before the prompt: that of the model, followed
            by that of the draft model if there is one. Default: ``None``, an empty one.
        **options: Further options of `generate_step`. A sampler must choose by the
            log-probabilities, the random state and what it has in an attribute ``memory`` alone,
            processors by the tokens and logits.

    Yields:
        A token, the log-probabilities of shape ``(vocabulary,)`` that it was chosen from, and
        whether it had been guessed.

    Raises:
        TypeError: As `generate_step` does, and if a number is of the wrong type.
        ValueError: As `generate_step` does; if there is not one of ``draft_model`` and
            ``ngram_size``, the vocabularies differ, the prompt cache does not fit both models, or
            a number is below 1.
        FloatingPointError: If the logits are NaN, or no token is possible.

    See: mlx-lm ``mlx_lm.generate.speculative_generate_step``; https://arxiv.org/abs/2211.17192;
        https://arxiv.org/abs/2408.07978 for choices by the same random numbers.
    """
    own, theirs = split_cache(model, draft_model, prompt_cache)
    plan = make_plan(prompt, model, prompt_cache=own, **options)
    guesses = GuessOptions(draft_model, num_draft_tokens, ngram_size)
    speculation = Speculation(model, plan, guesses, theirs)
    return speculate(speculation, prompt_cache if theirs is not None else None)


def split_cache(
    model: LanguageModel, draft_model: LanguageModel | None, prompt_cache: Any
) -> tuple[Any, Any]:
    """Take apart a cache of two models.

    Args:
        model: The model.
        draft_model: The model that guesses, if any.
        prompt_cache: The cache of the model, or of both.

    Returns:
        The cache of each; ``None`` for the one that is not there.
    """
    count = len(model.layers)
    if draft_model is None or prompt_cache is None or len(prompt_cache) <= count:
        return prompt_cache, None
    return prompt_cache[:count], prompt_cache[count:]


def speculate(speculation: Speculation, shared: Any = None) -> Iterator[tuple[int, mx.array, bool]]:
    """Generate tokens as planned.

    Args:
        speculation: What to generate.
        shared: A list that holds the caches of both models, in which those that were replaced on
            the way are put back at the end. Default: ``None``.

    Yields:
        As `speculative_generate_step` does.
    """
    failed = False
    try:
        yield from speculation.run()
    except Exception:
        failed = True
        raise
    finally:
        speculation.finish()
        if not failed:
            speculation.keep()
        if isinstance(shared, list):
            shared[:] = [*speculation.cache, *speculation.draft_cache]


class Speculation:
    """A generation with guesses that is under way.

    Args:
        model: The model.
        plan: What to generate.
        options: Where guesses come from.
        draft_cache: The cache of the draft model. Default: ``None``, an empty one.

    Attributes:
        cache: The cache of the model.
        draft_cache: That of the draft model; empty if there is none.
        tokens: All tokens so far.

    Raises:
        ValueError: As `speculative_generate_step` does.
    """

    def __init__(
        self,
        model: LanguageModel,
        plan: Plan,
        options: GuessOptions,
        draft_cache: Sequence[Cache] | None = None,
    ) -> None:
        self.cache: Any = plan.cache
        self.tokens: list[int] = list(plan.prompt)
        self._plan = plan
        self._model = model
        self._guesser = Guesser(model, plan, options, draft_cache)
        self._reader = self._guesser.reader
        self._draft = self._guesser.draft
        self._pace = self._guesser.pace
        self.draft_cache: Any = self._guesser.draft_cache
        # Whether the draft model's cache is someone else's too.
        self._shares = draft_cache is not None
        # How many of the tokens the cache holds.
        self._held = 0

    def run(self) -> Iterator[tuple[int, mx.array, bool]]:
        """Generate the tokens.

        Yields:
            As `speculative_generate_step` does.
        """
        plan = self._plan
        yield from self._alone(mx.array(read_prompt(self._model, plan)), 1, counts=False)
        mx.clear_cache()
        end = len(plan.prompt) + plan.max_tokens
        while (left := end - len(self.tokens)) > 0:
            start = time.perf_counter()
            most = self._guesser.most(left)
            guesses = self._draft.propose(self.tokens, most) if most else []
            if guesses:
                yield from self._round(guesses, start)
            elif most:
                # A model that has no room will have none; a text may repeat itself any time.
                yield from self._alone(
                    mx.array(self.tokens[-1:]), left, until_found=self._guesser.looks_up
                )
            else:
                count = min(self._pace.rest or 1, left)
                yield from self._alone(mx.array(self.tokens[-1:]), count)

    def finish(self) -> None:
        """Leave caches that hold what was generated, all of it or all but the last token."""
        self._reader.finish()
        if self._shares:
            self._draft.finish(self.tokens[: self._held])

    def keep(self) -> None:
        """Keep what was read in the prefix cache, if there is one."""
        self._plan.keep(self.tokens[: self._held])

    def _alone(
        self, latest: mx.array, count: int, *, counts: bool = True, until_found: bool = False
    ) -> Iterator[tuple[int, mx.array, bool]]:
        """Generate tokens without guesses, if need be only until there are some."""
        plan = self._plan
        history = mx.array(self.tokens) if plan.processors else None

        def step(tokens: mx.array) -> tuple[mx.array, mx.array, mx.array]:
            nonlocal history
            logits = self._reader.read(tokens, last_only=True)
            plan.kv.quantize(plan.cache)
            logprobs, impossible = score(plan.processors, logits, history)
            token = draw(plan.sampler, logprobs)
            if history is not None:
                history = mx.concatenate([history, token])
            mx.async_eval(token, impossible)
            return token, logprobs, impossible

        start = time.perf_counter()
        self._held = len(self.tokens)
        under_way = step(latest)
        found = False
        for i in range(count):
            token, logprobs, impossible = under_way
            goes_on = i + 1 < count and not found
            if goes_on:
                # The next step is under way while the caller deals with this one.
                under_way = step(token)
                self._held += 1
            if impossible.item():
                raise FloatingPointError(IMPOSSIBLE)
            self.tokens.append(check_token(int(token.item())))
            found = until_found and bool(self._draft.propose(self.tokens, 1))
            if counts:
                self._pace.after_tokens(1, time.perf_counter() - start)
            yield self.tokens[-1], logprobs[0], False
            if not goes_on:
                return
            start = time.perf_counter()

    def _round(self, guesses: list[int], start: float) -> Iterator[tuple[int, mx.array, bool]]:
        """Read guesses, and generate what is right of them and one token more."""
        inputs = [self.tokens[-1], *guesses]
        plan = self._plan
        self._reader.begin()
        logits = self._reader.read(mx.array(inputs))
        chosen, logprobs, impossible, states = choose(
            plan.processors, plan.sampler, logits, self.tokens, guesses
        )
        mx.eval(chosen, impossible)
        tokens, wrong = chosen.tolist(), impossible[:, 0].tolist()
        pairs = enumerate(zip(guesses, tokens, strict=False))
        right = next((i for i, (a, b) in pairs if a != b), len(guesses))
        # As if nothing had been chosen after that.
        put_back(plan.sampler, states[right])
        self._pace.after_drafts(len(guesses), right, time.perf_counter() - start)
        given = 0
        try:
            for i, token in enumerate(tokens[: right + 1]):
                if wrong[i]:
                    raise FloatingPointError(IMPOSSIBLE)
                self.tokens.append(check_token(token))
                given += 1
                yield token, logprobs[i], i < right
        finally:
            # Who ends here has no use for guesses that come after.
            kept = 1 + min(right, given)
            self._reader.keep(inputs, kept)
            self._held += kept
            plan.kv.quantize(plan.cache)
