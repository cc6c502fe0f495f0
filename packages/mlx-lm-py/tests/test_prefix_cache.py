"""Prompts that go on from what has been read, against each read from its beginning."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm_py import batch_generate, generate_step, load_model, stream_generate
from mlx_lm_py.cache import ArraysCache, CacheList, KVCache, PrefixCache, RotatingKVCache
from mlx_lm_py.engine import BatchGenerator
from mlx_lm_py.generate import speculative_generate_step
from tiny_models import MODELS, make_model, read_config, read_weights, wide, wrapped_tokenizer

FIRST = [5, 17, 40, 3, 44, 2, 9, 11, 30, 8]


def answer(model: Any, prompt: Sequence[int], n: int = 6, **options: Any) -> list[int]:
    return [token for token, _ in generate_step(prompt, model, max_tokens=n, **options)]


def windowed(name: str, window: int) -> Any:
    return load_model(read_weights(name), {**read_config(name), "sliding_window": window})


def conversation(model: Any, **options: Any) -> list[list[int]]:
    """A prompt, the same one again, one that goes on after the answer, one that turns off."""
    first = [token % model.args.vocab_size for token in FIRST]
    said = answer(model, first, **options)
    return [first, first, [*first, *said, 4, 1], [*first[:6], 7, 7], first[:3], [1, 2]]


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_without(name: str) -> None:
    model = make_model(name)
    prompts = conversation(model)
    expected = [answer(model, one) for one in prompts]
    for step in (512, 4):
        prefix_cache = PrefixCache(checkpoint_every=4)
        for prompt, one in zip(prompts, expected, strict=True):
            got = answer(model, prompt, prefix_cache=prefix_cache, prefill_step_size=step)
            assert got == one
    assert prefix_cache.nbytes > 0


@pytest.mark.parametrize("name", MODELS)
def test_answers_in_batches_are_those_without(name: str) -> None:
    model = make_model(name)
    prompts = conversation(model)
    expected = [answer(model, one) for one in prompts]
    prefix_cache = PrefixCache(checkpoint_every=4)
    for _ in range(2):
        with BatchGenerator(
            model, max_tokens=6, prefix_cache=prefix_cache, completion_batch_size=2
        ) as generator:
            uids = generator.insert(prompts)
            answers: dict[int, list[int]] = {uid: [] for uid in uids}
            while responses := generator.next_generated():
                for response in responses:
                    answers[response.uid].append(response.token)
        assert list(answers.values()) == expected


@pytest.mark.parametrize(
    "options",
    [
        {"kv_bits": 8, "kv_group_size": 32},
        {"kv_bits": 2, "kv_group_size": 32},
        {"kv_bits": 2, "kv_group_size": 32, "quantized_kv_start": 7},
        {"kv_bits": 2, "kv_group_size": 32, "max_kv_size": 9},
        {"max_kv_size": 9},
    ],
    ids=str,
)
@pytest.mark.parametrize("batch", [False, True])
def test_kinds_of_caches(options: dict[str, Any], batch: bool) -> None:
    model = wide()
    prompts = conversation(model, **options)
    expected = [answer(model, one, **options) for one in prompts]
    prefix_cache = PrefixCache()
    for step in (512, 3):
        for prompt, one in zip(prompts, expected, strict=True):
            if batch:
                generator = BatchGenerator(
                    model,
                    max_tokens=6,
                    prefill_step_size=step,
                    prefix_cache=prefix_cache,
                    **options,
                )
                generator.insert([prompt])
                got = [r.token for rs in iter(generator.next_generated, []) for r in rs]
            else:
                got = answer(
                    model, prompt, prefix_cache=prefix_cache, prefill_step_size=step, **options
                )
            assert got == one


@pytest.mark.parametrize("name", ["mistral", "gemma3_text", "gpt_oss"])
def test_windows_that_have_turned(name: str) -> None:
    model = windowed(name, 5)
    prefix_cache = PrefixCache(checkpoint_every=3)
    for prompt in conversation(model):
        assert answer(model, prompt, prefix_cache=prefix_cache) == answer(model, prompt)


@pytest.mark.parametrize("name", ["llama", "lfm2"])
@pytest.mark.parametrize("draft", ["ngram", "model"])
def test_with_guesses(name: str, draft: str) -> None:
    model = make_model(name)
    prefix_cache = PrefixCache(checkpoint_every=4)
    options: dict[str, Any] = {"ngram_size": 1} if draft == "ngram" else {"draft_model": model}
    for prompt in conversation(model):
        steps = speculative_generate_step(
            prompt, model, max_tokens=6, prefix_cache=prefix_cache, **options
        )
        assert [token for token, _, _ in steps] == answer(model, prompt)
        generator = BatchGenerator(model, max_tokens=6, prefix_cache=prefix_cache, **options)
        generator.insert([prompt])
        got = [one.token for rows in iter(generator.next_generated, []) for one in rows]
        assert got == answer(model, prompt)


def found(model: Any, prompt: Sequence[int], prefix_cache: PrefixCache) -> int:
    lease = prefix_cache.begin(model, prompt, model.make_cache())
    return lease.length


def test_how_much_is_found() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    prefix_cache = PrefixCache()
    said = answer(model, FIRST, prefix_cache=prefix_cache)
    # All but the last token of the answer have been read; the last one of a prompt is read again.
    assert found(model, [*FIRST, *said, 1], prefix_cache) == len(FIRST) + 5
    assert found(model, FIRST, prefix_cache) == len(FIRST) - 1
    assert found(model, [*FIRST[:4], 60, 61], prefix_cache) == 4
    assert found(model, [60], prefix_cache) == 0
    (*_, last) = stream_generate(model, tokenizer, FIRST, max_tokens=3, prefix_cache=prefix_cache)
    assert last.cached_tokens == len(FIRST) - 1
    # Who stops early has read as much.
    steps: Any = generate_step([1, 2, 3], model, prefix_cache=prefix_cache)
    more = [next(steps)[0], next(steps)[0]]
    steps.close()
    assert found(model, [1, 2, 3, *more, 0], prefix_cache) == 5


def test_states_are_found_where_they_were_kept() -> None:
    model = make_model("mamba")
    prefix_cache = PrefixCache(checkpoint_every=4)
    said = answer(model, FIRST, prefix_cache=prefix_cache)
    assert found(model, [*FIRST, *said, 1], prefix_cache) == len(FIRST) + 5
    assert found(model, FIRST, prefix_cache) == len(FIRST) - 1
    assert found(model, [*FIRST[:9], 1, 1], prefix_cache) == 9
    assert found(model, [*FIRST[:7], 1, 1], prefix_cache) == 4
    assert found(model, [*FIRST[:3], 1, 1], prefix_cache) == 0


def test_a_batch_shares_what_one_of_it_has_read() -> None:
    model = make_model()
    generator = BatchGenerator(
        model, max_tokens=4, prefix_cache=PrefixCache(), prefill_batch_size=1
    )
    generator.insert([FIRST, [*FIRST, 1, 2]])
    cached = {}
    while True:
        progress, responses = generator.next()
        if not (progress or responses):
            break
        cached.update({one.uid: one.cached for one in progress})
    assert cached == {0: 0, 1: len(FIRST)}


def test_segments_are_kept() -> None:
    model = make_model("lfm2")
    prefix_cache = PrefixCache()
    generator = BatchGenerator(model, max_tokens=2, prefix_cache=prefix_cache)
    generator.insert_segments([[FIRST[:6], FIRST[6:]]])
    while generator.next_generated():
        pass
    assert found(model, [*FIRST[:6], 1, 1], prefix_cache) == 6


def test_what_is_kept_makes_room_for_sequences() -> None:
    model = make_model()
    prefix_cache = PrefixCache()
    generator = BatchGenerator(model, max_tokens=3, prefix_cache=prefix_cache, max_cache_bytes=1)
    generator.insert([FIRST])
    while generator.next_generated():
        pass
    assert prefix_cache.nbytes > 0
    one = sum(layer.nbytes for layer in read(model, FIRST))
    generator = BatchGenerator(
        model, max_tokens=3, prefix_cache=prefix_cache, max_cache_bytes=2 * one
    )
    generator.insert([[50, 51], [60, 61], [70, 71]])
    while generator.next_generated():
        assert generator.prompt_cache_nbytes <= 2 * one
    assert found(model, FIRST, prefix_cache) == 0


def read(model: Any, tokens: Sequence[int]) -> Any:
    cache = model.make_cache()
    model(mx.array([tokens]), cache=cache)
    return cache


class Bare:
    """A model of nothing, whose caches hold the tokens themselves."""


def held(tokens: Sequence[int], kinds: str) -> list[Any]:
    """Caches that tell which tokens they have seen."""
    line = mx.array(tokens, mx.float32).reshape(1, 1, -1, 1)
    made: list[Any] = []
    for kind in kinds:
        if kind == "k":
            made.append(KVCache())
        elif kind == "r":
            made.append(RotatingKVCache(4))
        elif kind == "l":
            made.append(CacheList(*held(tokens, "kr")))
            continue
        else:
            made.append(ArraysCache(1))
            made[-1][0] = mx.array(tokens, mx.float32)
            continue
        if len(tokens):
            made[-1].update_and_fetch(line, -line)
    return made


def check(cache: Any, tokens: list[int]) -> None:
    for one in cache:
        if isinstance(one, CacheList):
            check(one.caches, tokens)
        elif isinstance(one, ArraysCache):
            assert np.array(one[0]).tolist() == tokens
        else:
            assert one.offset == len(tokens)
            keys, values = one.update_and_fetch(*[mx.full((1, 1, 2, 1), 99.0)] * 2)
            count = len(tokens) if isinstance(one, KVCache) else min(len(tokens), 3)
            assert keys[0, 0, -2 - count : -2, 0].tolist() == tokens[len(tokens) - count :]
            assert (-values[0, 0, -2 - count : -2, 0]).tolist() == tokens[len(tokens) - count :]


def empty(kinds: str) -> list[Any]:
    return [one if not isinstance(one, ArraysCache) else ArraysCache(1) for one in held([], kinds)]


def size(prefix_cache: PrefixCache) -> int:
    nodes = [one for tree in prefix_cache._trees.values() for one in tree.root.all_below()]
    idle = [leaf for one in prefix_cache._idle._held for leaf in one.leaves]
    return sum(one.nbytes for one in [*nodes, *idle])


tokens_of = st.lists(st.integers(0, 2), min_size=1, max_size=12)
actions = st.lists(
    st.tuples(st.sampled_from(["keep", "end", "begin", "release", "shrink"]), tokens_of),
    max_size=30,
)


@settings(deadline=None, max_examples=80)
@given(actions, st.sampled_from(["k", "kk", "ka", "a", "kr", "lk", "r"]))
def test_against_a_dictionary(steps: list[tuple[str, list[int]]], kinds: str) -> None:
    prefix_cache, model = PrefixCache(), Bare()
    # All that was kept and not left out since, by its tokens.
    kept: set[tuple[int, ...]] = set()
    leases: list[Any] = []
    shrunk = False
    for action, tokens in steps:
        if action in ("keep", "end"):
            lease = prefix_cache.begin(model, tokens, empty(kinds))
            lease.keep(tokens, held(tokens, kinds), is_last=action == "end")
            lease.release()
            kept.add(tuple(tokens))
        elif action == "begin":
            lease = prefix_cache.begin(model, tokens, empty(kinds))
            most = len(tokens) - 1
            common = [
                next((i for i in range(most) if i >= len(one) or one[i] != tokens[i]), most)
                for one in kept
            ]
            # A state is what it was after all of them.
            ends = [len(one) for one in kept if one == tuple(tokens[: len(one)][:most])]
            expected = max(common if set(kinds) <= {"k"} else ends, default=0)
            if set(kinds) <= {"k", "a"} and not shrunk:
                assert lease.length == expected
            assert lease.length <= max(common, default=0)
            if lease.length:
                check(lease.cache, tokens[: lease.length])
                leases.append((lease, tokens[: lease.length]))
            else:
                lease.release()
        elif action == "release" and leases:
            leases.pop(0)[0].release()
        elif action == "shrink":
            before = prefix_cache.nbytes
            prefix_cache.shrink(before // 2)
            shrunk = shrunk or prefix_cache.nbytes < before
            assert prefix_cache.nbytes <= before // 2 or leases
            # What someone goes on from is there.
            for _, used in leases:
                if set(kinds) <= {"k"}:
                    assert prefix_cache.begin(model, [*used, 9], empty(kinds)).length >= len(used)
        assert prefix_cache.nbytes == size(prefix_cache)
    for lease, _ in leases:
        lease.release()
    prefix_cache.shrink(0)
    assert prefix_cache.nbytes == size(prefix_cache) == 0


def test_who_goes_on_from_an_ended_sequence_takes_its_cache() -> None:
    model, prefix_cache = Bare(), PrefixCache()
    tokens = list(range(10))
    cache = held(tokens, "k")
    prefix_cache.begin(model, tokens, empty("k")).keep(tokens, cache, is_last=True)
    first = prefix_cache.begin(model, [*tokens[:8], 50, 51], empty("k"))
    assert first.cache[0] is cache[0]
    # Another one at the same time has a copy, and neither sees what the other writes.
    second = prefix_cache.begin(model, [*tokens, 60], empty("k"))
    assert second.cache[0] is not cache[0]
    check(first.cache, tokens[:8])
    check(second.cache, tokens)
    # What was brought back goes on as well.
    first.keep(tokens[:8], first.cache, is_last=True)
    assert prefix_cache.begin(model, tokens, empty("k")).cache[0] is not cache[0]
    again = prefix_cache.begin(model, [*tokens[:8], 70], empty("k"))
    assert again.cache[0] is cache[0]
    check(again.cache, tokens[:8])


def test_a_long_conversation_is_not_cut_for_a_short_beginning() -> None:
    model, prefix_cache = Bare(), PrefixCache()
    tokens = list(range(20))
    cache = held(tokens, "k")
    prefix_cache.begin(model, tokens, empty("k")).keep(tokens, cache, is_last=True)
    other = prefix_cache.begin(model, [*tokens[:5], 50], empty("k"))
    assert other.cache[0] is not cache[0]
    check(other.cache, tokens[:5])
    assert prefix_cache.begin(model, [*tokens, 50], empty("k")).cache[0] is cache[0]


def test_a_cache_that_cannot_be_computed_is_not_gone_on_from() -> None:
    model, prefix_cache = Bare(), PrefixCache()
    tokens = list(range(10))
    cache = held(tokens, "k")
    prefix_cache.begin(model, tokens, empty("k")).keep(tokens, cache, is_last=True)

    class Failing(KVCache):
        def _state(self) -> Any:
            raise RuntimeError("out of memory")

    cache[0].__class__ = Failing
    lease = prefix_cache.begin(model, [*tokens, 50], empty("k"))
    assert lease.cache[0] is not cache[0]
    check(lease.cache, tokens)


def test_ended_caches_go_before_what_they_were_kept_of() -> None:
    model, prefix_cache = Bare(), PrefixCache()
    for i in range(40):
        tokens = [i, 50, 51]
        lease = prefix_cache.begin(model, tokens, empty("k"))
        lease.keep(tokens, held(tokens, "k"), is_last=True)
    assert len(prefix_cache._idle._held) == 32
    prefix_cache.shrink(prefix_cache._nbytes)
    assert prefix_cache._idle.nbytes == 0
    for i in range(40):
        assert prefix_cache.begin(model, [i, 50, 51, 9], empty("k")).length == 3


@pytest.mark.parametrize("how", ["end", "remove", "close"])
def test_the_cache_of_a_response_stays_as_it_is(how: str) -> None:
    model, prefix_cache = make_model(), PrefixCache()
    generator = BatchGenerator(model, max_tokens=6, prefix_cache=prefix_cache)
    (uid,) = generator.insert([FIRST])
    generator.next_generated()
    if how == "end":
        (*_, last) = [one for rows in iter(generator.next_generated, []) for one in rows]
        cache, tokens = last.prompt_cache, last.all_tokens
    else:
        cache, tokens = generator.remove([uid], return_prompt_caches=True)[uid]
    if how == "close":
        generator.close()
    assert cache is not None
    assert tokens is not None
    expected = answer(model, [*tokens, 7])
    # Another sequence goes on from the same place with other tokens.
    for other in (3, 4):
        answer(model, [*tokens, other], prefix_cache=prefix_cache)
    assert answer(model, [7], prompt_cache=cache) == expected


def test_what_was_used_last_stays() -> None:
    model, prefix_cache = Bare(), PrefixCache()
    for first in range(4):
        prefix_cache.begin(model, [first], empty("k")).keep([first, 7], held([first, 7], "k"))
    one = prefix_cache.nbytes // 4
    assert found_of(prefix_cache, model, [0, 7, 7]) == 2
    prefix_cache.shrink(2 * one)
    assert [found_of(prefix_cache, model, [i, 7, 7]) for i in range(4)] == [2, 0, 0, 2]
    prefix_cache.max_bytes = one
    prefix_cache.begin(model, [8], empty("k")).keep([8, 7], held([8, 7], "k"))
    assert [found_of(prefix_cache, model, [i, 7, 7]) for i in (0, 3, 8)] == [0, 0, 2]
    prefix_cache.clear()
    assert (prefix_cache.nbytes, found_of(prefix_cache, model, [8, 7, 7])) == (0, 0)


def found_of(prefix_cache: PrefixCache, model: Any, tokens: list[int], kinds: str = "k") -> int:
    return prefix_cache.begin(model, tokens, empty(kinds)).length


def test_old_states_of_a_conversation_go_before_its_end() -> None:
    model, prefix_cache = Bare(), PrefixCache()
    for end in range(1, 6):
        tokens = list(range(end))
        lease = prefix_cache.begin(model, tokens, empty("ka"))
        lease.keep(tokens, held(tokens, "ka"))
        lease.release()
    whole = [0, 1, 2, 3, 4, 9]
    prefix_cache.shrink(prefix_cache.nbytes - 1)
    assert found_of(prefix_cache, model, whole, "ka") == 5
    assert found_of(prefix_cache, model, [0, 9], "ka") == 0


def test_a_generation_that_never_began_holds_nothing() -> None:
    model, prefix_cache = make_model(), PrefixCache()
    answer(model, FIRST, prefix_cache=prefix_cache)
    steps = generate_step(FIRST, model, prefix_cache=prefix_cache)
    prefix_cache.shrink(0)
    assert found(model, FIRST, prefix_cache) == len(FIRST) - 1
    del steps
    gc.collect()
    prefix_cache.shrink(0)
    assert prefix_cache.nbytes == 0


@pytest.mark.parametrize("name", ["llama", "gemma3_text", "lfm2", "mamba", "deepseek_v2"])
def test_another_process_goes_on(name: str, tmp_path: Path) -> None:
    model = make_model(name)
    first, _, second, third, *_ = conversation(model)
    expected = answer(model, second)
    before = PrefixCache(folder=tmp_path, checkpoint_every=4)
    answer(model, first, prefix_cache=before)
    answer(model, third, prefix_cache=before)
    after = PrefixCache(folder=tmp_path)
    after.bind(model)
    assert after.nbytes == before._nbytes
    assert found(model, second, after) == found(model, second, before) > 0
    assert answer(model, second, prefix_cache=after) == expected
    # Its own weights are others.
    weights = {key: value + 0.01 for key, value in read_weights(name).items()}
    other = PrefixCache(folder=tmp_path)
    other.bind(load_model(weights, read_config(name)))
    assert other.nbytes == 0


def test_files_go_with_what_they_hold(tmp_path: Path) -> None:
    model = make_model()
    prefix_cache = PrefixCache(folder=tmp_path)
    answer(model, FIRST, prefix_cache=prefix_cache)
    answer(model, [*FIRST[:4], 60, 61], prefix_cache=prefix_cache)
    assert len(list(tmp_path.iterdir())) == 2
    prefix_cache.shrink(0)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_not_whole(tmp_path: Path) -> None:
    model = make_model()
    answer(model, FIRST, prefix_cache=PrefixCache(folder=tmp_path))
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    for wrong in (data[:-9], b"", data.replace(b"KVCache", b"KVCbche"), data.replace(b"[5", b"{5")):
        path.write_bytes(wrong)
        prefix_cache = PrefixCache(folder=tmp_path)
        assert answer(model, FIRST, prefix_cache=prefix_cache) == answer(model, FIRST)


def test_wrong_arguments() -> None:
    model, prefix_cache = make_model(), PrefixCache()
    answer(model, FIRST, prefix_cache=prefix_cache)
    with pytest.raises(ValueError, match="prefix_cache belongs to another model"):
        generate_step(FIRST, make_model("mistral"), prefix_cache=prefix_cache)
    with pytest.raises(ValueError, match="prefix_cache belongs to another model"):
        BatchGenerator(make_model("mistral"), prefix_cache=prefix_cache)
    with pytest.raises(ValueError, match="prefix_cache and prompt_cache cannot be used together"):
        generate_step(FIRST, model, prefix_cache=prefix_cache, prompt_cache=model.make_cache())
    for name in ("max_bytes", "checkpoint_every"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
            PrefixCache(**{name: 0})  # type: ignore[arg-type]


def test_whole_answers() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    prefix_cache = PrefixCache()
    texts = ["abba", "abbab", "b"]
    expected = batch_generate(model, tokenizer, texts, max_tokens=5).texts
    for _ in range(2):
        got = batch_generate(model, tokenizer, texts, max_tokens=5, prefix_cache=prefix_cache)
        assert got.texts == expected


def test_a_disk_without_room_loses_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model()

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("mlx_lm_py.cache.prefix_files.save_prompt_cache", full)
    prefix_cache = PrefixCache(folder=tmp_path)
    with pytest.warns(UserWarning, match="no more files: no space left"):
        assert answer(model, FIRST, prefix_cache=prefix_cache) == answer(model, FIRST)
    assert found(model, FIRST, prefix_cache) == len(FIRST) - 1
