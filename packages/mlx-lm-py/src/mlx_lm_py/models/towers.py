"""Models of images and text, of which the text part is a decoder like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx

from .usual import usual_sizes

__all__ = ["has_other_parts", "text_config", "text_weights"]


def __dir__() -> list[str]:
    return __all__


_NESTED = ("text_config", "llm_config", "language_config")
# What the names of the text part's weights begin with, and what they begin with by themselves.
_PREFIXES = {
    "language_model.model.": "model.",
    "language_model.lm_head.": "lm_head.",
    "model.language_model.": "model.",
    "model.text_model.": "model.",
}
_OTHER_PARTS = ("visual.", "model.visual.", "vision_tower.", "multi_modal_projector.")


def has_other_parts(config: Mapping[str, Any]) -> bool:
    """Whether a configuration is one of more than a text model.

    Args:
        config: As ``config.json`` has it.

    Returns:
        Whether it has a text part, or describes images beside one.
    """
    return any(isinstance(config.get(name), dict) for name in (*_NESTED, "vision_config"))


def text_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the text part.

    Args:
        config: As ``config.json`` has it.

    Returns:
        That of the text part, where there is one; what it leaves out is as in the whole.

    Example:
        >>> text_config({"model_type": "lfm2_vl", "text_config": {"model_type": "lfm2"}})
        {'model_type': 'lfm2'}
    """
    for name in _NESTED:
        inner = config.get(name)
        if isinstance(inner, dict):
            outer = {
                key: value
                for key, value in config.items()
                if key not in (*_NESTED, "vision_config", "audio_config", "architectures")
            }
            kind = inner.get("model_type") or config.get("model_type")
            given = {key: value for key, value in inner.items() if value is not None}
            merged = usual_sizes(kind) | outer | given
            # Either place may say so.
            if outer.get("tie_word_embeddings"):
                merged["tie_word_embeddings"] = outer["tie_word_embeddings"]
            return merged
    return dict(config)


def text_weights(weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
    """The weights of the text part.

    Args:
        weights: The weights of a checkpoint by name.

    Returns:
        Those of the text part by the names that they have by themselves; all of them, if it is
        the only one.
    """
    if not any(name.startswith(tuple(_PREFIXES)) for name in weights):
        return {k: value for k, value in weights.items() if not k.startswith(_OTHER_PARTS)}
    text = {}
    for name, value in weights.items():
        for theirs, ours in _PREFIXES.items():
            if name.startswith(theirs):
                text[ours + name.removeprefix(theirs)] = value
        if name.startswith("lm_head."):
            text[name] = value
    return text
