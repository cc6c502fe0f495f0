"""The array API standard: every name is there and is called as the standard says.

What the functions compute is compared with array-api-strict by ``nox -s array-api``; here are those
that MLX lacks, against NumPy.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from inspect import Parameter
from operator import attrgetter
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from array_api_names import ATTRIBUTES, CONSTANTS, DTYPES, FUNCTIONS, INSPECTION, METHODS

POSITIONAL = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
BY_NAME = {Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD}


def disagreements(theirs: inspect.Signature, ours: inspect.Signature) -> list[str]:
    """What a caller who knows the standard's signature would stumble over."""
    found = []
    mine = list(ours.parameters.values())
    for place, wanted in enumerate(theirs.parameters.values()):
        if wanted.kind is Parameter.VAR_POSITIONAL:
            if place >= len(mine) or mine[place].kind is not Parameter.VAR_POSITIONAL:
                found.append(f"takes no *{wanted.name}")
            continue
        by_name = ours.parameters.get(wanted.name)
        if wanted.kind is not Parameter.KEYWORD_ONLY and (
            place >= len(mine) or mine[place].kind not in POSITIONAL
        ):
            found.append(f"{wanted.name} cannot be given by position {place}")
            continue
        if wanted.kind is not Parameter.POSITIONAL_ONLY and (
            by_name is None or by_name.kind not in BY_NAME
        ):
            found.append(f"{wanted.name} cannot be given by name")
            continue
        if wanted.kind is Parameter.POSITIONAL_OR_KEYWORD and mine[place].name != wanted.name:
            found.append(f"position {place} is not {wanted.name}")
        got = (
            mine[place] if by_name is None or wanted.kind is Parameter.POSITIONAL_ONLY else by_name
        )
        # None stands for the standard's default, and a data type where that is None for its own.
        accepted = {wanted.default, None}
        if wanted.default is None and isinstance(got.default, mx.Dtype):
            accepted.add(got.default)
        if wanted.default is not Parameter.empty and got.default not in accepted:
            found.append(f"{wanted.name} is {got.default!r} by default")
    names = list(theirs.parameters)
    for place, parameter in enumerate(mine):
        if parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_POSITIONAL:
            known = place < len(names) if parameter.kind in POSITIONAL else parameter.name in names
            if not known:
                found.append(f"{parameter.name} has to be given")
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name: str) -> None:
    function = attrgetter(name)(mx)
    # A class of NumPy's kind is called like a function.
    assert disagreements(FUNCTIONS[name], inspect.signature(function)) == []
    module, _, last = name.rpartition(".")
    assert last in dir(getattr(mx, module) if module else mx)


@pytest.mark.parametrize("name", METHODS)
def test_method(name: str) -> None:
    method = getattr(mx.array(1), name)
    try:
        signature = inspect.signature(method)
    except ValueError:
        # A slot of the type, whose signature is that of Python's protocol.
        assert callable(method)
        return
    assert disagreements(METHODS[name], signature) == []


@pytest.mark.parametrize("name", INSPECTION)
def test_inspection(name: str) -> None:
    function = getattr(mx.__array_namespace_info__(), name)
    assert disagreements(INSPECTION[name], inspect.signature(function)) == []


def test_attributes() -> None:
    for name in ATTRIBUTES:
        assert hasattr(mx.ones((2, 2)), name), name


def test_constants_and_data_types() -> None:
    for name in (*CONSTANTS, *DTYPES):
        assert hasattr(mx, name), name
    assert mx.newaxis is None
    assert mx.__array_api_version__ == "2025.12"


X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@pytest.mark.parametrize("source", [0, -1, (0, 1), (2, 0), (-1, 0, 1), ()])
def test_moveaxis(source: int | tuple[int, ...]) -> None:
    destination = source[::-1] if isinstance(source, tuple) else 1
    want = np.moveaxis(X, source, destination)
    assert mx.moveaxis(mx.array(X), source, destination).tolist() == want.tolist()
    assert mx.array(X).moveaxis(source, destination).shape == want.shape


def test_wrong_axes_to_move() -> None:
    a = mx.array(X)
    with pytest.raises(ValueError, match="source has the axis -3 twice"):
        mx.moveaxis(a, (0, -3), (0, 1))
    with pytest.raises(ValueError, match="destination"):
        mx.moveaxis(a, (0, 1), (0,))
    with pytest.raises(IndexError, match="destination has the axis 3"):
        mx.moveaxis(a, (0, 1), (0, 3))
    with pytest.raises(TypeError, match="source"):
        mx.moveaxis(a, "x", 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("repeats", [2, [2], [0, 3, 1], np.array([1, 0, 2]), 0, [0, 0, 0]])
def test_repeat(repeats: object) -> None:
    given = mx.array(repeats) if isinstance(repeats, np.ndarray) else repeats
    got = mx.repeat(mx.array(X), given, axis=1)  # type: ignore[arg-type]
    want = np.repeat(X, repeats, axis=1)  # type: ignore[call-overload]
    assert got.shape == want.shape
    assert got.tolist() == want.tolist()


def test_wrong_repeats() -> None:
    a = mx.array(X)
    for wrong in ([1, 2], [[1, 2, 3]], [1, -1, 1], -1):
        with pytest.raises(ValueError, match="repeat"):
            mx.repeat(a, wrong, axis=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="repeats"):
        mx.repeat(a, [0.5, 1.0, 2.0], axis=1)  # type: ignore[list-item]
    with pytest.raises(IndexError, match="axis"):
        mx.repeat(a, [1, 1, 1], axis=3)


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_scans_with_the_initial_value(name: str, axis: int) -> None:
    want = getattr(np, name)(X, axis=axis, include_initial=True)
    got = getattr(mx, name)(mx.array(X), axis=axis, include_initial=True)
    np.testing.assert_allclose(np.array(got), want)
    backwards = getattr(mx, name)(mx.array(X), axis=axis, include_initial=True, reverse=True)
    want = np.flip(getattr(np, name)(np.flip(X, axis), axis=axis, include_initial=True), axis)
    np.testing.assert_allclose(np.array(backwards), want)


@pytest.mark.parametrize("correction", [0, 1, 0.5, 2.25, 1.0])
@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_corrections(correction: float, axis: int | tuple[int, ...] | None) -> None:
    a = mx.array(X)
    for name in ("var", "std"):
        want = getattr(np, name)(X, axis=axis, correction=correction)
        got = getattr(mx, name)(a, axis=axis, correction=correction)
        np.testing.assert_allclose(np.array(got), want, rtol=1e-6)
        got = getattr(a, name)(axis=axis, correction=correction, keepdims=True)
        np.testing.assert_allclose(np.array(got).squeeze(), want.squeeze(), rtol=1e-6)


@pytest.mark.parametrize("name", ["bool", "int8", "uint8", "int16", "uint16"])
@pytest.mark.parametrize("function", ["sum", "prod"])
def test_one_element_is_added_up_in_the_type_of_many(name: str, function: str) -> None:
    one, many = mx.array(1, getattr(mx, name)), mx.array([[1]], getattr(mx, name))
    wide = mx.uint32 if name.startswith("u") else mx.int32
    for got in (getattr(mx, function)(one), getattr(mx, function)(many, axis=()), one.sum()):
        assert (got.dtype, got.item()) == (wide, 1)
    assert mx.sum(mx.array(1, mx.int64)).dtype == mx.int64


def test_vecdot_of_different_dimensions() -> None:
    got = mx.vecdot(mx.array(X), mx.array(X[0, 0]))
    np.testing.assert_array_equal(np.array(got), np.vecdot(X, X[0, 0]))
    with pytest.raises(ValueError, match="axis"):
        mx.vecdot(mx.array(X), mx.array(X[0, 0]), axis=-2)


@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
@pytest.mark.parametrize("n", [None, 3, 6, 9])
def test_transforms_of_symmetric_signals(n: int | None, norm: Any) -> None:
    z = (X[0] + 1j * X[1]).astype(np.complex64)
    got, want = mx.fft.hfft(mx.array(z), n, norm=norm), np.fft.hfft(z, n, norm=norm)
    np.testing.assert_allclose(np.array(got, np.float32), want, atol=1e-4)
    half, signal = mx.fft.ihfft(mx.array(X), n, 1, norm), np.fft.ihfft(X, n, 1, norm)
    np.testing.assert_allclose(np.array(half, np.complex64), signal, atol=1e-4)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_frequencies(n: int) -> None:
    for name in ("fftfreq", "rfftfreq"):
        ours, want = getattr(mx.fft, name), getattr(np.fft, name)(n, 0.3)
        np.testing.assert_allclose(np.array(ours(n, 0.3)), want, rtol=1e-6)
        doubles = ours(n, d=0.3, dtype=mx.float64, device=mx.cpu)
        assert doubles.dtype == mx.float64
        np.testing.assert_allclose(np.array(doubles), want, rtol=1e-15)
        with pytest.raises(ValueError, match="dtype"):
            ours(n, dtype=mx.int32)
        with pytest.raises(ValueError):
            ours(0, dtype=mx.float32)


def test_lengths_without_axes_are_of_the_last_ones() -> None:
    got, want = mx.fft.fftn(mx.array(X), (2, 3)), np.fft.fftn(X, (2, 3), axes=(-2, -1))
    np.testing.assert_allclose(np.array(got), want, atol=1e-4)


def test_both_names_of_an_argument() -> None:
    x = mx.arange(4)
    assert (
        mx.clip(x, min=1, max=2).tolist() == mx.clip(x, a_min=1, a_max=2).tolist() == [1, 1, 2, 2]
    )
    assert mx.clip(x).tolist() == mx.clip(x, None, None).tolist() == x.tolist()
    assert mx.full(2, fill_value=3).tolist() == mx.full(2, vals=3).tolist() == [3, 3]
    assert mx.full_like(x, fill_value=3).tolist() == mx.full_like(x, vals=3).tolist() == [3] * 4
    calls: list[Callable[[], mx.array]] = [
        lambda: mx.clip(x, 1, a_min=1),
        lambda: mx.clip(x, max=1, a_max=1),
        lambda: mx.full(2, 3, vals=3),
        lambda: mx.full(2),
        lambda: mx.full_like(x, 3, vals=3),
        lambda: mx.full_like(x),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"takes one"):
            call()


MAKERS = {
    "arange": (3,),
    "empty": (3,),
    "empty_like": (mx.ones(2),),
    "eye": (3,),
    "full": (3, 1),
    "full_like": (mx.ones(2), 1),
    "linspace": (0, 1, 3),
    "ones": (3,),
    "ones_like": (mx.ones(2),),
    "zeros": (3,),
    "zeros_like": (mx.ones(2),),
    "fft.fftfreq": (3,),
    "fft.rfftfreq": (3,),
    "astype": (mx.ones(2), mx.int32),
}


@pytest.mark.parametrize("name", MAKERS)
def test_devices(name: str) -> None:
    function, args = attrgetter(name)(mx), MAKERS[name]
    want = function(*args).tolist()
    for keywords in (
        {"device": mx.cpu},
        {"device": mx.Device(mx.cpu), "stream": mx.cpu},
        {"device": None, "stream": mx.default_stream(mx.cpu)},
    ):
        assert function(*args, **keywords).tolist() == want
    with pytest.raises(TypeError, match="device"):
        function(*args, device="cpu")
    if not mx.is_available(mx.gpu):
        with pytest.raises(ValueError, match="device"):
            function(*args, device=mx.gpu)


def test_inspection_of_types_and_devices() -> None:
    info = mx.__array_namespace_info__()
    assert info.dtypes(kind=("bool", "complex floating")) == {
        "bool": mx.bool_,
        "complex64": mx.complex64,
    }
    assert info.devices()[0] == info.default_device() == mx.default_device()
    assert "float64" in info.dtypes(device=mx.cpu)
    assert info.default_dtypes(device=mx.cpu)["integral"] == mx.array(1).dtype
    assert mx.array([True])[mx.array([True])].shape == (1,)
    assert info.capabilities()["boolean indexing"] is True
    no_device: Any = "cpu"
    for call in (info.dtypes, info.default_dtypes):
        with pytest.raises(TypeError, match="device"):
            call(device=no_device)
    with pytest.raises(ValueError, match="kind"):
        info.dtypes(kind="whole")


def test_from_dlpack_of_an_array() -> None:
    a = mx.array([1.0, 2.0])
    for copy in (None, True, False):
        b = mx.from_dlpack(a, copy=copy, device=mx.cpu)
        b[0] = 5.0
        assert a.tolist() == [1.0, 2.0]
    view = np.from_dlpack(a)
    apart = mx.from_dlpack(a, copy=True)
    mx.eval(apart)
    view[0] = 7.0
    assert apart.tolist() == [1.0, 2.0]
    with pytest.raises(TypeError, match="device"):
        mx.from_dlpack(a, device="cpu")  # type: ignore[arg-type]


def test_limits_of_arrays() -> None:
    assert mx.finfo(mx.ones(2)).max == mx.finfo(mx.float32).max
    assert mx.iinfo(mx.array([1], mx.int8)).min == -128
    assert mx.broadcast_shapes() == ()
