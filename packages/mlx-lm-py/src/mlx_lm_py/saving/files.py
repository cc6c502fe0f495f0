"""Models as folders of files."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlx_core_py as mx
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten, tree_map
from mlx_lm_utils_py import Tokenizer, get_model_path

from .quantize import get_total_parameters

__all__ = ["MAX_FILE_SIZE_GB", "make_shards", "new_folder", "save", "save_config", "save_model"]


def __dir__() -> list[str]:
    return __all__


MAX_FILE_SIZE_GB = 5
"""How large a file of weights may become, in units of 2^30 bytes."""

Progress = Callable[[int, int], None]

_WEIGHTS = re.compile(r"model(-\d{5}-of-\d{5})?\.safetensors")
# What a checkpoint has beside its weights and its configuration.
_BESIDE = (
    "tokenizer*", "vocab.*", "merges.txt", "added_tokens.json", "special_tokens_map.json",
    "*.tiktoken", "tiktoken.model", "tekken.json", "chat_template.*", "generation_config.json",
    "additional_chat_templates", "modules.json", "*_Pooling", "config_sentence_transformers.json",
    "LICENSE*",
)  # fmt: skip


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """A folder that appears when all is in it, or not at all.

    Args:
        path: What it is called in the end.

    Yields:
        The folder to put things in.

    Raises:
        ValueError: If there is something at ``path`` already.
    """
    path = Path(path)
    if path.exists():
        raise ValueError(f"{path} exists already; remove it, or name another place")
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.absolute().parent))
    try:
        yield folder
        # Folders of `tempfile` are private.
        folder.chmod(0o777 & ~_umask())
        # A folder that is not empty is not replaced.
        folder.rename(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def make_shards(
    weights: Mapping[str, mx.array], max_file_size_gb: float = MAX_FILE_SIZE_GB
) -> list[dict[str, mx.array]]:
    """Divide weights among files.

    Args:
        weights: The weights by name.
        max_file_size_gb: How large a file may become, in units of 2^30 bytes. A single weight that
            is larger has a file of its own. Default: 5.

    Returns:
        The weights of each file, in their order.

    Example:
        >>> [list(shard) for shard in make_shards({"a": mx.zeros(9), "b": mx.zeros(9)}, 5e-8)]
        [['a'], ['b']]
    """
    limit = int(max_file_size_gb * 2**30)
    shards: list[dict[str, mx.array]] = []
    size = 0
    for name, value in weights.items():
        if not shards or size + value.nbytes > limit:
            shards.append({})
            size = 0
        shards[-1][name] = value
        size += value.nbytes
    return shards


def save_model(
    save_path: str | Path,
    model: nn.Module,
    *,
    donate_model: bool = False,
    progress: Progress | None = None,
) -> None:
    """Save the weights of a model, as those of a checkpoint, with an index.

    Args:
        save_path: A folder, which is made if there is none.
        model: The model.
        donate_model: Whether the model may lose its weights, so that what is written needs no more
            memory. Default: ``False``.
        progress: Is told how many bytes are written, and of how many. Default: ``None``.

    Raises:
        ValueError: If there are other weights in the folder, which would be mixed up with these.
    """
    folder = Path(save_path)
    folder.mkdir(parents=True, exist_ok=True)
    weights = dict(tree_flatten(model.parameters()))
    if hasattr(model, "checkpoint"):
        weights = model.checkpoint(weights)
    shards = make_shards(weights)
    names = ["model.safetensors"]
    if len(shards) > 1:
        names = [f"model-{i + 1:05}-of-{len(shards):05}.safetensors" for i in range(len(shards))]
    others = {file.name for file in folder.iterdir() if _WEIGHTS.fullmatch(file.name)} - set(names)
    if others:
        raise ValueError(f"{folder} has the weights of another model, in {min(others)}")
    total = sum(value.nbytes for value in weights.values())
    index = {
        "metadata": {"total_size": total, "total_parameters": get_total_parameters(model)},
        "weight_map": {
            weight: name for name, shard in zip(names, shards, strict=True) for weight in shard
        },
    }
    if donate_model:
        model.update(tree_map(lambda _: mx.array([]), model.parameters()))
    weights.clear()
    written = 0
    for name in names:
        # What is written is given up, so that of a large model one file is in memory.
        shard = shards.pop(0)
        mx.save_safetensors(str(folder / name), shard, metadata={"format": "mlx"})
        written += sum(value.nbytes for value in shard.values())
        if progress is not None:
            progress(written, total)
    _write_json(folder / "model.safetensors.index.json", index)


def save_config(config: Mapping[str, Any], config_path: str | Path) -> None:
    """Save a configuration.

    Args:
        config: The configuration. What concerns images is left out, as are names of folders.
        config_path: The file.
    """
    kept = {k: v for k, v in config.items() if k not in ("_name_or_path", "vision_config")}
    if "quantization" in kept:
        kept["quantization_config"] = kept["quantization"]
    _write_json(Path(config_path), kept)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, indent=4, sort_keys=True, ensure_ascii=False)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def save(
    dst_path: str | Path,
    src_path_or_repo: str | Path,
    model: nn.Module,
    tokenizer: Tokenizer,
    config: Mapping[str, Any],
    donate_model: bool = True,
    *,
    progress: Progress | None = None,
) -> None:
    """Save a model with its configuration and its tokenizer.

    Args:
        dst_path: The folder to write.
        src_path_or_repo: Where the model comes from, for what is beside its weights there.
        model: The model.
        tokenizer: The tokenizer, which is written if the place that the model comes from has none
            that could be copied, as a GGUF file.
        config: The configuration.
        donate_model: As for `save_model`. Default: ``True``.
        progress: As for `save_model`.
    """
    folder, source = Path(dst_path), get_model_path(src_path_or_repo)
    save_model(folder, model, donate_model=donate_model, progress=progress)
    save_config(config, folder / "config.json")
    if source.is_dir() and (source / "config.json").is_file():
        for file in sorted({file for pattern in _BESIDE for file in source.glob(pattern)}):
            copy = shutil.copytree if file.is_dir() else shutil.copyfile
            copy(file, folder / file.name)
    else:
        tokenizer.save_pretrained(folder)
