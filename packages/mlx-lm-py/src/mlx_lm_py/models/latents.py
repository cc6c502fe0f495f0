"""What makes keys and values of latents, as mlx-lm saves it: apart, and for each head."""

from __future__ import annotations

from collections.abc import Mapping

import mlx_core_py as mx

__all__ = ["whole_latents"]


def __dir__() -> list[str]:
    return __all__


# The modes whose scales are of eight bits, by their bits and group size.
_MODES = {(4, 32): "mxfp4", (4, 16): "nvfp4", (8, 32): "mxfp8"}


def whole_latents(weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
    """Put what makes keys of latents, and what makes values of them, into one weight.

    mlx-lm divides ``kv_b_proj`` into ``embed_q`` of shape ``(heads, rank, key_width)`` and
    ``unembed_out`` of shape ``(heads, value_width, rank)``. The first is quantized along another
    axis than a linear layer, so what is quantized is dequantized.

    Args:
        weights: The weights of a checkpoint by name.

    Returns:
        The weights, with ``kv_b_proj`` in place of the two.

    Raises:
        ValueError: If there is but one of the two, or their shapes do not fit.

    Example:
        >>> keys, values = mx.zeros((2, 8, 4)), mx.zeros((2, 3, 8))
        >>> parts = {"embed_q.weight": keys, "unembed_out.weight": values}
        >>> whole_latents(parts)["kv_b_proj.weight"].shape
        (14, 8)
    """
    whole = dict(weights)
    for name in weights:
        if not name.endswith("embed_q.weight"):
            continue
        stem = name.removesuffix("embed_q.weight")
        keys = _taken(whole, f"{stem}embed_q")
        values = _taken(whole, f"{stem}unembed_out")
        rank = keys["weight"].shape[1] if keys["weight"].ndim == 3 else 0
        if "weight" not in values or values["weight"].ndim != 3 or not rank:
            raise ValueError(f"the weight '{name}' has no fitting '{stem}unembed_out.weight'")
        if "scales" in keys and "scales" in values:
            # The number of features of keys is not known, that of values is the rank.
            bits = values["weight"].shape[-1] * 32 // rank
            group_size = rank // max(values["scales"].shape[-1], 1)
            keys, values = (_dense(part, group_size, bits, name) for part in (keys, values))
        rows = [keys["weight"].swapaxes(1, 2), values["weight"]]
        if rows[0].shape[::2] != rows[1].shape[::2]:
            raise ValueError(f"the weight '{name}' has no fitting '{stem}unembed_out.weight'")
        whole[f"{stem}kv_b_proj.weight"] = mx.concatenate(rows, axis=1).flatten(0, 1)
    return whole


def _taken(weights: dict[str, mx.array], path: str) -> dict[str, mx.array]:
    """What there is of a layer, which is taken out."""
    kinds = ("weight", "scales", "biases")
    return {kind: weights.pop(f"{path}.{kind}") for kind in kinds if f"{path}.{kind}" in weights}


def _dense(part: dict[str, mx.array], group_size: int, bits: int, name: str) -> dict[str, mx.array]:
    mode = "affine" if "biases" in part else _MODES.get((bits, group_size))
    if mode is None:
        raise ValueError(f"the quantized weight '{name}' has shapes that make no sense")
    weight = mx.dequantize(
        part["weight"], part["scales"], part.get("biases"), group_size, bits, mode
    )
    return {"weight": weight}
