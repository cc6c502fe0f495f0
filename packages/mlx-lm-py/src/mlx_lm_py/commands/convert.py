"""``mlx-lm-py convert``: convert or quantize a model."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from .common.arguments import integer_in
from .common.parser import UsageError
from .common.streams import is_terminal

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
    add = parser.add_argument
    add("model", metavar="PATH_OR_REPO", help="GGUF file, folder, or Hugging Face repository")
    add("output", metavar="OUTPUT", help="folder or .gguf file to write; it must not exist")
    add("--bits", type=integer_in(2, 8), metavar="N", help="quantize to so many bits a weight")
    add("--group-size", type=integer_in(16, 128), metavar="N", help="weights that share a scale")
    add(
        "--mode",
        choices=["affine", "mxfp4", "mxfp8", "nvfp4"],
        help="quantize in this way (default, with --bits: affine)",
    )
    add("--recipe", metavar="NAME", help="quantize with more bits for some layers (mixed_3_6, …)")
    add("--dequantize", action="store_true", help="make quantized weights floating ones")
    add(
        "--dtype",
        choices=["float16", "bfloat16", "float32"],
        help="type of what is not quantized (default: that of the model)",
    )
    add("--type", metavar="KIND", help="type of the matrices of a GGUF file (default: F16)")
    add("--revision", metavar="NAME", help="branch, tag or commit of a repository")
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
    quantizes = any((options.bits, options.mode, options.recipe))
    is_gguf = options.output.endswith(".gguf")
    if is_gguf and (quantizes or options.dequantize or options.dtype or options.group_size):
        raise UsageError("the weights of a GGUF file are what --type says")
    if options.type and not is_gguf:
        raise UsageError("--type is for a GGUF file: name an OUTPUT that ends with .gguf")
    if options.dequantize and quantizes:
        raise UsageError("--dequantize does not go with --bits, --mode or --recipe")
    if options.group_size and not quantizes:
        raise UsageError("--group-size needs --bits, --mode or --recipe")
    from mlx_lm_py.saving import convert

    from .common.model_facts import facts_of
    from .common.sizes import size

    bar = _Bar() if not options.quiet and is_terminal(sys.stderr) else None
    convert(
        options.model,
        options.output,
        quantize=quantizes,
        q_group_size=options.group_size,
        q_bits=options.bits,
        q_mode=options.mode or "affine",
        dtype=options.dtype,
        revision=options.revision,
        dequantize=options.dequantize,
        quant_predicate=options.recipe,
        gguf=(options.type or "F16") if is_gguf else None,
        progress=bar,
    )
    if bar is not None:
        bar.close()
    if not options.quiet:
        facts = facts_of(Path(options.output))
        bits = 8 * facts.nbytes / max(facts.parameters, 1)
        print(f"{options.output}: {size(facts.nbytes)}, {bits:.2f} bits per weight")


class _Bar:
    """Shows how much is written."""

    def __init__(self) -> None:
        self._bar: Any = None

    def __call__(self, done: int, total: int) -> None:
        if self._bar is None:
            try:
                from tqdm import tqdm
            except ImportError:
                return
            self._bar = tqdm(total=total, unit="B", unit_scale=True, delay=1, leave=False)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
