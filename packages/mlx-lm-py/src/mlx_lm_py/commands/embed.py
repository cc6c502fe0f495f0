"""``mlx-lm-py embed``: turn texts into vectors."""

from __future__ import annotations

import argparse
import json
import sys

from .common.options import add_model
from .common.parser import UsageError
from .common.streams import is_terminal, read_stdin

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "Turn texts into vectors of length 1, with an encoder (BERT and its kin) or a language model. "
    "Each line is a text, each line that is printed its vector, a JSON array."
)
EXAMPLES = [
    ("printf 'a pear\\nan apple\\n' | mlx-lm-py embed", "vectors of two texts"),
    ('mlx-lm-py embed -p "a pear" --pooling mean', "the mean of all tokens"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "-p", "--prompt", metavar="TEXT", help="the text (default: the lines that are piped in)"
    )
    add_model(parser)
    parser.add_argument(
        "--pooling",
        choices=["mean", "cls", "last", "max"],
        help="how the features of tokens become a vector (default: what the model says)",
    )


def run(options: argparse.Namespace) -> None:
    """Print the vectors.

    Args:
        options: What the parser has read.

    Raises:
        UsageError: If there is no text.
        FileNotFoundError: If there is no such model.
        ValueError: If it is not valid.
    """
    if options.prompt is not None:
        texts = [options.prompt]
    else:
        piped = "" if is_terminal(sys.stdin) else read_stdin()
        texts = [line for line in piped.splitlines() if line.strip()]
    if not texts:
        raise UsageError("the text is missing: give --prompt TEXT, or pipe lines in")
    if options.dtype is not None:
        raise UsageError("--dtype is not for embed, which computes in the type of the weights")
    from .common.opening import set_up

    set_up(options)
    from mlx_lm_py.embedding import load_embedder
    from mlx_lm_py.loading.default_model import default_model

    embedder = load_embedder(options.model or default_model(), pooling=options.pooling)
    for vector in embedder(texts).tolist():
        print(json.dumps(vector))
