"""Dropout.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_arrays, check_numbers
from mlx_core_py.nn.layers.base import Module

__all__ = ["Dropout", "Dropout2d", "Dropout3d"]


def __dir__() -> list[str]:
    return __all__


class Dropout(Module):
    """Set random elements to zero while training, and enlarge the others to make up for it.

    Args:
        p: The probability that an element is set to zero. Default: ``0.5``.

    Shape:
        Any, to the same.

    Raises:
        ValueError: If ``p`` is not at least 0 and less than 1.

    Example:
        >>> layer = nn.Dropout(0.25)
        >>> mx.sum(layer(mx.ones((1000,))) == 0).item() > 0
        True
        >>> layer.eval()(mx.array([1.0, 2.0]))
        array([1, 2], dtype=float32)
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p: float = _checked(p)

    def _extra_repr(self) -> str:
        return f"p={self.p}"

    def __call__(self, x: mx.array) -> mx.array:
        if self.p == 0 or not self.training:
            return x
        return _drop(x, self.p, x.shape)


class Dropout2d(Module):
    """Set random channels of images to zero while training, and enlarge the others [1].

    Neighbours in an image are alike, so that dropping single elements would change little.

    [1]: https://arxiv.org/abs/1411.4280

    Args:
        p: The probability that a channel is set to zero. Default: ``0.5``.

    Shape:
        ``(N, H, W, C)`` or ``(H, W, C)``, to the same.

    Raises:
        TypeError: If the input is no array.
        ValueError: If ``p`` is not at least 0 and less than 1, or the input has another number of
            axes.

    Example:
        >>> y = nn.Dropout2d()(mx.ones((1, 2, 2, 8)))
        >>> mx.all(y == y[:, :1, :1]).item()
        True
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p: float = _checked(p)

    def _extra_repr(self) -> str:
        return f"p={self.p}"

    def __call__(self, x: mx.array) -> mx.array:
        return _drop_channels(x, self.p, self.training, 2)


class Dropout3d(Module):
    """Set random channels of volumes to zero while training, and enlarge the others [1].

    [1]: https://arxiv.org/abs/1411.4280

    Args:
        p: The probability that a channel is set to zero. Default: ``0.5``.

    Shape:
        ``(N, D, H, W, C)`` or ``(D, H, W, C)``, to the same.

    Raises:
        TypeError: If the input is no array.
        ValueError: If ``p`` is not at least 0 and less than 1, or the input has another number of
            axes.

    Example:
        >>> y = nn.Dropout3d()(mx.ones((2, 2, 2, 8)))
        >>> mx.all(y == y[:1, :1, :1]).item()
        True
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self.p: float = _checked(p)

    def _extra_repr(self) -> str:
        return f"p={self.p}"

    def __call__(self, x: mx.array) -> mx.array:
        return _drop_channels(x, self.p, self.training, 3)


def _checked(p: float) -> float:
    check_numbers(p=p)
    if not 0 <= p < 1:
        raise ValueError(f"p must be at least 0 and less than 1, but is {p}")
    return p


def _drop(x: mx.array, p: float, shape: tuple[int, ...]) -> mx.array:
    """Set parts of ``x`` to zero; ``shape`` has a 1 for each axis along which all go together."""
    kept = mx.random.bernoulli(1 - p, shape)
    return mx.where(kept, x * (1 / (1 - p)), 0)


def _drop_channels(x: mx.array, p: float, training: bool, axes: int) -> mx.array:
    check_arrays(x=x)
    if x.ndim not in (axes + 1, axes + 2):
        raise ValueError(
            f"x must have {axes + 1} or {axes + 2} axes, the channels last, "
            f"but has the shape {x.shape}"
        )
    if p == 0 or not training:
        return x
    batch = x.shape[:-1][: x.ndim - axes - 1]
    return _drop(x, p, (*batch, *(1,) * axes, x.shape[-1]))
