"""``mlx-lm-py generate``: answer a prompt."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

from .common.arguments import integer_in
from .common.cache_options import (
    add_cache,
    add_prompt_cache,
    add_speculation,
    check_guesses,
    kv_options,
    speculation_options,
)
from .common.opening import (
    Opened,
    make_processors,
    open_model,
    prefill_step_size,
    response_format,
    sampler_of,
    seed,
)
from .common.options import add_chat, add_model, add_output, add_stop, add_structure
from .common.parser import UsageError
from .common.requests import Request, read_requests
from .common.results import Answer, likely_tokens
from .common.sampling_options import add_sampling
from .common.streams import print_error

if TYPE_CHECKING:
    from mlx_lm_py.generation import GenerationResponse

    from .common.prepared import Prepared

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
    ('mlx-lm-py generate -p "Count: 1, 2, 3," --stop , --answers 3', "three answers at once"),
    ('mlx-lm-py generate -p "A year?" --regex "[0-9]{4}"', "an answer of a given form"),
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
    add_stop(parser)
    add_structure(parser)
    add_prompt_cache(add_cache(parser))
    add_speculation(parser)
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
    together = len(requests) * options.answers > 1
    check_guesses(options, together)
    opened = open_model(options, briefly=not together)
    from .common.prepared import prepare

    prompts = prepare(requests, opened, options, together=together)
    answers = [
        Answer(i, j, _heading(request, j, options.answers), prompts[i].reused)
        for i, request in enumerate(requests)
        for j in range(options.answers)
    ]
    try:
        if together:
            _answer_all(answers, prompts, opened, options)
        else:
            _answer(answers[0], prompts[0], opened, options)
    except ValueError as error:
        # Here it has three names.
        given = (name for name in ("json_schema", "regex", "grammar") if getattr(options, name))
        option = "--" + next(given, "").replace("_", "-")
        raise ValueError(str(error).replace("response_format", option)) from None


def _heading(request: Request, answer: int, answers: int) -> str:
    line = " ".join(request.text.split())
    shown = line if len(line) <= 60 else line[:59] + "…"
    return f"# {shown}" + (f" ({answer + 1} of {answers})" if answers > 1 else "")


def _generation(opened: Opened, options: argparse.Namespace) -> dict[str, Any]:
    return {
        "max_tokens": options.max_tokens,
        "sampler": sampler_of(options, opened.tokenizer),
        "prefill_step_size": prefill_step_size(),
        "stop": options.stop,
        "response_format": response_format(options),
    }


def _take(
    answer: Answer, response: GenerationResponse, opened: Opened, options: argparse.Namespace
) -> None:
    answer.add(response)
    if options.logprobs is not None:
        answer.logprobs.append(
            likely_tokens(response.token, response.logprobs, opened.tokenizer, options.logprobs)
        )


def _answer(answer: Answer, prompt: Prepared, opened: Opened, options: argparse.Namespace) -> None:
    """Show an answer as it is made."""
    from mlx_lm_py.generation import stream_generate

    generation = {
        **_generation(opened, options),
        **speculation_options(options, opened),
        **kv_options(options),
        "prompt_cache": prompt.cache,
        "logits_processors": make_processors(options, opened.tokenizer, len(prompt.tokens)),
    }
    seed(options)
    for response in stream_generate(opened.model, opened.tokenizer, prompt.tokens, **generation):
        _take(answer, response, opened, options)
        if not options.json:
            print(response.text, end="", flush=True)
    print(answer.to_json() if options.json else "", flush=True)
    if not options.quiet and not options.json:
        _report(answer, opened, options)


def _answer_all(
    answers: list[Answer], prompts: list[Prepared], opened: Opened, options: argparse.Namespace
) -> None:
    """Make answers at once, and show them in order."""
    from .common.batching import answer_all

    prepared = [prompts[answer.prompt_index] for answer in answers]
    processors = [make_processors(options, opened.tokenizer, len(one.tokens)) for one in prepared]
    start = time.perf_counter()
    shown = 0
    generation = _generation(opened, options)
    for i, response in answer_all(opened, prepared, processors, seed=options.seed, **generation):
        _take(answers[i], response, opened, options)
        while shown < len(answers) and answers[shown].is_done:
            answer = answers[shown]
            if options.json:
                print(answer.to_json(), flush=True)
            else:
                heading = "" if options.quiet else answer.heading + "\n"
                print(f"{heading}{answer.text}", flush=True)
            shown += 1
    if not options.quiet and not options.json:
        seconds = time.perf_counter() - start
        written = sum(len(answer.tokens) for answer in answers)
        read = sum(len(one.tokens) for one in prepared)
        print_error(
            f"{len(answers)} answers, {read} tokens read and {written} written in "
            f"{seconds:.2f} s, {written / seconds:.1f} tokens/s"
        )


def _report(answer: Answer, opened: Opened, options: argparse.Namespace) -> None:
    assert answer.last is not None  # There is at least one token.
    print_error(answer.last.statistics)
    if options.prompt_cache is not None:
        print_error(f"From the prompt cache: {answer.reused} tokens")
    if options.draft_model is not None or options.ngram is not None:
        print_error(f"Guessed: {answer.guessed} of {len(answer.tokens)} tokens")
    if options.verbose:
        reading = answer.last.prompt_tokens / answer.last.prompt_tps
        print_error(
            f"Before the first token: imports {opened.import_seconds:.3f} s, "
            f"loading {opened.load_seconds:.3f} s, prompt {reading:.3f} s"
        )
