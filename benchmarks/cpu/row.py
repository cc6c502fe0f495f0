"""What a row of the table of operations is."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

torch: Any = importlib.import_module("torch") if importlib.util.find_spec("torch") else None

Values = NDArray[Any]
Random = np.random.Generator


@dataclass(frozen=True)
class Row:
    """An operation as each side does it.

    Attributes:
        name: What the table calls it.
        sizes: Three sizes: of the first-level cache, of the second, and of none.
        inputs: Makes the inputs of a size.
        mlx: The operation in MLX's interface, which two sides have: a function of the module and
            the inputs.
        torch: A function of PyTorch's tensors.
        numpy: A function of NumPy's arrays. Default: ``None``, where NumPy has no such thing.
        order: The power of the size that the work grows with. Default: 1.
        dtype: The type that MLX and PyTorch get floating inputs in. Default: float32.
        alike: Whether PyTorch does the same. Where not, its time is shown and not counted.
            Default: ``True``.
    """

    name: str
    sizes: tuple[int, int, int]
    inputs: Callable[[Random, int], tuple[Values, ...]]
    mlx: Callable[..., Any]
    torch: Callable[..., Any]
    numpy: Callable[..., Any] | None = None
    order: int = 1
    dtype: str = "float32"
    alike: bool = True


def normal(rng: Random, *shape: int) -> Values:
    """Normally distributed float32 numbers."""
    return rng.standard_normal(shape, np.float32)


def vectors(count: int) -> Callable[[Random, int], tuple[Values, ...]]:
    """Makes so many vectors of the size."""
    return lambda rng, n: tuple(normal(rng, n) for _ in range(count))


def squares(count: int) -> Callable[[Random, int], tuple[Values, ...]]:
    """Makes so many square matrices of the size."""
    return lambda rng, n: tuple(normal(rng, n, n) for _ in range(count))
