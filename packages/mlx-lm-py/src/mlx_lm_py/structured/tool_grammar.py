"""Grammars of calls of tools, made from the schemas of their arguments."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mlx_lm_utils_py import Tokenizer

from mlx_lm_py.answers import FAMILIES, answer_format
from mlx_lm_py.answers.tools import Tools

__all__ = ["tool_call_format"]


def __dir__() -> list[str]:
    return __all__


_Literal = Callable[[str], str]

# What calls begin with, in families in which text may go before them.
_OPENINGS = {
    "hermes": "<tool_call>",
    "granite": "<|tool_call|>",
    "mistral": "[TOOL_CALLS]",
    "kimi": "<|tool_calls_section_begin|>",
    "deepseek": "<｜tool▁calls▁begin｜>",
}


def tool_call_format(
    tokenizer: Tokenizer,
    tools: Iterable[Mapping[str, Any]],
    tool_choice: str | Mapping[str, Any] = "required",
    parallel_tool_calls: bool = True,
) -> dict[str, Any]:
    """Make a response format in which calls of tools are well-formed.

    Args:
        tokenizer: The tokenizer of the model, whose chat template tells how it calls tools.
        tools: The tools: schemas of functions in OpenAI's form.
        tool_choice: ``"required"``, nothing but calls of any of the tools; ``"auto"``, text as
            well, until a call begins; or one of the tools, as
            ``{"type": "function", "function": {"name": ...}}`` or by its name, nothing but calls of
            it. Default: ``"required"``.
        parallel_tool_calls: Whether there may be several calls. Default: ``True``.

    Returns:
        What to pass as ``response_format``.

    Raises:
        TypeError: If a tool is no mapping.
        ValueError: If there is no such tool, or models of this family write no JSON.

    Example:
        >>> from tokenizers import Tokenizer as Pieces, models
        >>> template = "<tool_call>{{ tools }}</tool_call>"
        >>> tokenizer = Tokenizer(Pieces(models.BPE({}, [])), chat_template=template)
        >>> made = tool_call_format(tokenizer, [{"name": "f"}], parallel_tool_calls=False)
        >>> print(made["definition"].splitlines()[1])
        call: call_0
    """
    parameters = Tools(tools).parameters
    name: Any = tool_choice
    if isinstance(tool_choice, Mapping):
        function = tool_choice.get("function", tool_choice)
        name = function.get("name") if isinstance(function, Mapping) else None
    is_free = name == "auto"
    if name not in ("auto", "required"):
        if name not in parameters:
            raise ValueError(f"tool_choice is {name!r}, which is none of the tools")
        parameters = {name: parameters[name]}
    if not parameters:
        raise ValueError("tools must have at least one tool")
    family = next(
        name for name, known in FAMILIES.items() if known == answer_format(tokenizer).family
    )

    def literal(text: str) -> str:
        i = tokenizer.token_to_id(text)
        # Special tokens are no text to a grammar.
        return f"<[{i}]>" if i in tokenizer.special_token_ids else _quote(text)

    opening = _OPENINGS.get(family, "")

    def freely(text: str) -> str:
        return "opening" if text == opening else literal(text)

    template = "".join(tokenizer.chat_templates.values())
    before, call, after = _layout(family, template, freely if is_free else literal)
    calls = f"{before} {_joined(family, template, parallel_tool_calls)} {after}"
    lines = [f"start: {calls}"]
    if is_free:
        lines = _with_text(calls, opening, literal(opening))
    lines.append("call: " + " | ".join(f"call_{i}" for i in range(len(parameters))))
    for i, (tool, schema) in enumerate(parameters.items()):
        if schema is not None and not isinstance(schema, Mapping):
            raise ValueError(f"the parameters of {tool!r} must be a schema")
        lines.append(f"call_{i}: {call(tool, f'arguments_{i}')}")
        lines.append(f"arguments_{i}: %json {json.dumps(schema or {'type': 'object'})}")
    return {"type": "grammar", "syntax": "lark", "definition": "\n".join(lines)}


def _joined(family: str, template: str, parallel: bool) -> str:
    """One call, or several."""
    is_list = family == "granite" or (family == "mistral" and "[ARGS]" not in template)
    if not parallel or family == "llama":
        return "call"
    return 'call (", " call)*' if is_list else "call+"


def _with_text(calls: str, opening: str, token: str) -> list[str]:
    """Rules of calls in a text. What begins one cannot be text."""
    if not opening:
        return [f"start: ({calls} | TEXT)?", r"TEXT: /[^{\s](.|\n)*/"]
    # The text before a call ends at once where a call begins.
    rule = f"opening: TEXT? {token}"
    if token == _quote(opening):
        rule = rf"opening[lazy]: /(.|\n)*{re.escape(opening)}/"
    return [f"start: ({calls} | TEXT)?", rule, r"TEXT: /(.|\n)+/"]


def _layout(
    family: str, template: str, literal: _Literal
) -> tuple[str, Callable[[str, str], str], str]:
    """What goes before the calls, what each of them is, and what goes after them."""

    def object_of(arguments: str) -> Callable[[str, str], str]:
        def write(name: str, rule: str) -> str:
            head = f'{{"name": {json.dumps(name, ensure_ascii=False)}, "{arguments}": '
            return f'{_quote(head)} {rule} "}}"'

        return write

    plain = object_of("arguments")
    match family:
        case "hermes":
            opened, closed = literal("<tool_call>"), literal("</tool_call>")
            return "", lambda n, r: f'{opened} "\\n" {plain(n, r)} "\\n" {closed} "\\n"?', ""
        case "llama":
            return "", object_of("parameters"), ""
        case "granite":
            return f'{literal("<|tool_call|>")} "["', plain, '"]"'
        case "mistral" if "[ARGS]" in template:
            tag, mark = literal("[TOOL_CALLS]"), literal("[ARGS]")
            return "", lambda name, rule: f"{tag} {_quote(name)} {mark} {rule}", ""
        case "mistral":
            return f'{literal("[TOOL_CALLS]")} "["', plain, '"]"'
        case "kimi":
            begin, middle, end = map(
                literal,
                ("<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"),
            )
            return (
                literal("<|tool_calls_section_begin|>"),
                lambda n, r: f"{begin} {_quote(f'functions.{n}:')} /[0-9]+/ {middle} {r} {end}",
                literal("<|tool_calls_section_end|>"),
            )
        case "deepseek" if "```json" not in template:
            begin, middle, end = map(
                literal, ("<｜tool▁call▁begin｜>", "<｜tool▁sep｜>", "<｜tool▁call▁end｜>")
            )
            return (
                literal("<｜tool▁calls▁begin｜>"),
                lambda name, rule: f"{begin} {_quote(name)} {middle} {rule} {end}",
                literal("<｜tool▁calls▁end｜>"),
            )
    raise ValueError(f"calls of tools of models of the kind {family!r} cannot be enforced")


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
