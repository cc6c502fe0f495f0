import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm_py.cache import Cache, KVCache, cache_length, make_prompt_cache, trim_prompt_cache
from mlx_lm_py.cache.prompt_cache import reserve_prompt_cache
from tiny_models import Totals, close, make_model


def random(length: int, width: int = 4) -> mx.array:
    return mx.random.normal((1, 2, length, width))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 40)), min_size=1, max_size=5))
def test_holds_what_was_added(steps: list[tuple[int, int]]) -> None:
    cache = KVCache()
    held_keys, held_values = np.zeros((1, 2, 0, 4)), np.zeros((1, 2, 0, 6))
    for length, trimmed in steps:
        keys, values = random(length), random(length, 6)
        got_keys, got_values = cache.update_and_fetch(keys, values)
        held_keys = np.concatenate([held_keys, np.array(keys)], axis=2)
        held_values = np.concatenate([held_values, np.array(values)], axis=2)
        np.testing.assert_array_equal(np.array(got_keys), held_keys)
        np.testing.assert_array_equal(np.array(got_values), held_values)
        assert cache.trim(trimmed) == min(trimmed, held_keys.shape[2])
        end = max(held_keys.shape[2] - trimmed, 0)
        held_keys, held_values = held_keys[:, :, :end], held_values[:, :, :end]
        assert cache.offset == end


def test_reserved_room_is_made_at_once() -> None:
    cache = KVCache()
    cache.reserve(600)
    assert cache.state == (None, None, 0)
    for length, held in ((1, 768), (700, 768), (100, 1024)):
        cache.update_and_fetch(random(length), random(length))
        assert [array.shape[2] for array in cache.state[:2]] == [held] * 2


def test_grows_in_steps() -> None:
    cache = KVCache()
    assert (cache.state, cache.nbytes) == ((None, None, 0), 0)
    for length, held in ((1, 256), (255, 256), (1, 512), (600, 1024)):
        cache.update_and_fetch(random(length), random(length))
        assert [array.shape for array in cache.state[:2]] == [(1, 2, held, 4)] * 2
    assert cache.nbytes == 2 * 2 * 1024 * 4 * 4


def test_keeps_the_type() -> None:
    keys, _ = KVCache().update_and_fetch(*[random(2).astype(mx.float16)] * 2)
    assert keys.dtype == mx.float16


def test_wrong_shapes() -> None:
    cache = KVCache()
    with pytest.raises(ValueError, match="do not agree"):
        cache.update_and_fetch(random(2), random(3))
    with pytest.raises(ValueError, match="do not agree"):
        cache.update_and_fetch(mx.zeros((2, 3)), mx.zeros((2, 3)))
    cache.update_and_fetch(random(2), random(2))
    with pytest.raises(ValueError, match="does not fit"):
        cache.update_and_fetch(random(2, 5), random(2, 5))
    with pytest.raises(ValueError, match="negative"):
        cache.trim(-1)


def test_cache_of_a_model() -> None:
    model = make_model()
    cache = make_prompt_cache(model)
    assert len(cache) == len(model.layers) == 2
    model(mx.array([[1, 2, 3]]), cache=cache)
    assert trim_prompt_cache(cache, 2) == 2
    assert cache_length(cache) == 1
    assert trim_prompt_cache([], 2) == 0


def test_a_cache_longer_than_a_step() -> None:
    model = make_model("qwen3")
    tokens = mx.random.randint(0, 96, (1, 300))
    cache = make_prompt_cache(model)
    parts = [model(tokens[:, :250], cache=cache), model(tokens[:, 250:], cache=cache)]
    close(mx.concatenate(parts, axis=1), model(tokens), 2e-3)


def test_layers_without_positions_are_passed_over() -> None:
    attention = KVCache()
    cache: list[Cache] = [Totals(), attention, Totals()]
    assert cache_length(cache) == 0
    reserve_prompt_cache(cache, 300)
    attention.update_and_fetch(random(5), random(5))
    assert attention.state[0].shape[2] == 512
    assert cache_length(cache) == 5
    assert cache_length([Totals()]) == cache_length([]) == 0


def test_a_model_may_make_its_own_cache() -> None:
    class Mixed:
        layers = ("a", "b")

        def make_cache(self) -> list[Cache]:
            return [Totals(), KVCache()]

    cache = make_prompt_cache(Mixed())
    assert [type(layer) for layer in cache] == [Totals, KVCache]
