"""Products of matrices, contractions, convolutions."""

from __future__ import annotations

from typing import Any

import numpy as np

from fuzz.arrays.bounds import sum_error
from fuzz.arrays.calls import Call, Draw, Operation, Shape, UnfitError
from fuzz.arrays.values import FLOATS, Source, Wide, rounded

PLAIN = "plain"


def _error(dtype: str, count: int, terms: Any) -> Any:
    """Of sums of `count` products whose magnitudes add up to `terms`."""

    def error(value: Wide, *arrays: Wide) -> Any:
        return sum_error(terms(*(np.abs(x) for x in arrays)), count, value, dtype)

    return error


def _length(source: Source) -> int:
    if source.chance(0.6):
        return source.choose.choice([1, 2, 3, 4, 5, 7, 8])
    return source.choose.choice([0, 15, 16, 17, 31, 33, 64, 65, 100, 129])


def _lengths(d: Draw, count: int) -> list[int]:
    """Lengths of the axes of a product, small ones where there are to be few elements."""
    if d.limit < 100:
        return [d.choose.choice([1, 2, 3, 4]) for _ in range(count)]
    return [_length(d.source) for _ in range(count)]


def _leading(d: Draw) -> tuple[Shape, Shape]:
    """Leading axes of two operands that broadcast."""
    shape: Shape = d.choose.choice([(), (), (), (2,), (3, 2)])
    other = tuple(
        1 if d.source.chance(0.3) else n for n in shape[d.choose.randint(0, len(shape)) :]
    )
    return (shape, other) if d.source.chance(0.5) else (other, shape)


def _matmul(d: Draw) -> Call:
    dtype = d.source.dtype(FLOATS)
    m, k, n = _lengths(d, 3)
    left, right = _leading(d)
    a_shape, b_shape = (*left, m, k), (*right, k, n)
    if d.source.chance(0.15):
        a_shape = (k,)
    elif d.source.chance(0.15):
        b_shape = (k,)
    d.operand((dtype,), shape=a_shape, domain=PLAIN)
    d.operand((dtype,), shape=b_shape, domain=PLAIN)
    return d.call("{0} @ {1}", dtype, np.matmul, _error(dtype, k, np.matmul), smooth=True)


def _product_with_itself(d: Draw) -> Call:
    """One array on both sides, the right one turned."""
    a = d.operand(FLOATS, low=2, domain=PLAIN, limit=3000)
    k = a.shape[-1]

    def exact(x: Wide) -> Any:
        return np.matmul(x, np.swapaxes(x, -1, -2))

    code = "{0} @ mx.swapaxes({0}, -1, -2)"
    return d.call(code, a.dtype, exact, _error(a.dtype, k, exact), smooth=True)


def _addmm(d: Draw) -> Call:
    dtype = d.source.dtype(FLOATS)
    m, k, n = _lengths(d, 3)
    c_shape = d.choose.choice([(m, n), (n,), (1, n), (m, 1)])
    alpha, beta = d.choose.choice([(1.0, 1.0), (0.5, 1.0), (2.0, 0.5), (1.0, 0.0)])
    d.operand((dtype,), shape=c_shape, domain=PLAIN)
    d.operand((dtype,), shape=(m, k), domain=PLAIN)
    d.operand((dtype,), shape=(k, n), domain=PLAIN)

    def exact(c: Wide, a: Wide, b: Wide) -> Any:
        return alpha * (a @ b) + beta * c

    def error(value: Wide, *arrays: Wide) -> Any:
        terms = exact(*(np.abs(x) for x in arrays))
        # The product may be rounded before c is added.
        return sum_error(terms, k + 3, value, dtype) + sum_error(terms, 0, terms, dtype)

    code = f"mx.addmm({{0}}, {{1}}, {{2}}, alpha={alpha}, beta={beta})"
    return d.call(code, dtype, exact, error, smooth=True)


def _inner(d: Draw) -> Call:
    dtype = d.source.dtype(FLOATS)
    m, k, n = _lengths(d, 3)
    d.operand((dtype,), shape=d.choose.choice([(k,), (m, k)]), domain=PLAIN)
    d.operand((dtype,), shape=d.choose.choice([(k,), (n, k)]), domain=PLAIN)
    return d.call("mx.inner({0}, {1})", dtype, np.inner, _error(dtype, k, np.inner), smooth=True)


def _outer(d: Draw) -> Call:
    dtype = d.source.dtype(FLOATS)
    m, n = _lengths(d, 2)
    d.operand((dtype,), shape=(m,), domain=PLAIN)
    d.operand((dtype,), shape=(n,), domain=PLAIN)
    return d.call("mx.outer({0}, {1})", dtype, np.outer, _error(dtype, 1, np.outer), smooth=True)


def _tensordot(d: Draw) -> Call:
    dtype = d.source.dtype(FLOATS)
    a, b, c = (max(n, 1) % 9 + 1 for n in _lengths(d, 3))
    axes: Any = d.choose.choice([1, 2, [[1], [0]], [[0, 1], [0, 1]]])
    right = (b, c) if axes in (1, [[1], [0]]) else (a, b, c)
    d.operand((dtype,), shape=(a, b), domain=PLAIN)
    d.operand((dtype,), shape=right, domain=PLAIN)

    def exact(x: Wide, y: Wide) -> Any:
        return np.tensordot(x, y, axes)

    code = f"mx.tensordot({{0}}, {{1}}, {axes})"
    return d.call(code, dtype, exact, _error(dtype, a * b, exact), smooth=True)


EINSUMS = (
    ("ij,jk->ik", "ij", "jk"),
    ("ij,kj->ik", "ij", "kj"),
    ("bij,bjk->bik", "bij", "bjk"),
    ("ii->i", "ii", ""),
    ("ij->ji", "ij", ""),
    ("ij->", "ij", ""),
    ("i,j->ij", "i", "j"),
    ("bhqd,bhkd->bhqk", "bhqd", "bhkd"),
    ("ij,ij->i", "ij", "ij"),
    ("ij,j", "ij", "j"),
)


def _einsum(d: Draw) -> Call:
    dtype = d.source.dtype(FLOATS)
    subscripts, left, right = d.choose.choice(EINSUMS)
    lengths = {letter: d.choose.choice([1, 2, 3, 5, 8]) for letter in left + right}
    d.operand((dtype,), shape=tuple(lengths[c] for c in left), domain=PLAIN)
    if right:
        d.operand((dtype,), shape=tuple(lengths[c] for c in right), domain=PLAIN)

    def exact(*arrays: Wide) -> Any:
        return np.einsum(subscripts, *arrays)

    count = int(np.prod(list(lengths.values())))
    code = f"mx.einsum({subscripts!r}, {'{0}, {1}' if right else '{0}'})"
    return d.call(code, dtype, exact, _error(dtype, count, exact), smooth=True, shapeless=False)


def _kron(d: Draw) -> Call:
    dtype = d.source.dtype(FLOATS)
    for _ in range(2):
        d.operand((dtype,), shape=tuple(d.choose.choice([1, 2, 3]) for _ in range(2)), domain=PLAIN)
    return d.call(
        "mx.kron({0}, {1})", dtype, np.kron, _error(dtype, 1, np.kron), smooth=True, shapeless=False
    )


def _gather_mm(d: Draw) -> Call:
    dtype = d.source.dtype(("float32", "float16", "bfloat16"))
    experts, count = d.choose.choice([1, 3, 4]), d.choose.choice([1, 2, 5])
    m, k, n = (max(1, x) for x in _lengths(d, 3))

    def experts_of(source: Source, shape: Shape, _: str) -> Wide:
        return source.numbers.integers(0, experts, shape).astype(np.uint32)

    d.operand((dtype,), shape=(count, m, k), domain=PLAIN)
    d.operand((dtype,), shape=(experts, k, n), domain=PLAIN)
    d.operand(("uint32",), shape=(count,), domain=experts_of)

    def exact(a: Wide, b: Wide, i: Wide) -> Any:
        return a @ b[i.astype(int)]

    def error(value: Wide, a: Wide, b: Wide, i: Wide) -> Any:
        return sum_error(exact(np.abs(a), np.abs(b), i), k, value, dtype)

    code = "mx.gather_mm({0}, {1}, rhs_indices={2})"
    return d.call(code, dtype, exact, error, shapeless=False)


def convolved(
    x: Wide, w: Wide, stride: Shape, padding: Shape, dilation: Shape, groups: int
) -> Wide:
    """A convolution with channels last, written out over the elements of the kernel."""
    spatial = x.ndim - 2
    x = np.pad(x, [(0, 0), *((p, p) for p in padding), (0, 0)])
    kernel = w.shape[1:-1]
    lengths = [
        (x.shape[1 + i] - dilation[i] * (kernel[i] - 1) - 1) // stride[i] + 1
        for i in range(spatial)
    ]
    out_channels, per_group = w.shape[0] // groups, w.shape[-1]
    kind = np.result_type(x.dtype, w.dtype)
    result = np.zeros((x.shape[0], *lengths, w.shape[0]), kind)
    for place in np.ndindex(*kernel):
        cut = tuple(
            slice(p * dil, p * dil + (n - 1) * s + 1, s)
            for p, dil, n, s in zip(place, dilation, lengths, stride, strict=True)
        )
        part = x[(slice(None), *cut)]
        for g in range(groups):
            outs = slice(g * out_channels, (g + 1) * out_channels)
            channels = part[..., g * per_group : (g + 1) * per_group]
            result[..., outs] += channels @ w[(outs, *place)].T
    return result


def _convolution(d: Draw) -> Call:
    spatial = d.choose.choice([1, 1, 2, 2, 3])
    # Convolutions of volumes have no groups, nor are they mapped over weights.
    groups = d.choose.choice([1, 1, 1, 2]) if spatial < 3 else 1
    dtype = d.source.dtype(("float32", "float16", "bfloat16", "float64"))
    small = d.limit < 100
    inside = d.choose.choice([1, 2] if small else [1, 2, 3, 8, 16])
    outside = d.choose.choice([1, 2] if small else [1, 2, 4, 9])
    kernel = tuple(d.choose.choice([1, 2] if small else [1, 2, 3]) for _ in range(spatial))
    stride = tuple(d.choose.choice([1, 1, 2, 3]) for _ in range(spatial))
    padding = tuple(d.choose.choice([0, 0, 1, 2]) for _ in range(spatial))
    dilation = tuple(d.choose.choice([1, 1, 2]) for _ in range(spatial))
    lengths = tuple(
        dil * (k - 1) + 1 + d.choose.choice([0, 1, 2] if small else [0, 1, 4, 9])
        for k, dil in zip(kernel, dilation, strict=True)
    )
    batch = 1 if small else d.choose.choice([1, 2, 3])
    d.operand((dtype,), shape=(batch, *lengths, inside * groups), domain=PLAIN)
    d.operand((dtype,), shape=(outside * groups, *kernel, inside), domain=PLAIN)

    def exact(x: Wide, w: Wide) -> Any:
        return convolved(x, w, stride, padding, dilation, groups)

    def unpack(values: Shape) -> Any:
        return values[0] if spatial == 1 else values

    options = f"stride={unpack(stride)}, padding={unpack(padding)}, dilation={unpack(dilation)}"
    if groups > 1:
        options += f", groups={groups}"
    # MLX maps a convolution that has groups over its weights wrongly, and a vmap makes groups.
    count = int(np.prod(kernel)) * inside
    return d.call(
        f"mx.conv{spatial}d({{0}}, {{1}}, {options})",
        dtype,
        exact,
        _error(dtype, count, exact),
        smooth=True,
        shapeless=False,
    )


def _convolve(d: Draw) -> Call:
    dtype = d.source.dtype(("float32", "float16", "bfloat16"))
    n, m = (max(1, x) for x in _lengths(d, 2))
    mode: Any = d.choose.choice(["full", "same", "valid"])
    if mode != "full" and n < m:
        raise UnfitError
    d.operand((dtype,), shape=(n,), domain=PLAIN)
    d.operand((dtype,), shape=(m,), domain=PLAIN)

    def exact(x: Wide, y: Wide) -> Any:
        return np.convolve(x, y, mode)

    code = f"mx.convolve({{0}}, {{1}}, {mode!r})"
    error = _error(dtype, m, exact)
    return d.call(code, dtype, exact, error, smooth=True, shapeless=False)


def _hadamard(d: Draw) -> Call:
    n = d.choose.choice([1, 2, 4, 8, 12, 16, 20, 64])
    a = d.operand(
        ("float32", "float16", "bfloat16"), shape=(*d.choose.choice([(), (3,)]), n), domain=PLAIN
    )
    if n in (12, 20):
        # The matrix of such an order is a matter of taste, that it is orthogonal is not.

        def norm(x: Wide) -> Any:
            return np.sum(x * x, -1, keepdims=True)

        code = "mx.sum(mx.square(mx.hadamard_transform({0}).astype(mx.float32)), -1, keepdims=True)"

        def error(value: Wide, x: Wide) -> Any:
            return 2 * n * sum_error(norm(np.abs(x)), n, norm(x), a.dtype)

        return d.call(code, "float32", norm, error, shapeless=False)
    matrix = np.ones((1, 1))
    while len(matrix) < n:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    scale = float(rounded(np.float64(n**-0.5), "float32"))

    def exact(x: Wide) -> Any:
        return x @ matrix * scale

    def error_of_sums(value: Wide, x: Wide) -> Any:
        # Halves are added as halves, in stages whose number is the logarithm.
        terms = np.sum(np.abs(x), -1, keepdims=True) * scale
        return (2 + np.log2(n)) * sum_error(terms, 1, terms, a.dtype)

    return d.call(
        "mx.hadamard_transform({0})", a.dtype, exact, error_of_sums, smooth=True, shapeless=False
    )


OPERATIONS: dict[str, Operation] = {
    "matmul": _matmul,
    "product_with_itself": _product_with_itself,
    "addmm": _addmm,
    "inner": _inner,
    "outer": _outer,
    "tensordot": _tensordot,
    "einsum": _einsum,
    "kron": _kron,
    "gather_mm": _gather_mm,
    "convolution": _convolution,
    "convolve": _convolve,
    "hadamard_transform": _hadamard,
}
