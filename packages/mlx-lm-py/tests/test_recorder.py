"""Steps that are repeated, against those that the model does itself."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import mlx_core_py as mx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm_py.cache import KVCache, QuantizedKVCache, RotatingKVCache, make_prompt_cache
from mlx_lm_py.engine.position import Position, Trace, UnrecordableError
from mlx_lm_py.engine.recorder import StepRecorder
from mlx_lm_py.engine.step import read_tokens
from tiny_models import MODELS, make_model, wide

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    name: getattr(operator, name) for name in ("lt", "le", "gt", "ge", "eq", "ne")
}

numbers = st.integers(-40, 40)
rates = st.integers(-3, 3)


@given(numbers, rates, numbers, rates, st.sampled_from(sorted(COMPARISONS)))
def test_how_long_an_answer_holds(a: int, p: int, b: int, q: int, name: str) -> None:
    compare, trace = COMPARISONS[name], Trace()
    answer = compare(trace.position(a, p), trace.position(b, q))
    answers = [compare(a + p * i, b + q * i) for i in range(200)]
    assert answer == answers[0]
    held = next((i for i, later in enumerate(answers) if later != answer), float("inf"))
    assert trace.steps == held


@given(numbers, rates, st.floats(-50, 50), st.sampled_from(sorted(COMPARISONS)))
def test_how_long_an_answer_about_a_float_holds(a: int, p: int, b: float, name: str) -> None:
    compare, trace = COMPARISONS[name], Trace()
    answer = compare(trace.position(a, p), b)
    answers = [compare(a + p * i, b) for i in range(200)]
    assert answer == answers[0]
    held = next((i for i, later in enumerate(answers) if later != answer), float("inf"))
    assert trace.steps == held


@given(numbers, rates, numbers, rates, st.integers(-3, 3))
def test_sums_of_positions(a: int, p: int, b: int, q: int, c: int) -> None:
    trace = Trace()
    x, y = trace.position(a, p), trace.position(b, q)
    cases: list[tuple[int, Callable[[int], int]]] = [
        (x + y, lambda i: a + p * i + b + q * i),
        (x - y, lambda i: a + p * i - b - q * i),
        (c - x, lambda i: c - a - p * i),
        (c + x, lambda i: c + a + p * i),
        (c * x, lambda i: c * (a + p * i)),
        (x * c, lambda i: c * (a + p * i)),
        (-x, lambda i: -(a + p * i)),
    ]
    for result, at in cases:
        rate = result.rate if isinstance(result, Position) else 0
        assert [int.__add__(result, rate * i) for i in range(3)] == [at(i) for i in range(3)]


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x // 2,
        lambda x: 7 % x,
        lambda x: x / 2,
        lambda x: x**2,
        lambda x: x & 1,
        lambda x: x * x,
        int,
        float,
        hash,
        abs,
        round,
    ],
)
def test_what_is_no_sum_is_refused(use: Callable[[int], object]) -> None:
    with pytest.raises(UnrecordableError, match="no sum"):
        use(Trace().position(3, 1))


def decode(
    model: Any, prompts: Sequence[Sequence[int]], caches: Sequence[Any], steps: int, recorded: bool
) -> tuple[list[mx.array], StepRecorder]:
    """Read prompts, and then ``steps`` tokens that are the same for all runs."""

    def read(tokens: mx.array, caches: Sequence[Sequence[Any]]) -> mx.array:
        return read_tokens(model, tokens, caches, [1] * len(caches))

    recorder = StepRecorder(read)
    lengths = [len(prompt) for prompt in prompts]
    tokens = mx.array([token for prompt in prompts for token in prompt])
    results = [read_tokens(model, tokens, caches, lengths)]
    for i in range(steps):
        new = mx.array([(7 * i + 3 * row + 1) % 40 for row in range(len(prompts))])
        results.append((recorder if recorded else read)(new, caches))
        mx.eval(results[-1])
    return results, recorder


# A group of positions that is full is a step unlike others, and one more that is held.
GROWING = ("deepseek_v41", "deepseek_v41_plain")


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    "prompts",
    [[[1, 2, 3]], pytest.param([[1, 2, 3, 4, 5], [6], [7, 8]], marks=pytest.mark.slow)],
    ids=["one", "three"],
)
def test_every_model_repeats_its_steps_bit_for_bit(
    prompts: list[list[int]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Buffers grow within the test.
    monkeypatch.setattr(KVCache, "step", 16)
    model = make_model(name)
    runs = []
    for recorded in (True, False):
        caches = [make_prompt_cache(model) for _ in prompts]
        runs.append(decode(model, prompts, caches, 45, recorded))
    (ours, recorder), (expected, _) = runs
    for step, (a, b) in enumerate(zip(ours, expected, strict=True)):
        assert mx.array_equal(a, b), step
    if name in GROWING:
        assert recorder.repeated == 0
    # The windows of some are so short that they have turned round before it pays.
    elif len(prompts) == 1 and name != "recurrent_gemma":
        assert recorder.reason is None
        assert recorder.repeated > 8


@pytest.mark.parametrize(
    "make",
    [
        lambda: QuantizedKVCache(32, 8),
        lambda: RotatingKVCache(24, keep=4),
        lambda: RotatingKVCache(16),
    ],
)
def test_every_cache_repeats_its_steps(make: Callable[[], Any]) -> None:
    model = wide()
    runs = []
    for recorded in (True, False):
        caches = [[make() for _ in model.layers]]
        runs.append(decode(model, [[1, 2, 3]], caches, 60, recorded))
    (ours, recorder), (expected, _) = runs
    assert recorder.reason is None
    assert recorder.repeated > 10
    assert all(mx.array_equal(a, b) for a, b in zip(ours, expected, strict=True))


@given(st.lists(st.sampled_from(["step", "trim", "other", "copy"]), min_size=10, max_size=40))
@settings(max_examples=20, deadline=None)
def test_whatever_happens_between_steps(events: list[str]) -> None:
    model = make_model("llama")
    results = []
    for recorded in (True, False):
        recorder = StepRecorder(lambda t, caches: read_tokens(model, t, caches, [1] * len(caches)))
        caches = [make_prompt_cache(model) for _ in range(2)]
        read_tokens(model, mx.array([1, 2, 3, 4]), caches, [3, 1])
        seen = []
        for i, event in enumerate(["step"] * 6 + events):
            if event == "trim":
                for layer in caches[0]:
                    layer.trim(1)
            elif event == "other":
                caches.reverse()
            elif event == "copy":
                caches[1] = [layer.copy() for layer in caches[1]]
            tokens = mx.array([i % 30, i % 7])
            if recorded:
                seen.append(recorder(tokens, caches))
            else:
                seen.append(read_tokens(model, tokens, caches, [1, 1]))
        results.append(seen)
    assert all(mx.array_equal(a, b) for a, b in zip(*results, strict=True))


def test_a_model_that_evaluates_is_not_recorded() -> None:
    model = make_model("llama")

    def read(tokens: mx.array, caches: Sequence[Sequence[Any]]) -> mx.array:
        logits = read_tokens(model, tokens, caches, [1])
        return logits * (2 if logits.max().item() > 0 else 1)

    recorder = StepRecorder(read)
    caches = [make_prompt_cache(model)]
    plain = [make_prompt_cache(model)]
    for i in range(45):
        assert mx.array_equal(recorder(mx.array([i % 9]), caches), read(mx.array([i % 9]), plain))
    assert recorder.repeated == 0
    assert recorder.reason is not None
