"""``mlx-lm-py generate``: answer a prompt."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .common.arguments import integer_in
from .common.opening import (
    Opened,
    make_processors,
    open_model,
    prefill_step_size,
    sampler_of,
    seed,
)
from .common.options import add_chat, add_model, add_output, add_sampling
from .common.parser import UsageError
from .common.requests import Request, read_requests, to_prompt
from .common.results import Answer, likely_tokens
from .common.streams import print_error

if TYPE_CHECKING:
    from mlx_lm_py.generation import GenerationResponse

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = "Answer a prompt. The answer goes to stdout, speed and memory to stderr."
EXAMPLES = [
    ('mlx-lm-py generate -p "What is the capital of France?"', "ask the default model"),
    (
        "echo 'Name three rivers.' | mlx-lm-py generate -q",
        "the prompt from a pipe, only the answer",
    ),
    ('mlx-lm-py generate -p "A poem" --temp 0.8 --top-p 0.95 --seed 1', "a repeatable surprise"),
    ('mlx-lm-py generate -p "List two colours" --json --logprobs 3 -n 8', "for a program to read"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument(
        "-p",
        "--prompt",
        metavar="TEXT",
        help="what to ask; - reads it from stdin (default: what is piped in)",
    )
    asked.add_argument(
        "-f",
        "--prompt-file",
        metavar="FILE",
        help="a prompt on each line; of a .jsonl file each line is a JSON string, or an object "
        "with a 'prompt' or with 'messages'",
    )
    add = parser.add_argument
    add_model(parser)
    add_chat(parser)
    add("--prefill", metavar="TEXT", help="how the answer begins; the model goes on from there")
    add("--raw", action="store_true", help="continue the prompt as it is, without a chat template")
    add(
        "--answers",
        type=integer_in(1),
        default=1,
        metavar="N",
        help="how many answers to give to each prompt (default: %(default)s)",
    )
    add_sampling(parser, temp=0.0, max_tokens=256)
    output = parser.add_argument_group("output")
    add_output(output, "print a line of JSON for each answer")
    output.add_argument(
        "-v", "--verbose", action="store_true", help="also say where the time before it went"
    )
    output.add_argument(
        "--logprobs",
        type=integer_in(0, 1000),
        metavar="N",
        help="with --json, the log-probability of each token and of the N most likely ones",
    )


def run(options: argparse.Namespace) -> None:
    """Answer the prompts.

    Args:
        options: What the parser has read.

    Raises:
        UsageError: If there is no prompt, or options do not go together.
        FileNotFoundError: If there is no such model.
        ValueError: If the model or a prompt is not valid.
    """
    if options.logprobs is not None and not options.json:
        raise UsageError("--logprobs needs --json")
    requests = read_requests(options)
    opened = open_model(options)
    several = len(requests) * options.answers > 1
    seed(options)
    sampler = sampler_of(options, opened.tokenizer)
    for i, request in enumerate(requests):
        prompt = to_prompt(request, opened.tokenizer, options)
        for j in range(options.answers):
            if several and not options.json and not options.quiet:
                print(_heading(request, j, options.answers), flush=True)
            answer = Answer(i, j)
            for response in _stream(opened, prompt, options, sampler):
                answer.add(response)
                if options.logprobs is not None:
                    answer.logprobs.append(
                        likely_tokens(
                            response.token, response.logprobs, opened.tokenizer, options.logprobs
                        )
                    )
                if not options.json:
                    print(response.text, end="", flush=True)
            print(answer.to_json() if options.json else "", flush=True)
            if not options.quiet and not options.json:
                _report(answer, opened, options)


def _heading(request: Request, answer: int, answers: int) -> str:
    line = " ".join(request.text.split())
    shown = line if len(line) <= 60 else line[:59] + "…"
    return f"# {shown}" + (f" ({answer + 1} of {answers})" if answers > 1 else "")


def _stream(
    opened: Opened, prompt: list[int], options: argparse.Namespace, sampler: Any
) -> Iterator[GenerationResponse]:
    from mlx_lm_py.generation import stream_generate

    return stream_generate(
        opened.model,
        opened.tokenizer,
        prompt,
        max_tokens=options.max_tokens,
        sampler=sampler,
        logits_processors=make_processors(options, opened.tokenizer),
        prefill_step_size=prefill_step_size(),
    )


def _report(answer: Answer, opened: Opened, options: argparse.Namespace) -> None:
    assert answer.last is not None  # There is at least one token.
    print_error(answer.last.statistics)
    if options.verbose:
        reading = answer.last.prompt_tokens / answer.last.prompt_tps
        print_error(
            f"Before the first token: imports {opened.import_seconds:.3f} s, "
            f"loading {opened.load_seconds:.3f} s, prompt {reading:.3f} s"
        )
