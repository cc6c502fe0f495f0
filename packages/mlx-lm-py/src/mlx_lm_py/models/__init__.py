"""The architectures, by the ``model_type`` of their configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlx_core_py import nn

from . import llama, qwen3

_ARCHITECTURES = {"llama": llama, "qwen3": qwen3}


def make_model(config: Mapping[str, Any]) -> nn.Module:
    """Create a model from its configuration, with random weights.

    Args:
        config: As ``config.json`` has it.

    Returns:
        The model.

    Raises:
        ValueError: If the architecture is not supported or the configuration is not valid.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in _ARCHITECTURES:
        known = ", ".join(_ARCHITECTURES)
        raise ValueError(
            f"the architecture {str(kind)[:100]!r} is not supported; supported: {known}"
        )
    architecture = _ARCHITECTURES[kind]
    model: nn.Module = architecture.Model(architecture.ModelArgs.from_dict(config))
    return model
