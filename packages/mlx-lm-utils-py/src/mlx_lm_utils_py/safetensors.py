"""Checkpoints of safetensors files: one, or several with an index.

The format: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import mlx_core_py as mx

from .config import read_json

__all__ = ["MAX_HEADER_BYTES", "check_safetensors", "load_safetensors", "refuse_pointer"]


def __dir__() -> list[str]:
    return __all__


MAX_HEADER_BYTES = 100 * 2**20

_ITEM_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4,
    "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8, "F8_E4M3": 1,
    "F8_E8M0": 1,
}  # fmt: skip


_POINTER = b"version https://git-lfs"
# Of a transformers checkpoint in another type, beside the usual one.
_VARIANT = re.compile(r"model\.[^.]+\.safetensors")


def refuse_pointer(path: str | Path) -> None:
    """Tell what a repository cloned without Git LFS has in place of a file.

    Args:
        path: The file.

    Raises:
        ValueError: If it only says where the file is.
    """
    with Path(path).open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise ValueError(f"{path} is a pointer of Git LFS; 'git lfs pull' fetches the file")


def check_safetensors(path: str | Path) -> dict[str, dict[str, Any]]:
    """Check that a safetensors file is whole and that its header agrees with its size.

    Args:
        path: The file.

    Returns:
        What the header says of each tensor: ``dtype``, ``shape``, ``data_offsets``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is damaged. The message says how.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    refuse_pointer(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(size - 8, MAX_HEADER_BYTES):
            raise ValueError(f"{path} is truncated or not a safetensors file")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError):
            raise ValueError(f"{path} is not a safetensors file: its header is no JSON") from None
    if not isinstance(header, dict):
        raise ValueError(f"{path} is not a safetensors file: its header is no JSON object")
    for name, entry in header.items():
        if name != "__metadata__":
            _check_entry(path, name, entry, size - 8 - length)
    return {name: entry for name, entry in header.items() if name != "__metadata__"}


def _check_entry(path: Path, name: str, entry: Any, data_bytes: int) -> None:
    def is_sizes(value: object) -> bool:
        return isinstance(value, list) and all(
            type(item) is int and 0 <= item < 2**63 for item in value
        )

    if (
        not isinstance(entry, dict)
        or not is_sizes(entry.get("shape"))
        or not is_sizes(entry.get("data_offsets"))
        or len(entry["data_offsets"]) != 2
    ):
        raise ValueError(f"{path}: the header entry of tensor '{name}' is malformed")
    if entry.get("dtype") not in _ITEM_BYTES:
        raise ValueError(f"{path}: tensor '{name}' has the unsupported type {entry.get('dtype')}")
    begin, end = entry["data_offsets"]
    if not all(item < 2**31 for item in entry["shape"]):
        raise ValueError(f"{path}: tensor '{name}' has the senseless shape {entry['shape']}")
    if end - begin != math.prod(entry["shape"]) * _ITEM_BYTES[entry["dtype"]]:
        raise ValueError(f"{path}: the bytes of tensor '{name}' do not fit its shape and type")
    if end > data_bytes:
        raise ValueError(f"{path} is truncated: tensor '{name}' runs past its end")


def load_safetensors(folder: str | Path) -> dict[str, mx.array]:
    """Load all weights of a checkpoint.

    Args:
        folder: Folder with ``model.safetensors.index.json`` and the files that it names, or,
            without one, with ``model*.safetensors`` or else ``*.safetensors`` files;
            ``model.fp16.safetensors`` and the like count where there is no ``model.safetensors``.
            An index none of whose files is there was left behind by shards that became
            ``model.safetensors``.

    Returns:
        The weights by name.

    Raises:
        FileNotFoundError: If there are no weights, or a file that the index names is missing.
        ValueError: If the index or a file is damaged, or does not hold what the index says.
    """
    folder = Path(folder)
    index = folder / "model.safetensors.index.json"
    expected: dict[str, str] = {}
    paths: list[Path] = []
    if index.is_file():
        expected = _read_index(index)
        paths = [folder / name for name in sorted(set(expected.values()))]
        whole = folder / "model.safetensors"
        if whole.is_file() and not any(path.is_file() for path in paths):
            expected = dict.fromkeys(expected, whole.name)
            paths = [whole]
    else:
        # Others lie beside them: the same weights by other names, adapters, what systems add.
        found = [path for path in sorted(folder.glob("*.safetensors")) if path.name[0] != "."]
        paths = [path for path in found if path.name.startswith("model")] or found
        if folder / "model.safetensors" in paths:
            paths = [path for path in paths if not _VARIANT.fullmatch(path.name)]
    if not paths:
        pickled = any(folder.glob("pytorch_model*.bin"))
        hint = "; pickled weights (pytorch_model.bin) are not read" if pickled else ""
        raise FileNotFoundError(f"no *.safetensors file in {folder}{hint}")
    weights: dict[str, mx.array] = {}
    for path in paths:
        check_safetensors(path)
        for name, value in mx.load(str(path)).items():
            if name in weights:
                raise ValueError(f"{folder} has two weights named '{name}'")
            weights[name] = value
    missing = sorted(expected.keys() - weights.keys())
    if missing:
        raise ValueError(f"{index} names the weight '{missing[0]}', which no file holds")
    return weights


def _read_index(path: Path) -> dict[str, str]:
    weight_map = read_json(path).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise ValueError(f"{path} has no 'weight_map'")
    for name, file in weight_map.items():
        if not isinstance(file, str) or not _is_plain_name(file):
            raise ValueError(f"{path} names {file!r}, which is not a file in its folder")
        if not file.endswith(".safetensors"):
            raise ValueError(f"{path} names {file!r} for '{name}', not a safetensors file")
    return weight_map


def _is_plain_name(name: str) -> bool:
    # Both flavours: a file made on one system may be used against another.
    return bool(name) and PurePosixPath(name).name == name == PureWindowsPath(name).name
