"""``mlx-lm-py perplexity``: measure how well a model foretells a text."""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common.arguments import integer_in
from .common.opening import open_model
from .common.options import add_model, add_output
from .common.sizes import table
from .common.streams import progress, read_stdin

if TYPE_CHECKING:
    from .common.scoring import Comparison, Estimate

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "Measure how well a model foretells a text: the perplexity with its standard error, and how "
    "near the predictions are to those of another model. The text is cut into pieces, each of "
    "which is read from nothing; all tokens but the first of each count."
)
EXAMPLES = [
    ("mlx-lm-py perplexity --chunks 2", "of a sample, the help of this version of Python"),
    ("mlx-lm-py perplexity -f README.md --json", "of a file"),
    ("mlx-lm-py perplexity --against model.gguf --chunks 1", "beside another model"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    add = parser.add_argument
    add_model(parser)
    add(
        "-f",
        "--file",
        metavar="FILE",
        help="the text; - reads stdin (default: the topics of Python's help)",
    )
    add(
        "-c",
        "--context",
        type=integer_in(2),
        default=512,
        metavar="N",
        help="tokens of a piece (default: %(default)s)",
    )
    add(
        "--chunks", type=integer_in(1), metavar="N", help="most pieces (default: all of a file; 16)"
    )
    add(
        "--against",
        metavar="PATH_OR_REPO",
        help="another model with the same tokens: also its perplexity, the divergence from it, and "
        "how often both find the same token most likely",
    )
    add_output(parser, "print JSON")


def run(options: argparse.Namespace) -> None:
    """Measure and print.

    Args:
        options: What the parser has read.

    Raises:
        OSError: If there is no such file or model.
        ValueError: If a model is not valid, the text too short, or the tokens differ.
    """
    opened = open_model(options)
    from .common.scoring import compare, pieces_of, sample_text, score

    chunks = options.chunks
    if options.file is None:
        text, chunks = sample_text(), chunks or 16
    elif options.file == "-":
        text = read_stdin()
    else:
        text = _read(Path(options.file).expanduser())
    limit = opened.model.args.context_length
    if options.context > limit:
        raise ValueError(f"--context {options.context} is more than the {limit} of the model")
    pieces = pieces_of(text, opened.tokenizer, options.context, chunks)
    shown = progress(pieces, "reading", options.quiet)
    if options.against is None:
        estimate = score(opened.model, shown)
        _print(options, len(pieces), [("perplexity", _perplexity, estimate)])
        return
    other = open_model(options, options.against)
    # The same text must be the same tokens, or the figures are of different things.
    if other.tokenizer.encode(text[:10_000]) != opened.tokenizer.encode(text[:10_000]):
        raise ValueError(f"{options.against} has other tokens, so that nothing can be compared")
    found: Comparison = compare(opened.model, other.model, shown)
    _print(
        options,
        len(pieces),
        [
            ("perplexity", _perplexity, found.model),
            ("perplexity of the other", _perplexity, found.base),
            ("KL divergence", _plain, found.divergence),
            ("same top token", _plain, found.same_top),
        ],
    )


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not UTF-8 text") from None


def _perplexity(estimate: Estimate) -> tuple[float, float]:
    return estimate.perplexity, estimate.perplexity_error


def _plain(estimate: Estimate) -> tuple[float, float]:
    return estimate.mean, estimate.error


def _print(
    options: argparse.Namespace,
    pieces: int,
    figures: list[tuple[str, Callable[[Estimate], tuple[float, float]], Estimate]],
) -> None:
    values = {name: read(estimate) for name, read, estimate in figures}
    count = figures[0][2].count
    if options.json:
        record: dict[str, Any] = {"tokens": count, "pieces": pieces, "context": options.context}
        for name, (mean, error) in values.items():
            key = name.replace(" ", "_").lower()
            # JSON has neither infinity nor NaN, which the error of a single token is.
            record[key] = mean if math.isfinite(mean) else None
            record[f"{key}_error"] = error if math.isfinite(error) else None
        print(json.dumps(record))
        return
    rows = [[name, f"{mean:.4f} ± {error:.4f}"] for name, (mean, error) in values.items()]
    print("\n".join(table(rows)))
    if not options.quiet:
        print(f"{count} tokens in {pieces} pieces of at most {options.context}")
