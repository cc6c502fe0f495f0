"""Functions recorded for all shapes, called with shapes that fit and with shapes that do not.

The functions of MLX check their arguments when they make a node; a repeated recording makes
nodes without them. A call of the recording must return what the function itself returns, or raise a
ValueError; and it must raise where the function does. Nothing here may read or write out of bounds:
the last test runs the others in a process that ends if the heap is damaged.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from mlx_sys_py import array, cpu_kernels, export, fast, graph, ops, random, special, transforms

Shape = tuple[int, ...]
Shapes = tuple[Shape, ...]


@dataclass(frozen=True)
class Case:
    """A function of arrays, and the shapes and types that it is recorded with."""

    function: Callable[..., Any]
    shapes: Shapes
    types: tuple[str, ...] = ()
    # Whether the recording serves whatever shapes the function takes.
    follows: bool = True
    # Whether this backend has a kernel.
    evaluates: bool = True

    def inputs(self, shapes: Shapes) -> list[array]:
        types = (*self.types, *["float32"] * len(shapes))
        return [filled(shape, dtype) for shape, dtype in zip(shapes, types, strict=False)]

    def run(self, inputs: list[array]) -> list[array]:
        result = self.function(*inputs)
        return list(result) if isinstance(result, (list, tuple)) else [result]


def filled(shape: Shape, dtype: str) -> array:
    count = int(np.prod(shape))
    if dtype == "bool":
        return array(np.arange(count).reshape(shape) % 2 == 0)
    if dtype == "index":  # within any axis that is not empty
        return array(np.zeros(shape, np.int32))
    if dtype == "uint32":
        return array((np.arange(count, dtype=np.uint32) * 2654435761 % 251).reshape(shape))
    numbers = 0.2 + 0.6 * np.sin(np.arange(count, dtype=np.float64) + 1).reshape(shape) ** 2
    return array(numbers.astype(dtype))


def of(name: str, *arguments: Any, **options: Any) -> Callable[..., Any]:
    return lambda *inputs: getattr(ops, name)(*inputs, *arguments, **options)


def gradients(function: Callable[..., array], *arguments: array) -> Any:
    def call(inputs: Any) -> list[array]:
        return [ops.sum(function(*inputs))]

    return transforms.value_and_grad(call, list(range(len(arguments))))(list(arguments))[1]


def assigned(a: array, place: Any, value: array) -> array:
    a = ops.add(a, array(0.0))
    a[place] = value
    return a


def attention(queries: array, keys: array, values: array) -> array:
    return fast.scaled_dot_product_attention(queries, keys, values, scale=0.25)


def dequantized(parts: list[array]) -> array:
    w, scales, biases = parts
    return ops.dequantize(w, scales, biases, 32, 4)


def quantized(transpose: bool) -> Callable[..., Any]:
    return lambda x, w, scales=None, biases=None: ops.quantized_matmul(
        x, w, scales, biases, transpose, 32, 4
    )


UNARY = """
    Abs ArcCos ArcSin ArcSinh ArcTan ArcTanh Ceil Conjugate Cos Cosh Erf ErfInv Exp Expm1 Floor Imag
    Log Log10 Log1p Log2 Negative Real Round Rsqrt Sigmoid Sign Sin Sinh Sqrt Square Tan Tanh
""".split()
BINARY = {
    "Add": "add", "ArcTan2": "arctan2", "DivMod": "divmod", "Divide": "divide", "Equal": "equal",
    "FloorDivide": "floor_divide", "Greater": "greater", "GreaterEqual": "greater_equal",
    "Less": "less", "LessEqual": "less_equal", "LogAddExp": "logaddexp", "Maximum": "maximum",
    "Minimum": "minimum", "Multiply": "multiply", "NotEqual": "not_equal", "Power": "power",
    "Remainder": "remainder", "Subtract": "subtract",
}  # fmt: skip
OURS = {
    "CopySign": "copysign", "CubeRoot": "cbrt", "Exp2": "exp2", "FloatMaximum": "fmax",
    "FloatMinimum": "fmin", "Hypot": "hypot", "LogAddExp2": "logaddexp2", "SignBit": "signbit",
}  # fmt: skip
# By the number of operands.
SPECIAL = {
    1: {
        "BesselI0": "i0", "BesselI0e": "i0e", "BesselI1": "i1", "BesselI1e": "i1e",
        "Digamma": "digamma", "Entropy": "entr", "ErfC": "erfc", "ErfCX": "erfcx",
        "Gamma": "gamma", "LogGamma": "gammaln", "LogNormalBelow": "log_ndtr",
        "NormalBelow": "ndtr", "NormalQuantile": "ndtri",
    },
    2: {
        "Beta": "beta", "GammaInc": "gammainc", "GammaIncC": "gammaincc",
        "KullbackLeibler": "kl_div", "LogBeta": "betaln", "RelativeEntropy": "rel_entr",
        "XLog1PY": "xlog1py", "XLogY": "xlogy", "Zeta": "zeta",
    },
    3: {"BetaInc": "betainc"},
}  # fmt: skip
BITWISE = {
    "BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or", "BitwiseXor": "bitwise_xor",
    "LeftShift": "left_shift", "RightShift": "right_shift",
}  # fmt: skip
ALONG_AN_AXIS = {
    "And": "all", "ArgReduce": "argmax", "ArgSort": "argsort", "CumLogAddExp": "logcumsumexp",
    "CumMax": "cummax", "CumMin": "cummin", "CumProd": "cumprod", "CumSum": "cumsum",
    "LogSumExp": "logsumexp", "Max": "max", "Min": "min", "Or": "any", "Prod": "prod",
    "Softmax": "softmax", "Sort": "sort", "Sum": "sum",
}  # fmt: skip
UPDATES = {"Max": "maximum", "Min": "minimum", "Prod": "multiply", "Sum": "add"}
X, WIDE = (4, 8), (3, 64)
COMPLEX = {"Conjugate", "Imag", "Real"}
# The shapes of weights of 32 x 64 in groups of 32 numbers of 4 bits.
PACKED = (32, 8), (32, 2), (32, 2)
HEADS = (2, 6, 5, 16), (2, 3, 7, 16), (2, 3, 7, 16)

CASES: dict[str, Case] = {
    **{
        name: Case(of(name.lower()), (X,), ("complex64",) if name in COMPLEX else ())
        for name in UNARY
    },
    **{name: Case(of(function), (X, X)) for name, function in BINARY.items()},
    **{
        name: Case(of(function), (X,) if function in ("cbrt", "exp2", "signbit") else (X, X))
        for name, function in OURS.items()
    },
    **{
        name: Case(getattr(special, function), (X,) * operands)
        for operands, functions in SPECIAL.items()
        for name, function in functions.items()
    },
    "ComplexExpm1": Case(of("expm1"), (X,), ("complex64",)),
    "Gcd": Case(of("gcd"), (X, X), ("uint32", "uint32")),
    "Polygamma": Case(lambda x: special.polygamma(2, x), (X,)),
    "Trigamma": Case(lambda x: special.polygamma(1, x), (X,)),
    **{
        name: Case(of(function), (X, X), ("uint32", "uint32"))
        for name, function in BITWISE.items()
    },
    **{name: Case(of(function, 1), (X,)) for name, function in ALONG_AN_AXIS.items()},
    **{
        # An update that is broadcast to the slice is so in the recording.
        f"SliceUpdate {name}": Case(
            lambda a, update, method=method: getattr(a.at[0:2, 2:6], method)(update),
            (X, (2, 4)),
            follows=False,
        )
        for name, method in UPDATES.items()
    },
    "ArcCosh": Case(lambda x: ops.arccosh(x + x + x + x + x + x), (X,)),
    "AsType": Case(lambda x: ops.astype(x, mx.float16), (X,)),
    "BitwiseInvert": Case(of("bitwise_invert"), (X,), ("uint32",)),
    "LogicalAnd": Case(of("logical_and"), (X, X), ("bool", "bool")),
    "LogicalNot": Case(of("logical_not"), (X,), ("bool",)),
    "LogicalOr": Case(of("logical_or"), (X, X), ("bool", "bool")),
    "NaNEqual": Case(lambda a, b: ops.array_equal(a, b, True), (X, X), follows=False),
    "Select": Case(of("where"), (X, X, X), ("bool",)),
    # matrix products and convolutions
    "AddMM": Case(of("addmm"), ((4, 3), X, (8, 3)), follows=False),
    "Convolution": Case(
        lambda x, w: ops.conv1d(x, w, stride=2, padding=1), ((2, 9, 8), (5, 3, 8))
    ),
    "GatherMM": Case(
        lambda a, b, i, j: ops.gather_mm(a, b, i, j),
        ((3, 4, 8), (2, 8, 5), (7,), (7,)),
        ("float32", "float32", "index", "index"),
    ),
    "GatherQMM": Case(
        lambda x, w, s, b, i, j: ops.gather_qmm(x, w, s, b, i, j, group_size=32, bits=4),
        ((3, 4, 64), (2, 32, 8), (2, 32, 2), (2, 32, 2), (7,), (7,)),
        ("float32", "uint32", "float32", "float32", "index", "index"),
    ),
    "GatherQQMM": Case(
        lambda x, w: ops.gather_qqmm(x, w), ((2, 3, 64), (2, 5, 64)), follows=False, evaluates=False
    ),
    "Hadamard": Case(of("hadamard_transform"), (X,), follows=False),
    "IntegerMatmul": Case(of("matmul"), (X, (8, 3)), ("int32", "int32")),
    "Matmul": Case(of("matmul"), (X, (8, 3))),
    "QQMatmul": Case(
        lambda x, w: ops.qqmm(x, w), (WIDE, (5, 64)), follows=False, evaluates=False
    ),
    "QuantizedMatmul": Case(quantized(True), (WIDE, *PACKED), ("float32", "uint32")),
    "Quantize": Case(lambda x: ops.quantize(x, 32, 4), (WIDE,)),
    # linear algebra
    "Cofactors": Case(
        lambda a: gradients(lambda x: mx.linalg.det(x, stream=mx.cpu), a)[0],
        ((4, 4),),
        follows=False,
    ),
    "Determinant": Case(lambda a: mx.linalg.det(a, stream=mx.cpu), ((4, 4),)),
    "Eig": Case(lambda a: mx.linalg.eigvals(a, stream=mx.cpu), ((4, 4),)),
    "Eigh": Case(lambda a: mx.linalg.eigvalsh(a, stream=mx.cpu), ((4, 4),)),
    "Solve": Case(lambda a, b: mx.linalg.solve(a, b, stream=mx.cpu), ((4, 4), (4, 2))),
    "SolveTriangular": Case(
        lambda a, b: mx.linalg.solve_triangular(a, b, stream=mx.cpu), ((4, 4), (4, 2))
    ),
    "ThinSVD": Case(
        lambda x: mx.linalg.svd(x, full_matrices=False, stream=mx.cpu)[1], ((6, 4),)
    ),
    # sorting
    "ArgPartition": Case(of("argpartition", 5), (X,)),
    "Partition": Case(of("partition", 5), (X,)),
    "SearchSorted": Case(lambda a, v: ops.searchsorted(ops.sort(a), v), ((8,), (4, 3))),
    # indexing
    "DynamicSlice": Case(
        lambda a, start: ops.slice(a, start, [0], [2, 8]), (X, (1,)), ("float32", "index")
    ),
    "DynamicSliceUpdate": Case(
        lambda a, update, start: ops.slice_update(a, update, start, [0]),
        (X, (2, 8), (1,)),
        ("float32", "float32", "index"),
        follows=False,
    ),
    "Gather": Case(
        lambda a, i: ops.take(a, i, 0), (X, (3,)), ("float32", "index"), follows=False
    ),
    "GatherAxis": Case(
        lambda a, i: ops.take_along_axis(a, i, 1), (X, (4, 3)), ("float32", "index")
    ),
    "ScatterAxis": Case(
        lambda a, i, v: ops.put_along_axis(a, i, v, 1),
        (X, (4, 1), (4, 1)),
        ("float32", "index"),
        follows=False,
    ),
    "ScatterAxis Sum": Case(
        lambda a, i: gradients(lambda b: ops.take_along_axis(b, i, 1), a)[0],
        (X, (4, 3)),
        ("float32", "index"),
        follows=False,
    ),
    "SliceUpdate": Case(
        lambda a, update: assigned(a, (slice(0, 2), slice(2, 6)), update),
        (X, (2, 4)),
        follows=False,
    ),
    # creation and layout
    "Arange": Case(lambda x: ops.add(x, ops.arange(0, 8, 1)), (X,)),
    "Broadcast": Case(lambda x: ops.broadcast_to(x, [3, 4, 8]), (X,)),
    "BroadcastAxes": Case(
        lambda a, i: ops.take_along_axis(a, i, 1), ((1, 8), (4, 3)), ("float32", "index")
    ),
    "Concatenate": Case(lambda *parts: ops.concatenate(list(parts), 0), (X, (2, 8))),
    "Contiguous": Case(lambda x: ops.contiguous(ops.transpose(x)), (X,)),
    "ExpandDims": Case(of("expand_dims", 1), (X,)),
    "Flatten": Case(of("flatten"), (X,)),
    "Full": Case(of("zeros_like"), (X,)),
    "NumberOfElements": Case(of("mean", 1), (X,)),
    "Reshape": Case(of("reshape", [2, -1]), (X,)),
    "Squeeze": Case(of("squeeze", 0), ((1, 8),)),
    "Transpose": Case(of("transpose"), (X,)),
    "Unflatten": Case(of("unflatten", 1, [2, 4]), (X,)),
    # fused ops
    "AttentionGradients": Case(lambda *inputs: gradients(attention, *inputs), HEADS, follows=False),
    "CrossEntropy": Case(lambda x, y: fast.cross_entropy(x, y), (X, (4,)), ("float32", "index")),
    "CrossEntropyGradient": Case(
        lambda x, y: gradients(lambda logits: fast.cross_entropy(logits, y), x)[0],
        (X, (4,)),
        ("float32", "index"),
        follows=False,
    ),
    "FromFP8": Case(lambda x: ops.from_fp8(ops.to_fp8(x), mx.float32), (X,)),
    "LayerNorm": Case(lambda x, w, b: fast.layer_norm(x, w, b, 1e-5), (X, (8,), (8,))),
    "NormalizationGradients": Case(
        lambda x, w: gradients(lambda x, w: fast.rms_norm(x, w, 1e-5), x, w), (X, (8,)),
        follows=False,
    ),
    "RMSNorm": Case(lambda x, w: fast.rms_norm(x, w, 1e-5), (X, (8,))),
    "RandomNormal": Case(lambda key: random.normal([8], key=key), ((2,),), ("uint32",)),
    "RecurrentScan": Case(
        lambda x, w, h: fast.rnn_scan(x, w, h), ((3, 4, 8), (8, 8), (3, 8))
    ),
    "RecurrentScanGradients": Case(
        lambda x, w, h: gradients(lambda *a: fast.rnn_scan(*a), x, w, h),
        ((3, 4, 8), (8, 8), (3, 8)),
        follows=False,
    ),
    "RoPE": Case(
        lambda x, freqs: fast.rope(
            x, 16, traditional=False, base=None, scale=1.0, offset=3, freqs=freqs
        ),
        ((2, 3, 5, 16), (8,)),
    ),
    "ScaledDotProductAttention": Case(attention, HEADS),
    "ToFP8": Case(of("to_fp8"), (X,)),
}  # fmt: skip

# Primitives that have no case, and why.
WITHOUT = {
    "Copy": "no public function makes it of an array that is recorded",
    "CrossEntropyVJP": "for GPUs",
    "GatedDeltaUpdate": "for GPUs",
    "GatedDeltaUpdateVJP": "for GPUs",
    "MaskedScatter": "assignments read the mask",
    "StopGradient": "recordings leave it out",
}

# More functions, whose nodes mean something else for other shapes.
MORE: dict[str, Case] = {
    "diagonal": Case(lambda x: ops.diagonal(x), (X,), follows=False),
    "trace": Case(lambda x: ops.trace(x), (X,), follows=False),
    "index": Case(lambda x, i: x[i], (X, (3,)), ("float32", "index"), follows=False),
    "two indices": Case(
        lambda x, i, j: x[i, j], (X, (3,), (3,)), ("float32", "index", "index")
    ),
    "an element": Case(lambda x: x[:, array(1)], (X,), follows=False),
    "to the end": Case(lambda x, v: assigned(x, slice(2, None), v), (X, ()), follows=False),
    "from the end": Case(
        lambda x, v: assigned(x, slice(None, None, -1), v), (X, X), follows=False
    ),
    "gather_mm, all": Case(lambda a, b: ops.gather_mm(a, b), ((2, 4, 8), (2, 8, 3)), follows=False),
    "gather_mm, left": Case(
        lambda a, b, j: ops.gather_mm(a, b, None, j),
        ((2, 4, 8), (5, 8, 3), (2,)),
        ("float32", "float32", "index"),
        follows=False,
    ),
    "matmul, batches": Case(of("matmul"), ((3, 4, 8), (3, 8, 5))),
    "matmul, one matrix": Case(of("matmul"), ((3, 4, 8), (8, 5))),
    "matmul, vector": Case(of("matmul"), (X, (8,))),
    "quantized_matmul": Case(
        quantized(False), ((3, 32), *PACKED), ("float32", "uint32"), follows=False
    ),
    "dequantize": Case(
        lambda x: dequantized(ops.quantize(x, 32, 4)), (WIDE,), follows=False
    ),
    "reshape": Case(of("reshape", [4, 8]), (X,)),
    "reshape, rows": Case(of("reshape", [-1, 8]), (X,)),
    "tile": Case(of("tile", (2, 1)), (X,), follows=False),
    "repeat": Case(of("repeat", 2, 0), (X,), follows=False),
    "outer": Case(of("outer"), ((4,), (5,)), follows=False),
    "kron": Case(of("kron"), (X, (2, 3)), follows=False),
    "stack": Case(lambda a, b: ops.stack([a, b]), (X, X)),
    "tensordot": Case(of("tensordot", 1), (X, (8, 3)), follows=False),
    "einsum": Case(lambda a, b: ops.einsum("ij,kj->ik", a, b), (X, (3, 8)), follows=False),
    "inner": Case(of("inner"), (X, (3, 8))),
    "var": Case(of("var", 1), (X,)),
    "softmax": Case(of("softmax"), (X,)),
    "logsumexp": Case(of("logsumexp"), (X,)),
    "tril": Case(of("tril"), (X,), follows=False),
    "norm": Case(lambda x: mx.linalg.norm(x), (X,)),
    "conv2d": Case(
        lambda x, w: ops.conv2d(x, w, groups=2), ((1, 6, 7, 8), (4, 3, 3, 4))
    ),
    "conv_transpose1d": Case(
        lambda x, w: ops.conv_transpose1d(x, w), ((1, 9, 8), (5, 3, 8)), follows=False
    ),
    "attention, mask": Case(
        lambda q, k, v, mask: fast.scaled_dot_product_attention(q, k, v, scale=0.25, mask=mask),
        (*HEADS, (2, 1, 5, 7)),
    ),
    "attention, causal": Case(
        lambda *qkv: fast.scaled_dot_product_attention(*qkv, scale=0.25, mask="causal"),
        HEADS,
        follows=False,
    ),
    "rope, offsets": Case(
        lambda x, offset: fast.rope(
            x, 16, traditional=True, base=1e4, scale=1.0, offset=offset
        ),
        ((2, 3, 5, 16), (2,)),
        ("float32", "index"),
    ),
    # Primitives that do not infer the shapes of their outputs: refused with any shape.
    "pad": Case(lambda x: ops.pad(x, [(1, 1), (0, 0)]), (X,), follows=False),
    "split": Case(lambda x: ops.split(x, 2, 1), (X,), follows=False),
    "slices": Case(lambda x: x[1:3, 2:6], (X,), follows=False),
    "as_strided": Case(lambda x: ops.as_strided(x, [4, 2], [8, 1], 0), (X,), follows=False),
    "scatter": Case(
        lambda x, i: x.at[i].add(ops.ones([3, 8])), (X, (3,)), ("float32", "index"), follows=False
    ),
    "fft": Case(lambda x: mx.fft.rfft(x), (X,), follows=False),
    "inverse": Case(lambda x: mx.linalg.inv(x, stream=mx.cpu), ((4, 4),), follows=False),
    "svd": Case(lambda x: mx.linalg.svd(x, stream=mx.cpu), (X,), follows=False),
    "uniform": Case(lambda x: x + random.uniform(shape=X, key=random.key(0)), (X,), follows=False),
    "block_masked_mm": Case(
        lambda a, b: ops.block_masked_mm(a, b, 32), ((32, 64), (64, 32)), follows=False
    ),
    "segmented_mm": Case(
        lambda a, b, i: ops.segmented_mm(a, b, i),
        (X, (8, 3), (2, 2)),
        ("float32", "float32", "index"),
        follows=False,
    ),
}  # fmt: skip
REFUSED = {
    "pad", "split", "slices", "as_strided", "scatter", "fft", "inverse", "svd", "uniform",
    "segmented_mm",
}  # fmt: skip
ALL = {**CASES, **MORE}

# A file has these as the operations that they consist of, which broadcast what the functions do
# not, or sum a gradient over the axes that were broadcast when it was recorded.
BROADCAST_IN_FILES = {
    "AttentionGradients", "CrossEntropy", "CrossEntropyGradient", "IntegerMatmul", "LayerNorm",
    "NormalizationGradients", "RMSNorm", "RecurrentScan", "RecurrentScanGradients", "RoPE",
    "ScaledDotProductAttention", "ScatterAxis Sum", "attention, causal", "attention, mask",
}  # fmt: skip


def variations(case: Case) -> Iterator[Shapes]:
    """Other lengths of one axis, of all axes of one length, and other ranks."""
    shapes = case.shapes
    for old in sorted({n for shape in shapes for n in shape}):
        for new in {0, 1, old - 1, old + 1, old // 2, 2 * old}:
            yield tuple(tuple(new if n == old else n for n in shape) for shape in shapes)
    for i, shape in enumerate(shapes):
        for axis, old in enumerate(shape):
            for new in {0, 1, old - 1, old + 1, old // 2, 2 * old}:
                other = (*shape[:axis], new, *shape[axis + 1 :])
                yield (*shapes[:i], other, *shapes[i + 1 :])
        for other in ((1, *shape), (2, *shape), shape[1:], shape[:-1]):
            yield (*shapes[:i], other, *shapes[i + 1 :])


def outcome(
    call: Callable[[], list[array]], evaluates: bool
) -> list[np.ndarray[Any, Any]] | Exception:
    """The results as NumPy arrays, or the exception."""
    try:
        results = call()
        if not evaluates:
            return [np.zeros(result.shape) for result in results]
        transforms.eval(results)
        return [np.array(ops.astype(r, mx.float32)) if r.dtype == mx.float16 else np.array(r)
                for r in results]  # fmt: skip
    except Exception as error:
        return error


Recording = Callable[[list[array]], list[array]]


def compiled(case: Case) -> Recording:
    return transforms.compile(lambda inputs: case.run(list(inputs)), True)


def imported(case: Case, file: Path) -> Recording:
    export.export_function(
        file, lambda inputs, _: case.run(list(inputs)), case.inputs(case.shapes), shapeless=True
    )
    return export.import_function(file)


def compare(name: str, recording: Recording, follows: bool, stretches: bool = False) -> int:
    """Check all calls of a recording against the function; how many have returned something.

    If the recording `stretches`, axes of length 1 are left out.
    """
    case, served = ALL[name], 0
    ranks = [len(shape) for shape in case.shapes]
    for shapes in (case.shapes, *variations(case), case.shapes):
        if stretches and any(1 in shape for shape in shapes):
            continue
        inputs = case.inputs(shapes)
        expected = outcome(lambda: case.run(inputs), case.evaluates)  # noqa: B023
        result = outcome(lambda: recording(inputs), case.evaluates)  # noqa: B023
        if shapes == case.shapes:
            assert isinstance(expected, list), expected
            assert isinstance(result, list) or name in REFUSED, result
        is_empty = any(0 in shape for shape in shapes)
        if isinstance(result, Exception):
            if not isinstance(expected, Exception):
                refusals = (ValueError, IndexError) if is_empty else ValueError
                assert isinstance(result, refusals), (shapes, result)
                assert not follows or is_empty or ranks != [len(s) for s in shapes], (
                    shapes,
                    result,
                )
            else:
                errors = (ValueError, IndexError, type(expected))
                assert isinstance(result, errors), (shapes, expected, result)
            continue
        if isinstance(expected, Exception):
            # Sums of nothing, which MLX refuses.
            assert is_empty, (shapes, expected, [r.shape for r in result])
            expected = [np.zeros_like(r) for r in result]
        served += 1
        for ours, theirs in zip(result, expected, strict=True):
            assert ours.shape == theirs.shape, (shapes, ours.shape, theirs.shape)
            np.testing.assert_allclose(ours, theirs, rtol=2e-5, atol=2e-6, err_msg=str(shapes))
    return served


@pytest.mark.parametrize("name", ALL)
def test_a_compiled_function_returns_what_the_function_returns(name: str) -> None:
    case = ALL[name]
    served = compare(name, compiled(case), case.follows)
    assert (served > 0) is (name not in REFUSED)


@pytest.mark.parametrize("name", ALL)
def test_an_imported_function_returns_what_the_function_returns(name: str, tmp_path: Path) -> None:
    try:
        recording = imported(ALL[name], tmp_path / "f.mlxfn")
    except (ValueError, RuntimeError, OSError) as error:
        pytest.skip(str(error))
    # For arrays of another rank it is not traced anew.
    compare(name, recording, follows=False, stretches=name in BROADCAST_IN_FILES)


def inferring_primitives() -> set[str]:
    """The names of MLX's primitives that infer the shapes of their outputs, from its headers."""
    names: set[str] = set()
    for header in ("primitives.h", "fast_primitives.h", "distributed/primitives.h"):
        text = (mlx_headers() / header).read_text()
        for body in re.split(r"\nclass (?:MLX_API )?(?=\w+[^;{]*\{)", text)[1:]:
            if re.match(r"(Primitive|Compiled)\b", body):
                continue
            if "output_shapes(" in body or "DEFINE_INPUT_OUTPUT_SHAPE" in body:
                found = re.findall(r'DEFINE_NAME\((\w+)\)|return "(\w[\w ]*)";', body)
                assert found, body.partition("{")[0]
                names |= {defined or returned for defined, returned in found}
    return names


def mlx_headers() -> Path:
    spec = PathFinder.find_spec("mlx")
    assert spec
    folders = [Path(place) / "include/mlx" for place in spec.submodule_search_locations or ()]
    return next(folder for folder in folders if folder.is_dir())


def test_every_primitive_of_mlx_has_a_row() -> None:
    inferring = inferring_primitives()
    assert {"Gather", "Log2", "SliceUpdate Max", "CumLogAddExp", "Matmul", "RoPE"} <= inferring
    assert inferring <= set(transforms._primitives_with_checked_shapes())


def test_every_fused_op_has_a_row() -> None:
    text = "".join(file.read_text() for file in mlx_headers().rglob("*primitives.h"))
    of_mlx = set(re.findall(r'DEFINE_NAME\((\w+)\)|return "(\w[\w ]*)";', text))
    ours = set(cpu_kernels.primitives()) - {name for pair in of_mlx for name in pair}
    assert "AttentionGradients" in ours
    # Elementwise operations are fused, and work is interrupted, when it is evaluated. Random
    # numbers do not infer their shapes. The others look at their inputs themselves.
    look = {"AttentionStep", "BlocksMatmul", "GatheredBlocks"}
    without = {*look, "Elementwise", "Interrupted", "RandomRejection"}
    assert ours - without <= set(transforms._primitives_with_checked_shapes())


def test_products_of_blocks_look_at_their_inputs() -> None:
    blocks, chosen = ops.zeros((4, 8, 34), mx.uint8), array([0, 2], mx.uint32)
    gather = transforms.compile(
        lambda x: [ops.gather_blocks_matmul(x[0], x[1], "Q8_0", rhs_indices=x[2])], True
    )
    assert gather([ops.zeros((2, 1, 32)), blocks, chosen])[0].shape == (2, 1, 8)
    x, none = ops.zeros((2, 1, 32)), ops.zeros((0, 8, 34), mx.uint8)
    for inputs in (
        [ops.zeros((2, 1, 64)), blocks, chosen],
        [ops.zeros((3, 1, 32)), blocks, chosen],
        [x, none, chosen],
    ):
        with pytest.raises(ValueError, match=r"gather_blocks_matmul.* do not fit each other"):
            gather(inputs)
    whole = transforms.compile(lambda x: [ops.blocks_matmul(x[0], x[1], "Q8_0")], True)
    assert whole([ops.zeros((2, 32)), blocks[0]])[0].shape == (2, 8)
    for wrong in ([ops.zeros((2, 64)), blocks[0]], [ops.zeros((2, 32)), blocks[0][:, :33]]):
        with pytest.raises(ValueError, match=r"blocks_matmul.* do not fit each other"):
            whole(wrong)


def test_every_row_has_a_case() -> None:
    assert not set(CASES) & set(WITHOUT)
    assert sorted({*CASES, *WITHOUT}) == transforms._primitives_with_checked_shapes()


@pytest.mark.parametrize("name", CASES)
def test_a_case_records_its_primitive(name: str) -> None:
    case = CASES[name]
    if cpu_kernels.get_level() == "stock":
        pytest.skip("fused ops need kernels")
    text = io.StringIO()
    graph.export_to_dot(text, compiled(case)(case.inputs(case.shapes)))
    assert f'label ="{name}"' in text.getvalue()


def test_shapes_are_compared_where_another_thread_has_recorded() -> None:
    """Each thread has a recording of its own."""
    function = transforms.compile(lambda x: [ops.take(x[0], x[1], 0)], True)
    index = array([1])

    def call(columns: int) -> list[int]:
        return list(function([ops.zeros((4, columns)), index])[0].shape)

    with ThreadPoolExecutor(1) as other:
        assert other.submit(call, 8).result() == [1, 8]
        assert call(2) == [1, 2]
        for run in (call, lambda columns: other.submit(call, columns).result()):
            with pytest.raises(
                ValueError, match=r"^\[gather\] inputs of the shapes \(4,5\), \(1\)"
            ):
                run(5)


def test_functions_that_are_not_repeated_are_not_checked() -> None:
    function = transforms.compile(lambda x: [ops.take(x[0], array([1]), 0)], True)
    assert function([ops.zeros((4, 8))])[0].shape == (1, 8)
    gradient = transforms.value_and_grad(lambda x: [ops.sum(function(x)[0])], [0])
    assert gradient([ops.zeros((4, 2))])[1][0].shape == (4, 2)
    transforms.disable_compile()
    try:
        function = transforms.compile(lambda x: [ops.take(x[0], array([1]), 0)], True)
        for columns in (8, 2):
            assert function([ops.zeros((4, columns))])[0].shape == (1, columns)
    finally:
        transforms.enable_compile()


@pytest.mark.parametrize(
    ("shapes", "error"),
    [
        (((4, 2), (3,)), "slices of the shape \\(1,8\\) are larger"),
        (((4, 16), (3,)), "recorded with all of its 8 elements"),
    ],
)
def test_messages_name_the_operation_and_the_shapes(shapes: Shapes, error: str) -> None:
    case = CASES["Gather"]
    function = compiled(case)
    function(case.inputs(case.shapes))
    with pytest.raises(ValueError, match=error) as raised:
        function(case.inputs(shapes))
    message = str(raised.value)
    assert message.startswith(f"[gather] inputs of the shapes (4,{shapes[0][1]}), (3) do not fit")
    assert message.endswith("recorded with the shapes (4,8), (3)")


def test_an_imported_function_takes_the_ranks_that_it_was_recorded_with(tmp_path: Path) -> None:
    export.export_function(
        tmp_path / "f.mlxfn", lambda x, _: [x[0] + x[1]], [array(1), array(2)], shapeless=True
    )
    function = export.import_function(tmp_path / "f.mlxfn")
    assert function([array(10), array(5)])[0].item() == 15
    with pytest.raises(ValueError, match="No imported function found"):
        function([array(10), array([5, 10, 20])])


@pytest.mark.parametrize("size", [(-1,), (2, -3)])
def test_negative_lengths_of_slices(size: Shape) -> None:
    a = ops.zeros([4] * len(size))
    with pytest.raises(ValueError, match="negative in slice_size"):
        ops.slice(a, array([0]), [0], size)


@pytest.mark.parametrize("rows", [1, 64, 4000])
def test_packed_weights_and_scales_have_the_same_rows(rows: int) -> None:
    w, scales, biases = ops.quantize(ops.ones((32, 64)), 32, 4)
    more = ops.zeros((rows, 8), mx.uint32)
    x = ops.ones((3, 64))
    with pytest.raises(ValueError, match="scales of the shape"):
        ops.quantized_matmul(x, more, scales, biases, group_size=32, bits=4)
    with pytest.raises(ValueError, match="biases has the shape"):
        ops.quantized_matmul(x, w, scales, biases[:1], group_size=32, bits=4)
    stack = ops.zeros((2, rows, 8), mx.uint32)
    with pytest.raises(ValueError, match="scales of the shape"):
        ops.gather_qmm(x, stack, scales[None], biases[None], group_size=32, bits=4)


@pytest.mark.skipif(sys.platform != "linux", reason="the variables are those of glibc")
def test_nothing_is_written_out_of_bounds() -> None:
    """The same calls while the heap is filled with a pattern and checked."""
    command = [sys.executable, "-X", "faulthandler", "-m", "pytest", "-q", "-x", __file__]
    done = subprocess.run(
        [*command, "-k", "returns_what", "-p", "no:cacheprovider"],
        env={**os.environ, "MALLOC_PERTURB_": "165", "MALLOC_CHECK_": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
