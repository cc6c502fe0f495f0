"""Logits processors and the rarer filters, against their definitions in NumPy."""

import math
from collections import Counter
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx_lm_py import generate_step
from mlx_lm_py.sampling import (
    make_dry_penalty,
    make_frequency_penalty,
    make_logits_processors,
    make_min_tokens,
    make_presence_penalty,
    make_repetition_penalty,
    make_sampler,
)
from tiny_models import make_model

SIZE = 12
tokens_of = st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=40)
LOGITS = np.random.default_rng(0).normal(size=(1, SIZE)).astype(np.float32)


def run(processor: Any, tokens: list[int]) -> np.ndarray:
    return np.array(processor(mx.array(tokens), mx.array(LOGITS)))


@given(tokens_of, st.integers(1, 30), st.floats(0.1, 4))
def test_repetition(tokens: list[int], size: int, penalty: float) -> None:
    expected = LOGITS.copy()
    for token in set(tokens[-size:]):
        value = expected[0, token]
        expected[0, token] = value * penalty if value < 0 else value / penalty
    found = run(make_repetition_penalty(penalty, size), tokens)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@given(tokens_of, st.integers(1, 30), st.floats(-2, 2))
def test_presence_and_frequency(tokens: list[int], size: int, penalty: float) -> None:
    counts = Counter(tokens[-size:])
    present, frequent = LOGITS.copy(), LOGITS.copy()
    for token, count in counts.items():
        present[0, token] -= penalty
        frequent[0, token] -= penalty * count
    found = run(make_presence_penalty(penalty, size), tokens)
    np.testing.assert_allclose(found, present, rtol=1e-5, atol=1e-5)
    found = run(make_frequency_penalty(penalty, size), tokens)
    np.testing.assert_allclose(found, frequent, rtol=1e-5, atol=1e-5)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=30), st.sets(st.integers(0, 3), max_size=1))
def test_dry(tokens: list[int], breakers: set[int]) -> None:
    """Every token that could come, by looking for what would be repeated."""
    expected = LOGITS.copy()
    for token in range(SIZE):
        longest = 0
        for end, before in enumerate(tokens):
            if before != token or token in breakers:
                continue
            for length in range(1, end + 1):
                part = tokens[end - length : end]
                if part != tokens[len(tokens) - length :] or set(part) & breakers:
                    break
                longest = max(longest, length)
        if longest >= 2:
            expected[0, token] -= 0.8 * 1.5 ** (longest - 2)
    found = run(make_dry_penalty(0.8, 1.5, breakers=breakers), tokens)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_bias_and_order() -> None:
    processors = make_logits_processors({3: 2.0, 1: -math.inf}, 2.0, presence_penalty=1.0)
    logits = mx.array(LOGITS)
    for process in processors:
        logits = process(mx.array([3, 4]), logits)
    expected = LOGITS.copy()
    expected[0, 3] += 2
    expected[0, 1] = -math.inf
    for token in (3, 4):
        value = expected[0, token]
        expected[0, token] = (value * 2 if value < 0 else value / 2) - 1
    np.testing.assert_allclose(np.array(logits), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_logits_processors({-1: 1.0}), "logit_bias must be a mapping from tokens"),
        (lambda: make_logits_processors({1: math.nan}), "logit_bias must not hold NaN"),
        (lambda: make_repetition_penalty(-1.0), "repetition_penalty must be positive"),
        (lambda: make_repetition_penalty(1.5, 0), "repetition_context_size must be at least 1"),
        (lambda: make_presence_penalty(math.inf), "presence_penalty must be finite"),
        (lambda: make_frequency_penalty(1.0, -1), "frequency_context_size must be at least 1"),
        (lambda: make_dry_penalty(-1.0), "multiplier must not be negative"),
        (lambda: make_dry_penalty(1.0, 1.0), "base must be greater than 1"),
        (lambda: make_dry_penalty(1.0, allowed_length=0), "allowed_length must be at least 1"),
        (lambda: make_dry_penalty(1.0, context_size=-1), "context_size must not be negative"),
        (lambda: make_min_tokens(-1, 0, ()), "min_tokens must not be negative"),
        (lambda: make_sampler(1.0, min_tokens_to_keep=0), "min_tokens_to_keep must be at least 1"),
        (lambda: make_sampler(1.0, xtc_probability=2), r"xtc_probability must be in 0\.\.1"),
        (lambda: make_sampler(1.0, xtc_threshold=0.6), r"xtc_threshold must be in 0\.\.0\.5"),
        (lambda: make_sampler(1.0, typical_p=-1), r"typical_p must be in 0\.\.1"),
        (lambda: make_sampler(1.0, top_n_sigma=-1), "top_n_sigma must not be negative"),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def kept(**options: Any) -> set[int]:
    """The tokens that a sampler ever chooses."""
    mx.random.seed(1)
    logprobs = mx.log(mx.broadcast_to(mx.array([0.05, 0.4, 0.1, 0.3, 0.15]), (2000, 5)))
    return set(make_sampler(1.0, **options)(logprobs).tolist())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"min_p": 1.0, "min_tokens_to_keep": 3}, {1, 3, 4}),
        # The expected surprise is 1.39; those of the tokens are 3.0, 0.92, 2.3, 1.2 and 1.9.
        ({"typical_p": 0.2}, {3}),
        ({"typical_p": 0.5}, {1, 3}),
        ({"typical_p": 0.8}, {1, 3, 4}),
        # The logits deviate by 0.73 from their mean.
        ({"top_n_sigma": 0.5}, {1, 3}),
        ({"top_n_sigma": 1.5}, {1, 3, 4}),
        ({"xtc_probability": 1.0, "xtc_threshold": 0.12}, {0, 2, 4}),
        ({"xtc_probability": 1.0, "xtc_threshold": 0.12, "xtc_special_tokens": [1]}, {0, 1, 2, 4}),
        ({"xtc_probability": 1.0, "xtc_threshold": 0.5}, {0, 1, 2, 3, 4}),
        ({"xtc_probability": 1.0, "xtc_threshold": 0.12, "top_k": 1}, {4}),
    ],
)
def test_rarer_filters(options: dict[str, Any], expected: set[int]) -> None:
    assert kept(**options) == expected


def test_xtc_happens_as_often_as_said() -> None:
    mx.random.seed(2)
    logprobs = mx.log(mx.broadcast_to(mx.array([0.6, 0.4]), (4000, 2)))
    tokens = make_sampler(1.0, xtc_probability=0.3, xtc_threshold=0.2)(logprobs)
    # With 0.3 the first is left out, else it is as likely as it is.
    assert abs(float(mx.mean(tokens == 0)) - 0.7 * 0.6) < 0.04


def test_generation_follows_processors() -> None:
    model = make_model()
    prompt = [1, 2, 3]
    banned = make_logits_processors(dict.fromkeys(range(90), -math.inf))
    tokens = [t for t, _ in generate_step(prompt, model, max_tokens=5, logits_processors=banned)]
    assert min(tokens) >= 90
    seen: list[list[int]] = []

    def look(so_far: mx.array, logits: mx.array) -> mx.array:
        seen.append(so_far.tolist())
        return logits

    found = [t for t, _ in generate_step(prompt, model, max_tokens=4, logits_processors=[look])]
    assert seen == [prompt + found[:i] for i in range(4)]
    plain = [t for t, _ in generate_step(prompt, model, max_tokens=4)]
    assert found == plain


def test_an_answer_does_not_end_too_early() -> None:
    model = make_model()
    (first, _), *_ = generate_step([1, 2, 3], model, max_tokens=1)
    # The second is none that the output layer has.
    process = make_min_tokens(2, 3, {first, 900})
    tokens = [
        t for t, _ in generate_step([1, 2, 3], model, max_tokens=3, logits_processors=[process])
    ]
    assert first not in tokens[:2]
