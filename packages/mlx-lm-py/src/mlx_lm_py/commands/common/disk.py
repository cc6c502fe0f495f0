"""The models on this disk: in the cache of the hub, in folders, and those of other programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Found", "default_folders", "find_in_cache", "find_in_folder"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Found:
    """A model on this disk.

    Attributes:
        name: What ``--model`` takes.
        path: Its file or folder.
        kind: ``"GGUF"`` or ``"safetensors"``.
        nbytes: Its size.
        where: ``"hub"`` in the cache of the hub, else ``"disk"``.
    """

    name: str
    path: Path
    kind: str
    nbytes: int
    where: str


_LATER_SHARD = re.compile(r"-(?!00001-of-)\d{5}-of-\d{5}\.gguf$")
_FIRST_SHARD = re.compile(r"-00001-of-(\d{5})\.gguf$")
# Deeper than any program puts its models, and not the whole disk by mistake.
_DEPTH = 5


def default_folders() -> list[Path]:
    """Where models lie if nobody says otherwise.

    Returns:
        The current folder, and those of llama.cpp and LM Studio that are there.
    """
    known = [".cache/llama.cpp", ".lmstudio/models", ".cache/lm-studio/models"]
    found = [Path.home() / name for name in known]
    return [Path(), *(path for path in found if path.is_dir())]


def _ggufs(folder: Path) -> Iterator[tuple[Path, int]]:
    """The GGUF models of a folder, of a split one the first file, and their sizes."""
    for path in sorted(folder.glob("*.gguf")):
        name = path.name
        if "mmproj" in name.lower() or _LATER_SHARD.search(name) or not path.is_file():
            continue
        shards = [path]
        match = _FIRST_SHARD.search(name)
        if match:
            shards = sorted(folder.glob(f"{name[: match.start()]}-*-of-{match[1]}.gguf"))
        yield path, sum(shard.stat().st_size for shard in shards)


def find_in_folder(folder: Path, depth: int = _DEPTH) -> Iterator[Found]:
    """Look for models in a folder and those in it.

    Args:
        folder: The folder.
        depth: How deep to look. Default: 5.

    Yields:
        The models.
    """
    try:
        for path, nbytes in _ggufs(folder):
            yield Found(str(path), path, "GGUF", nbytes, "disk")
        weights = [path for path in folder.glob("*.safetensors") if path.is_file()]
        if weights and (folder / "config.json").is_file():
            total = sum(path.stat().st_size for path in weights)
            yield Found(str(folder), folder, "safetensors", total, "disk")
        inner = sorted(path for path in folder.iterdir() if path.is_dir() and depth > 0)
    except OSError:
        # What may not be read holds no model for this user.
        return
    for path in inner:
        if not path.name.startswith(".") and not path.is_symlink():
            yield from find_in_folder(path, depth - 1)


def find_in_cache() -> Iterator[Found]:
    """Look for models in the cache of the Hugging Face hub.

    Yields:
        The models; each file of a repository of GGUF files is one.
    """
    # It takes a while to import, and not all look there.
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        cache = scan_cache_dir()
    except CacheNotFound:
        return
    for repository in sorted(cache.repos, key=lambda one: one.repo_id):
        if repository.repo_type != "model":
            continue
        files = {
            file.file_name: file for revision in repository.revisions for file in revision.files
        }
        any_gguf = False
        for revision in repository.revisions:
            folder = revision.snapshot_path
            for path, nbytes in (pair for place in _with_inner(folder) for pair in _ggufs(place)):
                any_gguf = True
                name = f"{repository.repo_id}/{path.relative_to(folder).as_posix()}"
                yield Found(name, path, "GGUF", nbytes, "hub")
        if any(name.endswith(".safetensors") for name in files) or not any_gguf:
            yield Found(
                repository.repo_id,
                repository.repo_path,
                "safetensors" if any(n.endswith(".safetensors") for n in files) else "other",
                repository.size_on_disk,
                "hub",
            )


def _with_inner(folder: Path) -> Iterator[Path]:
    yield folder
    yield from (path for path in sorted(folder.iterdir()) if path.is_dir())
