"""Activations by the names that configurations have for them."""

from __future__ import annotations

from collections.abc import Callable

import mlx_core_py as mx
from mlx_core_py import nn

__all__ = ["ACTIVATIONS", "activation", "gated_activation"]


def __dir__() -> list[str]:
    return __all__


ACTIVATIONS: dict[str, Callable[[mx.array], mx.array]] = {
    "silu": nn.silu,
    "swish": nn.silu,
    "gelu": nn.gelu,
    "gelu_new": nn.gelu_approx,
    "gelu_fast": nn.gelu_approx,
    "gelu_pytorch_tanh": nn.gelu_approx,
    "relu": nn.relu,
    "relu2": nn.relu2,
    "sigmoid": mx.sigmoid,
    "softplus": nn.softplus,
}


def activation(name: str) -> Callable[[mx.array], mx.array]:
    """Find an activation.

    Args:
        name: Its name.

    Returns:
        The function.

    Raises:
        ValueError: If it is not known.
    """
    if name not in ACTIVATIONS:
        known = ", ".join(ACTIVATIONS)
        raise ValueError(f"'hidden_act' {name!r} is not supported; known: {known}")
    return ACTIVATIONS[name]


def _clamped_swiglu(gate: mx.array, up: mx.array) -> mx.array:
    """A SiLU of steeper slope; both sides bounded (https://arxiv.org/abs/2508.10925)."""
    gate = mx.minimum(gate, 7.0)
    return (mx.clip(up, -7.0, 7.0) + 1) * gate * mx.sigmoid(1.702 * gate)


def gated_activation(name: str) -> Callable[[mx.array, mx.array], mx.array]:
    """Find what is made of a gate and what it lets through.

    Args:
        name: The name of an activation of the gate, which multiplies the other side; or
            ``"clamped_swiglu"``.

    Returns:
        The function.

    Raises:
        ValueError: If it is not known.
    """
    if name == "clamped_swiglu":
        return _clamped_swiglu
    act = activation(name)
    return lambda gate, up: act(gate) * up
