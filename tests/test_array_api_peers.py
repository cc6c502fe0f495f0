"""The array API beside libraries of it: `nox -s array-api` installs these.

array-api-strict answers the same calls; array-api-compat, array-api-extra and SciPy are programs
that run on any library of the standard, and so on this one.
"""

from __future__ import annotations

import importlib
import inspect
import operator
import os
import warnings
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from array_api_cases import CASES, SPECIAL_BINARY, SPECIAL_UNARY, arrays, special_values
from array_api_names import FUNCTIONS, INSPECTION
from array_api_programs import EXTRA, SCIPY, arrays_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

many = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)

# A library of 64 bits by default has the first of a pair where one of 32 bits has the second; an
# index is int64 there and here int32 or uint32.
NARROWER = {
    "int64": {"int32", "uint32"},
    "uint64": {"uint32"},
    "float64": {"float32"},
    "complex128": {"complex64"},
}

# Compared by what they are multiplied to, as the parts are not the only ones.
FACTORIZATIONS = "eig eigh eigvals qr svd".split()

# Names that are no computation of arrays.
APART = {
    *"can_cast empty empty_like finfo from_dlpack iinfo isdtype result_type".split(),
    *(f"linalg.{name}" for name in FACTORIZATIONS),
}


def peer(name: str) -> Any:
    """A library, or a skipped test where it is not installed."""
    pytest.importorskip(name.partition(".")[0], reason="`nox -s array-api` installs it")
    return importlib.import_module(name)


def strict() -> Any:
    library = peer("array_api_strict")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library.set_array_api_strict_flags(api_version="2025.12")
    return library


def given_to(library: Any, value: Any) -> Any:
    """What a case holds as the library's own: arrays, and data types, which are named."""
    if isinstance(value, np.ndarray):
        return library.asarray(value, dtype=getattr(library, str(value.dtype)))
    if isinstance(value, list | tuple):
        return type(value)(given_to(library, part) for part in value)
    if isinstance(value, str) and hasattr(library, value) and value not in ("all", "any"):
        return getattr(library, value)
    return value


def call(library: Any, name: str, args: Any, keywords: Any) -> Any:
    own = {key: given_to(library, value) for key, value in keywords.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return attrgetter(name)(library)(*given_to(library, args), **own)


def name_of(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2].strip("'>)")


def values_of(x: Any) -> np.ndarray:
    return np.array(x) if isinstance(x, mx.array) else np.asarray(x._array)


def check_same(got: Any, want: Any, *, rtol: float = 1e-5, atol: float = 1e-5) -> None:
    """The same arrays, in the same tuples; types may be the default ones of 32 bits."""
    if isinstance(want, tuple | list) and not isinstance(got, mx.array):
        assert isinstance(got, tuple | list)
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            check_same(one, other, rtol=rtol, atol=atol)
        return
    if not hasattr(want, "dtype"):
        assert got == want
        return
    assert isinstance(got, mx.array)
    wide, name = name_of(want.dtype), name_of(got.dtype)
    assert name == wide or name in NARROWER.get(wide, ()), (name, wide)
    assert got.shape == want.shape
    expected = values_of(want)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(values_of(got), expected, rtol=rtol, atol=atol)


def test_signatures_are_those_of_strict() -> None:
    """The table of names and signatures that the other tests hold us to."""
    library = strict()
    theirs = {
        name: signature_of(attrgetter(name)(library))
        for name in FUNCTIONS
        # A class that its constructor's arguments do not describe.
        if name not in ("linalg.eig", "linalg.eigvals") or hasattr(library.linalg, "eig")
    }
    ours = {name: plain(FUNCTIONS[name]) for name in theirs}
    assert ours == theirs
    info = library.__array_namespace_info__()
    for name, signature in INSPECTION.items():
        assert plain(signature) == signature_of(getattr(info, name)), name


def signature_of(function: Any) -> str:
    return plain(inspect.signature(function))


def plain(signature: inspect.Signature) -> str:
    """Without annotations, in one order of keywords, and with one word for "not given"."""
    parts = [
        parameter.replace(
            annotation=inspect.Parameter.empty,
            default=None if "UNDEF" in repr(parameter.default) else parameter.default,
        )
        for parameter in signature.parameters.values()
    ]
    positional = [part for part in parts if part.kind is not inspect.Parameter.KEYWORD_ONLY]
    named = sorted(part for part in map(str, parts) if part not in map(str, positional))
    return f"{inspect.Signature(positional)} {named}"


def test_every_function_is_compared() -> None:
    assert set(CASES) | APART == set(FUNCTIONS)


@pytest.mark.parametrize("name", CASES)
def test_values(name: str) -> None:
    library = strict()

    @many
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        args, keywords = CASES[name](data.draw)
        want = call(library, name, args, keywords)
        check_same(call(mx, name, args, keywords), want)

    compare()


def check_special(name: str, got: np.ndarray, want: np.ndarray, *operands: np.ndarray) -> None:
    """Equal to rounding, and zeros of the same sign."""
    close = np.isclose(got, want, rtol=1e-4, atol=1e-7, equal_nan=True)
    if name == "floor_divide":
        # Of and by infinity, libraries may divide as Python does, or as IEEE 754 and then round.
        close |= np.isinf(operands[0]) & np.isinf(got) & np.isnan(want)
        close |= np.isinf(operands[1]) & (got == 0) & (want == -1)
    if got.dtype.kind == "f" and name != "logaddexp":
        # The sign of a zero counts, that of NaN does not.
        close &= (np.signbit(got) == np.signbit(want)) | (want != 0) | np.isnan(want)
    wrong = [
        f"{name}({', '.join(str(x[i]) for x in operands)}) = {got[i]}, not {want[i]}"
        for i in np.argwhere(~close).ravel()
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", SPECIAL_UNARY)
def test_special_values(name: str) -> None:
    x = special_values()
    want = values_of(call(strict(), name, (x,), {}))
    check_special(name, values_of(call(mx, name, (x,), {})), want, x)


@pytest.mark.parametrize("name", SPECIAL_BINARY)
def test_special_values_of_two(name: str) -> None:
    values = special_values()
    x, y = (part.ravel() for part in np.meshgrid(values, values))
    want = values_of(call(strict(), name, (x, y), {}))
    check_special(name, values_of(call(mx, name, (x, y), {})), want, x, y)


# The functions of complex numbers that the standard gives such results for.
COMPLEX_FUNCTIONS = (
    "abs acos acosh asin asinh atan atanh cos cosh exp expm1 isfinite isinf isnan log log10 log1p "
    "log2 sign sin sinh sqrt tan tanh".split()
)


@pytest.mark.parametrize("name", COMPLEX_FUNCTIONS)
def test_special_values_of_complex_numbers(name: str) -> None:
    values = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan], np.float32)
    x = (values[:, None] + 0j).astype(np.complex64).repeat(len(values), 1)
    x.imag = values
    x = x.ravel()
    want = values_of(call(strict(), name, (x,), {}))
    got = values_of(mx.array(getattr(mx, name)(mx.array(x))))
    if got.dtype.kind != "c":
        check_special(name, got, want, x)
        return
    finite = np.isfinite(want.real) & np.isfinite(want.imag)
    # NumPy's sign of what is infinite is NaN, and so is its expm1 where the standard has a number,
    # which test_special_values.py holds ours to.
    ours_alone = {"sign": np.isinf(x), "expm1": ~np.isfinite(x)}.get(name, np.zeros(x.shape, bool))
    for part in ("real", "imag"):
        # Where a part is NaN or infinite, the standard leaves the sign of the other open.
        mine, theirs = getattr(got, part), getattr(want, part)
        close = np.isclose(mine, theirs, rtol=1e-4, atol=1e-6, equal_nan=True)
        close |= np.isinf(mine) & np.isinf(theirs) & ~finite
        close |= ours_alone
        wrong = [f"{name}({x[i]}) = {got[i]}, not {want[i]}" for i in np.argwhere(~close).ravel()]
        assert not wrong, "\n".join(wrong)


OPERATORS = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "pow",
    "and_": "bitwise_and",
    "or_": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "bitwise_left_shift",
    "rshift": "bitwise_right_shift",
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "matmul": "matmul",
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(name: str) -> None:
    library, operate = strict(), getattr(operator, name)
    in_place = getattr(operator, f"i{name.strip('_')}", None)

    @many
    @given(st.data())
    def compare(data: st.DataObject) -> None:
        args, _ = CASES[OPERATORS[name]](data.draw)
        want = operate(*given_to(library, args))
        check_same(operate(*given_to(mx, args)), want)
        left, right = given_to(mx, args)
        fits = isinstance(left, mx.array) and (left.dtype, left.shape) == (
            given_to(mx, values_of(want)).dtype,
            want.shape,
        )
        if in_place is not None and fits:
            same = in_place(left, right)
            assert same is left
            check_same(left, want)

    compare()


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> Any:
    """An index of ints, slices, None and an ellipsis, or a mask."""
    if draw(st.booleans()):
        return draw(arrays(("bool",), shape))
    parts: list[Any] = []
    for length in shape:
        bound = st.none() | st.integers(-length, length)
        step = st.sampled_from([None, 1, 2, -1, -2])
        slices = st.builds(slice, st.none(), st.none(), step) | st.builds(slice, bound, bound)
        ints = st.integers(-length, length - 1) if length else st.nothing()
        parts.append(draw(slices | ints if length else slices))
    start = draw(st.integers(0, len(parts)))
    if draw(st.booleans()):
        stop = draw(st.integers(start, len(parts)))
        parts[start:stop] = [...]
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), None)
    return tuple(parts)


@many
@given(st.data())
def test_get_item(data: st.DataObject) -> None:
    library = strict()
    x = data.draw(arrays())
    index = data.draw(indices(x.shape))
    check_same(given_to(mx, x)[given_to(mx, index)], given_to(library, x)[given_to(library, index)])


@many
@given(st.data())
def test_set_item(data: st.DataObject) -> None:
    library = strict()
    x = data.draw(arrays())
    index = data.draw(indices(x.shape).filter(lambda i: not (isinstance(i, tuple) and None in i)))
    # One number for all, as an array of no dimensions, or as many as are to be set.
    value = data.draw(arrays((str(x.dtype),), ()))
    if not isinstance(index, np.ndarray) and data.draw(st.booleans()):
        value = np.broadcast_to(value, x[index].shape).copy()
    mine, theirs = given_to(mx, x), given_to(library, x)
    mine[given_to(mx, index)] = given_to(mx, value)
    theirs[given_to(library, index)] = given_to(library, value)
    check_same(mine, theirs)


@pytest.mark.parametrize("name", "bool int8 int32 int64 uint8 float32 complex64".split())
def test_numbers_of_python(name: str) -> None:
    x = given_to(mx, np.array(1, name))
    assert bool(x) is True
    assert complex(x) == 1
    if name != "complex64":
        assert float(x) == 1.0
        assert int(x) == 1
    if "int" in name:
        assert operator.index(x) == 1
    else:
        with pytest.raises(TypeError):
            operator.index(x)


@many
@given(arrays(), st.sampled_from([None, True, False]), st.sampled_from([None, mx.cpu]))
def test_dlpack(x: np.ndarray, copy: bool | None, device: Any) -> None:
    a = given_to(mx, x)
    back = mx.from_dlpack(a, copy=copy, device=device)
    assert (back.dtype, back.shape, back.device) == (a.dtype, a.shape, a.device)
    assert back.tolist() == a.tolist()
    # NumPy has what DLPack has.
    if device is None:
        np.testing.assert_array_equal(np.from_dlpack(a, copy=copy), x)


@pytest.mark.parametrize("kinds", [None, "bool", "integral", "numeric", ("bool", "real floating")])
def test_inspection(kinds: Any) -> None:
    info, theirs = mx.__array_namespace_info__(), strict().__array_namespace_info__()
    names = set(theirs.dtypes(kind=kinds)) - {"complex128"}
    if mx.default_device() != mx.cpu:
        names -= {"float64"}
    assert set(info.dtypes(kind=kinds)) == names
    for name, dtype in info.dtypes(kind=kinds).items():
        assert mx.empty((2,), dtype=dtype).dtype == dtype == getattr(mx, name)
    assert info.default_device() in info.devices()
    assert set(info.default_dtypes()) == set(theirs.default_dtypes())
    assert info.default_dtypes()["indexing"] == mx.argmax(mx.ones(2)).dtype
    assert set(info.capabilities()) == set(theirs.capabilities())


# Programs that run on any library


def parts_of(result: Any) -> Iterator[Any]:
    """The arrays and numbers of a result, which may be a tuple or an object with attributes."""
    if isinstance(result, tuple | list):
        for part in result:
            yield from parts_of(part)
    elif isinstance(result, mx.array | np.ndarray | np.generic | int | float | complex | None):
        yield result
    else:
        for name, part in sorted(vars(result).items()):
            if not name.startswith("_"):
                yield from parts_of(part)


def check_program(row: str, modules: dict[str, Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got, want = (
            list(parts_of(eval(row, {**modules, **arrays_of(library)}))) for library in (mx, np)
        )
    assert len(got) == len(want)
    assert any(isinstance(part, mx.array | int) for part in got), "the program computed by NumPy"
    for mine, theirs in zip(got, want, strict=True):
        if theirs is None:
            assert mine is None
        else:
            np.testing.assert_allclose(np.asarray(mine), theirs, rtol=2e-3, atol=1e-4)


def test_compat() -> None:
    compat, a = peer("array_api_compat"), mx.array([1.0, 2.0])
    assert compat.is_array_api_obj(a)
    assert compat.array_namespace(a, a) is mx
    assert compat.device(a) == a.device
    assert compat.to_device(a, mx.cpu).tolist() == [1.0, 2.0]
    assert compat.size(a) == 2
    assert compat.is_writeable_array(a)
    for version in (None, "2021.12", "2024.12", "2025.12"):
        assert a.__array_namespace__(api_version=version) is mx
    with pytest.raises(ValueError, match="api_version"):
        a.__array_namespace__(api_version="2020.12")


@pytest.mark.parametrize("row", EXTRA)
def test_extra(row: str) -> None:
    check_program(row, {"xpx": peer("array_api_extra")})


@pytest.mark.parametrize("row", SCIPY)
def test_scipy(row: str) -> None:
    if os.environ.get("SCIPY_ARRAY_API") != "1":
        pytest.skip("`nox -s array-api` sets SCIPY_ARRAY_API, which SciPy reads when imported")
    names = "cluster fft integrate interpolate ndimage optimize signal spatial special stats"
    modules = {name: peer(f"scipy.{name}") for name in names.split()}
    check_program(row, modules)
