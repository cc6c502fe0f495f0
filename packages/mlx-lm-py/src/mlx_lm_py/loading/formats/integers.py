"""Weights that are integers with scales, as AutoAWQ, GPTQModel and BitNet store them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx_core_py as mx

from .layers import Layers, unpack

__all__ = ["from_awq", "from_bitnet", "from_gptq"]


def __dir__() -> list[str]:
    return __all__


# Where in a word the numbers of eight neighbouring columns are.
_AWQ_ORDER = (0, 4, 1, 5, 2, 6, 3, 7)


def from_awq(layers: Layers, settings: Mapping[str, Any]) -> None:
    """Weights of AutoAWQ: columns in words of eight, in an order of their own.

    Args:
        layers: The weights.
        settings: The ``quantization_config``.

    Raises:
        ValueError: If they are of another version than gemm, or not of four bits.

    See: https://github.com/casper-hansen/AutoAWQ
    """
    version = str(settings.get("version", "gemm")).lower()
    if version != "gemm":
        raise ValueError(f"AWQ weights of version {version!r} are not supported; only gemm")
    if settings.get("bits", 4) != 4:
        raise ValueError(f"AWQ weights of {settings['bits']} bits are not supported; only 4")
    for layer in layers.having("qweight"):
        numbers, zeros = (_in_awq_order(layers.take(layer, kind)) for kind in ("qweight", "qzeros"))
        scales = layers.take(layer, "scales")
        layers.put_affine(layer, numbers.T, 4, scales.T, zeros.T)


def _in_awq_order(words: mx.array) -> mx.array:
    eights = unpack(words, 4).reshape(words.shape[0], -1, 8)
    return eights[..., mx.array(_AWQ_ORDER)].reshape(words.shape[0], -1)


def from_gptq(layers: Layers, settings: Mapping[str, Any]) -> None:
    """Weights of AutoGPTQ and GPTQModel: rows in words, and groups that rows may share anyhow.

    Args:
        layers: The weights.
        settings: The ``quantization_config``.

    Raises:
        ValueError: If they are not of 2, 4 or 8 bits, or in the layout of another kernel.

    See: https://github.com/ModelCloud/GPTQModel
    """
    bits = settings.get("bits", 4)
    layout = settings.get("checkpoint_format", "gptq")
    if bits not in (2, 4, 8):
        raise ValueError(f"GPTQ weights of {bits} bits are not supported; only 2, 4 and 8")
    if layout not in ("gptq", "gptq_v2"):
        raise ValueError(f"GPTQ weights in the layout {layout!r} are not supported")
    for layer in layers.having("qweight"):
        numbers = unpack(layers.take(layer, "qweight").T, bits)
        zeros = unpack(layers.take(layer, "qzeros"), bits).T
        scales = layers.take(layer, "scales").T
        if layout == "gptq":
            # The first layout stores one less, in as many bits.
            zeros = (zeros + 1) & (2**bits - 1) if bits < 8 else zeros + 1
        groups = layers.take_any(layer, "g_idx")
        columns, count = numbers.shape[-1], scales.shape[-1]
        size = -(-columns // max(count, 1))
        in_turn = groups is None or mx.array_equal(groups, mx.arange(columns) // size).item()
        if in_turn:
            layers.put_affine(layer, numbers, bits, scales, zeros)
            continue
        assert groups is not None
        if groups.shape != (columns,) or not mx.all((groups >= 0) & (groups < count)).item():
            raise ValueError(f"the quantized layer '{layer}' has a g_idx that makes no sense")
        scale, zero = (value[:, groups].astype(mx.float32) for value in (scales, zeros))
        layers.put_float(layer, (numbers.astype(mx.float32) - zero) * scale)


def from_bitnet(layers: Layers, settings: Mapping[str, Any]) -> None:
    """Ternary weights, four rows in a byte.

    Args:
        layers: The weights.
        settings: The ``quantization_config``.

    See: https://github.com/huggingface/transformers, ``integrations/bitnet.py``
    """
    divides = settings.get("linear_class", "bitlinear") != "autobitlinear"
    for layer in layers.having("weight_scale"):
        packed = layers.take(layer, "weight")
        scale = layers.take(layer, "weight_scale").astype(mx.float32)
        if divides:
            scale = 1 / scale
        if packed.dtype != mx.uint8:
            # Not packed, as training leaves it.
            layers.put_float(layer, packed.astype(mx.float32) * scale)
            continue
        quarters = [(packed >> (2 * i)) & 3 for i in range(4)]
        numbers = mx.concatenate(quarters, axis=0)
        scales = mx.full((numbers.shape[0], 1), scale.reshape(()))
        layers.put_affine(layer, numbers, 2, scales, mx.ones((1, 1)))
