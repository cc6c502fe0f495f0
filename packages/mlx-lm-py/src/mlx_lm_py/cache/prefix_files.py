"""Prefixes in a folder, so that another process need not read them either."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .files import load_prompt_cache, save_prompt_cache
from .identity import model_identity
from .segments import holds_all
from .states import ArraysCache

__all__ = ["PrefixFiles", "Stored"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Stored:
    """What a file holds.

    Attributes:
        key: The kinds of caches.
        tokens: All tokens from the beginning on.
        start: From which of them on there are positions.
        leaves: The caches, some of them without content.
        has_states: Whether those that do not hold all positions are there.
        name: The name of the file; none before it is written.
    """

    key: str
    tokens: list[int]
    start: int
    leaves: list[Any]
    has_states: bool
    name: str = ""


class PrefixFiles:
    """A folder of prefixes of a model.

    Args:
        folder: The folder, which is made if there is none.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._identity = ""

    def read(self, model: Any) -> list[Stored]:
        """Read the files of a model, those first that others follow.

        Args:
            model: The model.

        Returns:
            What they hold. Files of other models and those that are not whole are passed over.
        """
        self._identity = model_identity(model)
        found = []
        for path in sorted(self._folder.glob(f"{self._identity[:16]}-*.safetensors")):
            try:
                found.append(_read(path, self._identity))
            except (ValueError, OSError):
                continue
        return sorted(found, key=lambda one: (one.start, len(one.tokens)))

    def write(self, stored: Stored) -> str:
        """Write a file.

        Args:
            stored: What it shall hold.

        Returns:
            Its name.

        Raises:
            OSError: If it cannot be written.
        """
        text = json.dumps([stored.key, stored.tokens, stored.start])
        digest = hashlib.sha256(text.encode()).hexdigest()
        name = f"{self._identity[:16]}-{digest[:32]}.safetensors"
        metadata = {
            "key": stored.key,
            "tokens": json.dumps(stored.tokens),
            "start": str(stored.start),
            "states": str(stored.has_states),
        }
        path = self._folder / name
        save_prompt_cache(path, stored.leaves, metadata, model=self._identity)
        return name

    def remove(self, names: Iterable[str]) -> None:
        """Remove files.

        Args:
            names: Their names. Those that are gone already are passed over.
        """
        for name in names:
            (self._folder / name).unlink(missing_ok=True)


def _read(path: Path, identity: str) -> Stored:
    """Read a file.

    Raises:
        ValueError: If it is not what `PrefixFiles.write` writes, or of another model.
        OSError: If it cannot be read.
    """
    leaves, metadata = load_prompt_cache(path, True, model=identity)
    try:
        key, start = metadata["key"], int(metadata["start"])
        tokens = json.loads(metadata["tokens"])
        kinds = [kind[0] for kind in json.loads(key)[1]]
    except (KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"{path} is no prefix: {error}") from None
    if (
        not isinstance(tokens, list)
        or not all(type(token) is int for token in tokens)
        or not 0 <= start <= len(tokens)
        or len(kinds) != len(leaves)
    ):
        raise ValueError(f"{path} is no prefix")
    for kind, leaf in zip(kinds, leaves, strict=True):
        if type(leaf) is ArraysCache and not leaf.cache:
            continue
        positions = len(tokens) - start if holds_all(kind) else len(tokens)
        if type(leaf).__name__ != kind or getattr(leaf, "offset", positions) != positions:
            raise ValueError(f"{path} is no prefix: its layers are of other kinds or lengths")
    return Stored(key, tokens, start, leaves, metadata.get("states") == "True", path.name)
