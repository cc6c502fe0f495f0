"""Each row of the table of kernels has a graph here in which its kernel is seen to run.

A row is found by the name of a primitive, so one that this MLX does not have is never seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from levels import at_every_level
from mlx_sys_py import array, cpu_kernels, fast, ops, random, transforms

pytestmark = at_every_level

Graph = Callable[[], Any]

X = np.linspace(0.1, 0.9, 64, dtype=np.float32).reshape(2, 32)
W = np.linspace(-1, 1, 32 * 32, dtype=np.float32).reshape(32, 32)


def x() -> array:
    return array(X)


def integers() -> array:
    return array(np.arange(1, 65, dtype=np.int32).reshape(2, 32))


def indices() -> array:
    return array(np.array([1, 0], np.uint32))


def booleans() -> array:
    return array(X > 0.5)


def complexes() -> array:
    return array(X.astype(np.complex64))


def quantized(transposed: bool = True) -> Any:
    return ops.quantize(array(W), 32, 4)


def gradients(function: Callable[..., array], *arguments: array) -> Any:
    def call(inputs: Any) -> Any:
        return [ops.sum(function(*inputs))]

    closure = mx.Closure(call)
    return transforms.value_and_grad(closure, [0])(list(arguments))


def heads() -> array:
    return ops.reshape(array(W), [1, 2, 16, 32])


UNARY = {
    "Abs": "abs", "ArcCos": "arccos", "ArcSin": "arcsin", "ArcSinh": "arcsinh", "ArcTan": "arctan",
    "ArcTanh": "arctanh", "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh", "Erf": "erf",
    "ErfInv": "erfinv", "Exp": "exp", "Expm1": "expm1", "Floor": "floor", "Log": "log",
    "Log10": "log10", "Log1p": "log1p", "Log2": "log2", "LogicalNot": "logical_not",
    "Negative": "negative", "Round": "round", "Rsqrt": "rsqrt", "Sigmoid": "sigmoid",
    "Sign": "sign", "Sin": "sin", "Sinh": "sinh", "Sqrt": "sqrt", "Square": "square", "Tan": "tan",
    "Tanh": "tanh",
}  # fmt: skip
BINARY = {
    "Add": "add", "ArcTan2": "arctan2", "Divide": "divide", "Equal": "equal",
    "FloorDivide": "floor_divide", "Greater": "greater", "GreaterEqual": "greater_equal",
    "Less": "less", "LessEqual": "less_equal", "LogAddExp": "logaddexp", "Maximum": "maximum",
    "Minimum": "minimum", "Multiply": "multiply", "NotEqual": "not_equal", "Power": "power",
    "Remainder": "remainder", "Subtract": "subtract",
}  # fmt: skip
BITWISE = {
    "BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or", "BitwiseXor": "bitwise_xor",
    "LeftShift": "left_shift", "RightShift": "right_shift",
}  # fmt: skip
SCANS = {
    "CumMax": "cummax", "CumMin": "cummin", "CumProd": "cumprod", "CumSum": "cumsum",
    "CumLogAddExp": "logcumsumexp",
}  # fmt: skip


def unary(name: str) -> Graph:
    return lambda: getattr(ops, name)(x())


def binary(name: str) -> Graph:
    return lambda: getattr(ops, name)(x(), array(X[::-1].copy()))


def bitwise(name: str) -> Graph:
    return lambda: getattr(ops, name)(integers(), integers())


def along_rows(name: str, *arguments: Any) -> Graph:
    return lambda: getattr(ops, name)(x(), *arguments)


def qmm(transpose: bool) -> Graph:
    return lambda: ops.quantized_matmul(
        x(), *quantized(), transpose=transpose, group_size=32, bits=4
    )


GRAPHS: dict[str, Graph] = {
    **{primitive: unary(name) for primitive, name in UNARY.items()},
    **{primitive: binary(name) for primitive, name in BINARY.items()},
    **{primitive: bitwise(name) for primitive, name in BITWISE.items()},
    **{primitive: along_rows(name, 1) for primitive, name in SCANS.items()},
    "ArcCosh": lambda: ops.arccosh(ops.add(x(), array(1.0))),
    "AsType": lambda: ops.astype(x(), mx.float16),
    "BitwiseInvert": lambda: ops.bitwise_invert(integers()),
    "Conjugate": lambda: ops.conjugate(complexes()),
    "Imag": lambda: ops.imag(complexes()),
    "Real": lambda: ops.real(complexes()),
    "LogicalAnd": lambda: ops.logical_and(booleans(), booleans()),
    "LogicalOr": lambda: ops.logical_or(booleans(), booleans()),
    "NaNEqual": lambda: ops.array_equal(x(), x(), True),
    "Select": lambda: ops.where(booleans(), x(), x()),
    "Elementwise": lambda: ops.exp(ops.add(x(), x())),
    "DivMod": lambda: ops.divmod(x(), x()),
}
