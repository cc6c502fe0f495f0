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
