"""Sequences side by side in one input, against each by itself."""

import mlx_core_py as mx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm_py.cache import (
    Cache,
    KVCache,
    QuantizedKVCache,
    RaggedCache,
    RotatingKVCache,
    make_prompt_cache,
    ragged_prompt_cache,
)
from mlx_lm_py.models.blocks import attention
from mlx_lm_py.models.blocks.together import can_attend_together
from tiny_models import MODELS, close, make_model, read_expected

every = pytest.mark.parametrize("name", MODELS)


@every
def test_sequences_side_by_side_are_as_each_alone(name: str) -> None:
    tokens, logits = read_expected(name)
    model = make_model(name)
    caches = [make_prompt_cache(model) for _ in range(3)]
    # Sequences that begin, go on and decode in the same steps, as far as the fixture goes.
    held = [0, 0, 0]
    for lengths in ([5, 20, 1], [1, 1, 1], [30, 7, 46], [1, 1, 0]):
        rows = [i for i, length in enumerate(lengths) if length]
        counts = [lengths[i] for i in rows]
        new = [tokens[:1, held[i] : held[i] + lengths[i]] for i in rows]
        cache = ragged_prompt_cache([caches[i] for i in rows], counts)
        got = model(mx.concatenate(new, axis=1), cache=cache)
        expected = [logits[:1, held[i] : held[i] + lengths[i]] for i in rows]
        close(got, mx.concatenate(expected, axis=1), 2e-3)
        for i, length in enumerate(lengths):
            held[i] += length


@every
def test_the_last_token_of_each_sequence(name: str) -> None:
    tokens, logits = read_expected(name)
    model = make_model(name)
    caches = [make_prompt_cache(model) for _ in range(3)]
    new = mx.concatenate([tokens[:1, :9], tokens[:1, :30], tokens[:1, :1]], axis=1)
    got = model(new, cache=ragged_prompt_cache(caches, [9, 30, 1]), last_only=True)
    close(got, logits[:1, mx.array([8, 29, 0])], 2e-3)
    new = mx.concatenate([tokens[:1, i : i + 1] for i in (9, 30, 1)], axis=1)
    got = model(new, cache=ragged_prompt_cache(caches, [1, 1, 1]), last_only=True)
    close(got, logits[:1, mx.array([9, 30, 1])], 2e-3)


@pytest.mark.parametrize("name", ["llama", "qwen3", "gpt_neox"])
def test_sequences_that_decode_attend_in_one_node(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which gives the bits of one node for each, also where buffers grow."""
    model = make_model(name)
    # A buffer has room for 256 positions.
    prompts = [mx.arange(length)[None] % 40 for length in (254, 3, 30)]

    def decode() -> list[mx.array]:
        caches = [make_prompt_cache(model) for _ in prompts]
        for prompt, cache in zip(prompts, caches, strict=True):
            model(prompt, cache=cache)
        steps = range(5)
        return [
            model(mx.array([[i, i + 1, 2]]), cache=ragged_prompt_cache(caches, [1, 1, 1]))
            for i in steps
        ]

    calls = []

    def counted(*given: object) -> bool:
        calls.append(can_attend_together(*given))  # type: ignore[arg-type]
        return calls[-1]

    monkeypatch.setattr(attention, "can_attend_together", counted)
    together = decode()
    assert all(calls[-len(model.layers) :])
    monkeypatch.setattr(attention, "can_attend_together", lambda *_: False)
    for one, other in zip(together, decode(), strict=True):
        assert mx.array_equal(one, other)


def held(cache: Cache, length: int, dtype: mx.Dtype = mx.float32) -> Cache:
    x = mx.zeros((1, 2, length, 32), dtype)
    cache.update_and_fetch(x, x)  # type: ignore[attr-defined]
    return cache


def test_which_sequences_attend_in_one_node() -> None:
    keys = mx.zeros((1, 2, 2, 32))

    def can(*caches: Cache, lengths: tuple[int, ...] = (1, 1), window: int | None = None) -> bool:
        return can_attend_together(RaggedCache(caches, lengths), keys, window)

    one, other = held(KVCache(), 3), held(KVCache(), 9)
    assert can(one, other)
    assert can(one, other, window=10)
    assert not can(one, other, window=9)
    assert not can(one, other, lengths=(1, 2))
    assert not can(one, lengths=(1,))
    assert not can(one, KVCache())
    assert not can(one, held(KVCache(), 3, mx.float16))
    assert not can(one, held(RotatingKVCache(8), 3))
    assert not can(one, held(QuantizedKVCache(32, 4), 3))
    assert not can_attend_together(one, keys)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.data())
@settings(max_examples=50, deadline=None)
def test_taking_apart(lengths: list[int], data: st.DataObject) -> None:
    cache = RaggedCache(make_prompt_cache(make_model("llama"))[:1] * len(lengths), lengths)
    x = mx.arange(sum(lengths) * 3).reshape(1, -1, 3)
    parts = cache.split(x, 1)
    assert [part.shape[1] for part in parts] == lengths
    assert mx.concatenate(parts, axis=1).tolist() == x.tolist()
    last = cache.last_positions(x)
    assert last.tolist() == [[part[0, -1].tolist() for part in parts]]
    assert [part.tolist() for part in cache.split(last, 1, last_only=True)] == [
        part[:, -1:].tolist() for part in parts
    ]


@pytest.mark.parametrize("lengths", [[], [1], [1, 0], [1, 2, 3]])
def test_wrong_lengths(lengths: list[int]) -> None:
    caches = [make_prompt_cache(make_model("llama")) for _ in range(2)]
    with pytest.raises(ValueError, match="lengths must be a number from 1 on for each of 2 caches"):
        ragged_prompt_cache(caches, lengths)
