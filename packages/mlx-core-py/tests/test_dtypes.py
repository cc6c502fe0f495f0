"""The limits of the data types are NumPy's."""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
def test_floating_point(name: str) -> None:
    ours, theirs = mx.finfo(getattr(mx, name)), np.finfo(name)
    for limit in ("bits", "eps", "max", "min", "smallest_normal"):
        assert getattr(ours, limit) == float(getattr(theirs, limit))
    assert ours.dtype == getattr(mx, name)


def test_bfloat16_has_the_range_of_float32_and_fewer_digits() -> None:
    narrow, wide = mx.finfo(mx.bfloat16), mx.finfo(mx.float32)
    assert narrow.smallest_normal == wide.smallest_normal
    assert wide.max * 0.99 < narrow.max < wide.max
    one = mx.array(1.0, mx.bfloat16)
    assert (one + narrow.eps).item() > 1
    assert (one + narrow.eps / 4).item() == 1
    assert mx.array(narrow.max, mx.bfloat16).item() == narrow.max


def test_complex_numbers_have_the_limits_of_their_parts() -> None:
    assert mx.finfo(mx.complex64).dtype == mx.float32
    assert mx.finfo(mx.complex64).max == mx.finfo(mx.float32).max


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
@pytest.mark.parametrize("kind", ["int", "uint"])
def test_integers(kind: str, bits: int) -> None:
    ours, theirs = mx.iinfo(getattr(mx, f"{kind}{bits}")), np.iinfo(f"{kind}{bits}")
    assert (ours.min, ours.max, ours.bits) == (theirs.min, theirs.max, theirs.bits)


@pytest.mark.parametrize(
    ("info", "dtype", "error"),
    [
        (mx.finfo, mx.int32, ValueError),
        (mx.finfo, "float32", TypeError),
        (mx.iinfo, mx.float32, ValueError),
        (mx.iinfo, mx.bool_, ValueError),
        (mx.iinfo, 3, TypeError),
    ],
)
def test_wrong_types(info: Any, dtype: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="dtype"):
        info(dtype)


def test_constants() -> None:
    assert (mx.pi, mx.e, mx.euler_gamma) == (np.pi, np.e, np.euler_gamma)
    assert mx.inf == np.inf
    assert np.isnan(mx.nan)
    assert mx.newaxis is None
    assert mx.Array is mx.array


@pytest.mark.parametrize(
    ("dtypes", "expected"),
    [
        ((mx.int32, mx.float16), mx.float16),
        ((mx.uint8, mx.int8, mx.bool_), mx.int16),
        ((mx.float16, mx.bfloat16), mx.float32),
        ((mx.array(1), mx.int64), mx.int64),
        ((mx.bool_,), mx.bool_),
    ],
)
def test_result_type(dtypes: Any, expected: mx.Dtype) -> None:
    assert mx.result_type(*dtypes) == expected
    assert all(mx.can_cast(dtype, expected) for dtype in dtypes)


def test_can_cast_is_not_lossy() -> None:
    assert not mx.can_cast(mx.float32, mx.int32)
    assert not mx.can_cast(mx.array(1), mx.int8)
    assert mx.can_cast(mx.int64, mx.float16)


KINDS = {
    "bool": {"bool_"},
    "signed integer": {"int8", "int16", "int32", "int64"},
    "unsigned integer": {"uint8", "uint16", "uint32", "uint64"},
    "real floating": {"float16", "bfloat16", "float32", "float64"},
    "complex floating": {"complex64"},
}
KINDS["integral"] = KINDS["signed integer"] | KINDS["unsigned integer"]
KINDS["numeric"] = KINDS["integral"] | KINDS["real floating"] | KINDS["complex floating"]


@pytest.mark.parametrize("name", sorted(KINDS["numeric"] | KINDS["bool"]))
def test_isdtype(name: str) -> None:
    dtype = getattr(mx, name)
    assert {kind for kind in KINDS if mx.isdtype(dtype, kind)} == {
        kind for kind, members in KINDS.items() if name in members
    }
    assert mx.isdtype(dtype, ("bool", dtype))
    assert not mx.isdtype(dtype, ())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: mx.result_type(), ValueError, "at least one"),
        (lambda: mx.result_type("int"), TypeError, "str"),  # type: ignore[arg-type]
        (lambda: mx.can_cast(mx.int32, "int32"), TypeError, "str"),  # type: ignore[arg-type]
        (lambda: mx.isdtype("int32", mx.int32), TypeError, "str"),  # type: ignore[arg-type]
        (lambda: mx.isdtype(mx.int32, "whole"), ValueError, "whole"),
        (lambda: mx.isdtype(mx.int32, 3), TypeError, "kind"),  # type: ignore[arg-type]
        (lambda: mx.isdtype(mx.int32, (mx.int32, 3)), TypeError, "kind"),  # type: ignore[arg-type]
    ],
)
def test_wrong_kinds(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_asarray() -> None:
    x = mx.array([1, 2])
    assert mx.asarray(x) is mx.asarray(x, mx.int32, copy=False) is x
    assert mx.asarray(x, copy=True) is not x
    assert mx.asarray(x, mx.float32).dtype == mx.float32
    assert mx.asarray(np.ones(2, np.int8)).dtype == mx.int8
    assert mx.asarray(3.5, mx.int32).item() == 3
    for value, dtype in (([1], None), (x, mx.float32)):
        with pytest.raises(ValueError, match="copy is False"):
            mx.asarray(value, dtype, copy=False)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((mx.int8, 1), mx.int8),
        ((mx.int8, True), mx.int8),
        ((mx.bool_, 1), mx.int32),
        ((mx.int8, 1.0), mx.float32),
        ((mx.bfloat16, 1.0), mx.bfloat16),
        ((mx.float16, mx.bfloat16, 1.0), mx.float32),
        ((mx.float16, 1j), mx.complex64),
        ((1, 1.0), mx.float32),
        ((1,), mx.int32),
        ((True,), mx.bool_),
    ],
)
def test_result_type_with_numbers(given: Any, expected: mx.Dtype) -> None:
    assert mx.result_type(*given) == expected
    assert mx.result_type(*reversed(given)) == expected
    arrays = [mx.zeros((2,), x) if isinstance(x, mx.Dtype) else x for x in given]
    assert mx.result_type(*arrays) == expected


def test_bool_is_a_name_of_bool_() -> None:
    assert mx.bool is mx.bool_
    namespace: dict[str, Any] = {}
    exec("from mlx_core_py import *\nresult = bool(3)", namespace)
    assert namespace["result"] is True


def test_asarray_and_devices() -> None:
    a = mx.array([1.0])
    assert mx.asarray(a, device=a.device) is a
    assert mx.asarray([1], device=mx.cpu).tolist() == [1]
    with pytest.raises(TypeError, match="device"):
        mx.asarray(a, device="cpu")  # type: ignore[arg-type]
    if not mx.is_available(mx.gpu):
        with pytest.raises(ValueError, match="device"):
            mx.asarray(a, device=mx.gpu)


@pytest.mark.parametrize("reduce", ["sum", "prod"])
def test_reductions_in_another_type(reduce: str) -> None:
    values = np.array([[100, 100], [3, 5]], np.int8)
    a = mx.array(values)
    for dtype in (mx.int8, mx.int64, mx.float32):
        name = str(dtype).rpartition(".")[2]
        for arguments in ({}, {"axis": 0}, {"axis": (0, 1), "keepdims": True}):
            expected = getattr(np, reduce)(values, dtype=name, **arguments)
            for got in (
                getattr(mx, reduce)(a, dtype=dtype, **arguments),
                getattr(a, reduce)(dtype=dtype, **arguments),
            ):
                assert got.dtype == dtype
                np.testing.assert_allclose(got, expected)
    with pytest.raises(TypeError, match="dtype"):
        getattr(mx, reduce)(a, dtype="int8")


def test_astype_takes_copy() -> None:
    a = mx.array([1.5])
    assert mx.astype(a, mx.int32, copy=False).tolist() == [1]
    assert a.astype(mx.int32, copy=True).tolist() == [1]
    with pytest.raises(TypeError, match="copy"):
        a.astype(mx.int32, copy="no")  # type: ignore[arg-type]
