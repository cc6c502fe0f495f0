"""Downloads from the Hugging Face hub, each file compared with the checksum that the hub has."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_lm_utils_py import choose_gguf
from mlx_lm_utils_py.hub import MODEL_PATTERNS

from .streams import progress

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

__all__ = ["download"]


def __dir__() -> list[str]:
    return __all__


def download(
    repository: str,
    file: str | None = None,
    kind: str | None = None,
    *,
    revision: str | None = None,
    include: Sequence[str] | None = None,
    quiet: bool = False,
) -> Path:
    """Download what is missing of a model and check all of it.

    Args:
        repository: Its repository.
        file: The GGUF file that is wanted. Default: ``None``.
        kind: The kind of quantization that is wanted. Default: ``None``.
        revision: Branch, tag or commit. Default: ``None``, the main branch.
        include: Patterns of the files that are wanted. Default: ``None``, what a model needs.
        quiet: Show no progress. Default: ``False``.

    Returns:
        The file or folder.

    Raises:
        FileNotFoundError: If there is no such repository or file, or the hub cannot be reached.
        ValueError: If a file is not what the hub has; it is removed.
    """
    import huggingface_hub
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if quiet:
        disable_progress_bars()
    try:
        info = huggingface_hub.HfApi().model_info(
            repository, revision=revision, files_metadata=True
        )
        siblings = {sibling.rfilename: sibling for sibling in info.siblings or ()}
        chosen = [] if include else choose_gguf(list(siblings), repository, file, kind)
        patterns = list(include or chosen or MODEL_PATTERNS)
        folder = Path(
            huggingface_hub.snapshot_download(
                repository, revision=info.sha, allow_patterns=patterns
            )
        )
    except RevisionNotFoundError:
        raise FileNotFoundError(f"repository {repository} has no revision '{revision}'") from None
    except RepositoryNotFoundError:
        raise FileNotFoundError(
            f"no such repository on the hub: {repository} (or it is private: then set HF_TOKEN)"
        ) from None
    except (FileNotFoundError, ValueError):
        raise
    # Without a network, which the libraries tell in many ways.
    except Exception as error:
        reason = str(error).strip().splitlines()
        raise FileNotFoundError(
            f"{repository} could not be had from the hub: "
            f"{reason[0] if reason else type(error).__name__}"
        ) from None
    here = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    if not here:
        raise FileNotFoundError(f"{repository} has no file like {', '.join(include or ())}")
    for path in progress(here, "comparing checksums", quiet):
        sibling = siblings.get(path.relative_to(folder).as_posix())
        if sibling is not None:
            _check(path, sibling)
    return folder / chosen[0] if chosen else folder


def _check(path: Path, sibling: RepoSibling) -> None:
    if sibling.lfs is not None:
        digest, expected = hashlib.sha256(), sibling.lfs.sha256
    elif sibling.blob_id:
        # What git calls the checksum of a file.
        digest, expected = hashlib.sha1(usedforsecurity=False), sibling.blob_id
        digest.update(f"blob {path.stat().st_size}\0".encode())
    else:
        return
    with path.open("rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    if digest.hexdigest() != expected:
        # The file that the name leads to: the next download is to fetch it again.
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        raise ValueError(
            f"{path.name} is not what the hub has (its checksum differs), and was removed; pull "
            "again"
        )
