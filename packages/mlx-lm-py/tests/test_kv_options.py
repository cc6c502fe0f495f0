"""Generation with keys and values as integers, and with a bounded number of them."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import pytest
from mlx_lm_py import generate_step
from mlx_lm_py.cache import (
    QuantizedKVCache,
    QuantizedRotatingKVCache,
    RotatingKVCache,
    make_prompt_cache,
)
from tiny_models import close, make_model, wide

PROMPT = [1, 5, 9, 2, 44, 7, 8, 20, 33]


def logprobs(model: Any, **options: Any) -> mx.array:
    return mx.stack([row for _, row in generate_step(PROMPT, model, max_tokens=12, **options)])


@pytest.mark.parametrize("step", [512, 3])
@pytest.mark.parametrize("size", [None, 6])
def test_eight_bits_say_nearly_the_same(size: int | None, step: int) -> None:
    model = wide()
    cache = make_prompt_cache(model, size)
    options = {"prefill_step_size": step}
    exact = logprobs(model, max_kv_size=size, **options)
    got = logprobs(
        model, kv_bits=8, kv_group_size=32, quantized_kv_start=5, prompt_cache=cache, **options
    )
    kind = QuantizedKVCache if size is None else QuantizedRotatingKVCache
    assert all(type(layer) is kind for layer in cache)
    close(got[0], exact[0], 0.05)
    four = logprobs(model, kv_bits=4, kv_group_size=32, max_kv_size=size, **options)
    assert not mx.array_equal(got, four)


def test_quantized_from_a_number_of_positions_on() -> None:
    model = wide()
    cache = make_prompt_cache(model)
    steps = generate_step(
        PROMPT, model, prompt_cache=cache, kv_bits=8, kv_group_size=32, quantized_kv_start=12
    )
    kinds = []
    for _, _ in zip(range(5), steps, strict=False):
        kinds.append((cache[0].offset >= 12, type(cache[0]) is QuantizedKVCache))  # type: ignore[attr-defined]
    assert kinds[0] == (False, False)
    assert kinds[-1] == (True, True)
    assert all(enough == quantized for enough, quantized in kinds)


def test_bounded_while_generating() -> None:
    model = make_model()
    cache = make_prompt_cache(model, 6)
    logprobs(model, prompt_cache=cache)
    assert all(type(layer) is RotatingKVCache and layer.keys.shape[2] == 6 for layer in cache)
    close(logprobs(model, max_kv_size=64), logprobs(model), 1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kv_bits": 7}, "bits"),
        ({"kv_bits": 8, "kv_group_size": 7}, "group_size"),
        ({"kv_bits": 8, "quantized_kv_start": -1}, "quantized_kv_start"),
        ({"max_kv_size": 3}, "max_kv_size"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        generate_step(PROMPT, make_model(), **options)
