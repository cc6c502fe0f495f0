"""``mlx-lm-py pull``: download a model."""

from __future__ import annotations

import argparse
import sys

from .common.parser import UsageError
from .common.streams import is_terminal

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "Download a model from the Hugging Face hub, or what is missing of it, and compare every file "
    "with the checksum that the hub has for it. Files that are here are not fetched again."
)
EXAMPLES = [
    ("mlx-lm-py pull Qwen/Qwen3-0.6B", "a folder of safetensors files"),
    ("mlx-lm-py pull org/repo:Q4_K_M", "one GGUF file of several"),
    ("mlx-lm-py pull org/repo --include 'tokenizer*'", "only some files"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    add = parser.add_argument
    add("model", metavar="REPO", help="org/repo, org/repo:KIND or org/repo/file.gguf")
    add("--revision", metavar="NAME", help="branch, tag or commit (default: the main branch)")
    add(
        "--include",
        action="append",
        metavar="PATTERN",
        help="download these files instead of what a model needs, such as '*.json'; repeatable",
    )
    add("-q", "--quiet", action="store_true", help="show no progress")


def run(options: argparse.Namespace) -> None:
    """Download the model and print where it is.

    Args:
        options: What the parser has read.

    Raises:
        UsageError: If that is no name of a repository.
        FileNotFoundError: If there is no such repository or file, or no network.
        ValueError: If what was downloaded is not what the hub has.
    """
    from mlx_lm_utils_py.hub import parse_repository

    from .common.download import download

    parsed = parse_repository(options.model)
    if parsed is None:
        raise UsageError(f"{options.model!r} is not the name of a repository, such as org/repo")
    repository, file, kind = parsed
    path = download(
        repository,
        file,
        kind,
        revision=options.revision,
        include=options.include,
        quiet=options.quiet or not is_terminal(sys.stderr),
    )
    print(path)
