"""Rows of the table: products of matrices, with dense and quantized weights, and convolution."""

from __future__ import annotations

from typing import Any

import mlx.core as stock
import numpy as np

from .row import Random, Row, Values, normal, squares, torch


def dense(name: str, dtype: str) -> Row:
    """The product of two square matrices."""
    return Row(
        name,
        (64, 256, 1024),
        squares(2),
        lambda m, a, b: a @ b,
        lambda a, b: a @ b,
        (lambda a, b: a @ b) if dtype == "float32" else None,
        order=3,
        dtype=dtype,
    )


def quantized(bits: int, rows: int, sizes: tuple[int, int, int]) -> Row:
    """The product with quantized weights; the peers multiply with the floats that these stand for.

    PyTorch does that in bfloat16, which is half as much to read.
    """

    def inputs(rng: Random, n: int) -> tuple[Values, ...]:
        packed = stock.quantize(stock.array(normal(rng, n, n)), 32, bits)
        weights = np.array(stock.dequantize(*packed, 32, bits))
        return normal(rng, rows, n), weights, *(np.array(part) for part in packed)

    def product(m: Any, x: Any, dense: Any, w: Any, scales: Any, biases: Any) -> Any:
        return m.quantized_matmul(x, w, scales, biases, transpose=True, group_size=32, bits=bits)

    return Row(
        f"{bits}-bit product, {rows} row{'s' if rows > 1 else ''}",
        sizes,
        inputs,
        product,
        lambda x, dense, *packed: torch.nn.functional.linear(x, dense),
        lambda x, dense, *packed: x @ dense.T,
        order=2,
        alike=False,
    )


def convolve(image: Any, weights: Any) -> Any:
    """PyTorch's convolution of images that have channels last, as MLX's."""
    image, weights = image.permute(0, 3, 1, 2), weights.permute(0, 3, 1, 2)
    return torch.nn.functional.conv2d(image, weights, padding=1).permute(0, 2, 3, 1)


ROWS = [
    dense("product, float32", "float32"),
    dense("product, bfloat16", "bfloat16"),
    Row(
        "batch of products",
        (16, 128, 512),
        lambda rng, n: (normal(rng, 8, n, 64), normal(rng, 8, 64, n)),
        lambda m, a, b: a @ b,
        lambda a, b: a @ b,
        lambda a, b: a @ b,
        order=2,
    ),
    Row(
        "product, transposed",
        (64, 512, 2048),
        lambda rng, n: (normal(rng, 16, n), normal(rng, n, n)),
        lambda m, x, w: x @ w.T,
        lambda x, w: x @ w.T,
        lambda x, w: x @ w.T,
        order=2,
    ),
    Row(
        "addmm",
        (64, 256, 1024),
        lambda rng, n: (normal(rng, n), normal(rng, n, n), normal(rng, n, n)),
        lambda m, c, a, b: m.addmm(c, a, b),
        lambda c, a, b: torch.addmm(c, a, b),
        lambda c, a, b: c + a @ b,
        order=3,
    ),
    quantized(4, 1, (256, 1024, 4096)),
    quantized(8, 1, (256, 1024, 4096)),
    quantized(4, 128, (256, 512, 2048)),
    Row(
        "conv2d, 3 x 3",
        (8, 32, 128),
        lambda rng, n: (normal(rng, 1, n, n, 32), normal(rng, 64, 3, 3, 32)),
        lambda m, x, w: m.conv2d(x, w, padding=1),
        convolve,
        order=2,
    ),
]
