"""Caches in files, in the layout of mlx-lm."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import mlx_core_py as mx

from .base import Cache
from .buffers import GrowingBuffers
from .chunked import ChunkedKVCache
from .kv import KVCache
from .lists import CacheList
from .parts import cut
from .quantized import QuantizedKVCache
from .rotating import QuantizedRotatingKVCache, RotatingKVCache
from .states import ArraysCache

__all__ = ["from_state", "load_prompt_cache", "save_prompt_cache"]


def __dir__() -> list[str]:
    return __all__


# The classes that a file may name. None else is looked up, let alone called.
_CLASSES: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        ArraysCache,
        CacheList,
        ChunkedKVCache,
        KVCache,
        QuantizedKVCache,
        QuantizedRotatingKVCache,
        RotatingKVCache,
    )
}

# More parts than the cache of any model has, and deeper than any: files with more are refused.
_MOST_PARTS = 100_000
_DEEPEST = 8

# The entry that says which model a cache belongs to: one of the texts, as mlx-lm knows no others.
_MODEL = "0.mlx_lm_py_model"


def from_state(name: Any, state: Any) -> Any:
    """Make a cache by the name of its class.

    Args:
        name: The name.
        state: What its ``state`` was.

    Returns:
        The cache.

    Raises:
        ValueError: If there is no such class, or the state is not that of one.
    """
    kind = _CLASSES.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"there is no cache of class {name!r}; there are {sorted(_CLASSES)}")
    try:
        return kind.from_state(state)
    except (TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"the state of a {name} is not that of one: {error}") from error


def save_prompt_cache(
    file_name: str | os.PathLike[str],
    cache: Sequence[Cache],
    metadata: Mapping[str, str] | None = None,
    *,
    model: str | None = None,
) -> None:
    """Write the cache of a model to a file, whole or not at all.

    Args:
        file_name: The file, which is replaced if there is one. Its name ends in ``.safetensors``.
        cache: The cache.
        metadata: Texts by name, to be written with it. Default: ``None``.
        model: What tells the model from others, such as a hash. Default: ``None``,
            nothing: the cache is then read for any model.

    Raises:
        TypeError: If ``metadata`` are no texts.
        ValueError: If the name of the file ends otherwise, or a layer has a cache of another class.
        OSError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> cache = [KVCache()]
        >>> _ = cache[0].update_and_fetch(*[mx.ones((1, 1, 3, 4))] * 2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_prompt_cache(f"{folder}/a.safetensors", cache, {"made": "today"})
        ...     loaded, metadata = load_prompt_cache(f"{folder}/a.safetensors", True)
        >>> loaded[0].offset, metadata
        (3, {'made': 'today'})

    See: mlx-lm ``mlx_lm.models.cache.save_prompt_cache``, which reads these files.
    """
    path = Path(file_name)
    if path.suffix != ".safetensors":
        raise ValueError(f"the name of the file must end in .safetensors, not {path.name!r}")
    texts = dict(metadata or {})
    if not all(isinstance(text, str) for item in texts.items() for text in item):
        raise TypeError("metadata must be texts by name")
    if any("." in name for name in texts):
        raise ValueError("names in metadata must not have a dot: the layout separates parts by it")
    arrays: dict[str, mx.array] = {}
    kinds: dict[str, str] = {}
    written: dict[str, str] = {f"0.{name}": text for name, text in texts.items()}
    for i, layer in enumerate(cache):
        name = type(layer).__name__
        if _CLASSES.get(name) is not type(layer):
            raise ValueError(f"layer {i} has a cache of class {name}, which cannot be saved")
        written[f"1.{i}"] = name
        _flatten(str(i), _without_room(layer).state, arrays, kinds)
    # The first entry is there so that the list is not empty.
    written["2.0"] = ""
    for i, (place, kind) in enumerate(kinds.items(), 1):
        written[f"2.{i}.0"], written[f"2.{i}.1"] = place, kind
    if model is not None:
        written[_MODEL] = model
    mx.save_safetensors(str(path), arrays, written)


def _without_room(cache: Any) -> Any:
    """The same cache without the room that its buffers have for more positions."""
    cache = cache.copy()
    if isinstance(cache, CacheList):
        cache.caches = tuple(_without_room(one) for one in cache.caches)
    elif isinstance(cache, GrowingBuffers) and not cache.empty():
        held: Any = cache
        held.keys, held.values = (cut(part, 0, held.size()) for part in (held.keys, held.values))
    return cache


def _flatten(place: str, value: Any, arrays: dict[str, mx.array], kinds: dict[str, str]) -> None:
    """Put the parts of a state under the places at which they are."""
    if isinstance(value, (list, tuple)):
        for i, one in enumerate(value):
            _flatten(f"{place}.{i}", one, arrays, kinds)
    elif isinstance(value, mx.array):
        arrays[place] = value
    elif value is None:
        arrays[place], kinds[place] = mx.array([]), "none"
    elif isinstance(value, str):
        arrays[place], kinds[place] = mx.array([ord(char) for char in value]), "string"
    else:
        arrays[place], kinds[place] = mx.array(value), "scalar"


@overload
def load_prompt_cache(
    file_name: str | os.PathLike[str],
    return_metadata: Literal[False] = False,
    *,
    model: str | None = None,
) -> list[Any]: ...


@overload
def load_prompt_cache(
    file_name: str | os.PathLike[str], return_metadata: bool, *, model: str | None = None
) -> Any: ...


def load_prompt_cache(
    file_name: str | os.PathLike[str],
    return_metadata: bool = False,
    *,
    model: str | None = None,
) -> Any:
    """Read the cache of a model from a file, ours or one that mlx-lm has written.

    Args:
        file_name: The file.
        return_metadata: Whether to return the metadata, too. Default: ``False``.
        model: What tells the model from others, such as a hash. Default: ``None``,
            which takes the cache of any model.

    Returns:
        The cache; with the metadata, texts by name, if asked for.

    Raises:
        ValueError: If the file is not the cache of a model, or says that it is that of another one.
        OSError: If the file cannot be read.

    See: mlx-lm ``mlx_lm.models.cache.load_prompt_cache``.
    """
    try:
        arrays, written = mx.load(str(file_name), return_metadata=True)
    except (RuntimeError, ValueError, TypeError) as error:
        if not os.path.isfile(file_name):
            raise FileNotFoundError(f"there is no file {os.fspath(file_name)!r}") from error
        raise ValueError(f"{os.fspath(file_name)!r} is not a safetensors file: {error}") from error
    identity = written.pop(_MODEL, None)
    if model is not None and identity is not None and identity != model:
        raise ValueError(f"{os.fspath(file_name)!r} is the cache of another model")
    try:
        caches, texts = _rebuilt(arrays, written)
    except ValueError as error:
        raise ValueError(
            f"{os.fspath(file_name)!r} is not the cache of a model: {error}"
        ) from error
    return (caches, texts) if return_metadata else caches


def _rebuilt(
    arrays: Mapping[str, mx.array], written: Mapping[str, str]
) -> tuple[list[Any], dict[str, str]]:
    """The caches that a file has, and its metadata."""
    if len(arrays) > _MOST_PARTS or len(written) > 3 * _MOST_PARTS:
        raise ValueError("it has more parts than a cache has")
    texts = {name[2:]: text for name, text in written.items() if name.startswith("0.")}
    names = {key[2:]: text for key, text in written.items() if key.startswith("1.")}
    places = {key: text for key, text in written.items() if key.startswith("2.")}
    values: dict[str, Any] = dict(arrays)
    for key, place in places.items():
        if key == "2.0" or not key.endswith(".0"):
            continue
        kind = places.get(f"{key[:-2]}.1")
        if place not in arrays:
            raise ValueError(f"it has no array {place!r}")
        values[place] = _scalar(arrays[place], kind)
    tree: dict[str, Any] = {}
    for place, value in values.items():
        steps = place.split(".")
        if len(steps) > _DEEPEST or not all(step.isdecimal() and len(step) < 6 for step in steps):
            raise ValueError(f"an array is called {place[:40]!r}")
        node = tree
        for step in steps[:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise ValueError(f"the array {place!r} is within another")
        if steps[-1] in node:
            raise ValueError(f"the array {place!r} is within another")
        node[steps[-1]] = value
    states = _as_list(tree)
    if sorted(names) != sorted(map(str, range(len(states)))):
        raise ValueError(f"it names {len(names)} classes for {len(states)} states")
    return [from_state(names[str(i)], state) for i, state in enumerate(states)], texts


def _scalar(array: mx.array, kind: str | None) -> Any:
    if kind == "none":
        return None
    if kind == "scalar" and array.size == 1:
        return array.item()
    if kind == "string" and array.size <= 100 and array.ndim == 1:
        return "".join(map(_character, array.tolist()))
    raise ValueError(f"it has an array of {array.size} numbers that are {kind!r}")


def _character(code: Any) -> str:
    if type(code) is not int or not 0 < code < 128:
        raise ValueError(f"a name has a character {code!r}")
    return chr(code)


def _as_list(node: Any) -> Any:
    """What is under the numbers from 0 on, as a list."""
    if not isinstance(node, dict):
        return node
    if not all(str(i) in node for i in range(len(node))):
        raise ValueError("a state lacks a part")
    return [_as_list(node[str(i)]) for i in range(len(node))]
