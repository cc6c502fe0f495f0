"""What somebody asks: prompts from options, files and stdin, as tokens."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .opening import template_options
from .parser import UsageError
from .streams import is_terminal, read_stdin, read_text

if TYPE_CHECKING:
    from mlx_lm_utils_py import Tokenizer

__all__ = ["Request", "read_requests", "to_prompt", "uses_template"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Request:
    """What a model is asked.

    Attributes:
        text: The prompt; of a conversation its last message.
        messages: The conversation, if it is one.
        unfinished: Whether the prompt is to go on. Default: ``False``.
    """

    text: str
    messages: Sequence[dict[str, Any]] | None = None
    unfinished: bool = False


def read_requests(options: argparse.Namespace) -> list[Request]:
    """Read the prompts of ``--prompt``, ``--prompt-file`` or stdin.

    Args:
        options: What the parser has read.

    Returns:
        The prompts; there is at least one.

    Raises:
        UsageError: If there is none.
        OSError: If the file cannot be read.
        ValueError: If it is not UTF-8, or holds no prompts.
    """
    if options.prompt_file is not None:
        return _read_file(Path(options.prompt_file).expanduser())
    if options.prompt is not None:
        text = _piped() if options.prompt == "-" else options.prompt
        # As a shell makes of a variable that is not set. Beside something else it may be meant.
        others = ("raw", "prefill", "prompt_cache", "system_prompt")
        if not text.strip() and not any(getattr(options, name) for name in others):
            raise UsageError("the prompt is empty")
        return [Request(text)]
    text = "" if is_terminal(sys.stdin) else _piped()
    if not text.strip():
        raise UsageError("what to ask is missing: give --prompt TEXT, or pipe it in")
    return [Request(text)]


def _piped() -> str:
    # The end of the last line is the shell's.
    return read_stdin().removesuffix("\n")


def _read_file(path: Path) -> list[Request]:
    lines = read_text(str(path)).splitlines()
    numbered = [(i, line) for i, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise ValueError(f"{path} holds no prompt")
    if path.suffix != ".jsonl":
        return [Request(line) for _, line in numbered]
    return [_from_json(line, f"line {i} of {path}") for i, line in numbered]


def _from_json(line: str, place: str) -> Request:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError(f"{place} is not JSON") from None
    if isinstance(value, str):
        return Request(value)
    if isinstance(value, dict) and isinstance(value.get("prompt"), str):
        return Request(value["prompt"])
    messages = value.get("messages") if isinstance(value, dict) else None
    if isinstance(messages, list) and messages and all(isinstance(m, dict) for m in messages):
        return Request(str(messages[-1].get("content", "")), messages)
    raise ValueError(f"{place} has neither a 'prompt' that is text nor 'messages'")


def uses_template(options: argparse.Namespace, tokenizer: Tokenizer) -> bool:
    """Whether prompts go through a chat template.

    Args:
        options: With those of `add_chat`, and ``--raw``.
        tokenizer: That of the model.

    Returns:
        Whether they do.
    """
    return not options.raw and bool(options.chat_template or tokenizer.chat_templates)


def to_prompt(request: Request, tokenizer: Tokenizer, options: argparse.Namespace) -> list[int]:
    """Turn what is asked into tokens.

    Args:
        request: What is asked.
        tokenizer: That of the model.
        options: With those of `add_chat`, ``--raw`` and ``--prefill``.

    Returns:
        The tokens.

    Raises:
        ValueError: If an option needs a chat template and there is none, or the template fails.
    """
    extra = template_options(options, tokenizer)
    if not uses_template(options, tokenizer):
        why = "cannot be used with --raw" if options.raw else "needs a model with a chat template"
        if options.system_prompt is not None:
            raise ValueError(f"--system-prompt {why}")
        if request.messages is not None:
            raise ValueError(f"a prompt with messages {why}")
        text = request.text + (options.prefill or "")
        bos = tokenizer.bos_token
        # What begins with the first token already is not to begin with it twice.
        return tokenizer.encode(text, add_special_tokens=not (bos and text.startswith(bos)))
    messages = list(request.messages or [{"role": "user", "content": request.text}])
    if options.system_prompt is not None:
        messages.insert(0, {"role": "system", "content": options.system_prompt})
    if options.prefill:
        messages.append({"role": "assistant", "content": options.prefill})
    goes_on = options.prefill or request.unfinished
    beginning = "continue_final_message" if goes_on else "add_generation_prompt"
    prompt: list[int] = tokenizer.apply_chat_template(messages, **{**extra, beginning: True})
    return prompt
