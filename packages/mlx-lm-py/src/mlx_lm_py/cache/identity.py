"""What tells a model from others."""

from __future__ import annotations

import hashlib
from typing import Any

import mlx_core_py as mx
from mlx_core_py.utils import tree_flatten

__all__ = ["model_identity"]


def __dir__() -> list[str]:
    return __all__


# How many numbers of each weight are looked at.
_SAMPLES = 64


def model_identity(model: Any) -> str:
    """Tell a model from others by its class, its configuration and its weights.

    Of each weight the name, the shape, the type and some numbers count: what is trained or
    quantized in another way is another model, and to look at a large one takes no time.

    Args:
        model: The model, a module with ``args``.

    Returns:
        A hash of 64 hexadecimal digits.

    Example:
        >>> import mlx_core_py.nn as nn
        >>> layer = nn.Linear(3, 4)
        >>> first = model_identity(layer)
        >>> layer.weight = layer.weight + 1
        >>> len(first), first == model_identity(layer)
        (64, False)
    """
    digest = hashlib.sha256()
    digest.update(f"{type(model).__name__} {getattr(model, 'args', None)!r}".encode())
    weights: list[tuple[str, mx.array]] = sorted(tree_flatten(model.parameters()))
    samples = []
    for name, weight in weights:
        digest.update(f" {name} {weight.shape} {weight.dtype}".encode())
        flat = weight.flatten()
        samples.append(flat[:: max(flat.size // _SAMPLES, 1)])
    mx.eval(samples)
    for sample in samples:
        digest.update(bytes(memoryview(mx.contiguous(sample).view(mx.uint8))))
    return digest.hexdigest()
