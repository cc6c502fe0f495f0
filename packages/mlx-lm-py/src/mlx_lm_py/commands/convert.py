"""``mlx-lm-py convert``: convert or quantize a model."""

from __future__ import annotations

import argparse

from .common.conversion import (
    add_conversion,
    bits_per_weight,
    check_conversion,
    run_conversion,
)
from .common.parser import UsageError

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "Convert a model to a folder of safetensors, which mlx-lm reads too, or to a GGUF file, and "
    "quantize it or undo that. What is written appears when all is in it, or not at all."
)
EXAMPLES = [
    ("mlx-lm-py convert ./model.gguf ./folder --dequantize", "floating weights from a GGUF file"),
    ("mlx-lm-py convert ./model.gguf ./quantized --bits 4 --group-size 32", "quantized to 4 bits"),
    ("mlx-lm-py convert ./model.gguf ./other.gguf --type Q8_0", "a GGUF file of another type"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    add_conversion(parser)
    add = parser.add_argument
    add("--dequantize", action="store_true", help="make quantized weights floating ones")
    add("--type", metavar="KIND", help="type of the matrices of a GGUF file (default: F16)")
    add("-q", "--quiet", action="store_true", help="show no progress")


def run(options: argparse.Namespace) -> None:
    """Convert and say how large it is.

    Args:
        options: What the parser has read.

    Raises:
        UsageError: If options do not go together.
        FileNotFoundError: If there is no such model.
        ValueError: If it cannot be converted so, or something is there already.
    """
    check_conversion(options, dequantize=options.dequantize)
    quantizes = any((options.bits, options.mode, options.recipe))
    if options.dequantize and quantizes:
        raise UsageError("--dequantize does not go with --bits, --mode or --recipe")
    if options.group_size and not quantizes:
        raise UsageError("--group-size needs --bits, --mode or --recipe")
    facts = run_conversion(
        options,
        quantizes=quantizes,
        dequantize=options.dequantize,
        kind=options.type or "F16",
    )
    if not options.quiet:
        from .common.sizes import size

        bits = bits_per_weight(facts)
        print(f"{options.output}: {size(facts.nbytes)}, {bits:.2f} bits per weight")
