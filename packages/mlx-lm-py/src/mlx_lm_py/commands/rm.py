"""``mlx-lm-py rm``: remove a model from this disk."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from .common.sizes import size
from .common.streams import is_terminal

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "Remove a model: a repository from the Hugging Face cache, or a GGUF file with the files that "
    "it is split into. It asks first."
)
EXAMPLES = [
    ("mlx-lm-py rm org/repo --dry-run", "what would be removed"),
    ("mlx-lm-py rm ./model.gguf --yes", "without a question"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "models", nargs="+", metavar="PATH_OR_REPO", help="as 'mlx-lm-py ls' names them"
    )
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="say what there is to remove")


def run(options: argparse.Namespace) -> None:
    """Remove the models.

    Args:
        options: What the parser has read.

    Raises:
        FileNotFoundError: If one of them is not there; then none is removed.
        ValueError: If it is to ask, and there is nobody to answer.
    """
    found = [_find(name) for name in options.models]
    for what, nbytes, remove in found:
        if options.dry_run:
            print(f"would remove {what}, {size(nbytes)}")
        elif options.yes or _asks(f"Remove {what}, {size(nbytes)}?"):
            remove()
            print(f"removed {what}")
        else:
            print(f"kept {what}")


def _asks(question: str) -> bool:
    if not is_terminal(sys.stdin):
        raise ValueError("there is no terminal to ask on; give --yes to remove without a question")
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")


def _find(name: str) -> tuple[str, int, Callable[[], None]]:
    """What is removed, its size, and how."""
    path = Path(name).expanduser()
    if path.is_dir():
        raise ValueError(f"{path} is a folder; rm removes GGUF files and what pull has downloaded")
    if path.is_file():
        return _find_file(path)
    from mlx_lm_utils_py.hub import parse_repository

    parsed = parse_repository(name)
    if parsed is None:
        raise FileNotFoundError(f"no such file: {name}")
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        cache = scan_cache_dir()
    except CacheNotFound:
        raise FileNotFoundError(f"{name} is not in the cache of the hub, which is empty") from None
    for repository in cache.repos:
        if repository.repo_id == parsed[0] and repository.repo_type == "model":
            if parsed[1] or parsed[2]:
                raise ValueError(f"a repository is removed as a whole: mlx-lm-py rm {parsed[0]}")
            strategy = cache.delete_revisions(*(r.commit_hash for r in repository.revisions))
            return repository.repo_id, strategy.expected_freed_size, strategy.execute
    raise FileNotFoundError(f"{name} is not in the cache of the hub (see mlx-lm-py ls)")


def _find_file(path: Path) -> tuple[str, int, Callable[[], None]]:
    from mlx_lm_utils_py import choose_gguf

    if path.suffix != ".gguf":
        raise ValueError(f"{path} is not a GGUF file")
    files = choose_gguf([file.name for file in path.parent.iterdir()], str(path.parent), path.name)
    paths = [path.parent / file for file in files]

    def remove() -> None:
        for one in paths:
            one.unlink()

    return ", ".join(map(str, paths)), sum(one.stat().st_size for one in paths), remove
