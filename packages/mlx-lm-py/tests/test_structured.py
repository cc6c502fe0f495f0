"""Answers that a grammar lets through, whatever the model would rather say."""

import json
import re
import sys
from functools import cache
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
import tokenizers
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_lm_py import generate, generate_step, load, stream_generate
from mlx_lm_py.answers import AnswerParser, answer_format, collect, make_format
from mlx_lm_py.sample_utils import make_sampler
from mlx_lm_py.structured import make_constraint, tool_call_format
from mlx_lm_utils_py import Tokenizer
from tiny_models import make_model, wrapped_tokenizer
from tokenizers import decoders, pre_tokenizers
from tokenizers.models import BPE

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 3},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


def schema_format(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}


@cache
def small_tokenizer(*words: str, template: str = "", special: bool = True) -> Tokenizer:
    """All bytes, two tokens that end an answer, and some more."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    inner = tokenizers.Tokenizer(BPE({c: i for i, c in enumerate(alphabet)}, []))
    inner.add_special_tokens(["<end>", "<turn>"])
    (inner.add_special_tokens if special else inner.add_tokens)(list(words))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    inner.decoder = decoders.ByteLevel()
    return Tokenizer(inner, eos_token_ids=[256, 257], chat_template=template or None)


def sample(constraint: Any, seed: int, most: int = 400, size: int = 300) -> list[int]:
    """What comes out if all logits are alike: the padded vocabulary is larger than the real one."""
    generator = np.random.default_rng(seed)
    tokens = [1, 2, 3]
    while len(tokens) < most:
        logits = np.array(constraint(mx.array(tokens), mx.zeros((1, size))))[0]
        allowed = np.flatnonzero(np.isfinite(logits))
        assert allowed.max() < 258
        ends = [int(i) for i in allowed if i >= 256]
        # Ends soon, so that what is free does not go on for ever.
        tokens.append(ends[0] if ends else int(generator.choice(allowed)))
        if ends:
            return tokens[3:]
    raise AssertionError("no end")


def text_of(tokenizer: Tokenizer, tokens: list[int]) -> str:
    return tokenizer.decode([token for token in tokens if token < 256])


def fits(value: Any, schema: Any) -> bool:
    """Whether a value fits one of the schemas below; written out by hand."""
    match schema.get("type"):
        case "object":
            return (
                isinstance(value, dict)
                and set(schema["required"]) <= set(value) <= set(schema["properties"])
                and all(fits(value[key], schema["properties"][key]) for key in value)
            )
        case "array":
            return (
                isinstance(value, list)
                and schema["minItems"] <= len(value) <= schema["maxItems"]
                and all(fits(item, schema["items"]) for item in value)
            )
        case "string":
            return isinstance(value, str) and len(value) <= schema["maxLength"]
        case "integer":
            return type(value) is int and schema["minimum"] <= value <= schema["maximum"]
        case "boolean":
            return isinstance(value, bool)
        case "null":
            return value is None
    return value in schema["enum"]


leaves = st.one_of(
    st.just({"type": "boolean"}),
    st.just({"type": "null"}),
    st.integers(0, 4).map(lambda n: {"type": "string", "maxLength": n}),
    st.tuples(st.integers(-200, 0), st.integers(0, 200)).map(
        lambda ends: {"type": "integer", "minimum": ends[0], "maximum": ends[1]}
    ),
    st.lists(
        st.one_of(st.text(max_size=3), st.integers(-(2**53), 2**53)), min_size=1, unique_by=repr
    ).map(lambda values: {"enum": values}),
)


def objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.dictionaries(st.text('abé"', min_size=1, max_size=3), inner, max_size=3).map(
        lambda properties: {
            "type": "object",
            "properties": properties,
            "required": sorted(properties)[::2],
            "additionalProperties": False,
        }
    )


def arrays(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return inner.map(lambda items: {"type": "array", "items": items, "minItems": 1, "maxItems": 2})


schemas = objects(st.recursive(leaves, lambda inner: objects(inner) | arrays(inner), max_leaves=4))


@settings(deadline=None)
@given(schemas, st.integers(0, 100))
def test_whatever_is_sampled_fits_the_schema(schema: Any, seed: int) -> None:
    tokenizer = small_tokenizer()
    constraint = make_constraint(tokenizer, schema_format(schema))
    value = json.loads(text_of(tokenizer, sample(constraint, seed, 4000)))
    assert fits(value, schema)


@pytest.mark.parametrize(
    ("response_format", "pattern"),
    [
        ({"type": "regex", "pattern": "[ab]{2,3}é?"}, "[ab]{2,3}é?"),
        ({"type": "grammar", "definition": 'start: "x" (A | B)+\nA: "a"\nB: /[bc]/'}, "x[abc]+"),
        (
            {"type": "grammar", "syntax": "gbnf", "definition": 'root ::= "x" [a-c]+'},
            "x[abc]+",
        ),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_kinds(response_format: Any, pattern: str, seed: int) -> None:
    tokenizer = small_tokenizer()
    text = text_of(tokenizer, sample(make_constraint(tokenizer, response_format), seed))
    assert re.fullmatch(pattern, text, re.DOTALL)


def allowed(constraint: Any, tokens: list[int], size: int = 300) -> list[int]:
    logits = constraint(mx.array(tokens), mx.zeros((1, size)))
    return [int(i) for i in np.flatnonzero(np.isfinite(np.array(logits)[0]))]


def test_any_object() -> None:
    tokenizer = small_tokenizer()
    constraint = make_constraint(tokenizer, {"type": "json_object"})
    assert tokenizer.decode(allowed(constraint, [9])) == "{"
    ids = tokenizer.encode('{"a": [1, null]}')
    assert allowed(constraint, [9, *ids]) == [256, 257]


def test_only_ends_remain_at_the_end() -> None:
    tokenizer = small_tokenizer()
    a, b, c = tokenizer.encode("abc")
    constraint = make_constraint(tokenizer, {"type": "regex", "pattern": "ab"})
    assert allowed(constraint, [9]) == [a]
    assert allowed(constraint, [9, a]) == [b]
    assert allowed(constraint, [9, a, b]) == [256, 257]
    assert allowed(constraint, [9, a, b, 257]) == [256, 257]
    assert allowed(constraint, [9, a, b, 257, 256, 256]) == [256, 257]
    # The output layer may be smaller than the vocabulary.
    constraint = make_constraint(tokenizer, {"type": "regex", "pattern": "ab"})
    assert allowed(constraint, [9, 9], 257) == [a]
    assert allowed(constraint, [9, 9, a, b], 257) == [256]
    # Another token than those that were allowed: the answer ends.
    assert allowed(constraint, [9, 9, c]) == [256, 257]
    assert allowed(constraint, [9, 9, c, b]) == [256, 257]
    assert allowed(constraint, [9, 9, a, c]) == [256, 257]
    assert allowed(constraint, [9, 9, a]) == [b]


@given(st.lists(st.tuples(st.integers(0, 8), st.booleans()), max_size=8))
def test_tokens_can_be_taken_back(calls: list[tuple[int, bool]]) -> None:
    """In any order of lengths it allows what a new one allows."""
    tokenizer = small_tokenizer("<think>", "</think>", template="<think></think>")
    begin, end = (tokenizer.token_to_id(tag) for tag in ("<think>", "</think>"))
    answer = [begin, 5, end, *tokenizer.encode("abb"), 256, 5]
    options: dict[str, Any] = {"response_format": {"type": "regex", "pattern": "ab{1,2}"}}
    constraint = make_constraint(tokenizer, **options)
    allowed(constraint, [7])
    for length, other in calls:
        fresh = make_constraint(tokenizer, **options)
        allowed(fresh, [7])
        tokens = [7, *answer[:length]]
        if other:
            tokens[1:2] = [6]
        assert allowed(constraint, tokens) == allowed(fresh, tokens)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="count must be between"):
        constraint.rollback(100)  # type: ignore[union-attr]


@pytest.mark.parametrize("special", [True, False])
def test_reasoning_is_free(special: bool) -> None:
    template = "<think></think>"
    tokenizer = small_tokenizer("<think>", "</think>", template=template, special=special)
    begin, end = (tokenizer.token_to_id(tag) for tag in ("<think>", "</think>"))
    a, b = tokenizer.encode("ab")
    free = [*range(256), *range(258, 260)]
    regex = {"type": "regex", "pattern": "ab"}
    # The model may begin to reason, or not.
    constraint = make_constraint(tokenizer, regex)
    assert allowed(constraint, [9]) == sorted([a, begin])  # type: ignore[type-var]
    assert allowed(constraint, [9, begin]) == free  # type: ignore[list-item]
    assert allowed(constraint, [9, begin, b, b]) == free  # type: ignore[list-item]
    assert allowed(constraint, [9, begin, b, b, end]) == [a]  # type: ignore[list-item]
    constraint = make_constraint(tokenizer, regex)
    allowed(constraint, [9])
    assert allowed(constraint, [9, a]) == [b]
    # The prompt has begun it, or ended it.
    constraint = make_constraint(tokenizer, regex, prompt="Hm? <think>\n")
    assert allowed(constraint, [9]) == free
    # Also if the tag comes in pieces.
    assert allowed(constraint, [9, *map(ord_of(tokenizer), "</think>")]) == [a]
    constraint = make_constraint(tokenizer, regex, prompt="<think>\n\n</think>\n\n")
    assert allowed(constraint, [9]) == [a]


def ord_of(tokenizer: Tokenizer) -> Any:
    return lambda character: tokenizer.encode(character)[0]


def test_harmony() -> None:
    tokenizer = small_tokenizer()
    constraint = make_constraint(
        tokenizer, {"type": "regex", "pattern": "ab"}, format=make_format("harmony")
    )
    assert len(allowed(constraint, [9])) == 256
    final = tokenizer.encode("<|channel|>final<|message|>")
    assert allowed(constraint, [9, *final]) == tokenizer.encode("a")


@pytest.mark.parametrize(
    ("response_format", "error", "message"),
    [
        (5, TypeError, "response_format must be a mapping, not int"),
        ({}, ValueError, "response_format.type must be one of text, json_object"),
        ({"type": "json_schema"}, TypeError, "response_format.json_schema must have a schema"),
        ({"type": "json_schema", "json_schema": {}}, TypeError, "must have a schema"),
        ({"type": "regex"}, TypeError, "response_format.pattern must be a string, not NoneType"),
        ({"type": "regex", "pattern": "(a"}, ValueError, "(?s)response_format: .*unclosed group"),
        ({"type": "regex", "pattern": "(?=a)"}, ValueError, "look-around"),
        ({"type": "grammar", "definition": "start: x"}, ValueError, 'unknown name: "x"'),
        ({"type": "grammar", "definition": "", "syntax": "x"}, ValueError, "'lark' or 'gbnf'"),
        (
            {"type": "grammar", "definition": "root ::= (", "syntax": "gbnf"},
            ValueError,
            "response_format.definition is no GBNF grammar",
        ),
        (schema_format({"type": "word"}), ValueError, "Invalid type: word"),
        (
            schema_format({"properties": {"a": {"items": {"not": {}}}}}),
            ValueError,
            r"response_format\.properties\.a\.items: Unimplemented keys: \[\"not\"\]",
        ),
        (
            schema_format({"anyOf": [{}, {"type": "string", "format": "x"}]}),
            ValueError,
            r"response_format\.anyOf\[1\]: Unknown format: x",
        ),
        (schema_format({"const": {1, 2}}), ValueError, "the schema is no JSON"),
        (schema_format({"const": float("nan")}), ValueError, "the schema is no JSON"),
        (schema_format({"enum": [2**53 + 1]}), ValueError, r"the schema has 9007199254740993"),
        (schema_format({"$ref": "#/x"}), ValueError, "does not exist"),
        (schema_format({"minimum": 5, "maximum": 1, "type": "integer"}), ValueError, "Unsatisfi"),
        (
            {"type": "grammar", "definition": "start: " + "a | " * 300_000 + 'a\na: "x"'},
            ValueError,
            "response_format: the grammar has .* characters",
        ),
        (
            {
                "type": "grammar",
                "definition": "start: A0\n"
                + "".join(f'A{i}: A{i + 1} | "x" A{i + 1}\n' for i in range(2000)),
            },
            ValueError,
            "definition has 2000 terminals, more than 500",
        ),
    ],
)
def test_what_is_wrong_is_named(response_format: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        make_constraint(small_tokenizer(), response_format)
    assert "<state>" not in str(caught.value)
    # Before anything is generated.
    with pytest.raises(error, match=message):
        stream_generate(
            make_model(),
            wrapped_tokenizer(eos_token_ids=[95]),
            [1],
            max_tokens=1,
            response_format=response_format,
        )


def test_deep_schemas() -> None:
    schema: Any = {}
    for _ in range(100_000):
        schema = {"items": schema}
    with pytest.raises(ValueError, match="the schema is no JSON"):
        make_constraint(small_tokenizer(), schema_format(schema))


def test_long_chains_of_rules() -> None:
    """They are refused or work; by default they would need more stack than there is."""
    count = 6000
    lines = [f"a{i}: a{i + 1}" for i in range(count)]
    chain = "\n".join(["start: a0", *lines, f'a{count}: "y"'])
    constraint = make_constraint(small_tokenizer(), {"type": "grammar", "definition": chain})
    assert small_tokenizer().decode(allowed(constraint, [9])) == "y"
    count = 1500
    rules: dict[str, Any] = {
        f"a{i}": {"type": "array", "items": {"$ref": f"#/$defs/a{i + 1}"}} for i in range(count)
    }
    schema = {"$ref": "#/$defs/a0", "$defs": {**rules, f"a{count}": {"type": "null"}}}
    constraint = make_constraint(small_tokenizer(), schema_format(schema))
    assert small_tokenizer().decode(allowed(constraint, [9])) == "["


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(ImportError, match=r"install mlx-lm-py\[structured\]"):
        make_constraint(small_tokenizer(), {"type": "json_object"})
    assert generate(make_model(), wrapped_tokenizer(), [1], max_tokens=1)


def test_without_an_end() -> None:
    with pytest.raises(ValueError, match="no token that ends"):
        make_constraint(wrapped_tokenizer(), {"type": "json_object"})


def test_text_is_free() -> None:
    assert make_constraint(small_tokenizer(), {"type": "text"}) is None
    options = {"max_tokens": 5, "response_format": {"type": "text"}}
    tokenizer = wrapped_tokenizer()
    assert generate(make_model(), tokenizer, [1], **options) == generate(  # type: ignore[arg-type]
        make_model(), tokenizer, [1], max_tokens=5
    )


@pytest.mark.parametrize("seed", range(3))
def test_generation(seed: int) -> None:
    """A model of random weights, whose tokens are characters."""
    model, tokenizer = make_model(), wrapped_tokenizer(eos_token_ids=[95])
    mx.random.seed(seed)
    pattern = r"[a-f]{3}-[0-9]{2}"
    text = generate(
        model,
        tokenizer,
        [5, 17],
        max_tokens=20,
        sampler=make_sampler(2.0),
        response_format={"type": "regex", "pattern": pattern},
    )
    assert re.fullmatch(pattern, text)
    steps = generate_step(
        [5, 17],
        model,
        max_tokens=10,
        logits_processors=[make_constraint(tokenizer, {"type": "regex", "pattern": pattern})],  # type: ignore[list-item]
    )
    assert [token for token, _ in steps][6:] == [95] * 4


@pytest.fixture(scope="module")
def smollm() -> tuple[Any, Tokenizer]:
    return load()


@pytest.mark.model
@pytest.mark.parametrize("seed", range(2))
def test_a_real_vocabulary(smollm: tuple[Any, Tokenizer], seed: int) -> None:
    model, tokenizer = smollm
    mx.random.seed(seed)
    responses = list(
        stream_generate(
            model,
            tokenizer,
            "Describe a person in JSON.\n",
            max_tokens=200,
            sampler=make_sampler(2.0),
            response_format=schema_format(PERSON),
        )
    )
    value = json.loads("".join(response.text for response in responses[:-1]))
    assert responses[-1].finish_reason == "stop"
    assert set(value) <= {"name", "age", "tags"}
    assert len(value["name"]) <= 8
    assert 0 <= value["age"] <= 150
    assert all(tag in ("a", "b") for tag in value.get("tags", []))


TOOLS = [
    {"type": "function", "function": {"name": "f", "parameters": PERSON}},
    {"type": "function", "function": {"name": "g"}},
]


@pytest.mark.parametrize(
    "template",
    [
        "<tool_call>",
        "ipython",
        "<|tool_call|>",
        "[TOOL_CALLS] [",
        "[TOOL_CALLS][ARGS]",
        "<｜tool▁calls▁begin｜>",
        "<|tool_calls_section_begin|>",
    ],
)
@pytest.mark.parametrize("special", [(), ("<tool_call>", "</tool_call>", "[TOOL_CALLS]")])
def test_calls_of_tools_are_enforced(template: str, special: tuple[str, ...]) -> None:
    tokenizer = small_tokenizer(*special, template=template)
    for seed, choice in enumerate(["required", {"type": "function", "function": {"name": "f"}}]):
        constraint = make_constraint(tokenizer, tool_call_format(tokenizer, TOOLS, choice))  # type: ignore[arg-type]
        tokens = sample_calls(constraint, seed)
        parser = AnswerParser(answer_format(tokenizer), TOOLS)
        answer = collect(parser.add(tokenizer.decode(tokens)) + parser.finish())
        assert answer.text == ""
        assert answer.tool_calls
        for call in answer.tool_calls:
            assert call.name == "f" or (call.name == "g" and choice == "required")
            if call.name == "f":
                assert {"name", "age"} <= set(json.loads(call.arguments))


def sample_calls(constraint: Any, seed: int) -> list[int]:
    generator = np.random.default_rng(seed)
    tokens = [1]
    while True:
        choices = allowed(constraint, tokens)
        if {256, 257} & set(choices):
            return tokens[1:]
        # No white space, and ends of what may go on for ever.
        fewer = [i for i in choices if small_tokenizer().decode([i]) not in " \n\t"] or choices
        closing = [i for i in fewer if small_tokenizer().decode([i]) in '}"']
        use = closing if closing and generator.random() < 0.5 else fewer
        tokens.append(int(generator.choice(use)))


@pytest.mark.parametrize(
    ("tools", "choice", "template", "message"),
    [
        (TOOLS, "h", "<tool_call>", "tool_choice is 'h', which is none of the tools"),
        ([], "required", "<tool_call>", "at least one tool"),
        (TOOLS, "required", "<arg_key>", "of the kind 'glm' cannot be enforced"),
        (TOOLS, "required", "", "of the kind 'text' cannot be enforced"),
    ],
)
def test_calls_that_cannot_be_enforced(
    tools: Any, choice: str, template: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        tool_call_format(small_tokenizer(template=template), tools, choice)


@pytest.mark.parametrize(
    "template",
    [
        "<tool_call>",
        "ipython",
        "<|tool_call|>",
        "[TOOL_CALLS] [",
        "[TOOL_CALLS][ARGS]",
        "<｜tool▁calls▁begin｜>",
        "<|tool_calls_section_begin|>",
    ],
)
@pytest.mark.parametrize("special", [(), ("<tool_call>", "</tool_call>", "[TOOL_CALLS]")])
def test_calls_in_a_text_are_well_formed(template: str, special: tuple[str, ...]) -> None:
    tokenizer = small_tokenizer(*special, template=template)

    def constrained() -> Any:
        return make_constraint(tokenizer, tool_call_format(tokenizer, TOOLS, "auto"))

    constraint, ends = constrained(), {256, 257}
    text = tokenizer.encode("Well, a < b [and so on", add_special_tokens=False)
    tokens = [1]
    assert ends & set(allowed(constraint, tokens))
    for token in text:
        assert token in allowed(constraint, tokens)
        tokens.append(token)
    assert ends <= set(allowed(constraint, tokens))
    # What a call may be where nothing else is: here after a text, if there is a tag for it.
    only = make_constraint(tokenizer, tool_call_format(tokenizer, TOOLS, "required"))
    calls = sample_calls(only, 0)
    constraint = constrained()
    tokens = [1] if template == "ipython" else [1, *text]
    if template != "ipython":
        # A constraint takes the tokens of its first call for the prompt.
        allowed(constraint, tokens[:1])
    counts = []
    for token in calls:
        choices = allowed(constraint, tokens)
        counts.append(len(choices))
        assert token in choices
        tokens.append(token)
    assert ends & set(allowed(constraint, tokens))
    # Once it has begun it is a call to its end.
    assert min(counts) == 1
    parser = AnswerParser(answer_format(tokenizer), TOOLS)
    answer = collect(parser.add(tokenizer.decode(tokens[1:])) + parser.finish())
    assert answer.tool_calls
    assert answer.text.strip() == ("" if template == "ipython" else "Well, a < b [and so on")
