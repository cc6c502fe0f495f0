"""Chat templates: from a list of messages to the text that a model was trained on.

The templates are Jinja programs that come with the weights, written for the environment of the
``transformers`` library. They are untrusted, so they run in Jinja's sandbox.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .tool_schema import function_schema

if TYPE_CHECKING:
    import jinja2

    from .template_program import Compiled

__all__ = [
    "MAX_PROMPT_CHARS",
    "Message",
    "check_messages",
    "random_digits",
    "render_chat_template",
]


def __dir__() -> list[str]:
    return __all__


Message = Mapping[str, Any]

MAX_PROMPT_CHARS = 2**26
"""A template that writes more than this is stopped: no context is near as long."""


def random_digits() -> str:
    """Make a text that nobody can have foreseen.

    Returns:
        32 digits.

    Example:
        >>> len(random_digits())
        32
    """
    # `secrets` would bring the modules of hashes and of random numbers with it.
    return "".join(str(byte % 10) for byte in os.urandom(32))


def check_messages(messages: Sequence[Message]) -> None:
    """Raise an exception unless ``messages`` is a list of messages of a conversation.

    Args:
        messages: Mappings with a ``role`` (a string) and a ``content`` (a string, or a list of
            parts), which may be ``None`` or absent where a message says something besides, as
            with ``tool_calls`` or ``reasoning_content``.

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
        says_more = any(message[key] for key in message.keys() - {"role", "content", "name"})
        if not isinstance(content, (str, list)) and not (content is None and says_more):
            raise ValueError(f"messages[{i}] needs a 'content' that is a string or a list")


def render_chat_template(
    template: str,
    messages: Sequence[Message],
    *,
    tools: Sequence[Mapping[str, Any] | Callable[..., Any]] | None = None,
    documents: Sequence[Mapping[str, Any]] | None = None,
    add_generation_prompt: bool = False,
    continue_final_message: bool = False,
    **variables: Any,
) -> str:
    """Render a conversation with a chat template.

    A content of parts goes as text to a template that knows only text, and the other way round.

    Args:
        template: The Jinja source.
        messages: The conversation: mappings with ``role`` and ``content``.
        tools: JSON schemas of the tools that the model may call, or functions with annotations,
            which `function_schema` describes. Default: ``None``.
        documents: Documents for retrieval. Default: ``None``.
        add_generation_prompt: End with the words that open the model's answer. Default: ``False``.
        continue_final_message: End within the last message, whose content the model is to go on
            with. Default: ``False``.
        **variables: Further variables of the template, such as ``bos_token``.

    Returns:
        The prompt.

    Raises:
        TypeError: If ``messages`` is of the wrong type.
        ValueError: If the template is not valid, refuses the messages, or fails on them; if it
            cannot show a part of a message, or does not show the content to go on with.

    Example:
        >>> template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
        >>> render_chat_template(template, [{"role": "user", "content": "Hi"}])
        '<user>Hi</>'
        >>> begun = [{"role": "assistant", "content": "It is"}]
        >>> render_chat_template(template, begun, continue_final_message=True)
        '<assistant>It is'
    """
    from .template_program import compile_template

    check_messages(messages)
    compiled = compile_template(template)
    messages = [_fitted(message, i, compiled) for i, message in enumerate(messages)]
    end = ""
    if continue_final_message:
        if add_generation_prompt:
            raise ValueError(
                "add_generation_prompt and continue_final_message exclude each other: a prompt "
                "ends with the opening of an answer or within one"
            )
        # Digits, which templates leave as they are; the space shows whether ends are stripped.
        end = random_digits()
        messages[-1] = _with_end(messages[-1], f"{end} ")
    text = _render(
        compiled.template,
        messages=messages,
        tools=[tool if isinstance(tool, Mapping) else function_schema(tool) for tool in tools]
        if tools is not None
        else None,
        documents=documents,
        add_generation_prompt=add_generation_prompt,
        **variables,
    )
    if not end:
        return text
    begun, found, after = text.rpartition(end)
    if not found:
        raise ValueError("the chat template does not show the content of the last message")
    return begun if after.startswith(" ") else begun.rstrip()


def _fitted(message: Message, index: int, compiled: Compiled) -> dict[str, Any]:
    """Give a message a content in the form that a template looks for."""
    message = dict(message)
    content = message.get("content")
    if content is None and not compiled.takes_none:
        # Else it would show the word None.
        message["content"] = ""
    elif isinstance(content, list) and not compiled.takes_parts:
        texts = []
        for part in content:
            if isinstance(part, str):
                part = {"type": "text", "text": part}
            if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
                kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
                raise ValueError(
                    f"messages[{index}] has a part of type {kind!r}, but the chat template of this "
                    "model knows only text"
                )
            texts.append(part["text"])
        message["content"] = "".join(texts)
    elif isinstance(content, str) and not compiled.takes_text:
        message["content"] = [{"type": "text", "text": content}]
    return message


def _with_end(message: Message, end: str) -> dict[str, Any]:
    """Put a mark behind the text of a message."""
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": content + end}
    if content and isinstance(content[-1], Mapping) and isinstance(content[-1].get("text"), str):
        last = {**content[-1], "text": content[-1]["text"] + end}
        return {**message, "content": [*content[:-1], last]}
    raise ValueError("continue_final_message needs a last message that ends with text")


def _render(template: jinja2.Template, **variables: Any) -> str:
    pieces: list[str] = []
    length = 0
    try:
        for piece in template.generate(**variables):
            pieces.append(piece)
            length += len(piece)
            if length > MAX_PROMPT_CHARS:
                raise ValueError(f"it writes more than {MAX_PROMPT_CHARS} characters")
        return "".join(pieces)
    # A template is a program: it may fail with nearly any exception, in Jinja or in Python.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise ValueError(f"the chat template failed: {reason}") from error
