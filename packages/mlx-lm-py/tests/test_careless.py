"""Calls that nobody should make, and somebody will: each is answered, or refused by name."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_lm_py import batch_generate, generate, generate_step, stream_generate
from mlx_lm_py.cache import (
    ChunkedKVCache,
    KVCache,
    PrefixCache,
    QuantizedKVCache,
    RotatingKVCache,
    make_prompt_cache,
)
from mlx_lm_py.engine import BatchGenerator
from mlx_lm_py.generation import speculative_generate_step
from mlx_lm_py.sampling import (
    make_dry_penalty,
    make_logits_processors,
    make_min_tokens,
    make_mirostat,
    make_sampler,
)
from tiny_models import make_model, wrapped_tokenizer

PROMPT = [1, 2, 3]


def step(prompt: Any = PROMPT, **options: Any) -> Any:
    return list(generate_step(prompt, make_model(), **{"max_tokens": 2, **options}))


def made(**options: Any) -> Any:
    return BatchGenerator(make_model(), **options)


def inserted(*arguments: Any, **options: Any) -> Any:
    return made().insert(*(arguments or ([PROMPT],)), **options)


def text(**options: Any) -> Any:
    return list(stream_generate(make_model(), wrapped_tokenizer(), "ab", **options))


def guessed(**options: Any) -> Any:
    return list(speculative_generate_step(PROMPT, make_model(), **options))


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    # Numbers of the wrong type: a boolean is no count, a fraction is no number of bits.
    (lambda: step(max_tokens=True), TypeError, "max_tokens must be an integer, not bool"),
    (lambda: step(max_tokens=2.0), TypeError, "max_tokens must be an integer, not float"),
    (lambda: step(max_tokens=-1), ValueError, "max_tokens must be at least 1, not -1"),
    (lambda: step(prefill_step_size="a"), TypeError, "prefill_step_size must be an integer"),
    (lambda: step(prefill_step_size=-5), ValueError, "prefill_step_size must be at least 1"),
    (lambda: step(kv_bits=4.0), TypeError, "kv_bits must be an integer, not float"),
    (lambda: step(kv_bits=7), ValueError, "kv_bits must be one of"),
    (lambda: step(kv_bits=4, kv_group_size=16), ValueError, "kv_group_size must be one of"),
    (lambda: step(kv_bits=4, kv_group_size="64"), TypeError, "kv_group_size must be an integer"),
    (lambda: step(quantized_kv_start=-1), ValueError, "quantized_kv_start must not be negative"),
    (lambda: step(max_kv_size="9"), TypeError, "max_kv_size must be an integer, not str"),
    (lambda: step(max_kv_size=3), ValueError, "max_kv_size must be above 4"),
    (lambda: guessed(ngram_size=True), TypeError, "ngram_size must be an integer, not bool"),
    (lambda: guessed(ngram_size=3, num_draft_tokens=0), ValueError, "num_draft_tokens must be"),
    (lambda: guessed(), ValueError, "guesses need a draft_model or an ngram_size"),
    # Prompts.
    (lambda: step([]), ValueError, "prompt must have at least one token"),
    (lambda: step("text"), TypeError, "prompt must be a list"),
    (lambda: step([True]), TypeError, "prompt must be a list"),
    (lambda: step([-1]), ValueError, "prompt has -1"),
    (lambda: step(mx.array([[1, 2]])), TypeError, "prompt must be a list or a one-dimensional"),
    (lambda: generate(make_model(), wrapped_tokenizer(), ""), ValueError, "prompt must have"),
    # Functions that are none.
    (lambda: step(sampler="greedy"), TypeError, "sampler must be a function, not str"),
    (lambda: step(logits_processors=lambda t, x: x), TypeError, "logits_processors must be a list"),
    (lambda: made(sampler=1), TypeError, "sampler must be a function, not int"),
    # Caches.
    (lambda: step(prompt_cache=[1, 2]), TypeError, "prompt_cache must be a list of caches"),
    (lambda: step(prompt_cache=KVCache()), TypeError, "prompt_cache must be a list of caches"),
    (lambda: step(prompt_cache=[KVCache()]), ValueError, "prompt_cache has 1 entries for the 2"),
    (lambda: step(prefix_cache={}), TypeError, "prefix_cache must be a PrefixCache, not dict"),
    (lambda: made(prefix_cache=1), TypeError, "prefix_cache must be a PrefixCache, not int"),
    (lambda: PrefixCache(1.5), TypeError, "max_bytes must be an integer"),  # type: ignore[arg-type]
    (lambda: RotatingKVCache(True), TypeError, "max_size must be an integer, not bool"),
    (lambda: ChunkedKVCache("8"), TypeError, "chunk_size must be an integer"),  # type: ignore[arg-type]
    (lambda: QuantizedKVCache(bits=8.0), TypeError, "^bits must be an integer"),  # type: ignore[arg-type]
    (lambda: KVCache().trim(-1), ValueError, "n must not be negative"),
    # Sequences of a batch.
    (lambda: made(max_tokens=True), TypeError, "max_tokens must be an integer, not bool"),
    (lambda: made(completion_batch_size=1.5), TypeError, "completion_batch_size must be an inte"),
    (lambda: made(stop_tokens="ab"), TypeError, "stop_tokens must be a list of tokens, not str"),
    (lambda: made(stop_tokens=[1.5]), TypeError, "a token of stop_tokens must be an integer"),
    (lambda: made(stop_tokens=5), TypeError, "stop_tokens must be a list of tokens, not int"),
    (lambda: made(kv_bits=3.0), TypeError, "kv_bits must be an integer, not float"),
    (lambda: inserted(5), TypeError, "prompts must be a list, not int"),
    (lambda: inserted(PROMPT), TypeError, "prompts must be lists of tokens, not int"),
    (lambda: inserted("ab"), TypeError, "prompts must be a list, not str"),
    (lambda: inserted(max_tokens=5), TypeError, "max_tokens must be a list, not int"),
    (lambda: inserted(max_tokens=[True]), TypeError, "max_tokens must be an integer, not bool"),
    (lambda: inserted(caches=[[1, 2]]), TypeError, "caches must be a list of caches"),
    (lambda: inserted(all_tokens=[["a"]]), TypeError, "a token of all_tokens must be an integer"),
    (lambda: inserted(seeds=["a"]), TypeError, "seeds must be an integer, not str"),
    (lambda: inserted(seeds=[-1]), ValueError, "seeds must not be negative"),
    (lambda: inserted(seeds=[1 << 64]), ValueError, "seeds must be at most"),
    (lambda: inserted(samplers=make_sampler()), TypeError, "samplers must be a list"),
    (lambda: inserted(stop_sequences=[["a"]]), TypeError, "a token of stop_sequences must be"),
    (lambda: made().insert_segments([5]), TypeError, "segments of a prompt must be a list"),
    (lambda: made().remove(3), TypeError, "uids must be a list of numbers, not int"),
    (lambda: made().extract_cache(["a"]), TypeError, "a number of uids must be an integer"),
    # Samplers and processors.
    (lambda: make_sampler("hot"), TypeError, "temp must be a number, not str"),  # type: ignore[arg-type]
    (lambda: make_sampler(True), TypeError, "temp must be a number, not bool"),
    (lambda: make_sampler(float("inf")), ValueError, "temp must not be negative, not inf"),
    (lambda: make_sampler(1.0, top_k=1.5), TypeError, "top_k must be an integer"),  # type: ignore[arg-type]
    (lambda: make_sampler(1.0, min_tokens_to_keep=0), ValueError, "min_tokens_to_keep must be at"),
    (lambda: make_sampler(1.0, xtc_threshold=0.6), ValueError, r"xtc_threshold must be in 0..0.5"),
    (lambda: make_sampler(1.0, xtc_special_tokens=["a"]), TypeError, "xtc_special_tokens"),  # type: ignore[list-item]
    (lambda: make_mirostat("a"), TypeError, "tau must be a number, not str"),  # type: ignore[arg-type]
    (lambda: make_logits_processors({1: "a"}), TypeError, "logit_bias of 1 must be a number"),  # type: ignore[dict-item]
    (lambda: make_logits_processors(repetition_penalty="a"), TypeError, "repetition_penalty must"),  # type: ignore[arg-type]
    (lambda: make_dry_penalty(1.0, context_size=1.5), TypeError, "context_size must be an integ"),  # type: ignore[arg-type]
    (lambda: make_min_tokens(-1, 0, {0}), ValueError, "min_tokens must not be negative"),
    # Texts.
    (lambda: text(max_tokens="4"), TypeError, "max_tokens must be an integer, not str"),
    (lambda: text(stop=5), TypeError, "stop"),
    (lambda: text(stop=[""]), ValueError, "stop"),
    (lambda: text(response_format=5), TypeError, "response_format"),
    (lambda: text(temperature=1.0), TypeError, "temperature"),
    (
        lambda: batch_generate(make_model(), wrapped_tokenizer(), ["a"], max_tokens=True),
        TypeError,
        "max_tokens must be an integer, not bool",
    ),
    (
        lambda: batch_generate(make_model(), wrapped_tokenizer(), ["a"], seeds=3),  # type: ignore[arg-type]
        TypeError,
        "seeds must be a list, not int",
    ),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG, ids=[one[2] for one in WRONG])
def test_a_wrong_call_is_refused_by_name(
    call: Callable[[], Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()


def tokens(generator: BatchGenerator) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    while responses := generator.next_generated():
        for one in responses:
            found.setdefault(one.uid, []).append(-1 if one.error else one.token)
    return found


EXPECTED = [token for token, _ in step(max_tokens=5)]


def test_odd_calls_that_are_right() -> None:
    as_arrays = [np.array(PROMPT), mx.array(PROMPT), tuple(PROMPT)]
    for prompt in as_arrays:
        assert [token for token, _ in step(prompt, max_tokens=5)] == EXPECTED
    generator = made(max_tokens=5)
    assert generator.insert([]) == []
    assert generator.next() == ([], [])
    assert generator.next_generated() == []
    uids = generator.insert(as_arrays)
    (parts,) = generator.insert_segments([[[], [1], [], [2, 3]]])
    assert tokens(generator) == dict.fromkeys([*uids, parts], EXPECTED)


def test_who_is_gone_is_passed_over() -> None:
    generator = made(max_tokens=5)
    first, second, third = generator.insert([PROMPT] * 3)
    assert generator.remove([first, first, 99, -1]) == {}
    assert generator.remove([first], return_prompt_caches=True) == {}
    assert tokens(generator) == dict.fromkeys([second, third], EXPECTED)
    assert generator.extract_cache([second, third]) == {}
    generator.remove([second])


def test_a_closed_generator() -> None:
    with made(max_tokens=5) as generator:
        generator.insert([PROMPT] * 2)
        generator.next()
    assert generator.next() == ([], [])
    generator.close()
    # It is empty, and no more than that.
    (uid,) = generator.insert([PROMPT])
    assert tokens(generator) == {uid: EXPECTED}


def test_wrong_entries_add_nothing() -> None:
    generator = made(max_tokens=5)
    with pytest.raises(ValueError, match="prompt has 96"):
        generator.insert([PROMPT, [96]])
    (uid,) = generator.insert([PROMPT])
    assert tokens(generator) == {uid: EXPECTED}


@pytest.mark.parametrize("error", [ValueError, KeyError, RuntimeError, StopIteration])
def test_a_callback_that_raises_ends_its_own_sequence(error: type[Exception]) -> None:
    def fails(*_: Any) -> Any:
        raise error("mine")

    generator = made(max_tokens=5)
    well, by_sampler, by_processor = generator.insert(
        [PROMPT] * 3, samplers=[None, fails, None], logits_processors=[None, None, [fails]]
    )
    assert tokens(generator) == {well: EXPECTED, by_sampler: [-1], by_processor: [-1]}


@pytest.mark.parametrize("returned", [None, 3, mx.array([1, 2]), mx.zeros((1, 1)), "a"])
def test_a_callback_that_returns_nonsense(returned: Any) -> None:
    generator = made(max_tokens=5)
    well, wrong = generator.insert([PROMPT] * 2, samplers=[None, lambda _: returned])
    assert tokens(generator) == {well: EXPECTED, wrong: [-1]}


def test_a_callback_that_uses_its_generator() -> None:
    generator = made(max_tokens=5)
    errors: list[Exception] = []

    def calls(logprobs: mx.array) -> mx.array:
        try:
            generator.next()
        except RuntimeError as error:
            errors.append(error)
        generator.remove([other])
        return mx.argmax(logprobs, axis=-1)

    uid, other = generator.insert([PROMPT] * 2, samplers=[calls, None])
    assert tokens(generator)[uid] == EXPECTED
    assert "next is under way" in str(errors[0])


def test_caches_of_another_model() -> None:
    other = make_prompt_cache(make_model())
    for layer in other:
        layer.update_and_fetch(*[mx.ones((1, 5, 3, 7))] * 2)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="does not fit a cache of shape"):
        step(prompt_cache=other)
    generator = made(max_tokens=5)
    (wrong,) = generator.insert([PROMPT], caches=[other])
    assert tokens(generator) == {wrong: [-1]}
    (well,) = generator.insert([PROMPT])
    assert tokens(generator) == {well: EXPECTED}
    prefix_cache = PrefixCache()
    step(prefix_cache=prefix_cache)
    with pytest.raises(ValueError, match="prefix_cache belongs to another model"):
        step(prefix_cache=prefix_cache)


def test_threads() -> None:
    # Each with a generator of its own; sequences that others add while one is worked at.
    generator, found, failed = made(max_tokens=5), {}, []

    def work(name: int) -> None:
        try:
            mine = made(max_tokens=5)
            uids = mine.insert([PROMPT] * 2)
            found[name] = tokens(mine) == dict.fromkeys(uids, EXPECTED)
            generator.insert([PROMPT])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive()
    assert not failed
    assert found == dict.fromkeys(range(3), True)
    assert tokens(generator) == dict.fromkeys(range(3), EXPECTED)
