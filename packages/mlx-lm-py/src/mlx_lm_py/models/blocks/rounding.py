"""Numbers as they would be, had they been kept in few bits."""

from __future__ import annotations

import mlx_core_py as mx

__all__ = ["rounded_to_fp4", "rounded_to_fp8"]


def __dir__() -> list[str]:
    return __all__


# The greatest numbers of e2m1 and e4m3.
_FP4, _FP8 = 6.0, 448.0


def rounded_to_fp8(x: mx.array, block: int = 32) -> mx.array:
    """Round to e4m3, with a power of two for each block.

    Args:
        x: The numbers. A last axis that is not whole blocks is left as it is.
        block: The size of a block. Default: 32.

    Returns:
        The rounded numbers, of the same type.

    Example:
        >>> rounded_to_fp8(mx.full((32,), 0.3))[0].item()
        0.3125
    """
    if x.shape[-1] % block:
        return x
    blocks, largest = _blocks(x, block, 1e-4)
    scales = _power_above(largest / _FP8)
    rounded = mx.from_fp8(mx.to_fp8(mx.clip(blocks / scales, -_FP8, _FP8)), mx.float32)
    return (rounded * scales).reshape(x.shape).astype(x.dtype)


def rounded_to_fp4(x: mx.array, block: int = 32, *, fine: bool = False) -> mx.array:
    """Round to e2m1, with a factor for each block.

    Args:
        x: The numbers. A last axis that is not whole blocks is left as it is.
        block: The size of a block. Default: 32.
        fine: Whether factors are numbers of e4m3, rather than powers of two. Default: ``False``.

    Returns:
        The rounded numbers, of the same type.

    Example:
        >>> rounded_to_fp4(mx.array([6.0, 2.4, 2.6, -0.3] * 8))[:4].tolist()
        [6.0, 2.0, 3.0, -0.5]
    """
    if x.shape[-1] % block:
        return x
    blocks, largest = _blocks(x, block, _FP4 * 2.0 ** (-9 if fine else -126))
    scales = largest / _FP4
    scales = mx.from_fp8(mx.to_fp8(scales), mx.float32) if fine else _power_above(scales)
    scaled = mx.clip(blocks / scales, -_FP4, _FP4)
    size = mx.abs(scaled)
    # Two bits between powers of two, and as many below the first as between the next two.
    steps = mx.where(size < 2, 0.5, mx.where(size < 4, 1.0, 2.0))
    return (mx.round(scaled / steps) * steps * scales).reshape(x.shape).astype(x.dtype)


def _blocks(x: mx.array, block: int, least: float) -> tuple[mx.array, mx.array]:
    """Blocks in full precision, and the size of the largest number of each."""
    blocks = mx.unflatten(x.astype(mx.float32), -1, (-1, block))
    return blocks, mx.maximum(mx.abs(blocks).max(axis=-1, keepdims=True), least)


def _power_above(x: mx.array) -> mx.array:
    return mx.power(mx.array(2.0), mx.ceil(mx.log2(x)))
