"""What a module does to put arrays and modules into itself, with the checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import mlx_core_py as mx


def check_weights(weights: dict[str, Any], parameters: dict[str, mx.array]) -> None:
    if extra := sorted(weights.keys() - parameters.keys()):
        raise ValueError(
            f"file_or_weights has {len(extra)} parameters that the model has not: "
            + ", ".join(extra)
        )
    if missing := sorted(parameters.keys() - weights.keys()):
        raise ValueError(
            f"file_or_weights lacks {len(missing)} parameters of the model: " + ", ".join(missing)
        )
    for path, parameter in parameters.items():
        given = checked_array(weights[path], path)
        if given.shape != parameter.shape:
            raise ValueError(f"{path} must have the shape {parameter.shape}, but has {given.shape}")


def checked_array(value: Any, path: str) -> mx.array:
    if not isinstance(value, mx.array):
        raise ValueError(f"{path} must be an array, but is a {type(value).__name__}")
    return value


def update_tree(
    target: Any,
    source: Any,
    path: str,
    strict: bool,
    replace: Callable[[Any, Any, Any, str, bool], bool],
) -> None:
    """Walk two trees and let ``replace`` put the leaves of ``source`` into ``target``."""
    if isinstance(source, dict) and isinstance(target, dict):
        entries: Iterable[tuple[Any, Any]] = source.items()
    elif isinstance(source, list) and isinstance(target, list):
        entries = enumerate(source)
    elif strict and not _is_nothing(source):
        raise ValueError(
            f"{path} is a {type(source).__name__}, where the module has a {type(target).__name__}"
        )
    else:
        return
    for key, value in entries:
        place = f"{path}.{key}"
        exists = key in target if isinstance(target, dict) else key < len(target)
        if not exists:
            if strict and not _is_nothing(value):
                raise ValueError(f"{place} is not in the module")
        elif not replace(target, key, value, place, strict):
            update_tree(target[key], value, place, strict, replace)


def replace_array(target: Any, key: Any, value: Any, path: str, strict: bool) -> bool:
    if not isinstance(target[key], mx.array):
        return False
    if isinstance(value, mx.array):
        target[key] = value
        return True
    if strict and not _is_nothing(value):
        raise ValueError(f"{path} must be an array, but is a {type(value).__name__}")
    return True


def replace_module(target: Any, key: Any, value: Any, path: str, strict: bool) -> bool:
    if _is_module(target[key]) and _is_module(value):
        target[key] = value
        return True
    if strict and _is_module(value):
        raise ValueError(f"{path} is not the place of a module")
    return isinstance(target[key], mx.array) and _is_nothing(value)


def _is_nothing(value: Any) -> bool:
    """Tell whether a value is an empty container, as stands for what a filter left out."""
    return isinstance(value, dict | list) and not value and not _is_module(value)


def _is_module(value: Any) -> bool:
    # A module is the only dictionary that tells; its class would be a circular import.
    return isinstance(value, dict) and hasattr(value, "is_module")
