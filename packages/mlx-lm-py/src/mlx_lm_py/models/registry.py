"""The architectures by name, each in a module that is imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, cast

from mlx_core_py import nn

from .protocols import ModelFile

__all__ = ["MODULES", "make_model", "model_file"]


def __dir__() -> list[str]:
    return __all__


# The ``model_type`` of ``config.json``, or the ``general.architecture`` of GGUF files, to the
# module of this package.
MODULES = {
    "llama": "llama",
    "mistral": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
}


def model_file(architecture: object) -> ModelFile:
    """Import the module that defines an architecture.

    Args:
        architecture: Its name, in whichever way a model file gives it.

    Returns:
        The module.

    Raises:
        ValueError: If the architecture is not supported. The message names those that are.

    Example:
        >>> model_file("mistral") is model_file("llama")
        True
    """
    if not isinstance(architecture, str) or architecture not in MODULES:
        raise ValueError(
            f"the architecture {str(architecture)[:100]!r} is not supported; "
            f"supported: {', '.join(MODULES)}"
        )
    return cast(ModelFile, importlib.import_module(f".{MODULES[architecture]}", __package__))


def make_model(config: Mapping[str, Any]) -> nn.Module:
    """Create a model from its configuration, with random weights.

    Args:
        config: As ``config.json`` has it.

    Returns:
        The model.

    Raises:
        ValueError: If the architecture is not supported or the configuration is not valid.
    """
    file = model_file(config.get("model_type"))
    return file.Model(file.ModelArgs.from_dict(config))
