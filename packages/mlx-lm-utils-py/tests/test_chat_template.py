import datetime
import json
from pathlib import Path
from typing import Any

import pytest
from mlx_lm_utils_py import render_chat_template

CASES = json.loads((Path(__file__).parent / "fixtures" / "chat_templates.json").read_text("utf-8"))
USER = [{"role": "user", "content": "Hi"}]


@pytest.mark.parametrize("case", CASES)
def test_agrees_with_transformers(case: dict[str, Any]) -> None:
    variables = dict(case)
    expected = variables.pop("expected")
    assert render_chat_template(**variables) == expected


def test_the_time() -> None:
    text = render_chat_template("{{ strftime_now('%Y') }}", USER)
    assert abs(int(text) - datetime.datetime.now().year) <= 1


def test_a_template_may_refuse() -> None:
    with pytest.raises(ValueError, match="no system, please"):
        render_chat_template("{{ raise_exception('no system, please') }}", USER)


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}",
        "{{ messages[0].content + 1 }}",
        "{{ 1 // 0 }}",
        "{{ nothing.at.all }}",
        "{{ messages.append(1) }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ range(10**9) | list }}",
        "{% include 'secret' %}",
        "{{ '{0.__class__}'.format(messages) }}{{ messages.__class__.__init__ }}{{ x.y }}",
    ],
)
def test_bad_templates_are_value_errors(template: str) -> None:
    with pytest.raises(ValueError, match="chat template"):
        render_chat_template(template, USER)


def test_the_messages_are_left_alone() -> None:
    messages = [dict(USER[0])]
    with pytest.raises(ValueError, match="chat template"):
        render_chat_template("{% set _ = messages[0].update(role='x') %}", messages)
    assert messages == USER


@pytest.mark.parametrize(
    ("messages", "error", "message"),
    [
        ("Hi", TypeError, "must be a list"),
        (None, TypeError, "must be a list"),
        ({"role": "user"}, TypeError, "must be a list"),
        ([], ValueError, "must not be empty"),
        (["Hi"], TypeError, r"messages\[0\] must be a mapping"),
        ([*USER, {"content": "x"}], ValueError, r"messages\[1\] needs a 'role'"),
        ([{"role": 3, "content": "x"}], ValueError, r"messages\[0\] needs a 'role'"),
        ([{"role": "user"}], ValueError, r"messages\[0\] needs a 'content'"),
        ([{"role": "user", "content": 3}], ValueError, r"messages\[0\] needs a 'content'"),
    ],
)
def test_wrong_messages(messages: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        render_chat_template("{{ messages }}", messages)


def test_tool_calls_need_no_content() -> None:
    messages = [{"role": "assistant", "tool_calls": [{"name": "f"}]}]
    assert render_chat_template("{{ messages[0].tool_calls[0].name }}", messages) == "f"


def test_a_template_cannot_write_without_end() -> None:
    row = "{% for i in range(99999) %}" + "x" * 1000 + "{% endfor %}"
    with pytest.raises(ValueError, match="writes more than"):
        render_chat_template("{% for i in range(99999) %}" + row + "{% endfor %}", USER)


PARTS = [{"type": "text", "text": "Hi "}, {"type": "text", "text": "there"}]
LOOP = "{% for p in m.content %}{{ p.text }};{% endfor %}"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{ m.content }}", "Hi there"),
        ("{{ m['content'] + '!' }}", "Hi there!"),
        ("{{ m.content | trim }}", "Hi there"),
        (LOOP, "Hi ;there;"),
        (
            "{% if m.content is string %}{{ m.content }}{% else %}" + LOOP + "{% endif %}",
            "Hi ;there;",
        ),
    ],
)
def test_parts_go_as_text_where_a_template_knows_only_text(body: str, expected: str) -> None:
    template = "{% for m in messages %}" + body + "{% endfor %}"
    assert render_chat_template(template, [{"role": "user", "content": PARTS}]) == expected


def test_text_goes_as_parts_where_a_template_knows_only_parts() -> None:
    template = "{% for m in messages %}" + LOOP + "{% endfor %}"
    assert render_chat_template(template, USER) == "Hi;"


def test_parts_that_are_no_text() -> None:
    content = [{"type": "text", "text": "See"}, {"type": "image", "url": "x"}]
    messages: list[Any] = [*USER, {"role": "user", "content": content}]
    with pytest.raises(ValueError, match=r"messages\[1\] has a part of type 'image', but"):
        render_chat_template("{{ messages[1].content }}", messages)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ m.content }}", ""),
        ("{{ m.content or '' }}", ""),
        ("{% if m.content is none %}none{% endif %}", "none"),
        ("{% if m.content != none %}some{% else %}none{% endif %}", "none"),
    ],
)
@pytest.mark.parametrize("more", [{"reasoning_content": "hm"}, {"tool_calls": [{"name": "f"}]}])
def test_no_content(template: str, expected: str, more: dict[str, Any]) -> None:
    """As null or absent, which a template that does not ask would print as None."""
    template = "{% set m = messages[0] %}" + template
    # What is absent is undefined, as the template's author knows it.
    for content in [{"content": None}] if " none" in template else [{"content": None}, {}]:
        message = {"role": "assistant", **content, **more}
        assert render_chat_template(template, [message]) == expected


CHATML = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>\n{% endfor %}"


@pytest.mark.parametrize(
    ("template", "content", "expected"),
    [
        (CHATML, "It is ", "<user>Hi</>\n<assistant>It is "),
        (
            CHATML.replace("m.content", "m.content | trim"),
            "It is ",
            "<user>Hi</>\n<assistant>It is",
        ),
        (CHATML, "<user>Hi</>", "<user>Hi</>\n<assistant><user>Hi</>"),
        (CHATML, PARTS, "<user>Hi</>\n<assistant>Hi there"),
        (CHATML.replace("{{ m.content }}", LOOP), PARTS, "<user>Hi;</>\n<assistant>Hi ;there"),
    ],
)
def test_continued(template: str, content: Any, expected: str) -> None:
    messages = [*USER, {"role": "assistant", "content": content}]
    assert render_chat_template(template, messages, continue_final_message=True) == expected


def test_what_cannot_be_continued() -> None:
    with pytest.raises(ValueError, match="exclude each other"):
        render_chat_template(CHATML, USER, add_generation_prompt=True, continue_final_message=True)
    with pytest.raises(ValueError, match="does not show the content"):
        render_chat_template("{{ messages[0].role }}", USER, continue_final_message=True)
    call = {"role": "assistant", "tool_calls": [{"name": "f"}]}
    with pytest.raises(ValueError, match="does not show the content"):
        render_chat_template("", [*USER, call], continue_final_message=True)
    image = {"role": "user", "content": [{"type": "image"}]}
    with pytest.raises(ValueError, match="ends with text"):
        render_chat_template(
            LOOP.replace("m.", "messages[0]."), [image], continue_final_message=True
        )


def test_tools_may_be_functions() -> None:
    def weather(city: str, days: int = 1) -> str:
        """Get the weather.

        Args:
            city: The city.
            days: How far
                ahead.

        Returns:
            The weather.
        """
        return city * days

    text = render_chat_template("{{ tools | tojson }}", USER, tools=[weather, {"name": "g"}])
    assert json.loads(text) == [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "description": "Get the weather.",
                "parameters": {
                    "type": "object",
                    "properties": {
                        "city": {"type": "string", "description": "The city."},
                        "days": {"type": "integer", "description": "How far ahead."},
                    },
                    "required": ["city"],
                },
            },
        },
        {"name": "g"},
    ]


@pytest.mark.parametrize(
    ("tool", "error", "message"),
    [
        (3, TypeError, "tools must be JSON schemas or functions, not int"),
        (lambda a: a, ValueError, "parameter 'a' of <lambda> needs an annotation"),
    ],
)
def test_tools_that_are_none(tool: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        render_chat_template("", USER, tools=[tool])
