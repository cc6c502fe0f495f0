"""``mlx-lm-py ls``: list the models on this disk."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from .common.sizes import size, table

__all__ = ["DESCRIPTION", "EXAMPLES", "add_arguments", "run"]


def __dir__() -> list[str]:
    return __all__


DESCRIPTION = (
    "List the models on this disk, by the names that --model takes: the default model, those of "
    "the Hugging Face cache, of the current folder, and of llama.cpp and LM Studio."
)
EXAMPLES = [
    ("mlx-lm-py ls", "what there is"),
    ("mlx-lm-py ls . --json", "what is in this folder and those in it, for a program to read"),
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command.

    Args:
        parser: Its parser.
    """
    parser.add_argument(
        "folders", nargs="*", metavar="FOLDER", help="look only in these folders and those in them"
    )
    parser.add_argument("--json", action="store_true", help="print a line of JSON for each model")


def run(options: argparse.Namespace) -> None:
    """List the models.

    Args:
        options: What the parser has read.

    Raises:
        NotADirectoryError: If there is no such folder.
    """
    from mlx_lm_py.loading.default_model import default_model

    from .common.disk import Found, default_folders, find_in_cache, find_in_folder

    found: list[Found] = []
    if options.folders:
        for folder in map(Path, options.folders):
            if not folder.is_dir():
                raise NotADirectoryError(f"no such folder: {folder}")
            found += find_in_folder(folder)
    else:
        try:
            path = default_model()
            found.append(Found("(default)", path, "GGUF", path.stat().st_size, "disk"))
        except FileNotFoundError:
            # Nobody must have it.
            found = []
        found += find_in_cache()
        here, *others = default_folders()
        found += find_in_folder(here, depth=1)
        for folder in others:
            found += find_in_folder(folder)
    if options.json:
        for model in found:
            record = {
                "name": model.name,
                "path": str(model.path),
                "kind": model.kind,
                "bytes": model.nbytes,
                "where": model.where,
            }
            print(json.dumps(record, ensure_ascii=False))
        return
    rows = [[model.name, model.kind, size(model.nbytes), model.where] for model in found]
    print("\n".join(table([["NAME", "KIND", "SIZE", "WHERE"], *rows], right=[2])))
