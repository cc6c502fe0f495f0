"""The case of a seed: a file, and what was done to it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from .formats import PARTS, archive
from .mutations import change_bytes, change_header, splice

FORMATS = tuple(PARTS)


@dataclass(frozen=True)
class Case:
    """A file, and the ways to read it."""

    kind: str
    content: bytes
    # "object", "path" or "mmap".
    way: str


def draw_changes(seed: str) -> list[int]:
    """The numbers of the changes of a case, none of which is a whole file."""
    return [] if Random(seed + ":whole").random() < 0.1 else list(range(Random(seed).randint(1, 4)))


def draw_case(seed: str, changes: Sequence[int] | None = None) -> Case:
    """The case of a seed, with these of its changes only."""
    kind = seed.partition(":")[0]
    r = Random(seed)
    r.randint(1, 4)  # what draw_changes has taken
    parts = PARTS[kind](r)
    others = PARTS[kind](r)
    inside = kind == "npz" and r.random() < 0.7
    text = kind in ("safetensors", "npy") or inside
    whole: bytes | None = None
    for number in draw_changes(seed) if changes is None else changes:
        each = Random(f"{seed}:{number}")
        way = each.random()
        if whole is None and text and way < 0.55:
            parts = change_header(each, "npy" if inside else kind, parts, others)
        elif whole is None and way < 0.65:
            parts = splice(each, parts, others)
        elif inside:
            at = each.randrange(len(parts))
            parts = [*parts[:at], change_bytes(each, parts[at]), *parts[at + 1 :]]
        else:
            whole = b"".join(parts) if whole is None else whole
            if kind == "npz" and not zipped(whole):
                whole = archive(r, {"a.npy": whole, "b.npy": b"".join(others)})
            whole = change_bytes(each, whole)
    content = b"".join(parts) if whole is None else whole
    if kind == "npz" and whole is None:
        content = archive(r, {"a.npy": content, "b.npy": b"".join(others)})
    ways = {
        "npy": ("object", "path", "mmap"),
        "safetensors": ("object", "path", "mmap"),
        "gguf": ("path", "mmap"),
    }
    return Case(kind, content, Random(seed + ":way").choice(ways.get(kind, ("path",))))


def zipped(content: bytes) -> bool:
    """Whether these bytes are an archive."""
    return content[:4] == b"PK\3\4" or zipfile.is_zipfile(io.BytesIO(content))
