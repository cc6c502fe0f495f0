"""Models by name: a path on this machine, or a repository on the Hugging Face hub."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

__all__ = ["MODEL_PATTERNS", "choose_gguf", "get_model_path", "parse_repository"]


def __dir__() -> list[str]:
    return __all__


_NAME = r"[A-Za-z0-9][\w.-]*"
# A repository, and perhaps one of the models in it: a file, or a kind of quantization.
_REPOSITORY = re.compile(rf"({_NAME}/{_NAME})(?:/([\w./-]+\.gguf)|:([\w.-]+))?")
MODEL_PATTERNS = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.tiktoken", "merges.txt"]
"""What is downloaded of a repository that is not one of GGUF files."""

_SHARD = re.compile(r"-(\d{5})-of-\d{5}\.gguf$")


def get_model_path(path_or_repo: str | Path, revision: str | None = None) -> Path:
    """Find a model on this machine, downloading it from the hub if it is the name of a repository.

    Args:
        path_or_repo: A file, a folder, or a repository such as ``"Qwen/Qwen3-0.6B"``. Of a
            repository of GGUF files one is named by its kind, as in ``"org/repo:Q4_K_M"``, or by
            its name, as in ``"org/repo/model.gguf"``; unnamed, it is the only one or the one of
            kind Q4_K_M.
        revision: Branch, tag or commit of the repository. Default: ``None``, its main branch.

    Returns:
        The file or folder. Nothing else of a repository is downloaded, and what was downloaded
        before is found without a network.

    Raises:
        FileNotFoundError: If it is neither on this machine nor on the hub, or the hub cannot be
            reached.
        ValueError: If a repository holds several models and it is not said which. The message
            names them.
    """
    name = str(path_or_repo)
    path = Path(path_or_repo).expanduser()
    # An empty name, as a shell makes of an unset variable, is not the current folder.
    if name and path.exists():
        return path
    parsed = parse_repository(name)
    if parsed is None:
        raise FileNotFoundError(f"no such file or folder: {name or repr(name)}")
    repository, file, kind = parsed
    # Here, because it takes longer to import than all the rest and most models are local.
    import huggingface_hub
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    def download(patterns: list[str]) -> Path:
        return Path(
            huggingface_hub.snapshot_download(
                repository, revision=revision, allow_patterns=patterns
            )
        )

    try:
        try:
            # What lists files page by page would first try again for half a minute.
            info = huggingface_hub.model_info(repository, revision=revision)
            files = [sibling.rfilename for sibling in info.siblings or ()]
        except (RepositoryNotFoundError, RevisionNotFoundError):
            raise
        # Without a network, which the libraries tell in many ways, what is here already.
        except Exception as why:
            try:
                folder = Path(
                    huggingface_hub.snapshot_download(
                        repository, revision=revision, local_files_only=True
                    )
                )
            except LocalEntryNotFoundError:
                raise _unreachable(name, why) from None
            return _local(folder, choose_gguf(_files(folder), name, file, kind))
        chosen = choose_gguf(files, name, file, kind)
        return _local(download(chosen or MODEL_PATTERNS), chosen)
    except RevisionNotFoundError:
        raise FileNotFoundError(f"repository {repository} has no revision '{revision}'") from None
    except RepositoryNotFoundError:
        raise FileNotFoundError(
            f"no such file, folder or repository on the hub: {name} (or it is private: then set "
            "HF_TOKEN)"
        ) from None
    except FileNotFoundError as error:
        if isinstance(error, LocalEntryNotFoundError):
            raise _unreachable(name, error) from None
        raise
    except (HfHubHTTPError, OSError) as error:
        raise _unreachable(name, error) from None


def parse_repository(name: str) -> tuple[str, str | None, str | None] | None:
    """Take the name of a repository apart.

    Args:
        name: As `get_model_path` takes it.

    Returns:
        The repository, and the file or the kind of quantization that is wanted of it; ``None`` if
        it is no such name.

    Example:
        >>> parse_repository("org/repo:Q8_0")
        ('org/repo', None, 'Q8_0')
    """
    match = _REPOSITORY.fullmatch(name)
    if match is None:
        return None
    repository, file, kind = match.groups()
    return repository, file, kind


def _unreachable(name: str, error: Exception) -> FileNotFoundError:
    reason = str(error).strip().splitlines()
    return FileNotFoundError(
        f"{name} is not a file or folder here, and could not be had from the hub: "
        f"{reason[0] if reason else type(error).__name__}"
    )


def _files(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _local(folder: Path, chosen: list[str]) -> Path:
    return folder / chosen[0] if chosen else folder


def choose_gguf(
    files: Sequence[str], place: str, file: str | None = None, kind: str | None = None
) -> list[str]:
    """Choose one of the GGUF models in a folder or repository.

    Args:
        files: The names of all files there.
        place: What the folder or repository is called, for messages.
        file: The one that is wanted. Default: ``None``.
        kind: The kind of quantization that is wanted, such as ``"Q4_K_M"``. Default: ``None``.

    Returns:
        The file; all of them, in order, where a model is split into several. None if there are
        weights that are not GGUF and nothing else is wanted.

    Raises:
        FileNotFoundError: If what is wanted is not there, or no model at all.
        ValueError: If there are several models and none is named.

    Example:
        >>> choose_gguf(["m-Q4_K_M.gguf", "m-Q8_0.gguf", "mmproj-m.gguf"], "here", kind="Q8_0")
        ['m-Q8_0.gguf']
    """
    # What turns images into embeddings lies beside a model and is none; only the first shard of a
    # split model stands for it.
    models = [
        name
        for name in sorted(files)
        if name.endswith(".gguf")
        and "mmproj" not in name.lower()
        and (_SHARD.search(name) is None or "-00001-of-" in name)
    ]
    listed = ", ".join(models) or "none"
    if file is not None:
        if file not in files:
            raise FileNotFoundError(f"{place}: there is no such file; GGUF files there: {listed}")
        return _all_shards(file, files)
    if kind is not None:
        found = [name for name in models if _is_kind(name, kind)]
        if len(found) != 1:
            many = "several GGUF files" if found else "no GGUF file"
            raise FileNotFoundError(f"{place}: {many} of kind {kind!r}; GGUF files there: {listed}")
        return _all_shards(found[0], files)
    if not models or any(name.endswith(".safetensors") for name in files):
        return []
    usual = [name for name in models if _is_kind(name, "Q4_K_M")]
    if len(models) > 1 and len(usual) != 1:
        raise ValueError(f"{place} has several GGUF files; name one: {listed}")
    return _all_shards((usual if len(models) > 1 else models)[0], files)


def _is_kind(name: str, kind: str) -> bool:
    # As in model-Q4_0.gguf, model.q4_0.gguf or Q4_0/model-00001-of-00002.gguf.
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(kind)}(?![A-Za-z0-9_])", name, re.I) is not None


def _all_shards(name: str, files: Sequence[str]) -> list[str]:
    if not _SHARD.search(name):
        return [name]
    stem = _SHARD.sub("", name)
    return sorted(
        other for other in files if _SHARD.search(other) and _SHARD.sub("", other) == stem
    )
