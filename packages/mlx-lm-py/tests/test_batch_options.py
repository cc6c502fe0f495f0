"""What a batch is asked for beyond prompts: guesses, kinds of caches, structure, ends."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_lm_py import batch_generate, generate, generate_step
from mlx_lm_py.engine import BatchGenerator, TokenResponse
from mlx_lm_py.engine import pace as pace_module
from mlx_lm_py.sample_utils import make_logits_processors, make_sampler
from mlx_lm_py.sampling import make_dry_penalty
from tiny_models import make_model, wide, wrapped_tokenizer

# Of each mechanism: all positions, windows, sinks, chunks, latent keys, states, both.
NAMES = ["llama", "mistral", "gpt_oss", "llama4_text", "deepseek_v3", "lfm2", "mamba", "falcon_h1"]


@pytest.fixture(autouse=True)
def _always_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether guesses pay is a matter of time, on which no test may depend."""
    monkeypatch.setattr(pace_module, "TRIAL", 10**9)


class Turned:
    """A model that guesses wrong after some tokens."""

    def __init__(self, model: Any, wrong: int = 3) -> None:
        self.model, self.args, self.layers, self.wrong = model, model.args, model.layers, wrong

    def make_cache(self) -> Any:
        return self.model.make_cache()

    def __call__(self, tokens: mx.array, cache: Any = None, *, last_only: bool = False) -> mx.array:
        logits: mx.array = self.model(tokens, cache=cache, last_only=last_only)
        turned = (tokens[:, -1:] % self.wrong == 0)[..., None]
        return mx.where(turned, mx.roll(logits, 1, axis=-1), logits)


def prompts(size: int, n: int = 4) -> list[list[int]]:
    random = np.random.default_rng(1)
    return [(random.integers(0, size, length).tolist() * 2)[:12] for length in (3, 5, 9, 1)][:n]


def alone(model: Any, prompt: Sequence[int], n: int, seed: int = 0, **options: Any) -> list[int]:
    mx.random.seed(seed)
    return [token for token, _ in generate_step(prompt, model, max_tokens=n, **options)]


def run(generator: BatchGenerator) -> dict[int, list[TokenResponse]]:
    answers: dict[int, list[TokenResponse]] = {}
    while responses := generator.next_generated():
        for response in responses:
            answers.setdefault(response.uid, []).append(response)
    return answers


def tokens(answers: dict[int, list[TokenResponse]]) -> list[list[int]]:
    return [[one.token for one in answers[uid]] for uid in sorted(answers)]


def ways(model: Any) -> list[dict[str, Any]]:
    return [
        {"ngram_size": 1},
        {"draft_model": Turned(model), "num_draft_tokens": 4},
    ]


@pytest.mark.parametrize("name", NAMES)
def test_guesses_change_nothing(name: str) -> None:
    model = make_model(name)
    asked = prompts(model.args.vocab_size)
    lengths = [12, 1, 20, 9]
    expected = [alone(model, one, n) for one, n in zip(asked, lengths, strict=True)]
    for way in ways(model):
        generator = BatchGenerator(model, prefill_step_size=5, completion_batch_size=3, **way)
        generator.insert(asked, max_tokens=lengths)
        answers = run(generator)
        assert tokens(answers) == expected
        assert [one[-1].finish_reason for one in answers.values()] == ["length"] * 4
        guessed = [one.from_draft for rows in answers.values() for one in rows]
        # A text need not repeat itself.
        assert any(guessed) or "ngram_size" in way
        assert not all(guessed)


@pytest.mark.parametrize("name", ["llama", "lfm2"])
def test_an_answer_that_ends_within_guesses_goes_on(name: str) -> None:
    model = make_model(name)
    prompt = prompts(model.args.vocab_size)[2]
    expected = alone(model, prompt, 20)
    for end in (3, 4, 5, 6):
        generator = BatchGenerator(model, max_tokens=20, draft_model=model, num_draft_tokens=8)
        generator.insert([prompt], stop_sequences=[[expected[end - 1 : end + 1]]])
        (rows,) = run(generator).values()
        said = [one.token for one in rows]
        assert said == expected[: len(said)]
        last = rows[-1]
        assert last.finish_reason == "stop"
        whole = prompt + said
        assert last.all_tokens == whole[: len(last.all_tokens or [])]
        rest = whole[len(last.all_tokens or []) :]
        if not rest:
            # The last token had been guessed, and has been read.
            rest = [expected[len(said)]]
            said += rest
        more = alone(model, rest, 20 - len(said), prompt_cache=last.prompt_cache)
        assert said + more == expected


@pytest.mark.parametrize(
    "options",
    [
        {"sampler": make_sampler(1.0)},
        {"sampler": make_sampler(1.3, top_p=0.9, xtc_probability=0.5)},
        {"logits_processors": make_logits_processors({3: 2.0}, 1.5, 20, 0.5, 20, 0.5, 20)},
        {"logits_processors": [make_dry_penalty(2.0, allowed_length=1)]},
        {"kv_bits": 2, "kv_group_size": 32},
        {"kv_bits": 2, "kv_group_size": 32, "quantized_kv_start": 10},
        {"kv_bits": 2, "kv_group_size": 32, "max_kv_size": 9},
        {"max_kv_size": 9},
    ],
    ids=[
        "sampler",
        "other sampler",
        "penalties",
        "dry",
        "quantized",
        "quantized later",
        "quantized window",
        "window",
    ],
)
def test_options_of_all_sequences(options: dict[str, Any]) -> None:
    model = wide()
    asked = prompts(96)
    expected = [alone(model, one, 14, seed, **options) for seed, one in enumerate(asked)]
    assert expected != [alone(model, one, 14) for one in asked]
    for step in (512, 4):
        for way in ({}, *ways(model)):
            generator = BatchGenerator(
                model,
                max_tokens=14,
                prefill_step_size=step,
                completion_batch_size=3,
                **options,
                **way,
            )
            generator.insert(asked, seeds=range(4))
            assert tokens(run(generator)) == expected


def test_caches_that_go_before_become_integers_too() -> None:
    model = wide()
    first, second = prompts(96)[1:3]
    options: dict[str, Any] = {"kv_bits": 2, "kv_group_size": 32, "quantized_kv_start": 15}
    cache = model.make_cache()
    said = alone(model, first, 3, prompt_cache=cache, **options)
    copies = [layer.copy() for layer in cache]
    expected = alone(model, [said[-1], *second], 9, prompt_cache=copies, **options)
    either: list[dict[str, Any]] = [{}, {"ngram_size": 1}]
    for way in either:
        generator = BatchGenerator(model, max_tokens=9, prefill_step_size=4, **options, **way)
        generator.insert([[said[-1], *second]], caches=[cache])
        assert tokens(run(generator)) == [expected]
    with pytest.raises(ValueError, match="caches cannot be given where a draft_model guesses"):
        BatchGenerator(model, draft_model=model).insert([[1]], caches=[cache])


def test_what_fails_among_guesses_fails_alone() -> None:
    model = make_model()
    asked = prompts(96)

    def fails_later(history: mx.array, logits: mx.array) -> mx.array:
        if history.size >= len(asked[0]) + 3:
            raise RuntimeError("no more")
        return logits

    def no_token(history: mx.array, logits: mx.array) -> mx.array:
        return mx.full(logits.shape, -mx.inf) if history.size > len(asked[1]) else logits

    generator = BatchGenerator(model, max_tokens=9, ngram_size=1)
    generator.insert(asked, logits_processors=[[fails_later], [no_token], None, None])
    answers = run(generator)
    assert type(answers[0][-1].error) is RuntimeError
    assert type(answers[1][-1].error) is FloatingPointError
    assert tokens(answers)[2:] == [alone(model, one, 9) for one in asked[2:]]


def test_wrong_options() -> None:
    model = make_model()
    for options, message in (
        ({"ngram_size": 0}, "ngram_size must be at least 1"),
        ({"ngram_size": 1, "draft_model": model}, "cannot be used together"),
        ({"draft_model": make_model("mamba")}, "need the same vocabulary"),
        ({"kv_bits": 9}, "bits"),
        ({"kv_bits": 8, "quantized_kv_start": -1}, "quantized_kv_start"),
        ({"max_kv_size": 3}, "max_kv_size"),
    ):
        with pytest.raises(ValueError, match=message):
            BatchGenerator(model, **options)


def test_stop_strings() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    texts = ["ab", "b", "abba"]
    whole = [generate(model, tokenizer, text, max_tokens=20) for text in texts]
    stop = [whole[0][3:5], whole[1][7]]
    expected = [generate(model, tokenizer, text, max_tokens=20, stop=stop) for text in texts]
    assert expected != whole
    for way in ways(model):
        options = {"max_tokens": 20, "stop": stop, **way}
        assert [generate(model, tokenizer, text, **options) for text in texts] == expected
        assert batch_generate(model, tokenizer, texts, **options).texts == expected
    response = batch_generate(
        model,
        tokenizer,
        texts,
        max_tokens=20,
        stop=stop,
        return_prompt_caches=True,
        return_token_ids=True,
    )
    assert response.texts == expected
    assert response.token_ids is not None
    assert response.caches is not None
    assert all(tokenizer.decode(one).startswith(text) for one, text in zip(
        response.token_ids, expected, strict=True
    ))  # fmt: skip
    assert all(len(cache) == len(model.layers) for cache in response.caches)


@pytest.mark.skipif(importlib.util.find_spec("llguidance") is None, reason="needs llguidance")
def test_response_formats() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer(eos_token_ids=[95])
    texts = ["ab", "b", "abba"]
    regex = {"type": "regex", "pattern": "[a-c]{4,9}x"}
    expected = [
        generate(model, tokenizer, text, max_tokens=20, response_format=regex) for text in texts
    ]
    assert expected != [generate(model, tokenizer, text, max_tokens=20) for text in texts]
    for way in ({}, *ways(model)):
        response = batch_generate(
            model, tokenizer, texts, max_tokens=20, response_format=regex, **way
        )
        assert response.texts == expected
    mixed = batch_generate(
        model, tokenizer, texts, max_tokens=20, response_format=[None, regex, {"type": "text"}]
    )
    assert mixed.texts == [
        generate(model, tokenizer, texts[0], max_tokens=20),
        expected[1],
        generate(model, tokenizer, texts[2], max_tokens=20),
    ]
    with pytest.raises(ValueError, match="response_format must have 3 entries"):
        batch_generate(model, tokenizer, texts, response_format=[None])
