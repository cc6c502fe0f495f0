"""Prompts that were read before: caches in files, with what they hold."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlx_lm_utils_py import get_model_path

from mlx_lm_py.cache import (
    AttentionCache,
    Cache,
    KVCache,
    QuantizedKVCache,
    QuantizedRotatingKVCache,
    RotatingKVCache,
    cache_length,
    load_prompt_cache,
    make_prompt_cache,
    save_prompt_cache,
)
from mlx_lm_py.loading.default_model import default_model

from .model_facts import model_file
from .transcript import Transcript

if TYPE_CHECKING:
    from mlx_lm_py.models.protocols import LanguageModel

    from .opening import Opened

__all__ = ["KeptPrompt", "load_kept_prompt", "new_cache_file", "save_kept_prompt"]


def __dir__() -> list[str]:
    return __all__


@dataclass
class KeptPrompt:
    """A prompt that was read.

    Attributes:
        cache: What has read it.
        tokens: Its tokens; ``None`` if the file does not say, as one that mlx-lm has written.
        said: The conversation that it is, perhaps with a message that is to go on. Default: none.
        text: The text that it is, if it is no conversation. Default: ``None``.
    """

    cache: list[Cache]
    tokens: list[int] | None
    said: Transcript
    text: str | None = None


# How much of the beginning and of the end of each file tells a model from others.
_LOOKED_AT = 1 << 16


def _identity(source: str | None) -> str:
    """What tells a model from others, wherever its files are: a hash of parts of them."""
    path = model_file(default_model() if source is None else get_model_path(source))
    digest = hashlib.sha256()
    for file in sorted(path.glob("*.safetensors")) if path.is_dir() else [path]:
        size = file.stat().st_size
        digest.update(f"{size} ".encode())
        with file.open("rb") as stream:
            digest.update(stream.read(_LOOKED_AT))
            stream.seek(max(size - _LOOKED_AT, 0))
            digest.update(stream.read())
    return digest.hexdigest()


def new_cache_file(name: str) -> Path:
    """Check that a cache can be written to a file.

    Args:
        name: The file.

    Returns:
        Its path.

    Raises:
        ValueError: If there is something already, or the name ends otherwise.
    """
    path = Path(name).expanduser()
    if path.suffix != ".safetensors":
        raise ValueError(f"the name of the file must end in .safetensors, not {path.name!r}")
    if path.exists():
        raise ValueError(f"{path} exists already; remove it, or name another place")
    return path


def save_kept_prompt(path: Path, kept: KeptPrompt, source: str | None) -> None:
    """Write a prompt that was read to a file, whole or not at all.

    Args:
        path: The file.
        kept: The prompt.
        source: The model, as the command line names it.

    Raises:
        OSError: If it cannot be written.
    """
    metadata = {
        # What mlx-lm looks for.
        "model": source or "",
        "tokenizer_config": "{}",
        "tokens": json.dumps(kept.tokens),
        "conversation": kept.said.to_json(),
    }
    if kept.text is not None:
        metadata["text"] = kept.text
    save_prompt_cache(path, kept.cache, metadata, model=_identity(source))


def load_kept_prompt(name: str | Path, opened: Opened) -> KeptPrompt:
    """Read a prompt that was read before from a file, ours or one that mlx-lm has written.

    Args:
        name: The file.
        opened: The model.

    Returns:
        The prompt.

    Raises:
        OSError: If it cannot be read.
        ValueError: If the file is something else, or the cache of another model.
    """
    path = Path(name).expanduser()
    cache, metadata = load_prompt_cache(path, True, model=_identity(opened.source))
    _check_layers(cache, opened.model, path)
    if "tokens" not in metadata:
        return KeptPrompt(cache, None, Transcript())
    try:
        tokens = json.loads(metadata["tokens"])
    except (ValueError, RecursionError):
        tokens = None
    size = opened.model.args.vocab_size
    if not isinstance(tokens, list) or not all(
        type(token) is int and 0 <= token < size for token in tokens
    ):
        raise ValueError(f"{path} does not say which tokens it holds")
    held = cache_length(cache)
    # Layers that keep a state alone count no positions.
    counts = any(isinstance(layer, AttentionCache) for layer in cache)
    if counts and held != len(tokens):
        raise ValueError(f"{path} holds {held} positions, and names {len(tokens)} tokens")
    said = Transcript.from_json(metadata.get("conversation", ""), f"the conversation in {path}")
    return KeptPrompt(cache, tokens, said, metadata.get("text"))


def _check_layers(cache: list[Cache], model: LanguageModel, path: Path) -> None:
    """Raise an error unless the model can go on with a cache."""
    expected = make_prompt_cache(model)
    windows = RotatingKVCache, QuantizedRotatingKVCache
    like: dict[type, tuple[type, ...]] = {
        KVCache: (KVCache, QuantizedKVCache, *windows),
        RotatingKVCache: windows,
    }
    fits = len(cache) == len(expected) and all(
        isinstance(have, like.get(type(layer), (type(layer),)))
        for have, layer in zip(cache, expected, strict=True)
    )
    if not fits:
        raise ValueError(f"{path} is the cache of another model")
