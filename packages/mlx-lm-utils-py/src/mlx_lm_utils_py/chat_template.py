"""Chat templates: from a list of messages to the text that a model was trained on.

The templates are Jinja programs that come with the weights, written for the environment of the
``transformers`` library. They are untrusted, so they run in Jinja's sandbox.
"""

from __future__ import annotations

import datetime
import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["MAX_PROMPT_CHARS", "Message", "check_messages", "render_chat_template"]


def __dir__() -> list[str]:
    return __all__


Message = Mapping[str, Any]

MAX_PROMPT_CHARS = 2**26
"""A template that writes more than this is stopped: no context is near as long."""


class _Generation(Extension):
    """``{% generation %}…{% endgeneration %}`` marks what to train on; here it is only its body."""

    tags = {"generation"}  # noqa: RUF012 (so it is in the base class)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _raise_exception(message: str) -> NoReturn:
    raise jinja2.TemplateError(message)


def _strftime_now(format: str) -> str:
    return datetime.datetime.now().strftime(format)


def _tojson(
    value: object,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    # Jinja's own filter escapes HTML, which no model expects in a prompt.
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


@functools.lru_cache(maxsize=16)
def _compile(template: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _tojson
    environment.globals["raise_exception"] = _raise_exception
    environment.globals["strftime_now"] = _strftime_now
    try:
        return environment.from_string(template)
    except (jinja2.TemplateError, RecursionError) as error:
        raise ValueError(f"the chat template is not valid: {error}") from None


def check_messages(messages: Sequence[Message]) -> None:
    """Raise an exception unless ``messages`` is a list of messages of a conversation.

    Args:
        messages: Mappings with a ``role`` (a string) and, unless there are ``tool_calls``, a
            ``content`` (a string, or a list of parts).

    Raises:
        TypeError: If ``messages`` or one of them is of the wrong type.
        ValueError: If there are none, or one lacks its role or content.
    """
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise TypeError(f"messages must be a list of mappings, not {type(messages).__name__}")
    if not messages:
        raise ValueError("messages must not be empty")
    for i, message in enumerate(messages):
        if not isinstance(message, Mapping):
            raise TypeError(f"messages[{i}] must be a mapping, not {type(message).__name__}")
        if not isinstance(message.get("role"), str):
            raise ValueError(f"messages[{i}] needs a 'role' that is a string")
        content = message.get("content")
        if not isinstance(content, (str, list)) and not message.get("tool_calls"):
            raise ValueError(f"messages[{i}] needs a 'content' that is a string or a list")


def render_chat_template(
    template: str,
    messages: Sequence[Message],
    *,
    tools: Sequence[Mapping[str, Any]] | None = None,
    documents: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    **variables: Any,
) -> str:
    """Render a conversation with a chat template.

    Args:
        template: The Jinja source.
        messages: The conversation: mappings with ``role`` and ``content``.
        tools: JSON schemas of the tools that the model may call. Default: ``None``.
        documents: Documents for retrieval. Default: ``None``.
        add_generation_prompt: End with the words that open the model's answer. Default: ``False``.
        **variables: Further variables of the template, such as ``bos_token``.

    Returns:
        The prompt.

    Raises:
        TypeError: If ``messages`` is of the wrong type.
        ValueError: If the template is not valid, refuses the messages, or fails on them.

    Example:
        >>> template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
        >>> render_chat_template(template, [{"role": "user", "content": "Hi"}])
        '<user>Hi'
    """
    check_messages(messages)
    compiled = _compile(template)
    pieces: list[str] = []
    length = 0
    try:
        for piece in compiled.generate(
            messages=messages,
            tools=tools,
            documents=documents,
            add_generation_prompt=add_generation_prompt,
            **variables,
        ):
            pieces.append(piece)
            length += len(piece)
            if length > MAX_PROMPT_CHARS:
                raise jinja2.TemplateError(f"it writes more than {MAX_PROMPT_CHARS} characters")
        return "".join(pieces)
    # A template is a program: it may fail with nearly any exception, in Jinja or in Python.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"the chat template failed: {reason}") from error
