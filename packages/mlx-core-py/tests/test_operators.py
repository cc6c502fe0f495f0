"""Operands of operators and comparisons, and None in an index."""

from __future__ import annotations

import operator
from collections import deque
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest

OPERATORS = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    operator.floordiv,
    operator.mod,
    operator.pow,
    operator.matmul,
    operator.and_,
    operator.or_,
    operator.xor,
    operator.lshift,
    operator.rshift,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
]


class TestOperands:
    @pytest.mark.parametrize("other", [[1.0, 2.0], (1,), "ab", b"ab", None, {}, {1}, deque([1])])
    @pytest.mark.parametrize("operate", OPERATORS, ids=lambda f: f.__name__)
    def test_no_array_and_no_number(self, operate: Any, other: Any) -> None:
        for error in (TypeError, ValueError):
            with pytest.raises(error):
                operate(mx.array(2), other)
            if not (operate is operator.mod and isinstance(other, str | bytes)):
                with pytest.raises(error):
                    operate(other, mx.array(2))

    def test_in_place(self) -> None:
        a: Any = mx.array(2)
        with pytest.raises(ValueError, match="list"):
            a *= [1.0, 2.0]

    def test_equality_with_anything(self) -> None:
        a: Any = mx.array(2)
        assert (a == "ab") is False
        assert (a != None) is True  # noqa: E711

    def test_operators_of_other_types_are_asked(self) -> None:
        class Vector(tuple[int, ...]):
            def __rmul__(self, other: object) -> Any:
                return "reflected"

        assert mx.array(2) * Vector((1, 2)) == "reflected"

    @pytest.mark.parametrize("dtype", [mx.uint8, mx.int32, mx.uint64, mx.int64])
    @pytest.mark.parametrize("number", [2**70, -(2**70)])
    def test_comparisons_with_ints_out_of_range(self, dtype: mx.Dtype, number: int) -> None:
        a = mx.array([0, 1, 2], dtype)
        for compare in (operator.eq, operator.ne, operator.lt, operator.le, operator.gt):
            assert compare(a, number).tolist() == [compare(x, number) for x in range(3)]
            assert compare(number, a).tolist() == [compare(number, x) for x in range(3)]


def test_none_in_an_index_of_a_function_for_all_shapes() -> None:
    f = mx.compile(lambda s: (s[..., None], s[None], s[:, None]), shapeless=True)
    for shape in ((2, 3), (4, 5)):
        x = mx.arange(shape[0] * shape[1]).reshape(shape)
        ours, n = f(x), np.array(x)
        for got, expected in zip(ours, (n[..., None], n[None], n[:, None]), strict=True):
            assert got.tolist() == expected.tolist()
