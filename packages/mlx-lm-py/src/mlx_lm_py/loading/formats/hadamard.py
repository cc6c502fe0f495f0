"""Packs of 2 bits whose layers rotate what comes in, as mlx-lm reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx

from mlx_lm_py.models.towers import text_weights

__all__ = ["PACK", "from_hadamard"]


def __dir__() -> list[str]:
    return __all__


PACK = "prism_hadamard_qwen35"
"""The ``model_type`` of such a pack."""

_NAMESPACES = {1: "mlx-lm-text", 2: "mlx-vlm-qwen3_5"}
_BLOCKS = (0, 512, 1024, 2048, 4096, 8192)


def from_hadamard(
    weights: Mapping[str, mx.array], config: Mapping[str, Any]
) -> dict[str, mx.array]:
    """Give the signs of each rotated layer the shape of its blocks.

    Args:
        weights: The weights of a pack by name.
        config: As ``config.json`` has it, with the ``modules`` of the pack.

    Returns:
        The weights by the names that the text part has by itself; signs are of shape ``(blocks,
        size)``.

    Raises:
        ValueError: If the pack is of another kind, or its list of layers and its weights differ.
    """
    _check(config)
    found = dict(text_weights(weights))
    rotated = set()
    for record in config["modules"]:
        path, block = record.get("path"), record.get("block")
        if type(block) is not int or block not in _BLOCKS or record.get("dtype") != "float16":
            raise ValueError(f"'modules' in the configuration describe {path!r} as {record}")
        if not block:
            continue
        name = f"{path}.signs"
        signs = found.get(name)
        if signs is None or signs.size % block:
            raise ValueError(f"the pack has no weight '{name}' of blocks of {block}")
        if not mx.all(mx.abs(signs) == 1).item():
            raise ValueError(f"the weight '{name}' must have nothing but 1 and -1")
        found[name] = signs.reshape(-1, block)
        rotated.add(name)
    others = [name for name in found if name.endswith(".signs") and name not in rotated]
    if others:
        raise ValueError(f"'modules' in the configuration do not rotate '{others[0]}'")
    return found


def _check(config: Mapping[str, Any]) -> None:
    version, space = config.get("schema_version", 2), config.get("tensor_namespace")
    if type(version) is not int or _NAMESPACES.get(version) != space:
        raise ValueError(
            f"'tensor_namespace' in the configuration is {space!r} of schema {version!r}; known: "
            f"{_NAMESPACES}"
        )
    if config.get("gdn_activation_layout", "grouped") != "grouped":
        raise ValueError("'gdn_activation_layout' in the configuration must be 'grouped'")
    modules = config.get("modules")
    if not isinstance(modules, list) or not all(isinstance(one, dict) for one in modules):
        raise ValueError("'modules' in the configuration must be a list of objects")
