"""Resizing along spatial axes.

Source: https://ml-explore.github.io/mlx/build/html/python/nn/layers.html
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import mlx_core_py as mx
from mlx_core_py.nn._checks import check_arrays
from mlx_core_py.nn.layers.base import Module

__all__ = ["Upsample"]


def __dir__() -> list[str]:
    return __all__


class Upsample(Module):
    """Resize sequences, images or volumes by interpolation.

    An axis of size ``n`` becomes one of size ``int(scale_factor * n)``. The axes are resized one
    after the other, so that ``"linear"`` is bilinear for images and trilinear for volumes.

    Args:
        scale_factor: What the sizes are multiplied by, for all spatial axes or for each.
        mode: ``"nearest"``, ``"linear"`` or ``"cubic"``. Default: ``"nearest"``.
        align_corners: Whether the first and the last position of input and output are the same,
            rather than the outer edges of these positions; for ``"linear"`` and ``"cubic"``.
            Default: ``False``.
        antialias: Whether an axis that becomes smaller is averaged over all positions that an
            output stands for; for ``"linear"`` and ``"cubic"``. The cubic kernel is then the one
            of ``a = -0.5`` rather than ``a = -0.75``. Default: ``False``.

    Shape:
        ``(N, *sizes, C)`` to ``(N, *new sizes, C)``. Integers become ``float32``, except with
        ``"nearest"``.

    Raises:
        TypeError: If the input is no array, or ``scale_factor`` is neither a number nor a tuple.
        ValueError: If ``mode`` is another one, ``scale_factor`` is not greater than 0 or has
            another number of elements than the input has spatial axes, ``antialias`` does not go
            with the rest, or the input has no spatial axis or an empty one.

    Example:
        >>> x = mx.array([1.0, 2.0]).reshape(1, 2, 1)
        >>> nn.Upsample(2)(x).flatten().tolist()
        [1.0, 1.0, 2.0, 2.0]
        >>> nn.Upsample(2, "linear")(x).flatten().tolist()
        [1.0, 1.25, 1.75, 2.0]
    """

    def __init__(
        self,
        scale_factor: float | tuple[float, ...],
        mode: Literal["nearest", "linear", "cubic"] = "nearest",
        align_corners: bool = False,
        antialias: bool = False,
    ) -> None:
        if mode not in ("nearest", "linear", "cubic"):
            raise ValueError(f"mode must be 'nearest', 'linear' or 'cubic', but is {mode!r}")
        if antialias and (mode == "nearest" or align_corners):
            raise ValueError(
                "antialias must be False with the mode 'nearest' and with align_corners"
            )
        super().__init__()
        self.scale_factor: float | tuple[float, ...]
        if isinstance(scale_factor, tuple | list):
            self.scale_factor = tuple(_checked_scale(scale) for scale in scale_factor)
        else:
            self.scale_factor = _checked_scale(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.antialias = antialias

    def _extra_repr(self) -> str:
        antialias = ", antialias=True" if self.antialias else ""
        return (
            f"scale_factor={self.scale_factor}, mode={self.mode!r}, "
            f"align_corners={self.align_corners}{antialias}"
        )

    def __call__(self, x: mx.array) -> mx.array:
        check_arrays(x=x)
        axes = x.ndim - 2
        if axes < 1 or 0 in x.shape[1:-1]:
            raise ValueError(
                "x must have axes of at least one element between the batch and the channels, "
                f"but has the shape {x.shape}"
            )
        scales = self.scale_factor
        if not isinstance(scales, tuple):
            scales = (scales,) * axes
        if len(scales) != axes:
            raise ValueError(
                f"scale_factor has {len(scales)} elements, but x of the shape {x.shape} has "
                f"{axes} spatial axes"
            )
        for axis, scale in enumerate(scales, start=1):
            if scale != 1:
                x = self._resize(x, axis, scale)
        return x

    def _resize(self, x: mx.array, axis: int, scale: float) -> mx.array:
        size = x.shape[axis]
        new_size = int(scale * size)
        if self.mode == "nearest":
            if scale == int(scale):
                return mx.repeat(x, int(scale), axis=axis)
            return mx.take(x, _nearest(size, new_size), axis=axis)
        kernel: Callable[[float], float]
        if self.mode == "linear":
            kernel, reach = _triangle, 1
        else:
            kernel, reach = _cubic(-0.5 if self.antialias else -0.75), 2
        places = _places(size, new_size, scale, self.align_corners)
        if self.antialias:
            shrink = max(1.0, 1 / scale)
            taps = [_wide_taps(place, size, kernel, reach, shrink) for place in places]
        else:
            taps = [_taps(place, size, kernel, reach) for place in places]
        dtype = x.dtype if mx.issubdtype(x.dtype, mx.floating) else mx.float32
        weighted = []
        for k in range(max((len(row) for row in taps), default=0)):
            # Rows with fewer taps end with taps of no weight.
            row = [row[k] if k < len(row) else (0, 0.0) for row in taps]
            weights = mx.array([weight for _, weight in row], dtype)
            weights = weights.reshape(-1, *(1,) * (x.ndim - axis - 1))
            weighted.append(mx.take(x, mx.array([at for at, _ in row]), axis=axis) * weights)
        if not weighted:
            return mx.take(x, mx.zeros((0,), mx.int32), axis=axis).astype(dtype)
        return sum(weighted[1:], weighted[0])


def _checked_scale(scale: float) -> float:
    if isinstance(scale, bool) or not isinstance(scale, int | float):
        raise TypeError(
            f"scale_factor must be a number or a tuple of numbers, not {type(scale).__name__}"
        )
    if not 0 < scale < math.inf:
        raise ValueError(f"scale_factor must be greater than 0, but is {scale}")
    return float(scale)


def _places(size: int, new_size: int, scale: float, align_corners: bool) -> list[float]:
    """Return where in the input the positions of the output lie."""
    if align_corners:
        step = (size - 1) / (new_size - 1) if new_size > 1 else 0.0
        return [i * step for i in range(new_size)]
    # The middles of input and output fall together.
    first = ((new_size - 1) / scale - size + 1) / 2
    return [i / scale - first for i in range(new_size)]


def _nearest(size: int, new_size: int) -> mx.array:
    ratio = size / new_size if new_size else 0.0
    if new_size > size:
        # What lies under the middle of the output; halfway between two, the even one.
        places = [round((i + 0.5) * ratio - 0.5) for i in range(new_size)]
    else:
        places = [int(i * ratio) for i in range(new_size)]
    return mx.array(places, mx.int32)


def _triangle(distance: float) -> float:
    return max(0.0, 1 - distance)


def _cubic(a: float) -> Callable[[float], float]:
    """Return the kernel of cubic convolution [1].

    [1]: https://doi.org/10.1109/TASSP.1981.1163711
    """

    def kernel(distance: float) -> float:
        d = distance
        if d <= 1:
            return ((a + 2) * d - (a + 3)) * d * d + 1
        return (((d - 5) * d + 8) * d - 4) * a if d < 2 else 0.0

    return kernel


def _taps(
    place: float, size: int, kernel: Callable[[float], float], reach: int
) -> list[tuple[int, float]]:
    """Return the positions of the input that an output is made of, and their weights.

    Beyond an edge the outermost element goes on.
    """
    below = math.floor(place)
    around = range(below - reach + 1, below + reach + 1)
    return [(min(max(i, 0), size - 1), kernel(abs(place - i))) for i in around]


def _wide_taps(
    place: float, size: int, kernel: Callable[[float], float], reach: int, shrink: float
) -> list[tuple[int, float]]:
    """Return the same for a kernel that is as wide as an output. Beyond an edge is nothing."""
    width = reach * shrink
    around = range(max(math.ceil(place - width), 0), min(math.floor(place + width), size - 1) + 1)
    weights = [kernel(abs(place - i) / shrink) for i in around]
    total = sum(weights)
    return [(i, weight / total) for i, weight in zip(around, weights, strict=True)]
