"""Operations of neural networks, quantized weights among them."""

from __future__ import annotations

from typing import Any

import mlx_core_py as mx
import numpy as np

from fuzz.arrays.bounds import FUNCTION_ULPS, rounding_error, sum_error, unit
from fuzz.arrays.calls import Call, Draw, Operation, Shape
from fuzz.arrays.values import Source, Wide, to_mlx, to_wide

TYPES = ("float32", "float16", "bfloat16")
EPS = 1e-5


def _width(d: Draw) -> int:
    if d.limit < 100:
        return d.choose.choice([2, 4])
    return d.choose.choice([1, 2, 3, 8, 16, 31, 64, 100, 257])


def _rms_norm(d: Draw) -> Call:
    n = _width(d)
    a = d.operand(TYPES, shape=(*d.choose.choice([(), (2,), (3, 2), (0,)]), n), domain="plain")
    d.operand((a.dtype,), shape=(n,), domain="positive")

    def exact(x: Wide, w: Wide) -> Any:
        return x / np.sqrt(np.mean(x * x, -1, keepdims=True) + EPS) * w

    def error(value: Wide, x: Wide, w: Wide) -> Any:
        # The mean of squares to n u, halved by the root; four roundings; then to the type, where
        # the product with the weights may be one of halves.
        return (n + 8) * unit("float32") * np.abs(value) + 2 * rounding_error(value, a.dtype)

    return d.call(f"mx.fast.rms_norm({{0}}, {{1}}, {EPS})", a.dtype, exact, error, smooth=True)


def _layer_norm(d: Draw) -> Call:
    n = max(2, _width(d))
    a = d.operand(TYPES, shape=(*d.choose.choice([(), (2,), (3, 2)]), n), domain="plain")
    d.operand((a.dtype,), shape=(n,), domain="positive")
    d.operand((a.dtype,), shape=(n,), domain="plain")

    def exact(x: Wide, w: Wide, b: Wide) -> Any:
        centred = x - np.mean(x, -1, keepdims=True)
        return centred / np.sqrt(np.mean(centred * centred, -1, keepdims=True) + EPS) * w + b

    def error(value: Wide, x: Wide, w: Wide, b: Wide) -> Any:
        u = unit("float32")
        deviation = np.sqrt(np.var(x, -1, keepdims=True) + EPS)
        large = np.max(np.abs(x), -1, keepdims=True)
        centre = (n + 4) * u * large / deviation
        scaled = np.abs(value - b)
        inner = centre * np.abs(w) + scaled * (centre + centre**2 + (n + 8) * u)
        return inner + 2 * rounding_error(scaled + np.abs(value), a.dtype)

    code = f"mx.fast.layer_norm({{0}}, {{1}}, {{2}}, {EPS})"
    return d.call(code, a.dtype, exact, error, smooth=True)


def _rope(d: Draw) -> Call:
    dims = d.choose.choice([2, 4, 8, 16] if d.limit >= 100 else [2, 4])
    width = dims + d.choose.choice([0, 0, 2])
    batch, heads = d.choose.choice([1, 2]), d.choose.choice([1, 3])
    steps = d.choose.choice([1, 2, 3, 9]) if d.limit >= 100 else 1
    a = d.operand(
        TYPES,
        shape=(batch, heads, steps, width),
        domain="plain",
    )
    traditional, offset = d.source.chance(0.5), d.choose.choice([0, 1, 17, 1000])
    base, scale = d.choose.choice([10.0, 1e4, 5e5]), d.choose.choice([1.0, 0.5])

    def exact(x: Wide) -> Any:
        half = dims // 2
        frequencies = base ** (-np.arange(half) / half)
        angles = (np.arange(steps) + offset)[:, None] * scale * frequencies
        cos, sin = np.cos(angles), np.sin(angles)
        y = np.array(x)
        if traditional:
            first, second = x[..., 0:dims:2], x[..., 1:dims:2]
            y[..., 0:dims:2] = first * cos - second * sin
            y[..., 1:dims:2] = first * sin + second * cos
        else:
            first, second = x[..., :half], x[..., half:dims]
            y[..., :half] = first * cos - second * sin
            y[..., half:dims] = first * sin + second * cos
        return y

    def error(value: Wide, x: Wide) -> Any:
        # Angles of float32 are off by some ulps of the position, and so are their functions.
        angle = (offset + steps) * scale * unit("float32") * 4 + 2 * FUNCTION_ULPS * unit("float32")
        size = 2 * np.max(np.abs(x), axis=-1, keepdims=True)
        return angle * size + 2 * rounding_error(size, a.dtype)

    options = f"traditional={traditional}, base={base}, scale={scale}, offset={offset}"
    code = f"mx.fast.rope({{0}}, {dims}, {options})"
    return d.call(code, a.dtype, exact, error, smooth=True, shapeless=False)


def _cross_entropy(d: Draw) -> Call:
    rows, classes = d.choose.choice([1, 2, 5]), max(2, _width(d))
    a = d.operand(TYPES, shape=(rows, classes), domain="plain")

    def targets(source: Source, shape: Shape, dtype: str) -> Wide:
        return source.numbers.integers(0, classes, shape).astype(dtype)

    d.operand(("int32", "uint32"), shape=(rows,), domain=targets)

    def exact(x: Wide, t: Wide) -> Any:
        total = np.log(np.sum(np.exp(x), -1))
        return total - np.take_along_axis(x, t.real.astype(int)[..., None], -1)[..., 0]

    def error(value: Wide, x: Wide, t: Wide) -> Any:
        size = np.max(np.abs(x), -1) + np.log(classes)
        # Where it is not one kernel (under vmap), its steps are of the type of the logits.
        inner = unit(a.dtype) * (classes + 4 * FUNCTION_ULPS) * (1 + size)
        return inner + rounding_error(size + np.abs(value), "float32") * 2

    return d.call("mx.fast.cross_entropy({0}, {1})", "float32", exact, error, smooth=True)


def _attention(d: Draw) -> Call:
    small = d.limit < 100
    batch, groups = d.choose.choice([1, 2]), d.choose.choice([1, 2, 3] if not small else [1])
    heads = groups * d.choose.choice([1, 2] if not small else [1])
    queries = d.choose.choice([1, 2, 3, 8, 17, 33] if not small else [1, 2])
    keys = d.choose.choice([1, 2, 5, 16, 33, 65] if not small else [2, 3])
    width = d.choose.choice([4, 8, 32, 64, 80] if not small else [2])
    mask = d.choose.choice(["none", "causal", "bool", "add"])
    if mask == "causal":
        keys = max(keys, queries)
    a = d.operand(TYPES, shape=(batch, heads, queries, width), domain="plain")
    d.operand((a.dtype,), shape=(batch, groups, keys, width), domain="plain")
    d.operand((a.dtype,), shape=(batch, groups, keys, width), domain="plain")
    shape = d.choose.choice(
        [(queries, keys), (batch, 1, queries, keys), (batch, heads, queries, keys)]
    )
    if mask == "bool":
        d.operand(("bool",), shape=shape)
    elif mask == "add":
        d.operand((a.dtype,), shape=shape, domain="plain")
    scale = width**-0.5

    def scores(q: Wide, k: Wide, rest: tuple[Wide, ...]) -> Wide:
        repeat = heads // groups
        s = q @ np.swapaxes(np.repeat(k, repeat, 1), -1, -2) * scale
        if mask == "bool":
            s = np.where(rest[0].real.astype(bool), s, -np.inf)
        elif mask == "add":
            s = s + rest[0]
        elif mask == "causal":
            seen = np.arange(keys) <= np.arange(queries)[:, None] + keys - queries
            s = np.where(seen, s, -np.inf)
        return np.asarray(s)

    def weights_of(s: Wide) -> Wide:
        top = np.max(s.real, -1, keepdims=True)
        powers = np.exp(s - np.where(np.isfinite(top), top, 0))
        powers = np.where(np.isfinite(s.real), powers, 0)
        total = powers.sum(-1, keepdims=True)
        return np.asarray(powers / np.where(total == 0, 1, total))

    def exact(q: Wide, k: Wide, v: Wide, *rest: Wide) -> Any:
        return weights_of(scores(q, k, rest)) @ np.repeat(v, heads // groups, 1)

    def error(value: Wide, q: Wide, k: Wide, v: Wide, *rest: Wide) -> Any:
        # Scores are sums of `width` products, maybe rounded to the type as the products that they
        # are; their error is one of each weight, relatively. The weights are then summed with the
        # values, and may be rounded themselves.
        u = unit("float32")
        half = unit(a.dtype)
        sizes = np.abs(q) @ np.swapaxes(np.repeat(np.abs(k), heads // groups, 1), -1, -2) * scale
        if mask == "add":
            sizes = sizes + np.abs(rest[0])
        of_scores = ((width + 3) * u + 3 * half) * sizes
        relative = of_scores.max(-1, keepdims=True) * 2 + (keys + 4 * FUNCTION_ULPS) * u + 3 * half
        weights = weights_of(scores(q, k, rest))
        terms = weights @ np.repeat(np.abs(v), heads // groups, 1)
        return relative * terms + sum_error(terms, keys, value, a.dtype)

    option = {"none": "", "causal": ', mask="causal"'}.get(mask, ", mask={3}")
    code = f"mx.fast.scaled_dot_product_attention({{0}}, {{1}}, {{2}}, scale={scale}{option})"
    return d.call(code, a.dtype, exact, error, smooth=True, shapeless=False)


MODES = ("affine", "affine", "affine", "mxfp4", "mxfp8", "nvfp4")
GROUPS = {"affine": (32, 64, 128), "mxfp4": (32,), "mxfp8": (32,), "nvfp4": (16,)}
BITS = {"affine": (2, 3, 4, 5, 6, 8), "mxfp4": (4,), "mxfp8": (8,), "nvfp4": (4,)}


def _format(d: Draw) -> tuple[str, int, int, str]:
    mode = d.choose.choice(MODES)
    group, bits = d.choose.choice(GROUPS[mode]), d.choose.choice(BITS[mode])
    return mode, group, bits, f"group_size={group}, bits={bits}, mode={mode!r}"


def _quantize(d: Draw) -> Call:
    """Weights that are quantized and unpacked again are off by the half of a step."""
    mode, group, bits, options = _format(d)
    dtype = d.source.dtype(TYPES)
    # MLX packs nvfp4 in pairs of groups.
    rows = d.choose.choice([2, 4, 8] if mode == "nvfp4" else [1, 3, 8])
    shape = (rows, group * d.choose.choice([1, 2, 4]))
    d.operand((dtype,), shape=shape, domain="plain")

    def error(value: Wide, w: Wide) -> Any:
        groups = w.reshape(*w.shape[:-1], -1, group)
        large = np.max(np.abs(groups), -1, keepdims=True)
        if mode == "affine":
            span = np.max(groups, -1, keepdims=True) - np.min(groups, -1, keepdims=True)
            # Scales are moved so that the outermost weight is a whole number of them.
            step = 2 * span / (2**bits - 1) + 2 * large / (2**bits - 1)
        else:
            # Numbers of e2m1 are apart by a third of the largest, the scale is a power of two;
            # those of e4m3 have 3 bits, below 2^-6 of the scale they are subnormal.
            step = large if bits == 4 else large / 4
        bound = np.broadcast_to(step / 2 + 4 * rounding_error(large, dtype), groups.shape)
        return bound.reshape(w.shape)

    code = f"mx.dequantize(*mx.quantize({{0}}, {options}), {options}).astype(mx.{dtype})"
    return d.call(code, dtype, lambda w: w, error, mapped=False, shapeless=False)


def _quantized_matmul(d: Draw) -> Call:
    mode, group, bits, options = _format(d)
    dtype = d.source.dtype(TYPES)
    k = group * d.choose.choice([1, 2, 4])
    n, m = d.choose.choice([8, 16, 40]), d.choose.choice([1, 1, 2, 5, 17])
    transpose = d.source.chance(0.7)
    if not transpose:
        n = group * d.choose.choice([1, 2])
    weights = (n, k) if transpose else (k, n)
    d.operand((dtype,), shape=(*d.choose.choice([(), (2,)]), m, k), domain="plain")
    d.operand((dtype,), shape=weights, domain="plain")

    def unpacked(w: Wide) -> Wide:
        # Packing is looked at on its own: here the unpacked weights are what is multiplied with.
        parts = mx.quantize(to_mlx(w, dtype), group_size=group, bits=bits, mode=mode)
        packed, scales, *biases = [
            x.astype(mx.float32) if x.dtype in (mx.float16, mx.bfloat16) else x for x in parts
        ]
        bias = biases[0] if biases else None
        return to_wide(mx.dequantize(packed, scales, bias, group, bits, mode, dtype=mx.float32))

    def exact(x: Wide, w: Wide) -> Any:
        matrix = unpacked(w)
        return x @ (matrix.T if transpose else matrix)

    def error(value: Wide, x: Wide, w: Wide) -> Any:
        matrix = np.abs(unpacked(w))
        # Affine weights are q * scale + bias, whose parts are larger than their sum.
        if mode == "affine":
            matrix = matrix + 2 * np.max(np.abs(w))
        terms = np.abs(x) @ (matrix.T if transpose else matrix)
        # Unpacked weights may be rounded to the type before they are multiplied.
        return sum_error(terms, k + 4, value, dtype) + 2 * unit(dtype) * terms

    weights_of = f"*mx.quantize({{1}}, {options})"
    code = f"mx.quantized_matmul({{0}}, {weights_of}, transpose={transpose}, {options})"
    return d.call(code, dtype, exact, error, mapped=False, shapeless=False)


OPERATIONS: dict[str, Operation] = {
    "rms_norm": _rms_norm,
    "layer_norm": _layer_norm,
    "rope": _rope,
    "cross_entropy": _cross_entropy,
    "attention": _attention,
    "quantize": _quantize,
    "quantized_matmul": _quantized_matmul,
}
