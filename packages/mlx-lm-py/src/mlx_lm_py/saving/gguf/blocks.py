"""Numbers rounded into the blocks of GGUF files.

Q8_0 and Q4_0 round as llama.cpp does, bit for bit. The K types, in which blocks of 256 share scales
of 6 or 8 bits, have no one right rounding: scales are searched, as there, for the least error with
weights that grow with the numbers.

Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from collections.abc import Callable

import mlx_core_py as mx
from mlx_core_py.gguf import TENSOR_TYPES

__all__ = ["BLOCK_TYPES", "quantize_blocks"]


def __dir__() -> list[str]:
    return __all__


# So many numbers at once: temporary arrays of the search are a few times as large.
_AT_ONCE = 2**22


def quantize_blocks(x: mx.array, kind: str) -> mx.array:
    """Round numbers into blocks.

    Args:
        x: Numbers of shape ``(..., columns)``.
        kind: One of ``BLOCK_TYPES``.

    Returns:
        Bytes of shape ``(..., columns / block size * bytes of a block)``.

    Raises:
        ValueError: If there is no such type, the rows are no whole number of its blocks, or a
            number is not finite or out of the range of float16 scales.

    Example:
        >>> quantize_blocks(mx.ones((2, 64)), "Q8_0").shape
        (2, 68)
    """
    if kind not in _ROUND:
        raise ValueError(f"kind must be one of {', '.join(BLOCK_TYPES)}, not {kind!r}")
    size, nbytes = TENSOR_TYPES[kind].block_size, TENSOR_TYPES[kind].block_nbytes
    if x.ndim < 1 or x.shape[-1] % size:
        raise ValueError(
            f"rows of {x.shape} are no whole number of blocks of {size} of type {kind}"
        )
    if not mx.all(mx.isfinite(x)):
        raise ValueError("a number that is not finite has no place in blocks")
    flat = x.reshape(-1, size)
    rows = _AT_ONCE // size
    parts = []
    for start in range(0, flat.shape[0], rows):
        part = _ROUND[kind](flat[start : start + rows].astype(mx.float32))
        mx.eval(part)
        parts.append(part)
    blocks = mx.concatenate(parts) if parts else mx.zeros((0, nbytes), mx.uint8)
    return blocks.reshape(*x.shape[:-1], -1)


def _inverse(x: mx.array) -> mx.array:
    return mx.where(x == 0, 0.0, 1 / x)


def _half_bytes(x: mx.array) -> mx.array:
    half = x.astype(mx.float16)
    if not mx.all(mx.isfinite(half)):
        raise ValueError("a number is too large for the scales of blocks, which are float16")
    return half.view(mx.uint8)


def _q8_0(x: mx.array) -> mx.array:
    scale = mx.abs(x).max(axis=-1, keepdims=True) / 127
    scaled = x * _inverse(scale)
    size = mx.abs(scaled)
    whole = mx.floor(size)
    rounded = mx.sign(scaled) * (whole + (size - whole >= 0.5))
    return mx.concatenate([_half_bytes(scale), rounded.astype(mx.int8).view(mx.uint8)], axis=-1)


def _q4_0(x: mx.array) -> mx.array:
    at = mx.argmax(mx.abs(x), axis=-1, keepdims=True)
    scale = mx.take_along_axis(x, at, axis=-1) / -8
    scaled = x * _inverse(scale)
    # Rounded twice, as it is where a product and a sum are two instructions.
    mx.eval(scaled)
    q = mx.minimum(scaled + 8.5, 15).astype(mx.uint8)
    return mx.concatenate([_half_bytes(scale), q[:, :16] | (q[:, 16:] << 4)], axis=-1)


def _least_squares(
    x: mx.array, weights: mx.array, top: int, steps: mx.array
) -> tuple[mx.array, mx.array]:
    """Scales and offsets, neither negative, so that ``scale * q - offset`` is near to ``x``."""
    low = mx.minimum(x.min(axis=-1, keepdims=True), 0)
    width = x.max(axis=-1, keepdims=True) - low
    safe = mx.where(width == 0, 1.0, width)
    w, wx = weights.sum(axis=-1, keepdims=True), (weights * x).sum(axis=-1, keepdims=True)
    best = width / top, -low
    least = mx.full(width.shape, mx.inf)
    for step in steps.tolist():
        q = mx.clip(mx.round((top + step) / safe * (x - low)), 0, top)
        wq = weights * q
        q1, q2, qx = (v.sum(axis=-1, keepdims=True) for v in (wq, wq * q, wq * x))
        determinant = w * q2 - q1 * q1
        scale = (w * qx - wx * q1) / determinant
        offset = (q1 * qx - q2 * wx) / determinant
        # Above all numbers there is no offset.
        scale = mx.where(offset < 0, qx / q2, scale)
        offset = mx.maximum(offset, 0)
        error = (weights * mx.square(scale * q - offset - x)).sum(axis=-1, keepdims=True)
        better = (error < least) & (determinant > 0) & (scale > 0)
        least = mx.where(better, error, least)
        best = mx.where(better, scale, best[0]), mx.where(better, offset, best[1])
    return best


def _with_offsets(x: mx.array, top: int, steps: mx.array) -> tuple[mx.array, mx.array]:
    """The first 16 bytes of blocks of Q4_K and Q5_K, and the numbers in 8 groups of 32."""
    groups = x.reshape(-1, 8, 32)
    weights = mx.sqrt(mx.square(groups).mean(axis=-1, keepdims=True)) + mx.abs(groups)
    # Of what is all zero every number is as good.
    weights = mx.maximum(weights, 1e-30)
    scales, offsets = (v[..., 0] for v in _least_squares(groups, weights, top, steps))
    units = [values.max(axis=-1, keepdims=True) / 63 for values in (scales, offsets)]
    integers = [
        mx.clip(mx.round(values * _inverse(unit)), 0, 63)
        for values, unit in zip((scales, offsets), units, strict=True)
    ]
    q = _rounded(groups, units, integers, top)
    units = _refit(groups, weights, q, units, integers)
    head = [_half_bytes(unit) for unit in units]
    q = _rounded(groups, units, integers, top).astype(mx.uint8)
    s, m = (i.astype(mx.uint8) for i in integers)
    # Eight scales and eight offsets of six bits: the upper two of the last four lie with the first.
    packed = [
        s[:, :4] | ((s[:, 4:] >> 4) << 6),
        m[:, :4] | ((m[:, 4:] >> 4) << 6),
        (s[:, 4:] & 15) | ((m[:, 4:] & 15) << 4),
    ]
    return mx.concatenate([*head, *packed], axis=-1), q


def _rounded(x: mx.array, units: list[mx.array], integers: list[mx.array], top: int) -> mx.array:
    """The numbers nearest to ``x`` in groups whose scales and offsets are known."""
    halves = [unit.astype(mx.float16).astype(mx.float32) for unit in units]
    scale, offset = (u * i for u, i in zip(halves, integers, strict=True))
    q = mx.round((x + offset[..., None]) * _inverse(scale)[..., None])
    return mx.clip(q, 0, top)


def _refit(
    x: mx.array, weights: mx.array, q: mx.array, units: list[mx.array], integers: list[mx.array]
) -> list[mx.array]:
    """The units of scales and offsets that fit best, now that all else is rounded."""
    a = (integers[0][..., None] * q).reshape(q.shape[0], -1)
    b = mx.broadcast_to(integers[1][..., None], q.shape).reshape(q.shape[0], -1)
    x, w = x.reshape(a.shape), weights.reshape(a.shape)
    aa, ab, bb, ax, bx = (
        (w * u * v).sum(axis=-1, keepdims=True) for u, v in ((a, a), (a, b), (b, b), (a, x), (b, x))
    )
    determinant = aa * bb - ab * ab
    scale = (ax * bb - ab * bx) / determinant
    offset = (ab * ax - aa * bx) / determinant
    fits = (determinant > 1e-6 * aa * bb) & (scale > 0) & (offset >= 0)
    return [mx.where(fits, new, old) for new, old in zip((scale, offset), units, strict=True)]


def _low_nibbles(q: mx.array) -> mx.array:
    pairs = (q & 15).reshape(-1, 4, 2, 32)
    return (pairs[:, :, 0] | (pairs[:, :, 1] << 4)).reshape(-1, 128)


def _q4_k(x: mx.array) -> mx.array:
    head, q = _with_offsets(x, 15, mx.arange(-1.0, 1.05, 0.1))
    return mx.concatenate([head, _low_nibbles(q)], axis=-1)


def _q5_k(x: mx.array) -> mx.array:
    head, q = _with_offsets(x, 31, mx.arange(-0.5, 1.05, 0.1))
    fifth = ((q >> 4) << mx.arange(8, dtype=mx.uint8)[:, None]).sum(axis=1).astype(mx.uint8)
    return mx.concatenate([head, fifth, _low_nibbles(q)], axis=-1)


def _q6_k(x: mx.array) -> mx.array:
    groups = x.reshape(-1, 16, 16)
    at = mx.argmax(mx.abs(groups), axis=-1, keepdims=True)
    largest = mx.take_along_axis(groups, at, axis=-1)
    safe = mx.where(largest == 0, 1.0, largest)
    weights = mx.square(groups)
    scales = largest / -32
    most = mx.full(largest.shape, -1.0)
    for step in range(-9, 10):
        q = mx.clip(mx.round(-(32 + 0.1 * step) / safe * groups), -32, 31)
        xl = (weights * q * groups).sum(axis=-1, keepdims=True)
        l2 = (weights * q * q).sum(axis=-1, keepdims=True)
        # What is left is the less, the more of it is explained.
        explained = xl * xl * _inverse(l2)
        better = explained > most
        most = mx.where(better, explained, most)
        scales = mx.where(better, xl * _inverse(l2), scales)
    scales = scales[..., 0]
    at = mx.argmax(mx.abs(scales), axis=-1, keepdims=True)
    unit = mx.take_along_axis(scales, at, axis=-1) / -128
    integers = mx.clip(mx.round(scales * _inverse(unit)), -128, 127)
    half = unit.astype(mx.float16)
    inverse = _inverse(half.astype(mx.float32) * integers)[..., None]
    q = (mx.clip(mx.round(groups * inverse), -32, 31) + 32).astype(mx.uint8)
    quarters = q.reshape(-1, 2, 4, 32)
    a, b, c, d = (quarters[:, :, i] for i in range(4))
    low = mx.concatenate([(a & 15) | ((c & 15) << 4), (b & 15) | ((d & 15) << 4)], axis=-1)
    high = (a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6)
    return mx.concatenate(
        [
            low.reshape(-1, 128),
            high.reshape(-1, 64),
            integers.astype(mx.int8).view(mx.uint8),
            _half_bytes(unit),
        ],
        axis=-1,
    )


_ROUND: dict[str, Callable[[mx.array], mx.array]] = {
    "Q8_0": _q8_0,
    "Q4_0": _q4_0,
    "Q4_K": _q4_k,
    "Q5_K": _q5_k,
    "Q6_K": _q6_k,
}

BLOCK_TYPES = list(_ROUND)
"""The types that can be rounded to."""
