"""Configurations read from model files, checked before anything is built from them."""

from __future__ import annotations

import dataclasses
import json
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

__all__ = [
    "MAX_JSON_BYTES",
    "T",
    "check_range",
    "from_config",
    "read_json",
    "with_rope_parameters",
]


def __dir__() -> list[str]:
    return __all__


T = TypeVar("T")

MAX_JSON_BYTES = 256 * 2**20
"""JSON files larger than this are refused: no tokenizer or configuration comes near it."""


def read_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON file that holds an object.

    Args:
        path: The file.

    Returns:
        The object as a dictionary.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is not JSON, is not an object, or is absurdly large.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {path}")
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"{path} has {path.stat().st_size} bytes, too many for a JSON file")
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} must hold a JSON object, not a {type(value).__name__}")
    return value


def from_config(cls: type[T], config: Mapping[str, Any]) -> T:
    """Build a dataclass from the entries of a configuration that it has fields for.

    Unknown entries are ignored, since model configurations carry many that only other programs
    read. An entry that is ``null`` counts as absent where the field has a default.

    Args:
        cls: The dataclass. Its fields may be ``int``, ``float``, ``bool``, ``str``, a ``dict``, or
            one of these or ``None``.
        config: The configuration, as ``config.json`` has it.

    Returns:
        An instance of ``cls``.

    Raises:
        ValueError: If an entry is missing or has the wrong type. The message names it.

    Example:
        >>> @dataclasses.dataclass
        ... class Args:
        ...     hidden_size: int
        ...     rope_theta: float = 10000.0
        >>> from_config(Args, {"hidden_size": 64, "torch_dtype": "bfloat16"})
        Args(hidden_size=64, rope_theta=10000.0)
    """
    if not dataclasses.is_dataclass(cls):
        raise TypeError(f"cls must be a dataclass, not {cls!r}")
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        value = config.get(field.name)
        if value is not None:
            values[field.name] = _checked(field.name, value, hints[field.name])
        elif field.default is dataclasses.MISSING:
            raise ValueError(f"the configuration has no '{field.name}'")
    return cls(**values)


def _checked(name: str, value: Any, hint: Any) -> object:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    allowed = [typing.get_origin(option) or option for option in options]
    if float in allowed and type(value) in (int, float):
        # JSON as Python reads it knows NaN, infinities, and integers beyond all floats.
        if not abs(value) <= sys.float_info.max:
            raise ValueError(f"'{name}' in the configuration must be a finite number")
        return float(value)
    # bool is a subclass of int, and `true` is no number of layers.
    if type(value) not in allowed:
        names = " or ".join(option.__name__ for option in allowed if option is not types.NoneType)
        raise ValueError(
            f"'{name}' in the configuration must be of type {names}, not {type(value).__name__}"
        )
    return value


def check_range(name: str, value: int, low: int = 1, high: int = 2**31 - 1) -> None:
    """Raise ``ValueError`` unless ``low <= value <= high``.

    Args:
        name: The entry of the configuration, for the message.
        value: Its value.
        low: The smallest value that makes sense.
        high: The largest value that makes sense.

    Raises:
        ValueError: If the value is outside the range.
    """
    if not low <= value <= high:
        raise ValueError(f"'{name}' in the configuration is {value}; it must be in {low}..{high}")


def with_rope_parameters(config: Mapping[str, Any]) -> dict[str, Any]:
    """Express ``rope_parameters`` as the ``rope_theta`` and ``rope_scaling`` of older files.

    Args:
        config: The configuration.

    Returns:
        A copy with ``rope_theta`` and ``rope_scaling`` wherever there are ``rope_parameters``.

    Raises:
        ValueError: If ``rope_parameters`` is not an object.

    Example:
        >>> with_rope_parameters({"rope_parameters": {"rope_type": "default", "rope_theta": 5.0}})
        {'rope_scaling': {'rope_type': 'default'}, 'rope_theta': 5.0}
    """
    config = dict(config)
    parameters = config.pop("rope_parameters", None)
    if parameters is not None:
        if not isinstance(parameters, dict):
            raise ValueError("'rope_parameters' in the configuration must be an object")
        scaling = dict(parameters)
        theta = scaling.pop("rope_theta", None)
        config["rope_scaling"] = scaling
        if theta is not None:
            config["rope_theta"] = theta
    return config
