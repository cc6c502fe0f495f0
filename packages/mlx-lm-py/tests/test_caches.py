"""Caches beside a plain list of all keys and values, and beside those of mlx-lm."""

from __future__ import annotations

from typing import Any
from unittest import mock

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm_py.cache import (
    ArraysCache,
    CacheList,
    ChunkedKVCache,
    KVCache,
    QuantizedKVCache,
    QuantizedRotatingKVCache,
    RotatingKVCache,
    can_trim_prompt_cache,
    make_prompt_cache,
    quantize_prompt_cache,
    trim_prompt_cache,
)
from mlx_lm_py.models.blocks.attend import attend_quantized, update_and_attend
from mlx_lm_py.models.blocks.masks import mask_of
from tiny_models import Totals, close, make_model

WIDTH = 4


def drawn(seed: int, length: int, width: int = WIDTH, heads: int = 2) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    keys = rng.standard_normal((1, heads, length, width), dtype=np.float32)
    return keys, rng.standard_normal((1, heads, length, width), dtype=np.float32)


def attention(
    queries: Any, keys: Any, values: Any, window: int, keep: int, scale: float = 0.5
) -> Any:
    """Of the last positions, to all: each sees the latest ones and the kept."""
    length, count = queries.shape[2], keys.shape[2]
    asking = np.arange(count - length, count)[:, None]
    places = np.arange(count)
    seen = (places <= asking) & ((asking - places < window - keep) | (places < keep))
    seen |= (places <= asking) & (asking < window)
    scores = np.where(seen, scale * queries @ keys.swapaxes(-1, -2), -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ values


steps = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 6)), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(steps, st.integers(2, 8), st.integers(0, 3), st.booleans())
def test_rotating_sees_the_latest_and_the_kept(
    steps: list[tuple[int, int]], size: int, keep: int, copies: bool
) -> None:
    keep = min(keep, size - 1)
    cache = RotatingKVCache(size, keep)
    cache.step = 3
    all_keys, all_values = drawn(0, 0)
    for seed, (length, trimmed) in enumerate(steps):
        keys, values = drawn(seed, length)
        all_keys = np.concatenate([all_keys, keys], axis=2)
        all_values = np.concatenate([all_values, values], axis=2)
        mask = mask_of(length, cache, None)
        got = update_and_attend(
            mx.array(keys), mx.array(keys), mx.array(values), cache, mask, scale=0.5
        )
        expected = attention(keys, all_keys, all_values, size, keep)
        np.testing.assert_allclose(np.array(got), expected, rtol=1e-4, atol=1e-5)
        held = 0 if cache.keys is None else cache.keys.shape[2]
        assert held <= size - 1 + length
        if copies:
            # What one of both goes on with does not reach the other.
            other, cache = cache, cache.copy()
            other.update_and_fetch(*[mx.full((1, 2, 1, WIDTH), 9.0)] * 2)
        could = cache.can_trim(trimmed)
        assert could or cache.offset >= size
        assert cache.trim(trimmed) == (min(trimmed, all_keys.shape[2]) if could else 0)
        if could:
            end = max(all_keys.shape[2] - trimmed, 0)
            all_keys, all_values = all_keys[:, :, :end], all_values[:, :, :end]
        assert cache.offset == all_keys.shape[2]
        cache = RotatingKVCache.from_state(cache.state)
        cache.step = 3


def test_what_a_longer_update_has_put_out_of_sight_is_there_until_the_next_one() -> None:
    cache = RotatingKVCache(4)
    cache.update_and_fetch(*map(mx.array, drawn(0, 9)))
    assert (cache.can_trim(5), cache.can_trim(6), cache.is_trimmable()) == (True, True, False)
    assert not cache.can_trim(10) or cache.keys.shape[2] == 9
    cache.update_and_fetch(*map(mx.array, drawn(1, 3)))
    assert (cache.can_trim(3), cache.can_trim(4), cache.trim(4)) == (True, False, 0)
    cache.update_and_fetch(*map(mx.array, drawn(1, 1)))
    assert (cache.can_trim(0), cache.can_trim(2), cache.trim(2)) == (True, False, 0)


@settings(deadline=None, max_examples=60)
@given(steps, st.integers(2, 9), st.integers(1, 8), st.integers(0, 3), st.sampled_from([2, 128]))
def test_rotating_larger_than_the_window(
    steps: list[tuple[int, int]], size: int, window: int, keep: int, piece: int
) -> None:
    with mock.patch("mlx_lm_py.models.blocks.attend._PIECE", piece):
        check_windows(steps, size, window, keep)


def check_windows(steps: list[tuple[int, int]], size: int, window: int, keep: int) -> None:
    keep = min(keep, size - 1)
    cache = RotatingKVCache(size, keep)
    window = min(window, size - keep)
    all_keys, all_values = drawn(0, 0)
    for seed, (length, _) in enumerate(steps):
        keys, values = drawn(seed, length)
        all_keys = np.concatenate([all_keys, keys], axis=2)
        all_values = np.concatenate([all_values, values], axis=2)
        queries, mask = mx.array(keys), mask_of(length, cache, window)
        got = update_and_attend(
            queries, queries, mx.array(values), cache, mask, scale=0.5, window=window
        )
        expected = attention(keys, all_keys, all_values, window, 0)
        np.testing.assert_allclose(np.array(got), expected, rtol=1e-4, atol=1e-5)


@settings(deadline=None, max_examples=30)
@given(steps, st.integers(1, 6))
def test_chunks_see_themselves(steps: list[tuple[int, int]], size: int) -> None:
    cache = ChunkedKVCache(size)
    all_keys, all_values = drawn(0, 0)
    for seed, (length, trimmed) in enumerate(steps):
        keys, values = drawn(seed, length)
        all_keys = np.concatenate([all_keys, keys], axis=2)
        all_values = np.concatenate([all_values, values], axis=2)
        cache.maybe_trim_front()
        assert cache.size() <= size
        queries, mask = mx.array(keys), mask_of(length, cache, None)
        got = update_and_attend(queries, queries, mx.array(values), cache, mask, scale=0.5)
        count = all_keys.shape[2]
        asking, places = np.arange(count - length, count)[:, None], np.arange(count)
        seen = (places <= asking) & (places // size == asking // size)
        scores = np.where(seen, 0.5 * keys @ all_keys.swapaxes(-1, -2), -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        expected = weights / weights.sum(-1, keepdims=True) @ all_values
        np.testing.assert_allclose(np.array(got), expected, rtol=1e-4, atol=1e-5)
        cut = cache.trim(trimmed)
        assert cut in (0, min(trimmed, count))
        all_keys, all_values = all_keys[:, :, : count - cut], all_values[:, :, : count - cut]
        cache = ChunkedKVCache.from_state(cache.state)


def _theirs() -> Any:
    return pytest.importorskip("mlx_lm.models.cache"), pytest.importorskip("mlx.core")


@settings(deadline=None, max_examples=40)
@given(
    steps,
    st.sampled_from(["KVCache", "RotatingKVCache", "QuantizedKVCache", "ChunkedKVCache"]),
    st.integers(5, 12),
    st.integers(0, 4),
)
def test_gives_what_mlx_lm_gives(
    steps: list[tuple[int, int]], kind: str, size: int, keep: int
) -> None:
    theirs, their_mx = _theirs()
    arguments: dict[str, tuple[int, ...]] = {
        "RotatingKVCache": (size, keep),
        "QuantizedKVCache": (32, 4),
        "ChunkedKVCache": (size,),
    }
    width = 64 if kind == "QuantizedKVCache" else WIDTH
    import mlx_lm_py.models.cache as ours

    mine = getattr(ours, kind)(*arguments.get(kind, ()))
    other = getattr(theirs, kind)(*arguments.get(kind, ()))
    for seed, (length, trimmed) in enumerate(steps):
        keys, values = drawn(seed, length, width)
        if kind == "ChunkedKVCache":
            mine.maybe_trim_front()
            other.maybe_trim_front()
        got = mine.update_and_fetch(mx.array(keys), mx.array(values))
        expected = other.update_and_fetch(their_mx.array(keys), their_mx.array(values))
        for part, their_part in zip(got, expected, strict=True):
            parts = part if isinstance(part, tuple) else [part]
            their_parts = their_part if isinstance(part, tuple) else [their_part]
            for one, their_one in zip(parts, their_parts, strict=True):
                np.testing.assert_array_equal(np.array(one), np.array(their_one))
        # Theirs forgets what it cannot.
        if mine.is_trimmable() and other.is_trimmable():
            assert mine.trim(trimmed) == other.trim(trimmed)
        assert mine.offset == other.offset


@pytest.mark.parametrize("bits", [(4, 4), (8, 8), (8, 4)])
@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize("more", ["plain", "softcap", "sinks", "mask"])
def test_attention_to_integers(bits: tuple[int, int], size: int, length: int, more: str) -> None:
    rng = np.random.default_rng(length)
    cache = QuantizedKVCache(size, bits[0], value_bits=bits[1])
    keys, values = drawn(1, 21, 64, heads=2)
    held = cache.update_and_fetch(mx.array(keys), mx.array(values))
    queries = mx.array(rng.standard_normal((1, 6, length, 64), dtype=np.float32))
    mask: Any = "causal"
    if more == "mask":
        mask = mx.array(rng.random((length, 21)) < 0.7).at[:, 0].add(mx.array(True))
    options: dict[str, Any] = {"softcap": 5.0} if more == "softcap" else {}
    if more == "sinks":
        options["sinks"] = mx.array(rng.standard_normal(6, dtype=np.float32))
    got = attend_quantized(queries, *held, size, *bits, mask, scale=0.2, **options)
    exact = [
        mx.dequantize(*part, group_size=size, bits=width)
        for part, width in zip(held, bits, strict=True)
    ]
    expected = update_and_attend(queries, *exact, None, mask, scale=0.2, **options)  # type: ignore[arg-type, call-arg, misc]
    close(got, expected, 1e-4)


def test_attention_to_integers_as_in_mlx_lm() -> None:
    base, their_mx = pytest.importorskip("mlx_lm.models.base"), pytest.importorskip("mlx.core")
    theirs = pytest.importorskip("mlx_lm.models.cache").QuantizedKVCache(32, 4)
    mine = QuantizedKVCache(32, 4)
    keys, values = drawn(1, 21, 64, heads=2)
    queries = np.random.default_rng(2).standard_normal((1, 6, 1, 64), dtype=np.float32)
    got = update_and_attend(*map(mx.array, (queries, keys, values)), mine, scale=0.1)  # type: ignore[arg-type, misc]
    held = theirs.update_and_fetch(their_mx.array(keys), their_mx.array(values))
    expected = base.quantized_scaled_dot_product_attention(
        their_mx.array(queries), *held, scale=0.1, mask=None, group_size=32, bits=4
    )
    np.testing.assert_allclose(np.array(got), np.array(expected), rtol=1e-4, atol=1e-5)


def windowed(name: str, window: int) -> Any:
    from mlx_lm_py import load_model
    from tiny_models import read_config, read_weights

    return load_model(read_weights(name), {**read_config(name), "sliding_window": window})


WINDOWED = ["mistral", "gemma3_text", "gpt_oss"]


@pytest.mark.parametrize("name", WINDOWED)
@pytest.mark.parametrize("pieces", [[30], [7, 1, 1, 9, 12], [1] * 30, [29, 1], [2] * 15])
def test_layers_with_windows_keep_no_more(name: str, pieces: list[int]) -> None:
    model = windowed(name, 5)
    tokens = mx.random.randint(0, 90, (1, sum(pieces)), key=mx.random.key(3))
    cache = make_prompt_cache(model)
    assert any(isinstance(layer, RotatingKVCache) for layer in cache)
    parts, start = [], 0
    for length in pieces:
        parts.append(model(tokens[:, start : start + length], cache=cache))
        start += length
    close(mx.concatenate(parts, axis=1), model(tokens), 1e-3)
    for layer in cache:
        if isinstance(layer, RotatingKVCache):
            assert layer.keys.shape[2] <= 5 - 1 + pieces[-1]


def test_the_whole_cache_is_trimmed_or_none_of_it() -> None:
    model = windowed("gemma3_text", 5)
    tokens = mx.random.randint(0, 90, (1, 30), key=mx.random.key(3))
    cache = make_prompt_cache(model)
    model(tokens[:, :20], cache=cache)
    model(tokens[:, 5:9], cache=cache)
    assert not can_trim_prompt_cache(cache)
    assert trim_prompt_cache(cache, 9) == 0
    assert trim_prompt_cache(cache, 4) == 4
    close(model(tokens[:, 20:], cache=cache), model(tokens)[:, 20:], 1e-3)
    assert trim_prompt_cache([KVCache(), ArraysCache()], 1) == 0
    assert trim_prompt_cache([KVCache(), Totals()], 1) == 0


@pytest.mark.parametrize("name", ["llama", "gemma3_text", "gpt_oss"])
def test_a_bounded_number_of_positions(name: str) -> None:
    model = make_model(name)
    tokens = mx.random.randint(0, 90, (1, 30), key=mx.random.key(3))
    whole, steps = make_prompt_cache(model, 8), make_prompt_cache(model, 8)
    expected = model(tokens, cache=whole)
    got = [model(tokens[:, i : i + 1], cache=steps) for i in range(30)]
    close(mx.concatenate(got, axis=1), expected, 1e-3)
    assert all(layer.keys.shape[2] <= 8 for layer in steps)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="max_kv_size"):
        make_prompt_cache(model, 4)


@pytest.mark.parametrize("size", [None, 12])
def test_quantized_and_bounded(size: int | None) -> None:
    cache: Any = [KVCache(), CacheList(KVCache(), ArraysCache()), RotatingKVCache(12, 4)]
    if size is None:
        cache.pop()
    keys, values = drawn(1, 20, 64)
    for layer in (cache[0], cache[1][0], cache[-1]):
        if layer.__class__ is not CacheList:
            layer.update_and_fetch(mx.array(keys), mx.array(values))
    before = sum(layer.nbytes for layer in cache)
    quantize_prompt_cache(cache, 8, 32, 21)
    assert type(cache[0]) is KVCache
    quantize_prompt_cache(cache, 8, 32, 20, value_bits=4)
    assert (cache[0].bits, cache[0].value_bits, cache[0].offset) == (8, 4, 20)  # type: ignore[attr-defined]
    assert type(cache[1][0]) is QuantizedKVCache
    assert sum(layer.nbytes for layer in cache) < before / 2.5
    if size is None:
        return
    assert type(cache[2]) is QuantizedRotatingKVCache
    exact = RotatingKVCache(12, 4)
    exact.update_and_fetch(mx.array(keys), mx.array(values))
    for seed, length in enumerate((1, 1, 3, 1, 14, 1)):
        more, others = (mx.array(one) for one in drawn(seed, length, 64))
        mask = mask_of(length, exact, None)
        expected = update_and_attend(more, more, others, exact, mask, scale=0.1)
        got = update_and_attend(
            more, more, others, cache[2], mask_of(length, cache[2], None), scale=0.1
        )
        np.testing.assert_allclose(np.array(got), np.array(expected), atol=0.5)
    assert type(cache[2].copy()).from_state(cache[2].state).nbytes == cache[2].nbytes


def test_copies_are_their_own() -> None:
    def full(number: float) -> Any:
        return [mx.full((1, 1, 1, 32), number)] * 2

    for cache in (KVCache(), QuantizedKVCache(32), RotatingKVCache(9), ChunkedKVCache(9)):
        first: Any = cache
        first.update_and_fetch(*full(1.0))
        second = first.copy()
        first.update_and_fetch(*full(2.0))
        second.update_and_fetch(*full(3.0))
        for one, number in ((first, 2.0), (second, 3.0)):
            keys = one.update_and_fetch(*full(4.0))[0]
            if isinstance(keys, tuple):
                keys = mx.dequantize(*keys, group_size=32, bits=8)  # type: ignore[misc]
            assert keys[0, 0, :, 0].tolist() == [1.0, number, 4.0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RotatingKVCache(0), "max_size"),
        (lambda: RotatingKVCache(4, 4), "keep"),
        (lambda: QuantizedKVCache(16), "group_size"),
        (lambda: QuantizedKVCache(bits=7), "bits"),
        (lambda: QuantizedKVCache(value_bits=1), "value_bits"),
        (lambda: ChunkedKVCache(0), "chunk_size"),
        (lambda: RotatingKVCache(4).trim(-1), "negative"),
        (lambda: KVCache().to_quantized(bits=9), "bits"),
        (lambda: ChunkedKVCache(3).to_quantized(), "chunks"),
        (lambda: QuantizedKVCache().update_and_fetch(*[mx.zeros((1, 1, 1, 80))] * 2), "width 80"),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_numbers_and_integers_are_not_taken_for_each_other() -> None:
    cache = QuantizedKVCache(32, 4)
    cache.update_and_fetch(*[mx.ones((1, 1, 3, 32))] * 2)
    keys, values, offset, *numbers = cache.state
    # As a file of a cache may say, whose class is another than its arrays are of.
    for made, state in (
        (KVCache, (keys, values, offset)),
        (RotatingKVCache, (keys, values, offset, 0, 8, offset)),
        (ChunkedKVCache, (keys, values, offset, 8, 0)),
        (QuantizedKVCache, (keys[0], values[0], offset, *numbers)),
    ):
        with pytest.raises(ValueError, match=r"do not agree|integers, scales and biases"):
            made.from_state(state)
