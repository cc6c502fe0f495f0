"""Reductions over axes, scans along one, softmax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fuzz.arrays.bounds import FUNCTION_ULPS, computed, rounding_error, sum_error, unit
from fuzz.arrays.calls import Call, Draw, Operation, UnfitError
from fuzz.arrays.values import EXACT, FLOATS, FORMATS, INTEGERS, REAL, Wide, floating, is_float


def summed(dtype: str) -> str:
    """The type of a sum: narrow integers are widened to 32 bits."""
    if dtype in ("bool", "int8", "int16"):
        return "int32"
    return "uint32" if dtype in ("uint8", "uint16") else dtype


def _written(name: str, axes: Any, keepdims: bool, more: str = "") -> str:
    options = [] if axes is None else [f"axis={axes}"]
    options += ["keepdims=True"] if keepdims else []
    options += [more] if more else []
    return f"mx.{name}({', '.join(['{0}', *options])})"


def _count(x: Wide, axes: Any) -> int:
    if axes is None:
        return int(x.size)
    return int(np.prod([x.shape[a] for a in ([axes] if isinstance(axes, int) else axes)]))


def _sum(d: Draw) -> Call:
    a = d.operand((*REAL, "complex64"), domain="plain" if d.smooth else "any")
    axes, keep = d.source.axes(a.ndim), d.source.chance(0.4)
    dtype = summed(a.dtype)

    def exact(x: Wide) -> Any:
        return np.sum(x, axis=axes, keepdims=keep, dtype=None if is_float(dtype) else dtype)

    def error(value: Wide, x: Wide) -> Any:
        if not is_float(dtype):
            return 0.0
        terms = np.sum(np.where(np.isfinite(x), np.abs(x), 0), axis=axes, keepdims=keep)
        return _unless_overflow(sum_error(terms, _count(x, axes), value, dtype), terms, a.dtype)

    return d.call(_written("sum", axes, keep), dtype, exact, error, smooth=True)


def _unless_overflow(error: Wide, terms: Wide, dtype: str) -> Wide:
    """Where partial sums may exceed the largest float, infinity and NaN may come of it."""
    largest = FORMATS[computed(dtype)].largest
    return np.asarray(np.where(terms >= largest, np.nan, error))


def _prod(d: Draw) -> Call:
    a = d.operand(REAL, domain="plain" if d.smooth else "any")
    axes, keep = d.source.axes(a.ndim), d.source.chance(0.4)
    dtype = summed(a.dtype)

    def exact(x: Wide) -> Any:
        return np.prod(x, axis=axes, keepdims=keep, dtype=None if is_float(dtype) else dtype)

    def error(value: Wide, x: Wide) -> Any:
        if not is_float(dtype):
            return 0.0
        # Partial products in any order: one of them may leave the range of the type on the way.
        n = _count(x, axes)
        with np.errstate(all="ignore"):
            logs = np.log2(np.abs(x))
            high = np.sum(np.maximum(logs, 0), axis=axes, keepdims=keep)
            low = np.sum(np.minimum(logs, 0), axis=axes, keepdims=keep)
        form = FORMATS[computed(a.dtype)]
        unsafe = (high >= np.log2(form.largest)) | (low <= np.log2(form.tiny))
        inner = n * unit(computed(a.dtype)) * np.abs(value)
        return np.where(unsafe, np.nan, inner + rounding_error(value, dtype))

    return d.call(_written("prod", axes, keep), dtype, exact, error, smooth=True)


def _mean(d: Draw) -> Call:
    a = d.operand(REAL, domain="plain" if d.smooth else "finite")
    axes, keep = d.source.axes(a.ndim), d.source.chance(0.4)
    dtype = floating(a.dtype)

    def exact(x: Wide) -> Any:
        wide = x.astype(np.longdouble) if not is_float(a.dtype) else x
        return np.asarray(
            np.mean(wide, axis=axes, keepdims=keep), x.dtype if is_float(a.dtype) else np.float64
        )

    def error(value: Wide, x: Wide) -> Any:
        terms = np.sum(
            np.abs(x.astype(np.complex128 if np.iscomplexobj(x) else np.float64)),
            axis=axes,
            keepdims=keep,
        )
        n = max(_count(x, axes), 1)
        error = (n + 3) * unit(computed(dtype)) * terms / n + 2 * rounding_error(value, dtype)
        return _unless_overflow(error, terms, dtype)

    return d.call(_written("mean", axes, keep), dtype, exact, error, smooth=True)


def _variance(name: str) -> Operation:
    def draw(d: Draw) -> Call:
        a = d.operand(REAL, domain="plain")
        axes, keep, ddof = d.source.axes(a.ndim), d.source.chance(0.4), d.choose.choice([0, 0, 1])
        dtype = floating(a.dtype)

        def variance(x: Wide) -> Any:
            # Written out, as NumPy's takes magnitudes of complex numbers.
            wide = x if np.iscomplexobj(x) else x.astype(np.float64)
            centred = wide - np.mean(wide, axis=axes, keepdims=True)
            return np.sum(centred * centred, axis=axes, keepdims=keep) / max(
                _count(x, axes) - ddof, 0
            )

        def exact(x: Wide) -> Any:
            value = np.asarray(variance(x))
            return np.sqrt(value) if name == "std" else value

        def error(value: Wide, x: Wide) -> Any:
            # Centred: the mean is off by n u |x|, which its square and each difference see.
            wide = np.abs(x.astype(np.float64))
            n = max(_count(x, axes), 1)
            u = unit(computed(dtype))
            large = np.max(wide, axis=axes, keepdims=keep, initial=0.0)
            square = np.asarray(variance(x))
            centre = (n + 2) * u * large
            spread = np.sqrt(np.abs(square))
            scale = n / max(n - ddof, 1)
            of_square = scale * (2 * spread * centre + centre**2) + (n + 4) * u * square
            if name == "std":
                # sqrt(v + e) - sqrt(v) is at most e / sqrt(v) and at most sqrt(e).
                with np.errstate(all="ignore"):
                    of_square = np.minimum(
                        np.nan_to_num(of_square / spread, nan=np.inf), np.sqrt(of_square)
                    )
            result = of_square + 2 * rounding_error(value, dtype)
            # Squares may leave the range of the type.
            safe = np.isfinite(value) & (4 * n * large**2 < FORMATS[computed(dtype)].largest)
            return np.where(safe, result, np.nan)

        more = f"ddof={ddof}" if ddof else ""
        return d.call(_written(name, axes, keep, more), dtype, exact, error, smooth=name == "var")

    return draw


def _extreme(name: str) -> Operation:
    exact = getattr(np, name)
    index: Any = np.argmax if name == "max" else np.argmin

    def draw(d: Draw) -> Call:
        a = d.operand(REAL)
        axes, keep = d.source.axes(a.ndim), d.source.chance(0.4)
        if _empty(a.shape, axes):
            raise UnfitError

        def of(x: Wide) -> Any:
            if not np.iscomplexobj(x):
                return exact(x, axis=axes, keepdims=keep)
            picked = _pick(x, index(x.real, axis=axes, keepdims=True), axes, keep)
            # Among equals, there is no derivative.
            unique = np.sum(
                x.real == exact(x.real, axis=axes, keepdims=True), axis=axes, keepdims=keep
            )
            return np.where(unique == 1, picked, np.nan)

        smooth = axes is None or isinstance(axes, int)
        return d.call(_written(name, axes, keep), a.dtype, of, smooth=smooth)

    return draw


def _pick(x: Wide, at: Wide, axis: Any, keep: bool) -> Wide:
    if axis is None:
        return x.reshape(-1)[at.reshape(())].reshape((1,) * x.ndim if keep else ())
    picked = np.take_along_axis(x, at, axis)
    return picked if keep else picked.squeeze(axis)


def _empty(shape: tuple[int, ...], axes: Any) -> bool:
    """Whether there is nothing to reduce."""
    if axes is None:
        return 0 in shape
    return any(shape[a] == 0 for a in ([axes] if isinstance(axes, int) else axes))


def _index_of_extreme(name: str) -> Operation:
    def draw(d: Draw) -> Call:
        a = d.operand(REAL, domain="finite")
        axis = None if a.ndim == 0 or d.source.chance(0.2) else d.source.axis(a.ndim)
        keep = d.source.chance(0.4)
        if _empty(a.shape, axis):
            raise UnfitError

        def error(value: Wide, x: Wide) -> Any:
            # What a NaN that an earlier step has made does is not promised.
            nan = np.isnan(x).any(axis=axis, keepdims=keep) if is_float(a.dtype) else False
            return np.where(nan, np.nan, 0.0)

        return d.call(
            _written(name, axis, keep),
            "uint32",
            lambda x: np.asarray(getattr(np, name)(x, axis=axis, keepdims=keep), np.uint32),
            error,
        )

    return draw


def _truth(name: str) -> Operation:
    def draw(d: Draw) -> Call:
        a = d.operand((*EXACT, "float32", "float16", "bfloat16"))
        axes, keep = d.source.axes(a.ndim), d.source.chance(0.4)
        return d.call(
            _written(name, axes, keep),
            "bool",
            lambda x: getattr(np, name)(x, axis=axes, keepdims=keep),
        )

    return draw


def _count_nonzero(d: Draw) -> Call:
    a = d.operand(REAL)
    axes = d.source.axes(a.ndim)
    return d.call(
        _written("count_nonzero", axes, False), "int32", lambda x: np.count_nonzero(x, axis=axes)
    )


def _logsumexp_of(x: Wide, axes: Any, keep: bool) -> Wide:
    top = np.max(x.real, axis=axes, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    total = np.log(np.sum(np.exp(x - top), axis=axes, keepdims=True)) + top
    if keep:
        return np.asarray(total)
    return np.asarray(np.squeeze(total, tuple(range(x.ndim)) if axes is None else axes))


def _logsumexp(d: Draw) -> Call:
    a = d.operand(FLOATS)
    axes, keep = d.source.axes(a.ndim), d.source.chance(0.4)
    if _empty(a.shape, axes):
        raise UnfitError
    u = unit(computed(a.dtype))
    small = FORMATS[computed(a.dtype)].smallest

    def error(value: Wide, x: Wide) -> Any:
        # Each exponential of x - max: the difference is rounded, the exponential has its ulps; so
        # many terms are added; the logarithm near 1 sees their absolute error.
        n = _count(x, axes)
        size = np.max(np.where(np.isfinite(x), np.abs(x), 0), axis=axes, keepdims=keep, initial=0.0)
        inner = u * (n + 2 * FUNCTION_ULPS + 2 + size) + FUNCTION_ULPS * 2 * u * (
            np.abs(value) + size
        )
        return inner + rounding_error(value, a.dtype) + n * small

    return d.call(
        _written("logsumexp", axes, keep),
        a.dtype,
        lambda x: _logsumexp_of(x, axes, keep),
        error,
        smooth=True,
    )


def _softmax(d: Draw) -> Call:
    a = d.operand(FLOATS, low=1)
    axes = d.source.axes(a.ndim)
    precise = d.source.chance(0.5)
    # Without `precise`, halves may be computed as halves.
    u = unit(computed(a.dtype) if precise else a.dtype)

    def exact(x: Wide) -> Any:
        top = np.max(x.real, axis=axes, keepdims=True, initial=-np.inf)
        powers = np.exp(x - top)
        return powers / np.sum(powers, axis=axes, keepdims=True)

    def error(value: Wide, x: Wide) -> Any:
        top = np.max(x, axis=axes, keepdims=True, initial=-np.inf)
        gap = np.where(np.isfinite(x - top), np.abs(x - top), 0.0)
        n = _count(x, axes)
        relative = u * (n + 4 * FUNCTION_ULPS + 4 + np.minimum(gap, 1e4))
        # Below the range of the type that is computed in, exponentials are 0.
        small = FORMATS[computed(a.dtype)].tiny + (0 if precise else FORMATS[a.dtype].smallest)
        return relative * np.abs(value) + small + rounding_error(value, a.dtype)

    more = "precise=True" if precise else ""
    return d.call(_written("softmax", axes, False, more), a.dtype, exact, error, smooth=True)


def _scan(name: str, exact: Callable[..., Any]) -> Operation:
    def draw(d: Draw) -> Call:
        a = d.operand(FLOATS + INTEGERS, low=1, domain="plain" if d.smooth else "finite")
        axis = d.source.axis(a.ndim)
        reverse = d.source.chance(0.3)
        dtype = summed(a.dtype) if name in ("cumsum", "cumprod") else a.dtype

        def of(x: Wide) -> Any:
            x = x.astype(x.dtype if is_float(dtype) else dtype)
            x = np.flip(x, axis) if reverse else x
            y = exact(x, axis)
            y = y if is_float(dtype) else y.astype(dtype)
            return np.flip(y, axis) if reverse else y

        def error(value: Wide, x: Wide) -> Any:
            if not is_float(dtype) or name in ("cummax", "cummin"):
                return 0.0
            n = x.shape[axis] if x.size else 1
            if name == "cumsum":
                terms = of(np.abs(x))
                return _unless_overflow(sum_error(terms, n, value, dtype), terms, dtype)
            with np.errstate(all="ignore"):
                logs = np.log2(np.abs(x))
                high, low = (
                    np.abs(
                        np.flip(np.cumsum(np.flip(s(logs, 0), axis), axis), axis)
                        if reverse
                        else np.cumsum(s(logs, 0), axis)
                    )
                    for s in (np.maximum, np.minimum)
                )
            form = FORMATS[computed(dtype)]
            unsafe = (high >= np.log2(form.largest)) | (low >= -np.log2(form.tiny))
            inner = (n + 1) * unit(computed(dtype)) * np.abs(value)
            return np.where(unsafe, np.nan, inner + rounding_error(value, dtype))

        options = f"axis={axis}" + (", reverse=True" if reverse else "")
        smooth = name in ("cumsum", "cumprod")
        return d.call(f"mx.{name}({{0}}, {options})", dtype, of, error, smooth=smooth)

    return draw


def _logcumsumexp(d: Draw) -> Call:
    a = d.operand(FLOATS, low=1, domain="plain")
    axis = d.source.axis(a.ndim)

    def exact(x: Wide) -> Any:
        if np.iscomplexobj(x):
            return np.log(np.cumsum(np.exp(x), axis))
        return np.logaddexp.accumulate(x, axis)

    def error(value: Wide, x: Wide) -> Any:
        n = x.shape[axis] if x.size else 1
        size = np.maximum(np.max(np.abs(x), axis=axis, keepdims=True, initial=0.0), np.abs(value))
        inner = n * (2 * FUNCTION_ULPS + 3) * unit(computed(a.dtype)) * (1 + size)
        return np.where(np.isfinite(value), inner + rounding_error(value, a.dtype), np.nan)

    return d.call(f"mx.logcumsumexp({{0}}, axis={axis})", a.dtype, exact, error, smooth=True)


def _diff(d: Draw) -> Call:
    a = d.operand((*INTEGERS, *FLOATS), low=1, domain="finite")
    axis, n = d.source.axis(a.ndim), d.choose.choice([1, 1, 2])
    if a.shape[axis] <= n:
        raise UnfitError

    def error(value: Wide, x: Wide) -> Any:
        if not is_float(a.dtype):
            return 0.0
        # Differences of differences: each rounds what is up to twice as large.
        large = np.max(np.abs(x), axis=axis, keepdims=True)
        inside = 0.0 if n == 1 else 8 * unit(a.dtype) * large
        return np.where(
            4 * large < FORMATS[a.dtype].largest, inside + rounding_error(value, a.dtype), np.nan
        )

    return d.call(
        f"mx.diff({{0}}, n={n}, axis={axis})",
        a.dtype,
        lambda x: np.diff(x, n, axis),
        error,
        smooth=True,
    )


def _median(d: Draw) -> Call:
    a = d.operand(("float32", "float64"), low=1, domain="finite")
    axis = d.source.axis(a.ndim)
    if _empty(a.shape, axis):
        raise UnfitError

    def error(value: Wide, x: Wide) -> Any:
        large = np.max(np.abs(x), axis=axis)
        safe = np.isfinite(x).all(axis=axis) & (2 * large < FORMATS[a.dtype].largest)
        return np.where(safe, 2 * rounding_error(value, a.dtype), np.nan)

    return d.call(f"mx.median({{0}}, axis={axis})", a.dtype, lambda x: np.median(x, axis), error)


OPERATIONS: dict[str, Operation] = {
    "sum": _sum,
    "prod": _prod,
    "mean": _mean,
    "var": _variance("var"),
    "std": _variance("std"),
    "max": _extreme("max"),
    "min": _extreme("min"),
    "argmax": _index_of_extreme("argmax"),
    "argmin": _index_of_extreme("argmin"),
    "all": _truth("all"),
    "any": _truth("any"),
    "count_nonzero": _count_nonzero,
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "cumsum": _scan("cumsum", np.cumsum),
    "cumprod": _scan("cumprod", np.cumprod),
    "cummax": _scan("cummax", np.maximum.accumulate),
    "cummin": _scan("cummin", np.minimum.accumulate),
    "logcumsumexp": _logcumsumexp,
    "diff": _diff,
    "median": _median,
}
