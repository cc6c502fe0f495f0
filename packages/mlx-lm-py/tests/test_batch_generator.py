"""Many sequences at once, against each by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm_py import batch_generate, generate_step
from mlx_lm_py.cache import cache_length, make_prompt_cache
from mlx_lm_py.engine import BatchGenerator, BatchStats, TokenResponse
from mlx_lm_py.engine.insertion import make_request
from mlx_lm_py.models.protocols import LanguageModel
from mlx_lm_py.sample_utils import make_logits_processors, make_sampler
from tiny_models import MODELS, make_model, wrapped_tokenizer


def alone(model: Any, prompt: Sequence[int], max_tokens: int, **options: Any) -> list[int]:
    return [token for token, _ in generate_step(prompt, model, max_tokens=max_tokens, **options)]


def run(generator: BatchGenerator) -> dict[int, list[TokenResponse]]:
    answers = defaultdict(list)
    while responses := generator.next_generated():
        assert len({response.uid for response in responses}) == len(responses)
        for response in responses:
            answers[response.uid].append(response)
    assert generator.next() == ([], [])
    return answers


def tokens(responses: Sequence[TokenResponse]) -> list[int]:
    return [response.token for response in responses]


def prompts(n: int, seed: int = 0, longest: int = 20) -> list[list[int]]:
    random = np.random.default_rng(seed)
    # Every fixture has these tokens.
    return [random.integers(0, 48, random.integers(1, longest)).tolist() for _ in range(n)]


@pytest.mark.parametrize("name", MODELS)
def test_answers_do_not_depend_on_neighbours(name: str) -> None:
    model = make_model(name)
    asked = prompts(5)
    with BatchGenerator(model, prefill_step_size=7, completion_batch_size=3) as generator:
        uids = generator.insert(asked, max_tokens=[9, 1, 5, 12, 7])
        answers = run(generator)
    for uid, prompt, length in zip(uids, asked, [9, 1, 5, 12, 7], strict=True):
        assert tokens(answers[uid]) == alone(model, prompt, length)
        assert [one.finish_reason for one in answers[uid]] == [None] * (length - 1) + ["length"]


class OneByOne:
    """A model that knows nothing of several sequences in one input."""

    def __init__(self, model: Any) -> None:
        self.args, self.layers, self.make_cache = model.args, model.layers, model.make_cache
        self.model = model

    def __call__(self, tokens: mx.array, cache: Any = None, *, last_only: bool = False) -> mx.array:
        logits: mx.array = self.model(tokens, cache=cache, last_only=last_only)
        return logits


def test_a_model_without_ragged_batches() -> None:
    model = make_model("llama")
    asked = prompts(4)
    generator = BatchGenerator(OneByOne(model), max_tokens=6)
    for uid, responses in run(generator).items():
        assert tokens(responses) == alone(model, asked[uid], 6)
    uids = generator.insert(asked)
    answers = run(generator)
    assert [tokens(answers[uid]) for uid in uids] == [alone(model, one, 6) for one in asked]


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_sequences_come_and_go(data: st.DataObject) -> None:
    model = make_model("llama")
    step_size, most = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 4))
    generator = BatchGenerator(
        model, prefill_step_size=step_size, completion_batch_size=most, prefill_batch_size=most
    )
    asked: dict[int, tuple[list[int], int]] = {}
    answers: dict[int, list[int]] = defaultdict(list)
    removed: set[int] = set()
    waiting = prompts(6, seed=data.draw(st.integers(0, 9)))
    while True:
        action = data.draw(st.sampled_from(["insert", "next", "next", "remove"]))
        if action == "insert" and waiting:
            prompt, length = waiting.pop(), data.draw(st.integers(1, 6))
            (uid,) = generator.insert([prompt], max_tokens=[length])
            asked[uid] = (prompt, length)
        elif action == "remove" and asked:
            uid = data.draw(st.sampled_from(sorted(asked)))
            generator.remove([uid])
            removed.add(uid)
        progress, responses = generator.next()
        for response in responses:
            assert response.uid not in removed
            answers[response.uid].append(response.token)
        if not (progress or responses or waiting):
            break
    for uid, (prompt, length) in asked.items():
        expected = alone(model, prompt, length)
        assert answers[uid] == (expected[: len(answers[uid])] if uid in removed else expected)


def test_draws_are_a_sequence_s_own() -> None:
    model = make_model("llama")
    sampler = make_sampler(temp=1.0, top_p=0.9)
    asked = prompts(3)
    mx.random.seed(11)
    expected = alone(model, asked[1], 8, sampler=sampler)
    for neighbours in (0, 2):
        generator = BatchGenerator(model, sampler=sampler, max_tokens=8)
        others = generator.insert(asked[:neighbours])
        (uid,) = generator.insert([asked[1]], seeds=[11])
        answers = run(generator)
        assert tokens(answers[uid]) == expected
        assert len(answers) == len(others) + 1
    # Without a seed they are drawn from the program's random numbers, and each sequence has others.
    mx.random.seed(5)
    first = run_all(model, [asked[0]] * 2, sampler)
    mx.random.seed(5)
    assert run_all(model, [asked[0]] * 2, sampler) == first
    assert first[0] != first[1]


def run_all(model: Any, asked: Sequence[list[int]], sampler: Any) -> list[list[int]]:
    generator = BatchGenerator(model, sampler=sampler, max_tokens=8)
    uids = generator.insert(asked)
    answers = run(generator)
    return [tokens(answers[uid]) for uid in uids]


def test_processors_see_their_own_sequence() -> None:
    model = make_model("llama")
    asked = prompts(3)
    processors = make_logits_processors(repetition_penalty=5.0, repetition_context_size=30)
    generator = BatchGenerator(model, max_tokens=10)
    uids = generator.insert(asked, logits_processors=[None, processors, None])
    answers = run(generator)
    expected = [
        alone(model, prompt, 10, logits_processors=processors if i == 1 else None)
        for i, prompt in enumerate(asked)
    ]
    assert [tokens(answers[uid]) for uid in uids] == expected
    assert expected[1] != alone(model, asked[1], 10)


def test_stop_sequences() -> None:
    model = make_model("llama")
    prompt = prompts(1)[0]
    expected = alone(model, prompt, 10)
    generator = BatchGenerator(model, stop_tokens=[expected[6]], max_tokens=10)
    default, own, none = generator.insert(
        [prompt] * 3, stop_sequences=[None, [expected[2:4], [95, 95, 95]], []]
    )
    answers = run(generator)
    stop = expected.index(expected[6]) + 1
    assert tokens(answers[default]) == expected[:stop]
    assert answers[default][-1].finish_reason == "stop"
    assert tokens(answers[own]) == expected[:4]
    assert answers[own][-1].finish_reason == "stop"
    assert tokens(answers[none]) == expected
    assert answers[none][-1].finish_reason == "length"


@pytest.mark.parametrize("name", ["llama", "lfm2", "deepseek_v2"])
@pytest.mark.parametrize("stops", [False, True])
def test_the_cache_of_an_answer_goes_on(name: str, stops: bool) -> None:
    model = make_model(name)
    prompt = prompts(1, seed=3)[0]
    expected = alone(model, prompt, 9)
    generator = BatchGenerator(model, max_tokens=5, stop_tokens=expected[4:5] if stops else None)
    generator.insert([prompt, prompt[:1]])
    last = run(generator)[0][-1]
    assert last.finish_reason == ("stop" if stops else "length")
    assert last.all_tokens is not None
    assert last.prompt_cache is not None
    whole = prompt + expected[:5]
    assert last.all_tokens == whole[: len(last.all_tokens)]
    assert len(whole) > len(prompt)
    rest = whole[len(last.all_tokens) :] or expected[5:6]
    (uid,) = generator.insert([rest], caches=[last.prompt_cache], all_tokens=[last.all_tokens])
    (again,) = generator.insert([rest], caches=[last.prompt_cache])
    answers = run(generator)
    count = 9 - len(last.all_tokens + rest) + len(prompt)
    assert tokens(answers[uid])[:count] == expected[-count:]
    # The cache that was given is as it was.
    assert tokens(answers[again]) == tokens(answers[uid])


def test_segments_and_their_caches() -> None:
    model = make_model("llama")
    parts = [[5, 6, 7, 8], [], [9, 10], [11]]
    generator = BatchGenerator(model, prefill_step_size=3, max_tokens=4)
    (uid,) = generator.insert_segments([parts])
    seen = []
    saved = None
    answer = []
    while True:
        progress, responses = generator.next()
        answer += tokens(responses)
        if not (progress or responses):
            break
        for one in progress:
            seen.append((one.progress, one.end_of_segment, one.end_of_prompt))
            if one.progress == (6, 7):
                saved = generator.extract_cache([uid])[uid]
    assert seen == [
        ((3, 7), False, False),
        ((4, 7), True, False),
        ((6, 7), True, False),
        ((7, 7), True, True),
    ]
    assert answer == alone(model, [5, 6, 7, 8, 9, 10, 11], 4)
    assert saved is not None
    assert saved[1] == [5, 6, 7, 8, 9, 10]
    assert alone(model, [11], 4, prompt_cache=saved[0]) == answer


def test_what_a_function_raises_ends_its_sequence_alone() -> None:
    model = make_model("llama")
    asked = prompts(4)

    def fails_later(history: mx.array, logits: mx.array) -> mx.array:
        if history.size == len(asked[0]) + 3:
            raise RuntimeError("no more")
        return logits

    def no_token(history: mx.array, logits: mx.array) -> mx.array:
        return mx.full(logits.shape, -mx.inf)

    def bad_sampler(logprobs: mx.array) -> mx.array:
        raise KeyError("sampler")

    generator = BatchGenerator(model, max_tokens=6)
    uids = generator.insert(
        asked,
        logits_processors=[[fails_later], [no_token], None, None],
        samplers=[None, None, bad_sampler, None],
    )
    answers = run(generator)
    expected = [alone(model, prompt, 6) for prompt in asked]
    assert tokens(answers[uids[0]]) == [*expected[0][:3], -1]
    for uid, kind in zip(uids, [RuntimeError, FloatingPointError, KeyError], strict=False):
        last = answers[uid][-1]
        assert last.finish_reason == "error"
        assert type(last.error) is kind
        assert last.logprobs is None
    assert tokens(answers[uids[3]]) == expected[3]


def test_a_failing_model_fails_what_it_was_called_with() -> None:
    model = OneByOne(make_model("llama"))
    asked = prompts(3)
    generator = BatchGenerator(model, max_tokens=3)
    uids = generator.insert(asked[:2])
    generator.next()
    inner, model.model = model.model, None
    progress, responses = generator.next()
    assert progress == []
    assert [one.finish_reason for one in responses[-2:]] == ["error"] * 2
    model.model = inner
    (uid,) = generator.insert([asked[2]])
    assert tokens(run(generator)[uid]) == alone(inner, asked[2], 3)
    assert set(uids) == {one.uid for one in responses}


def test_others_decode_while_a_long_prompt_is_read() -> None:
    model = make_model("llama")
    generator = BatchGenerator(model, max_tokens=60, prefill_step_size=16)
    generator.insert([[1, 2, 3]])
    while not generator.next()[1]:
        pass
    (long,) = generator.insert([list(range(90))], max_tokens=[5])
    decoded = []
    while True:
        progress, responses = generator.next()
        decoded.append(len([one for one in responses if one.uid != long]))
        if progress and progress[0].end_of_prompt:
            break
    # Not a step without a token of those that decode.
    assert len(decoded) > 2
    assert set(decoded) == {1}


@pytest.mark.parametrize(("speed", "most"), [(1000, 100), (300, 30), (10, 16), (10**6, 512)])
def test_a_piece_takes_a_tenth_of_a_second(speed: int, most: int) -> None:
    generator = BatchGenerator(make_model("llama"), max_tokens=60)
    generator.insert([[1, 2, 3]])
    while not generator.next()[1]:
        pass
    scheduler = generator._scheduler
    # As steps of this speed would have told.
    scheduler._rows_per_second = None
    scheduler.measure(200, 200 / speed)
    request = make_request(
        generator.model, generator._kv, [[1] * 128], 1, None, None, None, None, (), 0
    )
    request.segments = [[1] * 2000]
    scheduler.waiting.append(request)
    decoding, pieces = scheduler.plan()
    assert len(decoding) == 1
    # The rows of those that decode take their time too.
    assert len(pieces[0][1]) == (most - 1 if 16 < most < 512 else most)


def test_first_come_first_served() -> None:
    generator = BatchGenerator(
        make_model("llama"), max_tokens=2, completion_batch_size=2, prefill_batch_size=2
    )
    uids = generator.insert([[1] * n for n in (9, 3, 30, 2, 5)])
    begun: list[int] = []
    while True:
        prompts, responses = generator.next()
        begun += [one.uid for one in prompts if one.uid not in begun]
        if not (prompts or responses or generator._pipeline.steps):
            break
    assert begun == uids


def test_prompts_take_turns() -> None:
    generator = BatchGenerator(make_model("llama"), prefill_step_size=4, max_tokens=1)
    long, short = generator.insert([list(range(40)), [1, 2]])
    finished = [
        response.uid for responses in iter(generator.next_generated, []) for response in responses
    ]
    assert finished == [short, long]


def test_admission_by_bytes() -> None:
    model = make_model("llama")
    cache = make_prompt_cache(model)
    model(mx.array([[1]]), cache=cache)
    # Room for two sequences of up to 256 positions.
    room = 2 * sum(layer.nbytes for layer in cache)
    generator = BatchGenerator(model, max_tokens=4, max_cache_bytes=room)
    uids = generator.insert([[1, 2], [3, 4], [5, 6], [7, 8]])
    most = 0
    answers = defaultdict(list)
    while responses := generator.next_generated():
        most = max(most, generator.prompt_cache_nbytes)
        for response in responses:
            answers[response.uid].append(response.token)
    assert most == room
    for uid, prompt in zip(uids, [[1, 2], [3, 4], [5, 6], [7, 8]], strict=True):
        assert answers[uid] == alone(model, prompt, 4)


def test_statistics() -> None:
    generator = BatchGenerator(make_model("llama"), max_tokens=3)
    with generator.stats() as stats:
        generator.insert([[1, 2, 3], [4]])
        run(generator)
    assert (stats.prompt_tokens, stats.generation_tokens, stats.generation_steps) == (4, 6, 2)
    assert stats.prompt_time > 0
    assert stats.prompt_tps > 0
    assert stats.generation_tps > 0
    assert BatchStats().prompt_tps == BatchStats().generation_tps == 0.0
    generator.insert([[1]])
    generator.close()
    assert generator.next() == ([], [])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"prompts": [[]]}, ValueError, "prompt must have at least one token"),
        ({"prompts": [[1], [96]]}, ValueError, "prompt has 96, which is none of the 96 tokens"),
        ({"prompts": ["text"]}, TypeError, "prompts must be lists of tokens, not str"),
        ({"prompts": [3]}, TypeError, "prompts must be lists of tokens, not int"),
        ({"prompts": [[1.5]]}, TypeError, "prompt must be a list"),
        ({"samplers": [3]}, TypeError, "samplers must be a function, not int"),
        ({"max_tokens": [0]}, ValueError, "max_tokens must be at least 1, not 0"),
        ({"max_tokens": [1, 2]}, ValueError, "max_tokens must have 1 entries, one for each prompt"),
        ({"seeds": []}, ValueError, "seeds must have 1 entries, one for each prompt, not 0"),
        ({"stop_sequences": [[[]]]}, ValueError, "stop_sequences must not have an empty sequence"),
        ({"caches": [[]]}, ValueError, "caches has 0 entries"),
        ({"logits_processors": [3]}, TypeError, "logits_processors must be a list of functions"),
    ],
)
def test_wrong_sequences(arguments: Any, error: type[Exception], message: str) -> None:
    generator = BatchGenerator(make_model("llama"))
    with pytest.raises(error, match=message):
        generator.insert(**{"prompts": [[1]], **arguments})
    assert generator.next() == ([], [])


@pytest.mark.parametrize(
    "name",
    "max_tokens completion_batch_size prefill_batch_size prefill_step_size max_cache_bytes".split(),
)
def test_wrong_numbers(name: str) -> None:
    model: LanguageModel = make_model("llama")
    with pytest.raises(ValueError, match=f"{name} must be at least 1, not 0"):
        BatchGenerator(model, **{name: 0})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stop_tokens must not have an empty sequence"):
        BatchGenerator(model, stop_tokens=[[]])


def test_batch_generate() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    texts = ["ab", "b", "abba"]
    ids = [tokenizer.encode(text) for text in texts]
    response = batch_generate(
        model,
        tokenizer,
        [texts[0], *ids[1:]],
        max_tokens=[3, 4, 5],
        return_prompt_caches=True,
        return_token_ids=True,
        return_logprobs=True,
    )
    assert response.token_ids is not None
    assert response.logprobs is not None
    assert response.caches is not None
    for prompt, length, got, logprobs, cache in zip(
        ids, [3, 4, 5], response.token_ids, response.logprobs, response.caches, strict=True
    ):
        expected = list(generate_step(prompt, model, max_tokens=length))
        kept = [pair for pair in expected if pair[0] not in tokenizer.eos_token_ids]
        assert got == [token for token, _ in kept][: len(got)]
        np.testing.assert_allclose(
            logprobs, [p[token].item() for token, p in kept][: len(got)], rtol=1e-4
        )
        assert cache_length(cache) >= len(prompt)
    assert response.texts == [tokenizer.decode(one) for one in response.token_ids]
    same = batch_generate(model, tokenizer, [mx.array(ids[0])], max_tokens=3)
    assert same.texts == response.texts[:1]
    with pytest.raises(TypeError, match="prompts must be a list of texts or of tokens"):
        batch_generate(model, tokenizer, texts[0])
    with pytest.raises(ValueError, match="max_tokens must have 3 entries"):
        batch_generate(model, tokenizer, ids, max_tokens=[1])

    def fails(logprobs: mx.array) -> mx.array:
        raise RuntimeError("of the sampler")

    with pytest.raises(RuntimeError, match="of the sampler"):
        batch_generate(model, tokenizer, ids, sampler=fails)
