"""``mlx-lm-py perplexity``: measure how well a model foretells a text."""

from __future__ import annotations

import argparse
import json
from typing import Any

from .common.arguments import integer_in
from .common.opening import open_model
from .common.options import add_model, add_output
from .common.sizes import plus_minus, table
from .common.streams import progress, read_text

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
    from .common.scoring import (
        compare,
        figures,
        perplexity,
        pieces_of,
        sample_text,
        score,
    )

    chunks = options.chunks
    if options.file is None:
        text, chunks = sample_text(), chunks or 16
    else:
        text = read_text(options.file)
    limit = opened.model.args.context_length
    if options.context > limit:
        raise ValueError(f"--context {options.context} is more than the {limit} of the model")
    pieces = pieces_of(text, opened.tokenizer, options.context, chunks)
    shown = progress(pieces, "reading", options.quiet)
    if options.against is None:
        estimate = score(opened.model, shown)
        _print(options, len(pieces), estimate.count, perplexity(estimate))
        return
    other = open_model(options, options.against)
    # The same text must be the same tokens, or the figures are of different things.
    if other.tokenizer.encode(text[:10_000]) != opened.tokenizer.encode(text[:10_000]):
        raise ValueError(f"{options.against} has other tokens, so that nothing can be compared")
    found = compare(opened.model, other.model, shown)
    _print(options, len(pieces), found.model.count, figures(found))


_SHOWN = {
    "perplexity": "perplexity",
    "perplexity_of_the_other": "perplexity of the other",
    "kl_divergence": "KL divergence",
    "same_top_token": "same top token",
}


def _print(
    options: argparse.Namespace, pieces: int, count: int, values: dict[str, float | None]
) -> None:
    if options.json:
        record: dict[str, Any] = {"tokens": count, "pieces": pieces, "context": options.context}
        print(json.dumps(record | values))
        return
    rows = [
        [shown, plus_minus(values[name], values[f"{name}_error"])]
        for name, shown in _SHOWN.items()
        if name in values
    ]
    print("\n".join(table(rows)))
    if not options.quiet:
        print(f"{count} tokens in {pieces} pieces of at most {options.context}")
