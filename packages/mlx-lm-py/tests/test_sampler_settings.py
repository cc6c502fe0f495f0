"""Samplers against their definitions in NumPy, alone and in batches of mixed settings."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm_py import generate_step
from mlx_lm_py.engine import BatchGenerator
from mlx_lm_py.generate import speculative_generate_step
from mlx_lm_py.sampling import make_mirostat, make_sampler, sample_rows
from mlx_lm_py.sampling.filters import sample
from mlx_lm_py.sampling.settings import Settings, columns
from tiny_models import make_model

PROMPT = [5, 17, 40, 3, 44, 2, 9]


def definition(probabilities: Any, asked: Settings, xtc: bool) -> Any:
    """The distribution that a sampler draws from; ``xtc`` says whether top choices are left out."""
    p = probabilities.astype(np.float64)
    kept = np.ones(p.size, bool)
    order = np.argsort(-p, kind="stable")
    if asked.top_n_sigma > 0:
        logits = np.log(p)
        kept &= logits >= logits.max() - asked.top_n_sigma * logits.std()
    if 0 < asked.typical_p < 1:
        q = np.where(kept, p, 0) / p[kept].sum()
        surprise = -np.log(np.where(q > 0, q, 1))
        distance = np.where(q > 0, abs(surprise - (q * surprise).sum()), np.inf)
        total, chosen = 0.0, np.zeros(p.size, bool)
        # Of equal distances the more likely one comes first.
        for i in sorted(order, key=lambda i: distance[i]):
            if total < asked.typical_p:
                chosen[i] = True
            total += q[i]
        kept &= chosen
    if 0 < asked.top_p < 1:
        total, chosen = 0.0, np.zeros(p.size, bool)
        for i in order:
            if kept[i]:
                chosen[i] = total < asked.top_p
                total += p[i]
        kept &= chosen
    if asked.min_p > 0:
        left = [i for i in order if kept[i]]
        first = np.isin(np.arange(p.size), left[: asked.min_tokens_to_keep])
        kept &= (p >= asked.min_p * p[kept].max()) | first
    if xtc:
        q = np.where(kept, p, 0) / p[kept].sum()
        likely = [i for i in order if q[i] > asked.xtc_threshold]
        for i in likely[:-1]:
            if i not in asked.xtc_special_tokens:
                kept[i] = False
    if asked.top_k:
        kept &= np.isin(np.arange(p.size), [i for i in order if kept[i]][: asked.top_k])
    temp = asked.temp
    if asked.dynatemp_range and kept.sum() > 1:
        q = p[kept] / p[kept].sum()
        openness = -(q * np.log(q)).sum() / math.log(kept.sum())
        low, high = max(temp - asked.dynatemp_range, 0), temp + asked.dynatemp_range
        temp = low + (high - low) * openness**asked.dynatemp_exponent
    if kept.sum() == 1:
        return kept.astype(float)
    logs = np.where(kept, np.log(p) / temp, -np.inf)
    weights = np.exp(logs - logs.max())
    return weights / weights.sum()


class NoRandom:
    """Tells the logits that are drawn from, and leaves out top choices or not."""

    def __init__(self, xtc: bool) -> None:
        self.number = 0.0 if xtc else 1.0
        self.seen: Any = None

    def gumbel(self, like: mx.array) -> mx.array:
        self.seen = like
        return mx.zeros_like(like)

    def uniform(self, like: mx.array, probability: mx.array) -> mx.array:
        return mx.full((like.shape[0], 1), self.number)


numbers = st.floats(0.05, 0.95)
asked_for = st.builds(
    Settings,
    temp=st.floats(0.3, 2),
    top_p=st.just(0.0) | numbers,
    min_p=st.just(0.0) | numbers,
    min_tokens_to_keep=st.integers(1, 3),
    top_k=st.integers(0, 9),
    xtc_probability=st.sampled_from([0.0, 0.5]),
    xtc_threshold=st.floats(0.02, 0.4),
    xtc_special_tokens=st.sampled_from([(), (1,), (2, 3)]),
    typical_p=st.just(0.0) | numbers,
    top_n_sigma=st.just(0.0) | st.floats(0.2, 3),
    dynatemp_range=st.just(0.0) | st.floats(0.1, 0.25),
    dynatemp_exponent=st.floats(0.5, 2),
)


def drawn(seed: int, size: int = 8) -> Any:
    weights = np.random.default_rng(seed).gamma(0.5, size=size) + 1e-3
    return weights / weights.sum()


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(asked_for, st.integers(0, 10**6)), min_size=1, max_size=4), st.booleans())
def test_the_distribution_of_mixed_rows(rows: list[tuple[Settings, int]], xtc: bool) -> None:
    probabilities = np.stack([drawn(seed) for _, seed in rows])
    random = NoRandom(xtc)
    sample(
        mx.log(mx.array(probabilities, mx.float32)),
        columns(tuple(one for one, _ in rows)),
        random,
    )
    # Sorted if any row leaves something out.
    is_sorted = any(one.filters for one, _ in rows)
    for row, (one, _) in enumerate(rows):
        p = probabilities[row]
        expected = definition(p, one, xtc and one.xtc_probability > 0)
        got = np.array(mx.softmax(random.seen[row]))
        if is_sorted:
            expected = expected[np.argsort(-p, kind="stable")]
        # Next to a bound rounding decides.
        close = np.allclose(got, expected, atol=2e-4)
        assert close or near_a_bound(p, one, xtc and one.xtc_probability > 0)


def near_a_bound(p: np.ndarray, asked: Settings, xtc: bool) -> bool:
    """Whether numbers that differ by rounding leave out other tokens."""
    kept = definition(p, asked, xtc) > 0
    random = np.random.default_rng(0)
    return any(
        ((definition(p * (1 + 1e-5 * random.normal(size=p.size)), asked, xtc) > 0) != kept).any()
        for _ in range(50)
    )


def chi_square_fits(counts: Any, expected: np.ndarray) -> bool:
    possible = expected > 0
    assert not counts[~possible].any()
    total = counts.sum()
    wanted = total * expected[possible]
    chi = ((counts[possible] - wanted) ** 2 / wanted).sum()
    degrees = possible.sum() - 1
    # Beyond which one in a million lies (Wilson and Hilferty).
    return bool(chi <= degrees * (1 - 2 / (9 * degrees) + 4.75 * math.sqrt(2 / (9 * degrees))) ** 3)


@pytest.mark.parametrize(
    "asked",
    [
        Settings(1.0),
        Settings(0.7, top_p=0.9),
        Settings(1.3, min_p=0.1, top_k=4),
        Settings(1.0, typical_p=0.6),
        Settings(1.0, top_n_sigma=1.0),
        Settings(0.8, dynatemp_range=0.5, dynatemp_exponent=1.5),
        Settings(0.0, dynatemp_range=1.5, top_p=0.95),
    ],
)
@pytest.mark.parametrize("batch", [False, True])
def test_draws_fit_the_distribution(asked: Settings, batch: bool) -> None:
    p, n = drawn(3), 4000
    logprobs = mx.broadcast_to(mx.log(mx.array(p, mx.float32)), (n, p.size))
    sampler = make_sampler(
        asked.temp,
        asked.top_p,
        asked.min_p,
        top_k=asked.top_k,
        typical_p=asked.typical_p,
        top_n_sigma=asked.top_n_sigma,
        dynatemp_range=asked.dynatemp_range,
        dynatemp_exponent=asked.dynatemp_exponent,
    )
    if batch:
        keys = mx.random.split(mx.random.key(4), n)
        tokens, after = sample_rows(logprobs, [sampler] * n, keys)  # type: ignore[list-item]
        assert after.shape == keys.shape
    else:
        mx.random.seed(4)
        tokens = sampler(logprobs)
    counts = np.bincount(np.array(tokens), minlength=p.size)
    assert chi_square_fits(counts, definition(p, asked, False))


def test_top_choices_are_left_out_as_often_as_asked() -> None:
    p, n = np.array([0.5, 0.3, 0.15, 0.05]), 4000
    asked = Settings(1.0, xtc_probability=0.25, xtc_threshold=0.2)
    logprobs = mx.broadcast_to(mx.log(mx.array(p, mx.float32)), (n, 4))
    mx.random.seed(4)
    tokens = make_sampler(1.0, xtc_probability=0.25, xtc_threshold=0.2)(logprobs)
    expected = 0.25 * definition(p, asked, True) + 0.75 * definition(p, asked, False)
    assert chi_square_fits(np.bincount(np.array(tokens), minlength=4), expected)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(asked_for, st.integers(0, 99)), min_size=1, max_size=5))
def test_a_row_draws_what_it_draws_alone(rows: list[tuple[Settings, int]]) -> None:
    samplers: Any = []
    for one, _ in rows:
        options = dict(vars(one))
        samplers.append(make_sampler(**options))
    logprobs = mx.log(mx.array(np.stack([drawn(seed) for _, seed in rows]), mx.float32))
    keys = mx.stack([mx.random.key(seed) for _, seed in rows])
    tokens, after = sample_rows(logprobs, samplers, keys)
    for row, (sampler, (_, seed)) in enumerate(zip(samplers, rows, strict=True)):
        mx.random.seed(seed)
        assert sampler(logprobs[row : row + 1]).tolist() == [tokens[row].item()]
        assert mx.array_equal(mx.random.state[0], after[row])


def test_mixed_samplers_in_a_batch() -> None:
    model = make_model()
    samplers = [
        None,
        make_sampler(1.0),
        make_sampler(1.2, top_p=0.9, xtc_probability=0.5),
        make_mirostat(2.0),
        lambda logprobs: mx.random.categorical(logprobs / 2),
        make_sampler(0.5, dynatemp_range=0.5, min_p=0.01),
    ]
    expected = []
    for seed, sampler in enumerate(samplers):
        mx.random.seed(seed)
        steps = generate_step(PROMPT, model, max_tokens=12, sampler=sampler)
        expected.append([token for token, _ in steps])
    generator = BatchGenerator(model, max_tokens=12)
    uids = generator.insert([PROMPT] * 6, samplers=samplers, seeds=range(6))
    answers: dict[int, list[int]] = {uid: [] for uid in uids}
    while responses := generator.next_generated():
        for response in responses:
            answers[response.uid].append(response.token)
    assert list(answers.values()) == expected


def test_mirostat_follows_its_level() -> None:
    rng = np.random.default_rng(0)
    tau, eta, temp = 2.5, 0.2, 1.3
    sampler = make_mirostat(tau, eta, temp)
    bound, surprises = 2 * tau, []
    mx.random.seed(0)
    for _ in range(300):
        logits = rng.normal(size=40) * 2
        p = np.exp(logits / temp)
        p /= p.sum()
        kept = (-np.log2(p) <= bound + 1e-4) | (p == p.max())
        total = logits - np.log(np.exp(logits).sum())
        token = sampler(mx.array(total[None], mx.float32)).item()
        assert kept[token]
        surprises.append(-np.log2(p[token] / p[kept].sum()))
        bound -= eta * (surprises[-1] - tau)
        np.testing.assert_allclose(sampler.memory.tolist(), [bound], atol=0.02)
        bound = float(sampler.memory.item())
    assert abs(np.mean(surprises[50:]) - tau) < 0.3
    assert sampler.begin().memory.tolist() == [2 * tau]


def test_mirostat_draws_fit_the_distribution() -> None:
    p = np.array([0.4, 0.3, 0.2, 0.09, 0.01])
    counts: Counter[int] = Counter()
    mx.random.seed(1)
    logprobs = mx.log(mx.array(p[None], mx.float32))
    for _ in range(2000):
        # The bound of a new one is 4 bits: the last token is beyond it.
        counts[make_mirostat(2.0)(logprobs).item()] += 1
    expected = np.where(p > 2**-4, p, 0)
    found = np.array([counts[i] for i in range(5)])
    assert chi_square_fits(found, expected / expected.sum())


@pytest.mark.parametrize("batch", [False, True])
def test_mirostat_with_guesses(batch: bool) -> None:
    model = make_model()
    sampler = make_mirostat(2.0, 0.5)
    mx.random.seed(3)
    steps = generate_step(PROMPT, model, max_tokens=40, sampler=sampler)
    expected = [token for token, _ in steps]
    # The sampler that was given is as it was.
    assert sampler.memory.tolist() == [4.0]
    for options in ({"ngram_size": 1}, {"draft_model": model}):
        mx.random.seed(3)
        if batch:
            generator = BatchGenerator(model, max_tokens=40, **options)
            generator.insert([PROMPT], samplers=[sampler], seeds=[3])
            got = [r.token for rs in iter(generator.next_generated, []) for r in rs]
        else:
            guessed = speculative_generate_step(
                PROMPT, model, max_tokens=40, sampler=sampler, **options
            )
            got = [token for token, _, _ in guessed]
        assert got == expected


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: make_mirostat(0), "tau"),
        (lambda: make_mirostat(eta=-1), "eta"),
        (lambda: make_mirostat(temp=math.inf), "temp"),
        (lambda: make_mirostat()(mx.zeros((2, 3))), "one row"),
        (lambda: make_sampler(1.0, dynatemp_range=-1), "dynatemp_range"),
        (lambda: make_sampler(1.0, dynatemp_exponent=math.nan), "dynatemp_exponent"),
        (lambda: make_sampler(1.0, typical_p=2), "typical_p"),
    ],
)
def test_wrong_arguments(make: Any, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        make()
