"""``mlx-lm-py quantize``: quantize a model, and measure what that costs."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .common.arguments import integer_in
from .common.conversion import (
    add_conversion,
    bits_per_weight,
    check_conversion,
    run_conversion,
)
from .common.options import add_computing, add_output
from .common.sizes import plus_minus, size, table

if TYPE_CHECKING:
    from .common.model_facts import Facts

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "Quantize a model by rounding to nearest, and measure how much worse it foretells a text: "
    "size, bits per weight and perplexity before and after, the divergence, and how often both "
    "models find the same token most likely. Both are in memory for that. What is written appears "
    "when all is in it, or not at all."
)
EXAMPLES = [
    ("mlx-lm-py quantize ./model.gguf ./four --chunks 2", "4 bits, in groups of 64 weights"),
    (
        "mlx-lm-py quantize ./model.gguf ./mixed --recipe mixed_3_6 --group-size 32 --chunks 0",
        "3 bits, and 6 where it matters most; without measuring",
    ),
    ("mlx-lm-py quantize ./model.gguf ./q5.gguf --type Q5_K --chunks 2", "to a GGUF file"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    add_conversion(parser)
    add = parser.add_argument
    add("--type", metavar="KIND", help="type of the matrices of a GGUF file (default: Q4_K)")
    group = parser.add_argument_group("measuring")
    group.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        help="the text; - reads stdin (default: the topics of Python's help)",
    )
    group.add_argument(
        "-c",
        "--context",
        type=integer_in(2),
        default=512,
        metavar="N",
        help="tokens of a piece of it (default: %(default)s)",
    )
    group.add_argument(
        "--chunks",
        type=integer_in(0),
        default=16,
        metavar="N",
        help="most pieces; 0 measures nothing (default: %(default)s)",
    )
    add_computing(parser, dtype=False)
    add_output(parser, "print JSON")


def run(options: argparse.Namespace) -> None:
    """Quantize, measure and print.

    Args:
        options: What the parser has read.

    Raises:
        UsageError: If options do not go together.
        OSError: If there is no such model or file.
        ValueError: If it cannot be quantized so, or something is there already.
    """
    check_conversion(options)
    from mlx_lm_utils_py import get_model_path

    from .common.model_facts import facts_of, model_file
    from .common.opening import set_up

    set_up(options)
    before = facts_of(model_file(get_model_path(options.model, options.revision)))
    # A mistake in the text is found before anything is written.
    measured = _Measured(options) if options.chunks else None
    after = run_conversion(options, quantizes=True, dequantize=False, kind=options.type or "Q4_K")
    record = _sizes(before, after) | (measured.compare(options) if measured else {})
    if options.json:
        print(json.dumps(record))
    else:
        print("\n".join(table(_rows(record), right=[1, 2])))


class _Measured:
    """The model as it was, and a text to measure it by."""

    def __init__(self, options: argparse.Namespace) -> None:
        from mlx_lm_py.loading import load

        from .common.scoring import pieces_of, sample_text
        from .common.streams import read_text

        text = sample_text() if options.file is None else read_text(options.file)
        self._base, tokenizer = load(options.model, revision=options.revision, lazy=True)
        length = min(options.context, self._base.args.context_length)
        self._pieces = pieces_of(text, tokenizer, length, options.chunks)

    def compare(self, options: argparse.Namespace) -> dict[str, Any]:
        """Measure what was written, too."""
        from mlx_lm_py.loading import load

        from .common.scoring import compare, figures
        from .common.streams import progress

        model, _ = load(Path(options.output))
        shown = progress(self._pieces, "measuring", options.quiet)
        return figures(compare(model, self._base, shown))


def _sizes(before: Facts, after: Facts) -> dict[str, Any]:
    return {
        "bytes_before": before.nbytes,
        "bytes": after.nbytes,
        "bits_per_weight_before": round(bits_per_weight(before), 3),
        "bits_per_weight": round(bits_per_weight(after), 3),
    }


def _rows(record: dict[str, Any]) -> list[list[str]]:
    rows = [
        ["", "before", "after"],
        ["size", size(record["bytes_before"]), size(record["bytes"])],
        [
            "bits per weight",
            f"{record['bits_per_weight_before']:.2f}",
            f"{record['bits_per_weight']:.2f}",
        ],
    ]
    if "perplexity" in record:

        def shown(name: str) -> str:
            return plus_minus(record[name], record[f"{name}_error"])

        rows += [
            ["perplexity", shown("perplexity_of_the_other"), shown("perplexity")],
            ["KL divergence", "", shown("kl_divergence")],
            ["same top token", "", shown("same_top_token")],
        ]
    return rows
