"""What goes wrong in one sequence, or in the middle of a step, and what the others see of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_lm_py import batch_generate, generate_step, stream_generate
from mlx_lm_py.cache import PrefixCache
from mlx_lm_py.engine import BatchGenerator
from mlx_lm_py.generation import speculative_generate_step
from mlx_lm_py.sampling import make_logits_processors, make_sampler
from tiny_models import make_model, wide, wrapped_tokenizer

PROMPT = [1, 2, 3]


def alone(prompt: Any = PROMPT, n: int = 5, **options: Any) -> list[int]:
    model = options.pop("model", None) or make_model()
    return [token for token, _ in generate_step(prompt, model, max_tokens=n, **options)]


EXPECTED = alone()


def answers(generator: BatchGenerator) -> dict[int, list[Any]]:
    """Tokens by sequence, and the message of an exception where there is one."""
    found: dict[int, list[Any]] = {}
    for responses in iter(generator.next_generated, []):
        for one in responses:
            found.setdefault(one.uid, []).append(str(one.error) if one.error else one.token)
    return found


GUESSES = pytest.mark.parametrize("options", [{}, {"ngram_size": 1}], ids=["plain", "guesses"])


@GUESSES
@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda _: None, "must return logits of shape (1, 96), not NoneType"),
        (lambda x: x[:, :3], "must return logits of shape (1, 96), not (1, 3)"),
        (lambda x: mx.concatenate([x, x], axis=1), "must return logits of shape (1, 96), not"),
        (lambda x: x[0], "must return logits of shape (1, 96), not (96,)"),
        # This one shows only when it is computed.
        (lambda x: x.at[:, mx.array([1000])].add(1.0), "index 1000 is out of range"),
        (
            lambda x: make_logits_processors({1000: 1.0})[0](mx.array(PROMPT), x),
            "logit_bias has 1000, which is none of the 96 tokens",
        ),
    ],
)
def test_a_processor_that_returns_nonsense_fails_alone(
    returned: Callable[[mx.array], Any], message: str, options: dict[str, Any]
) -> None:
    def process(_: mx.array, logits: mx.array) -> Any:
        return returned(logits)

    generator = BatchGenerator(make_model(), max_tokens=5, **options)
    before, wrong, after = generator.insert([PROMPT] * 3, logits_processors=[None, [process], None])
    found = answers(generator)
    assert found[before] == found[after] == EXPECTED
    assert len(found[wrong]) == 1
    assert message in found[wrong][0]
    with pytest.raises((ValueError, IndexError)) as raised:
        alone(logits_processors=[process])
    assert message in str(raised.value)


@GUESSES
@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (mx.array([1000]), "a sampler returned what is no token of the vocabulary"),
        (mx.array([96], mx.uint32), "a sampler returned what is no token of the vocabulary"),
        (mx.array([-1]), "a sampler returned what is no token of the vocabulary"),
        (mx.array([2**40 + 1]), "a sampler returned what is no token of the vocabulary"),
        (mx.array([1.7]), "a sampler must return integers, not"),
        (3, "a sampler must return tokens of shape (1,), not int"),
        (mx.array(3), "a sampler must return tokens of shape (1,), not ()"),
    ],
    ids=str,
)
def test_a_sampler_that_returns_nonsense_fails_alone(
    returned: Any, message: str, options: dict[str, Any]
) -> None:
    calls: list[int] = []

    def sampler(logprobs: mx.array) -> Any:
        # The second time: the sequence decodes beside others then.
        calls.append(1)
        return mx.argmax(logprobs, axis=-1) if len(calls) == 1 else returned

    generator = BatchGenerator(make_model(), max_tokens=5, **options)
    before, wrong, after = generator.insert([PROMPT] * 3, samplers=[None, sampler, None])
    found = answers(generator)
    assert found[before] == found[after] == EXPECTED
    assert found[wrong][0] == EXPECTED[0]
    assert len(found[wrong]) == 2
    assert message in found[wrong][1]
    calls.clear()
    with pytest.raises((ValueError, TypeError)) as raised:
        alone(sampler=sampler)
    assert message in str(raised.value)
    calls.clear()
    with pytest.raises((ValueError, TypeError)) as raised:
        list(speculative_generate_step(PROMPT, make_model(), ngram_size=1, sampler=sampler))
    assert message in str(raised.value)


def test_arrays_of_numpy_will_do() -> None:
    assert alone(logits_processors=[lambda _, logits: np.array(logits)]) == EXPECTED
    assert alone(sampler=lambda logprobs: np.array(logprobs).argmax(-1)) == EXPECTED


@GUESSES
@pytest.mark.parametrize("call", [1, 2, 4])
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_step_fails_what_it_read(
    call: int, error: type[BaseException], options: dict[str, Any]
) -> None:
    calls: list[int] = []

    def process(_: mx.array, logits: mx.array) -> mx.array:
        calls.append(1)
        if len(calls) == call:
            raise error
        return logits

    generator = BatchGenerator(
        make_model(), max_tokens=5, completion_batch_size=2, prefill_batch_size=2, **options
    )
    first, second, third = generator.insert([PROMPT] * 3, logits_processors=[[process], None, None])
    found: list[int] = []

    def go_on() -> None:
        for responses in iter(generator.next_generated, []):
            found.extend(one.token for one in responses if one.uid == second)

    with pytest.raises(error):
        go_on()
    # Nothing is made up: what was given is right, and the rest is said to be lost.
    assert found == EXPECTED[: len(found)]
    message = "the step that read this sequence was interrupted"
    assert answers(generator) == {first: [message], second: [message], third: EXPECTED}
    (again,) = generator.insert([PROMPT])
    assert answers(generator) == {again: EXPECTED}


def test_a_prompt_that_is_given_up_frees_its_place() -> None:
    model = make_model()
    generator = BatchGenerator(
        model,
        max_tokens=5,
        prefill_step_size=2,
        completion_batch_size=1,
        prefill_batch_size=1,
        prefix_cache=PrefixCache(),
    )
    long, waiting = generator.insert([list(range(1, 30)), PROMPT])
    generator.next()
    generator.next()
    removed = generator.remove([long], return_prompt_caches=True)
    prompts, _ = generator.next()
    assert [one.uid for one in prompts] == [waiting]
    assert answers(generator) == {waiting: EXPECTED}
    # What was read of it is there, and what says how much tells the truth.
    cache, tokens = removed[long]
    assert tokens == list(range(1, len(tokens) + 1))
    assert alone([50], model=model, prompt_cache=cache) == alone([*tokens, 50], model=model)


def test_sequences_are_added_while_others_are_read() -> None:
    generator = BatchGenerator(make_model(), max_tokens=5)
    added: list[int] = []

    def process(_: mx.array, logits: mx.array) -> mx.array:
        if not added:
            added.extend(generator.insert([PROMPT]))
        return logits

    uids = generator.insert([PROMPT], logits_processors=[[process]])
    found: dict[int, list[int]] = {}
    for responses in iter(generator.next_generated, []):
        for one in responses:
            found.setdefault(one.uid, []).append(one.token)
        if len(uids) < 4:
            uids += generator.insert([PROMPT])
    assert found == dict.fromkeys([*uids, *added], EXPECTED)


def test_the_order_of_a_batch_does_not_move_seeds() -> None:
    prompts, seeds = [[1, 2], [3, 4, 5], [6]], [7, 8, 9]
    model, drawn = make_model(), []
    for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0]):
        generator = BatchGenerator(model, max_tokens=6, sampler=make_sampler(1.0, top_p=0.9))
        uids = generator.insert([prompts[i] for i in order], seeds=[seeds[i] for i in order])
        found = answers(generator)
        drawn.append({i: found[uid] for i, uid in zip(order, uids, strict=True)})
    assert drawn[0] == drawn[1] == drawn[2]


def test_a_copy_of_a_cache_goes_another_way() -> None:
    model = make_model()
    generator = BatchGenerator(model, max_tokens=8)
    (first,) = generator.insert([PROMPT])
    given = [one.token for _ in range(2) for one in generator.next_generated()]
    cache, tokens = generator.extract_cache([first])[first]
    (second,) = generator.insert([[9]], caches=[cache], all_tokens=[tokens])
    alone([60, 61, 62], model=model, prompt_cache=cache)
    found = answers(generator)
    assert given + found[first] == alone(n=8, model=model)
    assert found[second] == alone([*tokens, 9], n=8, model=model)


@pytest.mark.parametrize(
    "options",
    [
        {"kv_bits": 8, "kv_group_size": 32},
        {"kv_bits": 4, "kv_group_size": 32, "quantized_kv_start": 5},
        {"max_kv_size": 9},
        {"max_kv_size": 9, "kv_bits": 4, "kv_group_size": 32},
    ],
    ids=str,
)
def test_guesses_prefixes_and_kinds_of_caches_together(options: dict[str, Any]) -> None:
    model = wide()
    text = [1, 2, 3, 1, 2, 3, 1, 2]
    prompts = [text, [*text, 9], [*text, 9, 4, 4]]
    expected = [alone(one, 12, model=model, **options) for one in prompts]
    prefix_cache = PrefixCache()
    for _ in range(3):
        generator = BatchGenerator(
            model, max_tokens=12, ngram_size=1, prefix_cache=prefix_cache, **options
        )
        generator.insert(prompts)
        assert list(answers(generator).values()) == expected


def test_the_context_is_filled_to_its_end() -> None:
    model = make_model()
    size = model.args.context_length
    generator = BatchGenerator(model, max_tokens=5)
    full, nearly = generator.insert([[1] * size, [1] * (size - 2)])
    found = answers(generator)
    assert (len(found[full]), len(found[nearly])) == (1, 3)
    with pytest.raises(ValueError, match=f"more than the context of {size} tokens holds"):
        generator.insert([[1] * (size + 1)])
    empty: list[list[list[int]]] = [[], [[]], [[], []]]
    for nothing in empty:
        with pytest.raises(ValueError, match="prompt must have at least one token"):
            generator.insert_segments([nothing])


class Evaluates:
    """A model that cannot be recorded: it evaluates in the middle of a step."""

    takes_ragged_batches = True

    def __init__(self) -> None:
        self._model = make_model()
        self.args, self.layers = self._model.args, self._model.layers
        self.make_cache = self._model.make_cache

    def __call__(self, *arguments: Any, **options: Any) -> mx.array:
        logits: mx.array = self._model(*arguments, **options)
        mx.eval(logits)
        return logits


def test_a_model_that_cannot_be_recorded_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    tokenizer = wrapped_tokenizer()
    for model in (make_model(), Evaluates()):
        is_recorded = not isinstance(model, Evaluates)
        responses = list(stream_generate(model, tokenizer, PROMPT, max_tokens=60))
        assert [one.token for one in responses] == alone(n=60)[: len(responses)]
        assert ("Steps are not recorded: [eval]" in responses[-1].statistics) != is_recorded
        batch_generate(model, tokenizer, [PROMPT, [4]], max_tokens=60, verbose=True)
        assert ("Steps are not recorded: [eval]" in capsys.readouterr().out) != is_recorded
