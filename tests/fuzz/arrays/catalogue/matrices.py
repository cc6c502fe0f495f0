"""Linear algebra. What a factorization gives is put together again and compared with the matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from fuzz.arrays.bounds import rounding_error, unit
from fuzz.arrays.calls import Call, Draw, Operation, Shape
from fuzz.arrays.values import FLOATS, FORMATS, Source, Wide, rounded

TYPES = ("float32", "float32", "float64")
# In front of n u |A|: the constants of LAPACK's backward errors are small, of order 10.
BACKWARD = 20.0


def _regular(source: Source, shape: Shape, dtype: str) -> Wide:
    """A matrix that is far from singular: the unit matrix and a part that is smaller."""
    n = shape[-1]
    part = source.numbers.standard_normal(shape) / (2.5 * np.sqrt(max(n, 1)))
    return rounded(np.eye(n) + part, dtype)


def _definite(source: Source, shape: Shape, dtype: str) -> Wide:
    part = _regular(source, shape, "float64")
    return rounded(part @ np.swapaxes(part, -1, -2) + 0.1 * np.eye(shape[-1]), dtype)


def _symmetric(source: Source, shape: Shape, dtype: str) -> Wide:
    part = source.numbers.standard_normal(shape)
    return rounded(part + np.swapaxes(part, -1, -2), dtype)


def _square_shape(d: Draw) -> Shape:
    n = d.choose.choice([1, 2, 3, 4, 5, 8, 9, 17])
    return (*d.choose.choice([(), (), (2,), (2, 3)]), n, n)


def _norms(x: Wide) -> Wide:
    return np.asarray(np.sqrt(np.sum(np.abs(x) ** 2, axis=(-2, -1), keepdims=True)))


def _backward(dtype: str, n: int) -> Any:
    """Of what a factorization of x gives back."""

    def error(value: Wide, x: Wide, *rest: Wide) -> Any:
        return BACKWARD * (n + 1) * unit(dtype) * _norms(x)

    return error


def _rebuilt(code: str, maker: Any, square: bool = True) -> Operation:
    def draw(d: Draw) -> Call:
        shape = _square_shape(d)
        if not square:
            shape = (*shape[:-2], d.choose.choice([1, 2, 3, 7]), shape[-1])
        a = d.operand(TYPES, shape=shape, domain=maker)
        n = max(shape[-2:])
        text = f"(lambda a: {code})({{0}})"
        return d.call(text, a.dtype, lambda x: x, _backward(a.dtype, n), shapeless=False)

    return draw


def _general(source: Source, shape: Shape, dtype: str) -> Wide:
    return rounded(source.numbers.standard_normal(shape), dtype)


def _inverse(name: str, maker: Any) -> Operation:
    def draw(d: Draw) -> Call:
        shape = _square_shape(d)
        a = d.operand(TYPES, shape=shape, domain=maker)

        def error(value: Wide, x: Wide) -> Any:
            n = x.shape[-1]
            size = _norms(value)
            return BACKWARD * n * unit(a.dtype) * size * (1 + size * _norms(x))

        exact = np.linalg.inv
        return d.call(
            f"mx.linalg.{name}({{0}})", a.dtype, exact, error, shapeless=False, smooth=name == "inv"
        )

    return draw


def _solve(d: Draw) -> Call:
    shape = _square_shape(d)
    a = d.operand(TYPES, shape=shape, domain=_regular)
    columns = d.choose.choice([1, 2, 5])
    d.operand((a.dtype,), shape=(*shape[:-1], columns), domain=_general)

    def error(value: Wide, x: Wide, b: Wide) -> Any:
        n = x.shape[-1]
        inverse = np.linalg.norm(np.linalg.inv(x), axis=(-2, -1), keepdims=True)
        return BACKWARD * n * unit(a.dtype) * inverse * _norms(x) * _norms(value)

    return d.call("mx.linalg.solve({0}, {1})", a.dtype, np.linalg.solve, error, shapeless=False)


def _triangular(source: Source, shape: Shape, dtype: str) -> Wide:
    return np.tril(_regular(source, shape, dtype))


def _solve_triangular(d: Draw) -> Call:
    n = d.choose.choice([1, 2, 5, 9])
    upper = d.source.chance(0.5)

    def make(source: Source, shape: Shape, dtype: str) -> Wide:
        lower = _triangular(source, shape, dtype)
        return np.swapaxes(lower, -1, -2) if upper else lower

    a = d.operand(TYPES, shape=(n, n), domain=make)
    d.operand((a.dtype,), shape=(n, d.choose.choice([1, 3])), domain=_general)

    def error(value: Wide, x: Wide, b: Wide) -> Any:
        condition = np.linalg.cond(x)
        return BACKWARD * n * unit(a.dtype) * condition * _norms(value)

    code = f"mx.linalg.solve_triangular({{0}}, {{1}}, upper={upper})"
    return d.call(code, a.dtype, np.linalg.solve, error, shapeless=False)


def _values_of_symmetric(d: Draw) -> Call:
    a = d.operand(TYPES, shape=_square_shape(d), domain=_symmetric)

    def error(value: Wide, x: Wide) -> Any:
        return BACKWARD * x.shape[-1] * unit(a.dtype) * _norms(x)[..., 0]

    return d.call("mx.linalg.eigvalsh({0})", a.dtype, np.linalg.eigvalsh, error, shapeless=False)


def _singular_values(d: Draw) -> Call:
    shape = _square_shape(d)
    a = d.operand(
        TYPES, shape=(*shape[:-2], d.choose.choice([1, 3, 6]), shape[-1]), domain=_general
    )

    def error(value: Wide, x: Wide) -> Any:
        return BACKWARD * max(x.shape[-2:]) * unit(a.dtype) * _norms(x)[..., 0]

    code = "mx.linalg.svd({0}, compute_uv=False)"
    if d.source.chance(0.5):
        code = "mx.linalg.svd({0})[1]"
    return d.call(
        code, a.dtype, lambda x: np.linalg.svd(x, compute_uv=False), error, shapeless=False
    )


def _determinant(d: Draw) -> Call:
    shape = _square_shape(d)
    a = d.operand(TYPES, shape=shape, domain=_regular)

    def error(value: Wide, x: Wide) -> Any:
        # The relative error of a determinant is n u times the condition of the matrix.
        n = x.shape[-1]
        condition = np.linalg.cond(x) if x.size else np.ones(x.shape[:-2])
        return BACKWARD * n * unit(a.dtype) * condition * np.abs(value)

    return d.call("mx.linalg.det({0})", a.dtype, np.linalg.det, error, shapeless=False)


def _norm(d: Draw) -> Call:
    a = d.operand(FLOATS, low=1, domain="plain")
    axis = d.source.axis(a.ndim)
    keep = d.source.chance(0.3)
    order: Any = d.choose.choice([None, 1, 2, np.inf]) if a.shape[axis] else None
    written = 'float("inf")' if order == np.inf else order

    def error(value: Wide, x: Wide) -> Any:
        n = x.shape[axis]
        inner = (n + 6) * unit("float64" if a.dtype == "float64" else "float32") * np.abs(value)
        # Squares that are too small vanish.
        vanished = np.sqrt(n * FORMATS["float32"].tiny)
        bound = inner + 2 * rounding_error(value, a.dtype) + vanished
        # Squares may leave the range of the type.
        return np.where(value**2 < FORMATS["float32"].largest / 4, bound, np.nan)

    code = f"mx.linalg.norm({{0}}, ord={written}, axis={axis}, keepdims={keep})"
    return d.call(code, a.dtype, lambda x: np.linalg.norm(x, order, axis, keep), error)


def _cross(d: Draw) -> Call:
    shape = (*d.choose.choice([(), (2,), (4, 1)]), 3)
    a = d.operand(TYPES, shape=shape, domain="plain")
    d.operand((a.dtype,), shape=shape, domain="plain")

    def exact(x: Wide, y: Wide) -> Any:
        return np.cross(x, y)

    def error(value: Wide, x: Wide, y: Wide) -> Any:
        x, y = np.abs(x), np.abs(y)
        i, j = [1, 2, 0], [2, 0, 1]
        terms = x[..., i] * y[..., j] + x[..., j] * y[..., i]
        return 3 * unit(a.dtype) * terms + FORMATS[a.dtype].smallest

    return d.call("mx.linalg.cross({0}, {1})", a.dtype, exact, error, smooth=True)


OPERATIONS: dict[str, Operation] = {
    "qr": _rebuilt("mx.matmul(*mx.linalg.qr(a))", _general, square=False),
    "cholesky": _rebuilt(
        "(lambda f: f @ mx.swapaxes(f, -1, -2))(mx.linalg.cholesky(a))", _definite
    ),
    "eigh": _rebuilt(
        "(lambda f: (f[1] * f[0][..., None, :]) @ mx.swapaxes(f[1], -1, -2))(mx.linalg.eigh(a))",
        _symmetric,
    ),
    "lu": _rebuilt(
        "(lambda f: mx.take_along_axis(f[1] @ f[2], f[0][..., None], -2))(mx.linalg.lu(a))",
        _regular,
    ),
    "inv": _inverse("inv", _regular),
    "pinv": _inverse("pinv", _regular),
    "tri_inv": _inverse("tri_inv", _triangular),
    "solve": _solve,
    "solve_triangular": _solve_triangular,
    "eigvalsh": _values_of_symmetric,
    "svd": _singular_values,
    "det": _determinant,
    "norm": _norm,
    "cross": _cross,
}
