"""Conversion of a model as the options of a command say."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import integer_in
from .parser import UsageError
from .streams import is_terminal

if TYPE_CHECKING:
    from .model_facts import Facts

__all__ = ["add_conversion", "bits_per_weight", "check_conversion", "run_conversion"]


def __dir__() -> list[str]:
    return __all__


def add_conversion(parser: argparse.ArgumentParser) -> None:
    """Declare what is converted, and to what.

    Args:
        parser: The parser.
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
    add(
        "--dtype",
        choices=["float16", "bfloat16", "float32"],
        help="type of what is not quantized (default: that of the model)",
    )
    add("--revision", metavar="NAME", help="branch, tag or commit of a repository")


def check_conversion(options: argparse.Namespace, *, dequantize: bool = False) -> None:
    """Raise an error if options do not go together.

    Args:
        options: With those of `add_conversion`, and ``--type``.
        dequantize: Whether quantized weights become floating ones. Default: ``False``.

    Raises:
        UsageError: If they do not.
    """
    is_gguf = options.output.endswith(".gguf")
    names = ("bits", "mode", "recipe", "group_size", "dtype")
    if is_gguf and (dequantize or any(getattr(options, name) for name in names)):
        raise UsageError("the weights of a GGUF file are what --type says")
    if options.type and not is_gguf:
        raise UsageError("--type is for a GGUF file: name an OUTPUT that ends with .gguf")


def run_conversion(
    options: argparse.Namespace, *, quantizes: bool, dequantize: bool, kind: str
) -> Facts:
    """Convert a model.

    Args:
        options: With those of `add_conversion`, and ``--quiet``.
        quantizes: Whether it is quantized, if it becomes a folder.
        dequantize: Whether quantized weights become floating ones.
        kind: The type of the matrices of a GGUF file.

    Returns:
        What the files say that were written.

    Raises:
        FileNotFoundError: If there is no such model.
        ValueError: If it cannot be converted so, or something is there already.
    """
    is_gguf = options.output.endswith(".gguf")
    from mlx_lm_py.saving import convert

    from .model_facts import facts_of

    bar = _Bar() if not options.quiet and is_terminal(sys.stderr) else None
    convert(
        options.model,
        options.output,
        quantize=quantizes and not is_gguf,
        q_group_size=options.group_size,
        q_bits=options.bits,
        q_mode=options.mode or "affine",
        dtype=options.dtype,
        revision=options.revision,
        dequantize=dequantize,
        quant_predicate=options.recipe,
        gguf=kind if is_gguf else None,
        progress=bar,
    )
    if bar is not None:
        bar.close()
    return facts_of(Path(options.output))


def bits_per_weight(facts: Facts) -> float:
    """Divide the size of a model by the number of its weights.

    Args:
        facts: What its files say.

    Returns:
        The bits.
    """
    return 8 * facts.nbytes / max(facts.parameters, 1)


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
