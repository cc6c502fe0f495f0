"""Text, reasoning and calls of tools, as each family of models writes them."""

import json
import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx_lm_py.answers import (
    FAMILIES,
    Answer,
    AnswerParser,
    ArgumentsDelta,
    CallBroken,
    CallDone,
    CallStart,
    Event,
    TextDelta,
    answer_format,
    collect,
    make_format,
    merge,
)
from tiny_models import wrapped_tokenizer

THINK = ("<think>", "</think>")
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "f",
            "parameters": {
                "type": "object",
                "properties": {
                    "s": {"type": "string"},
                    "n": {"type": ["integer", "null"]},
                    "x": {"type": "number"},
                    "b": {"type": "boolean"},
                    "l": {"type": "array"},
                    "u": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                },
            },
        },
    },
    {"name": "g"},
]
HARMONY = (
    "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to="
    'functions.f <|constrain|>json<|message|>{"s": "5"}<|call|>'
)
# What a model writes; the text, the reasoning and the calls that are in it.
CASES: list[tuple[str, str, str, str, list[tuple[str, Any]]]] = [
    (
        "hermes",
        (
            "<think>\nHm. </think>\n\nWell.\n<tool_call>\n"
            '{"name": "f", "arguments": {"s": "a\\"}", "l": [1, {"k": null}]}}\n</tool_call>\n'
            '<tool_call>{"arguments": {}, "name": "g"}</tool_call>'
        ),
        "Well.\n",
        "Hm.",
        [("f", {"s": 'a"}', "l": [1, {"k": None}]}), ("g", {})],
    ),
    ("hermes", '<tool_call>{"name": "f", "arguments": "{\\"n\\": 1}"}', "", "", [("f", {"n": 1})]),
    ("hermes", '<tool_call>{"name": "g"}</tool_call> Done.', " Done.", "", [("g", {})]),
    (
        "qwen-xml",
        (
            "<tool_call>\n<function=f>\n<parameter=s>\n5\n\n</parameter>\n<parameter=n>\n5\n"
            "</parameter>\n<parameter=b>\nTrue\n</parameter>\n<parameter=u>\n7a\n</parameter>\n"
            "<parameter=?>\n[1]\n</parameter>\n</function>\n</tool_call>"
        ),
        "",
        "",
        [("f", {"s": "5\n", "n": 5, "b": True, "u": "7a", "?": [1]})],
    ),
    ("qwen-xml", "I call <function=g>\n</function>", "I call ", "", [("g", {})]),
    ("llama", '{"name": "f", "parameters": {"n": 1}}', "", "", [("f", {"n": 1})]),
    ("llama", '<|python_tag|>{"name": "q", "parameters": {}}', "", "", [("q", {})]),
    (
        "llama",
        '{"name": "f", "parameters": {"n": 1}}; {"type": "function", "name": "g"}',
        "",
        "",
        [("f", {"n": 1}), ("g", {})],
    ),
    (
        "llama",
        '[f(s="a\\n\\u00e9\\x41", n=-1, l=[1, (True, None)],), g()]',
        "",
        "",
        [("f", {"s": "a\né" + "A", "n": -1, "l": [1, [True, None]]}), ("g", {})],
    ),
    ("llama", '{"name": "Bob", "age": 5}', '{"name": "Bob", "age": 5}', "", []),
    ("llama", '{"name": "Bob", "parameters": 5}', '{"name": "Bob", "parameters": 5}', "", []),
    ("llama", "[link](there)", "[link](there)", "", []),
    ("llama", "[1, 2]", "[1, 2]", "", []),
    ("pythonic", "[g()]", "", "", [("g", {})]),
    (
        "pythonic",
        "<|python_start|>[f(x=0.5, s={'a': 'b'})]<|python_end|>",
        "",
        "",
        [("f", {"x": 0.5, "s": {"a": "b"}})],
    ),
    ("pythonic", "[h()]", "[h()]", "", []),
    (
        "mistral",
        'A.[TOOL_CALLS] [{"name": "f", "arguments": {"n": 1}, "id": "abcdefghi"}, {"name": "g"}]',
        "A.",
        "",
        [("f", {"n": 1}), ("g", {})],
    ),
    (
        "mistral",
        '[TOOL_CALLS]f[ARGS]{"n": 1}[TOOL_CALLS]g[CALL_ID]abcdefghi[ARGS]{}',
        "",
        "",
        [("f", {"n": 1}), ("g", {})],
    ),
    (
        "deepseek",
        (
            "So.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n"
            '{"n": 1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n'
            "```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
        ),
        "So.",
        "",
        [("f", {"n": 1}), ("g", {})],
    ),
    (
        "deepseek",
        (
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>"
            '{"n": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
        ),
        "",
        "",
        [("f", {"n": 1})],
    ),
    (
        "deepseek-dsml",
        (
            '<｜DSML｜function_calls>\n<｜DSML｜invoke name="f">\n'
            '<｜DSML｜parameter name="s" string="true">1\n2</｜DSML｜parameter>\n'
            '<｜DSML｜parameter name="q" string="false">[1]</｜DSML｜parameter>\n'
            "</｜DSML｜invoke>\n</｜DSML｜function_calls>"
        ),
        "",
        "",
        [("f", {"s": "1\n2", "q": [1]})],
    ),
    (
        "glm",
        (
            "<tool_call>f\n<arg_key>s</arg_key>\n<arg_value>12</arg_value>\n<arg_key>n</arg_key>\n"
            "<arg_value>12</arg_value>\n</tool_call>\n<tool_call>g\n</tool_call>"
        ),
        "",
        "",
        [("f", {"s": "12", "n": 12}), ("g", {})],
    ),
    ("harmony", HARMONY, "", "Hm.", [("f", {"s": "5"})]),
    (
        "harmony",
        (
            "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant to=functions.g"
            "<|channel|>commentary<|message|>{}"
        ),
        "I look.",
        "",
        [("g", {})],
    ),
    ("harmony", "<|channel|>final<|message|>Yes.<|return|>", "Yes.", "", []),
    (
        "kimi",
        (
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.f:0"
            '<|tool_call_argument_begin|>{"n": 1}<|tool_call_end|><|tool_call_begin|>functions.g:1'
            "<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|>"
        ),
        "",
        "",
        [("f", {"n": 1}), ("g", {})],
    ),
    (
        "minimax",
        (
            '<minimax:tool_call>\n<invoke name="f">\n<parameter name="s">1</parameter>\n'
            '<parameter name="x">1.5</parameter>\n</invoke>\n<invoke name="g">\n</invoke>\n'
            "</minimax:tool_call>"
        ),
        "",
        "",
        [("f", {"s": "1", "x": 1.5}), ("g", {})],
    ),
    (
        "gemma4",
        '<|tool_call>call:f{s:<|"|>a "b"<|"|>,l:[1,<|"|>c<|"|>],u:{k:true}}<tool_call|>',
        "",
        "",
        [("f", {"s": 'a "b"', "l": [1, "c"], "u": {"k": True}})],
    ),
    (
        "functiongemma",
        "<start_function_call>call:f{s:<escape>a<escape>}<end_function_call>",
        "",
        "",
        [("f", {"s": "a"})],
    ),
    (
        "lfm2",
        '<|tool_call_start|>[f(s="a", n=1), g()]<|tool_call_end|>And so on.',
        "And so on.",
        "",
        [("f", {"s": "a", "n": 1}), ("g", {})],
    ),
    ("granite", '<|tool_call|>[{"name": "f", "arguments": {"n": 1}}]', "", "", [("f", {"n": 1})]),
    ("text", "<tool_call>{}</tool_call>", "<tool_call>{}</tool_call>", "", []),
]


def parse(family: str, pieces: list[str], prompt: str = "") -> list[Event]:
    reasoning = None if family == "text" else THINK
    parser = AnswerParser(make_format(family, reasoning), TOOLS, prompt)  # type: ignore[arg-type]
    events = [event for piece in pieces for event in parser.add(piece)]
    return events + parser.finish()


@pytest.mark.parametrize(("family", "text", "content", "reasoning", "calls"), CASES)
def test_families(
    family: str, text: str, content: str, reasoning: str, calls: list[tuple[str, Any]]
) -> None:
    answer = collect(parse(family, [text]))
    assert (answer.text, answer.reasoning) == (content, reasoning)
    assert [(call.name, json.loads(call.arguments)) for call in answer.tool_calls] == calls
    # By single characters: the name goes first, then the arguments, call by call.
    events = parse(family, list(text))
    assert merge(events) == merge(parse(family, [text]))
    kinds = [type(event) for event in merge(events) if hasattr(event, "index")]
    assert kinds == [CallStart, ArgumentsDelta, CallDone] * len(calls)
    assert [event.index for event in events if isinstance(event, CallDone)] == [*range(len(calls))]


def test_every_family_is_tested() -> None:
    assert {case[0] for case in CASES} == set(FAMILIES)


def test_ids() -> None:
    (call,) = collect(parse("mistral", ["[TOOL_CALLS]f[CALL_ID]abcdefghi[ARGS]{}"])).tool_calls
    assert call.id == "abcdefghi"
    kimi = next(case[1] for case in CASES if case[0] == "kimi")
    ids = [call.id for call in collect(parse("kimi", [kimi])).tool_calls]
    assert ids == ["functions.f:0", "functions.g:1"]


PARTS = sorted(
    {text[a:b] for _, text, *_ in CASES for a in range(0, len(text), 9) for b in (a + 3, a + 30)}
    | {tag for family in FAMILIES.values() for tag in (*family.tags, *family.closers)}
    | {"<think>", "</think>", "{", "}", "[", "]", '"', "\\", "\n", " ", ",", "f", "f(", "é"}
)


@given(st.sampled_from(sorted(FAMILIES)), st.lists(st.sampled_from(PARTS), max_size=12), st.data())
def test_chunks_do_not_matter(family: str, parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    whole = parse(family, [text])
    borders = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
    pieces = [text[a:b] for a, b in zip([0, *borders], [*borders, len(text)], strict=True)]
    assert merge(parse(family, pieces)) == merge(whole)
    check_calls(whole)


@given(st.sampled_from(CASES), st.data())
def test_damaged_answers(case: tuple[Any, ...], data: st.DataObject) -> None:
    family, text = case[:2]
    at = data.draw(st.integers(0, len(text)))
    length = data.draw(st.integers(0, 5))
    damaged = text[:at] + data.draw(st.text(max_size=3)) + text[at + length :]
    check_calls(parse(family, [damaged]))


def check_calls(events: list[Event]) -> None:
    """Each call is done or broken, and the arguments of one that is done are an object."""
    started = [event.index for event in events if isinstance(event, CallStart)]
    ended = [event.index for event in events if isinstance(event, (CallDone, CallBroken))]
    assert started == ended == list(range(len(started)))
    for call in collect(events).tool_calls:
        assert call.name
        assert isinstance(json.loads(call.arguments), dict)


@pytest.mark.parametrize(
    ("family", "text"),
    [
        ("hermes", "<tool_call>not JSON</tool_call>"),
        ("hermes", '<tool_call>{"name": 5}</tool_call>'),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"a": 1'),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"a": True}}</tool_call>'),
        ("hermes", '<tool_call>{"name": "f", "arguments": [1]}</tool_call>'),
        ("hermes", '<tool_call>{"arguments": {}}</tool_call>'),
        ("hermes", '<tool_call>{"name": "f", "arguments": ' + '{"a":' * 70 + "1" + "}" * 71),
        ("hermes", '<tool_call>{"name": "\\ud800", "arguments": {}}'),
        ("qwen-xml", "<tool_call>\n<function=f>\n<parameter=s>\nabc"),
        ("qwen-xml", "<tool_call>\nf\n</tool_call>"),
        ("llama", "[f(s=open('x'))]"),
        ("llama", "[f(n=inf)]"),
        ("mistral", "[TOOL_CALLS]f[ARGS]5"),
        ("deepseek", "<｜tool▁calls▁begin｜>f"),
        ("glm", "<tool_call>f<arg_key>s</arg_key>5"),
        ("minimax", '<minimax:tool_call><invoke name="f"><parameter name="x">1'),
        ("gemma4", "<|tool_call>call:f{s:bare}<tool_call|>"),
        ("kimi", "<|tool_calls_section_begin|>x"),
        ("harmony", "<|channel|>commentary to=functions.f<|message|>5<|call|>"),
    ],
)
def test_malformed_calls_are_text(family: str, text: str) -> None:
    answer = collect(parse(family, [text]))
    assert answer == Answer(text.removesuffix("<|call|>"))


def test_a_call_after_a_malformed_one() -> None:
    text = '<tool_call>oh <tool_call>{"name": "g"}</tool_call>'
    answer = collect(parse("hermes", [text]))
    assert (answer.text, [call.name for call in answer.tool_calls]) == ("<tool_call>oh ", ["g"])


def test_nothing_is_held_back_without_need() -> None:
    parser = AnswerParser(make_format("hermes"), TOOLS)  # type: ignore[arg-type]
    assert parser.add("1 < 2") == [TextDelta("1 < 2")]
    assert parser.add(" <tool") == [TextDelta(" ")]
    assert parser.add("box>") == [TextDelta("<toolbox>")]
    assert parser.add('<tool_call>{"name": "f", "arguments": {"s": "a') == [
        CallStart(0, "f"),
        ArgumentsDelta(0, '{"s": "a'),
    ]
    assert parser.add("b") == [ArgumentsDelta(0, "b")]
    assert parser.add('"}}') == [ArgumentsDelta(0, '"}'), CallDone(0)]
    assert parser.finish() == parser.finish() == []
    parser = AnswerParser(make_format("qwen-xml"), TOOLS)  # type: ignore[arg-type]
    assert parser.add("<function=f><parameter=s>\na") == [
        CallStart(0, "f"),
        ArgumentsDelta(0, '{"s": "a'),
    ]
    assert parser.add("\n\n</par") == [ArgumentsDelta(0, "\\n")]


@pytest.mark.parametrize(
    ("prompt", "text", "content", "reasoning"),
    [
        ("<think>\n", "Hm.\n</think>\n\nYes.", "Yes.", "Hm."),
        ("<think>", "Hm. <tool", "", "Hm. <tool"),
        ("<think></think>\n", "Yes. </think>", "Yes. </think>", ""),
        ("", "\n<think>a <think> b</think>c", "c", "a <think> b"),
        ("", "It says <think>a</think>", "It says <think>a</think>", ""),
        ("", " \n", " \n", ""),
    ],
)
def test_reasoning(prompt: str, text: str, content: str, reasoning: str) -> None:
    for pieces in ([text], list(text)):
        answer = collect(parse("hermes", pieces, prompt))
        assert (answer.text, answer.reasoning) == (content, reasoning)


@pytest.mark.parametrize(
    ("template", "family", "reasoning"),
    [
        ("<tool_call> {{ tool }} <think></think>", "hermes", THINK),
        ("<tool_call>\n<function=example>", "qwen-xml", None),
        ("<tool_call>{{ name }}<arg_key></think>", "glm", THINK),
        ("<|im_start|>", "text", None),
        ("[TOOL_CALLS] [THINK][/THINK]", "mistral", ("[THINK]", "[/THINK]")),
        ("<|channel|>analysis<|message|>", "harmony", None),
        ("", "text", None),
    ],
)
def test_formats(template: str, family: str, reasoning: tuple[str, str] | None) -> None:
    tokenizer = wrapped_tokenizer(chat_template=template)
    assert answer_format(tokenizer) == make_format(family, reasoning)


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="family must be one of"):
        make_format("none")
    with pytest.raises(ValueError, match="reasoning must be two tags"):
        make_format("text", ("", "</think>"))
    with pytest.raises(ValueError, match=r"tools\[0\] has no name"):
        AnswerParser(make_format("text"), [{}])
    with pytest.raises(TypeError, match=r"tools\[0\] must be a mapping"):
        AnswerParser(make_format("text"), ["f"])  # type: ignore[list-item]


def calls_made(family: str, text: str) -> int:
    """How many functions are called, or generators resumed, to parse a text."""
    count = 0

    def profile(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    parser = AnswerParser(make_format(family, THINK), TOOLS)  # type: ignore[arg-type]
    sys.setprofile(profile)
    try:
        for start in range(0, len(text), 7):
            parser.add(text[start : start + 7])
        parser.finish()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    ("family", "start", "repeated"),
    [
        ("hermes", "", "<tool_call>"),
        ("hermes", "", "<tool_cal"),
        ("hermes", "", '<tool_call>{"name": "f", "arguments": {'),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"a": "', "\\\\"),
        ("hermes", '<tool_call>{"name": "f", "arguments": {"a": ', "1"),
        ("hermes", "<tool_call>", " "),
        ("hermes", "", "\n"),
        ("hermes", "<think>", "</thin"),
        ("llama", "", "[f(s='"),
        ("llama", "", '{"name": "f", "parameters": {}};'),
        ("qwen-xml", "<function=f><parameter=s>", "\n</parameter"),
        ("qwen-xml", "<function=f>", "<parameter=s>a</parameter>"),
        ("glm", "", "<tool_call>f<arg_key>"),
        ("harmony", "", "<|channel|>"),
        ("mistral", "", "[TOOL_CALLS]["),
    ],
)
def test_work_grows_with_the_text(family: str, start: str, repeated: str) -> None:
    short, long = (
        calls_made(family, start + repeated * (n // len(repeated))) for n in (2000, 8000)
    )
    assert long < 4.5 * short
