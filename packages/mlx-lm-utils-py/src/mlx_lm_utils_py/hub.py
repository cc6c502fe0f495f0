"""Models by name: a path on this machine, or a repository on the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["get_model_path"]


def __dir__() -> list[str]:
    return __all__


_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PATTERNS = ["*.json", "*.safetensors", "*.jinja", "*.gguf"]


def get_model_path(path_or_repo: str | Path, revision: str | None = None) -> Path:
    """Find a model on this machine, downloading it from the hub if it is the name of a repository.

    Args:
        path_or_repo: A file, a folder, or a repository such as ``"Qwen/Qwen3-0.6B"``.
        revision: Branch, tag or commit of the repository. Default: ``None``, its main branch.

    Returns:
        The file or folder. A repository that was downloaded before is found without a network.

    Raises:
        FileNotFoundError: If it is neither on this machine nor on the hub, or the hub cannot be
            reached.
    """
    name = str(path_or_repo)
    path = Path(path_or_repo).expanduser()
    # An empty name, as a shell makes of an unset variable, is not the current folder.
    if name and path.exists():
        return path
    if not _REPOSITORY.fullmatch(name):
        raise FileNotFoundError(f"no such file or folder: {name or repr(name)}")
    # Here, because it takes longer to import than all the rest and most models are local.
    import huggingface_hub
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        return Path(
            huggingface_hub.snapshot_download(name, revision=revision, allow_patterns=_PATTERNS)
        )
    except RevisionNotFoundError:
        raise FileNotFoundError(f"repository {name} has no revision '{revision}'") from None
    except RepositoryNotFoundError:
        raise FileNotFoundError(
            f"no such file, folder or repository on the hub: {name} (or it is private: then set "
            "HF_TOKEN)"
        ) from None
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        reason = str(error).strip().splitlines()
        raise FileNotFoundError(
            f"{name} is not a file or folder here, and could not be had from the hub: "
            f"{reason[0] if reason else type(error).__name__}"
        ) from None
