"""``mlx-lm-py bench``: measure how fast a model reads and writes."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .common.arguments import integer_in, integers
from .common.opening import open_model
from .common.options import add_computing
from .common.parser import UsageError
from .common.streams import progress

if TYPE_CHECKING:
    from .common.bench_table import Row
    from .common.model_facts import Facts
    from .common.runners import Runner

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "Measure how fast models read prompts (pp) and write tokens (tg): tokens per second, with "
    "the standard deviation. A test that does not count comes before the others; several libraries "
    "take turns."
)
EXAMPLES = [
    ("mlx-lm-py bench", "the default model: pp512 and tg128, as llama-bench"),
    ("mlx-lm-py bench -p 64,128 -g 16 -b 1,4 -r 2", "several lengths, one and four sequences"),
    ("mlx-lm-py bench -p 64 -g 16 -r 2 -t 1,2", "with one thread and with two"),
    ("mlx-lm-py bench -p 64 -g 16 -r 2 -o csv", "for a program to read"),
]


_PAUSE = 0.25


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    add = parser.add_argument
    add(
        "-m",
        "--model",
        action="append",
        metavar="PATH_OR_REPO",
        help="GGUF file, folder, or Hugging Face repository; repeatable "
        "(default: the default model)",
    )
    add(
        "-p",
        "--prompt-tokens",
        type=integers(0),
        default=[512],
        metavar="N,…",
        help="lengths of prompts to read; 0 for none (default: 512)",
    )
    add(
        "-g",
        "--generation-tokens",
        type=integers(0),
        default=[128],
        metavar="N,…",
        help="how many tokens to write; 0 for none (default: 128)",
    )
    add(
        "-b",
        "--batch-size",
        type=integers(1),
        default=[1],
        metavar="N,…",
        help="how many sequences at once (default: 1)",
    )
    add(
        "--concurrency",
        type=integers(1),
        default=[],
        metavar="N,…",
        help="also answer so many requests that come at once, each with the first prompt length "
        "and number of tokens; what counts is the tokens that are written",
    )
    add(
        "-r",
        "--repetitions",
        type=integer_in(1),
        default=5,
        metavar="N",
        help="how often each test counts (default: %(default)s)",
    )
    add(
        "--against",
        choices=["llama.cpp"],
        help="also measure this library, in turns, where its package is installed "
        "(llama-cpp-python; GGUF files)",
    )
    add("-o", "--output", choices=["md", "json", "csv"], default="md", help="form of the table")
    add("--plot", metavar="FILE", help="also draw the figures, with matplotlib (.svg, .png, .pdf)")
    add("-q", "--quiet", action="store_true", help="show no progress")
    add_computing(parser, threads=integers(1, 4096))


def run(options: argparse.Namespace) -> None:
    """Measure and print the table.

    Args:
        options: What the parser has read.

    Raises:
        UsageError: If there is nothing to measure, or a package is missing.
        FileNotFoundError: If there is no such model.
        ValueError: If a model is not valid, or its context too short.
    """
    tests = [
        (kind, length, batch)
        for kind, lengths in (("pp", options.prompt_tokens), ("tg", options.generation_tokens))
        for length in lengths
        for batch in options.batch_size
        if length > 0
    ]
    if not tests:
        raise UsageError("there is nothing to measure: --prompt-tokens and --generation-tokens")
    if options.concurrency and 0 in (options.prompt_tokens[0], options.generation_tokens[0]):
        raise UsageError("--concurrency needs --prompt-tokens and --generation-tokens above 0")
    if options.against and options.batch_size != [1]:
        raise UsageError("--against measures single sequences: leave --batch-size away")
    if options.plot is not None:
        _check_plot(Path(options.plot))
    from .common.bench_table import plot, to_csv, to_json, to_markdown

    rows: list[Row] = []
    sweep = options.threads or [None]
    for name in options.model or [None]:
        for threads in sweep:
            if len(sweep) > 1:
                rows += _in_own_process(name, threads, options)
            else:
                rows += _measure(
                    name, tests, argparse.Namespace(**vars(options) | {"threads": threads})
                )

    write: dict[str, Callable[[Sequence[Row]], str]] = {
        "md": to_markdown,
        "json": to_json,
        "csv": to_csv,
    }
    print(write[options.output](rows))
    if options.plot is not None:
        plot(rows, Path(options.plot))


def _check_plot(path: Path) -> None:
    """Find what is wrong before minutes of measuring."""
    import importlib.util

    if path.suffix not in (".svg", ".png", ".pdf"):
        raise UsageError(f"--plot: the name must end in .svg, .png or .pdf, not {path.name!r}")
    if not path.parent.is_dir():
        raise UsageError(f"--plot: there is no folder {path.parent}")
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError("--plot needs matplotlib: pip install matplotlib")


def _threads() -> int:
    for value in (os.environ.get("MLX_SYS_PY_NUM_THREADS"), os.environ.get("OMP_NUM_THREADS")):
        if value and value.isdecimal():
            return int(value)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _in_own_process(name: str | None, threads: int, options: argparse.Namespace) -> list[Row]:
    """Measure with another number of threads, which a process can choose only once."""
    import subprocess

    from .common.bench_table import from_json

    lists = {
        "--prompt-tokens": options.prompt_tokens,
        "--generation-tokens": options.generation_tokens,
        "--batch-size": options.batch_size,
        "--concurrency": options.concurrency,
    }
    given = {
        "--model": name,
        "--threads": threads,
        "--repetitions": options.repetitions,
        "--against": options.against,
        "--device": options.device,
        "--dtype": options.dtype,
        **{option: ",".join(map(str, values)) for option, values in lists.items() if values},
    }
    words = [f"{option}={value}" for option, value in given.items() if value is not None]
    command = [sys.executable, "-m", "mlx_lm_py", "bench", "--output=json", *words]
    # What it says of errors and of how far it has come goes where ours does.
    quiet = ["--quiet"] if options.quiet else []
    result = subprocess.run([*command, *quiet], stdout=subprocess.PIPE, check=False, text=True)
    if result.returncode != 0:
        raise RuntimeError(f"could not measure with {threads} threads")
    return from_json(result.stdout)


def _measure(
    name: str | None, tests: list[tuple[str, int, int]], options: argparse.Namespace
) -> list[Row]:
    opened = open_model(options, name)
    from mlx_lm_utils_py import get_model_path

    from mlx_lm_py.loading.default_model import default_model

    from .common.bench_table import Row
    from .common.model_facts import facts_of, model_file
    from .common.runners import LlamaCpp, Ours, concurrent_seconds

    facts = facts_of(model_file(default_model() if name is None else get_model_path(name)))
    longest = max(length for _, length, _ in tests)
    limit = opened.model.args.context_length
    if longest > limit:
        raise ValueError(f"a test of {longest} tokens is longer than the context of {limit}")
    threads = _threads()
    runners: list[Runner] = [Ours(opened.model)]
    if options.against:
        if facts.format != "GGUF":
            raise UsageError("--against llama.cpp measures GGUF files")
        try:
            runners.append(LlamaCpp(facts.path, threads, longest + 1))
        except ImportError:
            raise UsageError("--against llama.cpp needs llama-cpp-python") from None
    rates: dict[tuple[int, tuple[str, int, int]], list[float]] = {
        (i, test): [] for test in tests for i in range(len(runners))
    }
    rounds = [(test, j) for test in tests for j in range(-1, options.repetitions)]
    for test, j in progress(rounds, "measuring", options.quiet):
        for i, runner in enumerate(runners):
            if len(runners) > 1:
                # Threads wait actively for a while after their work.
                time.sleep(_PAUSE)
            rate = _rate(runner, *test)
            # The first one makes buffers and wakes threads.
            if j >= 0:
                rates[i, test].append(rate)
    rows = [
        Row(
            _label(facts),
            facts.nbytes,
            facts.parameters,
            runner.backend,
            threads,
            f"{test[0]}{test[1]}" + (f"x{test[2]}" if test[2] > 1 else ""),
            tuple(rates[i, test]),
        )
        for test in tests
        for i, runner in enumerate(runners)
    ]
    for requests in options.concurrency:
        read, write = options.prompt_tokens[0], options.generation_tokens[0]
        seconds = [
            concurrent_seconds(opened.model, read, write, requests)
            for _ in progress(range(options.repetitions + 1), "answering", options.quiet)
        ]
        rows.append(
            Row(
                _label(facts),
                facts.nbytes,
                facts.parameters,
                runners[0].backend,
                threads,
                f"pp{read}+tg{write} c{requests}",
                tuple(requests * write / one for one in seconds[1:]),
            )
        )
    return rows


def _label(facts: Facts) -> str:
    types = facts.types()
    # That of most parameters says what kind of file it is.
    kinds: dict[str, int] = {}
    for part in types.values():
        for kind, count in part:
            kinds[kind] = kinds.get(kind, 0) + count
    return f"{facts.architecture} {max(kinds, key=lambda kind: kinds[kind])}"


def _rate(runner: Runner, kind: str, length: int, batch: int) -> float:
    return length * batch / runner.seconds(kind, length, batch)
