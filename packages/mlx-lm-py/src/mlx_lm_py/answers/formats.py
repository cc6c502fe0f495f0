"""How models write answers, and how that is found out from what their files say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from mlx_lm_utils_py import Tokenizer

from .calls import (
    Calls,
    deepseek_calls,
    hermes_calls,
    kimi_calls,
    llama_calls,
    marked_calls,
    mistral_calls,
    pythonic_calls,
)
from .source import Parsing
from .xml_calls import glm_calls, invoke_calls, qwen_calls

__all__ = ["FAMILIES", "REASONING_TAGS", "AnswerFormat", "Family", "answer_format", "make_format"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Family:
    """How a family of models calls tools.

    Attributes:
        signs: Chat templates with all of these strings are of this family.
        tags: What a call begins with.
        closers: What may follow a call and means nothing then.
        bare: Whether an answer may also begin with a call without a tag.
        parse: Reads a call, after its tag; ``None`` if there are none.
    """

    signs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    closers: tuple[str, ...] = ()
    bare: bool = False
    parse: Callable[[Calls, str], Parsing[None]] | None = None


_DSML = "<｜DSML｜function_calls>", "</｜DSML｜function_calls>"
_MINIMAX = "<minimax:tool_call>", "</minimax:tool_call>"

FAMILIES: dict[str, Family] = {
    "harmony": Family(("<|channel|>", "<|message|>")),
    "deepseek-dsml": Family(
        ("｜DSML｜",), (_DSML[0],), (_DSML[1],), parse=invoke_calls("｜DSML｜", _DSML[1])
    ),
    "deepseek": Family(
        ("<｜tool▁calls▁begin｜>",),
        ("<｜tool▁calls▁begin｜>",),
        ("<｜tool▁call▁end｜>", "<｜tool▁calls▁end｜>"),
        parse=deepseek_calls,
    ),
    "kimi": Family(
        ("<|tool_calls_section_begin|>",),
        ("<|tool_calls_section_begin|>",),
        ("<|tool_call_end|>", "<|tool_calls_section_end|>"),
        parse=kimi_calls,
    ),
    "minimax": Family(
        (_MINIMAX[0],), (_MINIMAX[0],), (_MINIMAX[1],), parse=invoke_calls("", _MINIMAX[1])
    ),
    "glm": Family(("<arg_key>",), ("<tool_call>",), ("</tool_call>",), parse=glm_calls),
    "qwen-xml": Family(
        ("<function=",), ("<tool_call>", "<function="), ("</tool_call>",), parse=qwen_calls
    ),
    "mistral": Family(("[TOOL_CALLS]",), ("[TOOL_CALLS]",), parse=mistral_calls),
    "gemma4": Family(
        ("<|tool_call>", "<tool_call|>"),
        ("<|tool_call>",),
        ("<tool_call|>",),
        parse=marked_calls('<|"|>'),
    ),
    "functiongemma": Family(
        ("<start_function_call>",),
        ("<start_function_call>",),
        ("<end_function_call>",),
        parse=marked_calls("<escape>"),
    ),
    "lfm2": Family(
        ("<|tool_call_start|>",),
        ("<|tool_call_start|>",),
        ("<|tool_call_end|>",),
        parse=pythonic_calls,
    ),
    "granite": Family(("<|tool_call|>",), ("<|tool_call|>",), parse=hermes_calls),
    "hermes": Family(("<tool_call>",), ("<tool_call>",), ("</tool_call>",), parse=hermes_calls),
    "llama": Family(
        ("ipython",), ("<|python_tag|>",), ("<|eom_id|>",), bare=True, parse=llama_calls
    ),
    "pythonic": Family(
        ("<|header_start|>",), ("<|python_start|>",), ("<|python_end|>",), True, pythonic_calls
    ),
    "text": Family(),
}
"""By name; the first one whose signs a chat template has is the model's."""

REASONING_TAGS: tuple[tuple[str, str], ...] = (
    ("<think>", "</think>"),
    ("[THINK]", "[/THINK]"),
    ("<seed:think>", "</seed:think>"),
    ("<thought>", "</thought>"),
    ("◁think▷", "◁/think▷"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought", "<channel|>"),
)
"""What reasoning stands between."""


@dataclass(frozen=True)
class AnswerFormat:
    """How a model writes answers.

    Attributes:
        family: How it calls tools.
        reasoning: What its reasoning stands between; ``None`` if it does not reason.
        harmony: Whether it writes messages with channels, as gpt-oss does.
    """

    family: Family = field(default_factory=Family)
    reasoning: tuple[str, str] | None = None
    harmony: bool = False


def make_format(family: str, reasoning: tuple[str, str] | None = None) -> AnswerFormat:
    """Describe how a model writes answers.

    Args:
        family: Name of the family, one of `FAMILIES`.
        reasoning: What reasoning stands between. Default: ``None``, there is none.

    Returns:
        The format.

    Raises:
        ValueError: If there is no such family, or a tag is empty.

    Example:
        >>> make_format("mistral", reasoning=("[THINK]", "[/THINK]")).family.tags
        ('[TOOL_CALLS]',)
    """
    if family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, not {family!r}")
    if reasoning is not None and not all(reasoning):
        raise ValueError("reasoning must be two tags, neither of them empty")
    return AnswerFormat(FAMILIES[family], reasoning, harmony=family == "harmony")


def answer_format(tokenizer: Tokenizer) -> AnswerFormat:
    """Find out how a model writes answers.

    Args:
        tokenizer: Its tokenizer, whose chat templates and tokens tell.

    Returns:
        The format; one in which all is text if nothing is known of the model.
    """
    templates = "".join(tokenizer.chat_templates.values())
    # The last family has no signs.
    name = next(name for name in FAMILIES if all(map(templates.__contains__, FAMILIES[name].signs)))
    if name == "harmony":
        return make_format(name)
    reasoning = next(
        (
            tags
            for tags in REASONING_TAGS
            if tags[1] in templates or all(tokenizer.token_to_id(tag) is not None for tag in tags)
        ),
        None,
    )
    return make_format(name, reasoning)
