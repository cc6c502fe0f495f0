"""Activations by the names that configurations have for them."""

from __future__ import annotations

from collections.abc import Callable

import mlx_core_py as mx
from mlx_core_py import nn

__all__ = ["ACTIVATIONS", "PAIRED", "XIELU", "activation", "gated_activation"]


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
PAIRED = ("bounded_silu", "clamped_swiglu", "situ")
"""What makes one of a gate and of what it lets through, and is no activation of the gate alone."""


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


def _clamped_swiglu(limit: float) -> Callable[[mx.array, mx.array], mx.array]:
    """A SiLU of steeper slope; both sides bounded (https://arxiv.org/abs/2508.10925)."""

    def gated(gate: mx.array, up: mx.array) -> mx.array:
        gate = mx.minimum(gate, limit)
        return (mx.clip(up, -limit, limit) + 1) * gate * mx.sigmoid(1.702 * gate)

    return gated


def _bounded_silu(limit: float) -> Callable[[mx.array, mx.array], mx.array]:
    """A SiLU of what has been bounded before, in full precision."""

    def gated(gate: mx.array, up: mx.array) -> mx.array:
        dtype = up.dtype
        gate, up = gate.astype(mx.float32), up.astype(mx.float32)
        if limit:
            gate, up = mx.minimum(gate, limit), mx.clip(up, -limit, limit)
        return (nn.silu(gate) * up).astype(dtype)

    return gated


def _situ(limit: float | tuple[float, float]) -> Callable[[mx.array, mx.array], mx.array]:
    """A SiLU, and what it lets through, both bent by tanh towards bounds."""
    at, below = limit if isinstance(limit, tuple) else (limit, limit)

    def gated(gate: mx.array, up: mx.array) -> mx.array:
        dtype = up.dtype
        gate, up = gate.astype(mx.float32), up.astype(mx.float32)
        opened = at * mx.tanh(gate / at) * mx.sigmoid(gate)
        return (opened * (below * mx.tanh(up / below) if below else up)).astype(dtype)

    return gated


def gated_activation(
    name: str, limit: float | tuple[float, float] = 0.0
) -> Callable[[mx.array, mx.array], mx.array]:
    """Find what is made of a gate and what it lets through.

    Args:
        name: The name of an activation of the gate, which multiplies the other side; or one of
            `PAIRED`.
        limit: What the activated gate is kept below, and the other side within; two numbers or one
            for both. Default: 0, nothing; of ``"clamped_swiglu"`` 7.

    Returns:
        The function.

    Raises:
        ValueError: If it is not known.
    """
    if name == "clamped_swiglu":
        return _clamped_swiglu(max(limit) if isinstance(limit, tuple) else limit or 7.0)
    if name == "situ":
        return _situ(limit)
    if name == "bounded_silu":
        return _bounded_silu(max(limit) if isinstance(limit, tuple) else limit)
    act = activation(name)
    if limit:
        at, within = limit if isinstance(limit, tuple) else (limit, limit)
        return lambda gate, up: mx.minimum(act(gate), at) * mx.clip(up, -within, within)
    return lambda gate, up: act(gate) * up


class XIELU(nn.Module):
    """A square on the right and an exponential on the left (https://arxiv.org/abs/2411.13010)."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha_p: mx.array = mx.zeros((1,))
        self.alpha_n: mx.array = mx.zeros((1,))
        self.beta: mx.array = mx.array(0.5)
        self.eps: mx.array = mx.array(-1e-6)

    def __call__(self, x: mx.array) -> mx.array:
        """Activate each element of ``x``."""
        right, left = nn.softplus(self.alpha_p), self.beta + nn.softplus(self.alpha_n)
        curved = mx.where(x > 0, right * x * x, (mx.expm1(mx.minimum(x, self.eps)) - x) * left)
        return curved + self.beta * x
