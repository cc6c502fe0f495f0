"""Each row of the table of kernels has a graph here in which its kernel is seen to run.

A row is found by the name of a primitive, so one that this MLX does not have is never seen.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from io import BytesIO
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from c_functions import DECLARATIONS, STRUCTS, function
from levels import at_every_level
from mlx_sys_py import array, cpu_kernels, fast, fft, linalg, ops, random, special, transforms
from mlx_sys_py.io import load_npy, save_npy

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


def regular() -> array:
    """Positive definite."""
    return array(W @ W.T + 32 * np.eye(32, dtype=np.float32))


def complexes() -> array:
    return array(X.astype(np.complex64))


def quantized() -> Any:
    return ops.quantize(array(W), 32, 4)


def gradients(function: Callable[..., array], *arguments: array) -> Any:
    def call(inputs: Any) -> list[array]:
        return [ops.sum(function(*inputs))]

    return transforms.value_and_grad(call, [0])(list(arguments))[1]


def loaded() -> array:
    file = BytesIO()
    save_npy(file, x())
    file.seek(0)
    return load_npy(file)


def heads() -> array:
    return ops.reshape(array(W), [1, 2, 16, 32])


def one_head() -> array:
    return heads()[:, :, :1]


UNARY = {
    "Abs": "abs", "ArcCos": "arccos", "ArcSin": "arcsin", "ArcSinh": "arcsinh", "ArcTan": "arctan",
    "ArcTanh": "arctanh", "Ceil": "ceil", "Cos": "cos", "Cosh": "cosh", "Erf": "erf",
    "ErfInv": "erfinv", "Exp": "exp", "Expm1": "expm1", "Floor": "floor", "Log": "log",
    "Log10": "log10", "Log1p": "log1p", "Log2": "log2",
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
# Functions of this library.
NUMBERS = {
    "CopySign": "copysign", "FloatMaximum": "fmax", "FloatMinimum": "fmin", "Hypot": "hypot",
    "LogAddExp2": "logaddexp2",
}  # fmt: skip
SPECIAL = {
    "BesselI0": "i0", "BesselI0e": "i0e", "BesselI1": "i1", "BesselI1e": "i1e",
    "Digamma": "digamma", "Entropy": "entr", "ErfC": "erfc", "ErfCX": "erfcx", "Gamma": "gamma",
    "LogGamma": "gammaln", "LogNormalBelow": "log_ndtr", "NormalBelow": "ndtr",
    "NormalQuantile": "ndtri",
}  # fmt: skip
SPECIAL_BINARY = {
    "Beta": "beta", "LogBeta": "betaln", "GammaInc": "gammainc", "GammaIncC": "gammaincc",
    "KullbackLeibler": "kl_div", "RelativeEntropy": "rel_entr", "XLog1PY": "xlog1py",
    "XLogY": "xlogy", "Zeta": "zeta",
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


def special_unary(name: str) -> Graph:
    return lambda: getattr(special, name)(x())


def special_binary(name: str) -> Graph:
    return lambda: getattr(special, name)(x(), array(X[::-1].copy()))


def along_rows(name: str, *arguments: Any) -> Graph:
    return lambda: getattr(ops, name)(x(), *arguments)


def reduction(name: str) -> Graph:
    return lambda: getattr(ops, name)(x(), 1, True)


def updated(method: str) -> Graph:
    return lambda: getattr(x().at[indices()], method)(array(2.0))


def updated_slice(method: str) -> Graph:
    return lambda: getattr(x().at[:, 1:5], method)(array(2.0))


def broadcast_but_for_an_axis(inputs: list[array]) -> list[array]:
    return [ops.take_along_axis(inputs[0], ops.reshape(indices(), [1, 2]), 1)]


def shapeless(function: Callable[[list[array]], list[array]]) -> Any:
    return transforms.compile(function, True)([x()])


def attention(queries: array, keys: array, values: array) -> array:
    return fast.scaled_dot_product_attention(queries, keys, values, scale=0.25)


def put(a: array, where: Any) -> array:
    a[where] = array(2.0)
    return a


def put_in_order(a: array, mask: array) -> array:
    a[mask] = ops.zeros([int(np.array(mask).sum())])
    return a


def copied() -> list[array]:
    """By the C interface: nothing in Python makes a node of it."""
    c = {declaration.name: function(declaration) for declaration in DECLARATIONS}
    one, copy = c["mlx_array_new_float32"](ctypes.c_float(1)), STRUCTS["mlx_array"]()
    assert c["mlx_copy"](ctypes.byref(copy), one, STRUCTS["mlx_stream"]()) == 0
    assert c["mlx_array_eval"](copy) == 0
    for handle in (one, copy):
        c["mlx_array_free"](handle)
    return []


def quantized_product() -> array:
    w, scales, biases = quantized()
    return ops.quantized_matmul(x(), w, scales, biases, group_size=32, bits=4)


def gathered_quantized_product() -> array:
    w, scales, biases = (ops.reshape(part, [2, 16, -1]) for part in quantized())
    rows = ops.reshape(x(), [2, 1, 32])
    return ops.gather_qmm(rows, w, scales, biases, indices(), indices(), group_size=32, bits=4)


GRAPHS: dict[str, Graph] = {
    **{primitive: unary(name) for primitive, name in UNARY.items()},
    **{primitive: binary(name) for primitive, name in BINARY.items()},
    **{primitive: bitwise(name) for primitive, name in BITWISE.items()},
    **{primitive: binary(name) for primitive, name in NUMBERS.items()},
    **{primitive: special_unary(name) for primitive, name in SPECIAL.items()},
    **{primitive: special_binary(name) for primitive, name in SPECIAL_BINARY.items()},
    "BetaInc": lambda: special.betainc(x(), x(), x()),
    "ComplexExpm1": lambda: ops.expm1(complexes()),
    "CubeRoot": unary("cbrt"),
    "Exp2": unary("exp2"),
    "Gcd": bitwise("gcd"),
    "Polygamma": lambda: special.polygamma(2, x()),
    "SignBit": unary("signbit"),
    "Trigamma": lambda: special.polygamma(1, x()),
    **{primitive: along_rows(name, 1) for primitive, name in SCANS.items()},
    "ArcCosh": lambda: ops.arccosh(array(X + 1)),
    "AsType": lambda: ops.astype(x(), mx.float16),
    "BitwiseInvert": lambda: ops.bitwise_invert(integers()),
    "Conjugate": lambda: ops.conjugate(complexes()),
    "Imag": lambda: ops.imag(complexes()),
    "Real": lambda: ops.real(complexes()),
    "LogicalAnd": lambda: ops.logical_and(booleans(), booleans()),
    "LogicalNot": lambda: ops.logical_not(booleans()),
    "LogicalOr": lambda: ops.logical_or(booleans(), booleans()),
    "NaNEqual": lambda: ops.array_equal(x(), x(), True),
    "Select": lambda: ops.where(booleans(), x(), x()),
    "Elementwise": lambda: ops.exp(ops.add(x(), x())),
    "DivMod": lambda: ops.divmod(x(), x()),
    # matrix products and convolutions
    "AddMM": lambda: ops.addmm(array(W), array(W), array(W)),
    "Convolution": lambda: ops.conv1d(ops.reshape(x(), [1, 32, 2]), ops.ones([4, 3, 2])),
    "GatherMM": lambda: ops.gather_mm(
        ops.reshape(array(W), [2, 16, 32]), ops.reshape(array(W), [2, 32, 16]), indices(), indices()
    ),
    "GatherQMM": gathered_quantized_product,
    "Matmul": lambda: ops.matmul(x(), array(W)),
    "QuantizedMatmul": quantized_product,
    "SegmentedMM": lambda: ops.segmented_mm(
        array(W), array(W), array(np.array([[0, 8], [8, 32]], np.uint32))
    ),
    # reductions, sorting
    "And": lambda: ops.all(x(), 1, True),
    "Or": lambda: ops.any(x(), 1, True),
    "Sum": reduction("sum"),
    "Prod": reduction("prod"),
    "Min": reduction("min"),
    "Max": reduction("max"),
    "ArgReduce": lambda: ops.argmax(x(), 1, True),
    "LogSumExp": reduction("logsumexp"),
    "Softmax": along_rows("softmax", -1),
    "SearchSorted": lambda: ops.searchsorted(evaluated(ops.sort(x(), None)), x()),
    "Sort": along_rows("sort"),
    "ArgSort": along_rows("argsort"),
    "Partition": along_rows("partition", 3),
    "ArgPartition": along_rows("argpartition", 3),
    "FFT": lambda: fft.fft(x()),
    # linear algebra
    "Cholesky": lambda: linalg.cholesky(regular()),
    "Eig": lambda: linalg.eig(array(W)),
    "Eigh": lambda: linalg.eigh(array(W)),
    "Inverse": lambda: linalg.inv(regular()),
    "LUF": lambda: linalg.lu(array(W)),
    "QRF": lambda: linalg.qr(array(W)),
    "SVD": lambda: linalg.svd(array(W)),
    # indexing
    "DynamicSlice": lambda: ops.slice(x(), array(1), [1], [2, 4]),
    "DynamicSliceUpdate": lambda: ops.slice_update(x(), ops.zeros([2, 4]), array(1), [1]),
    "Gather": lambda: x()[indices()],
    "GatherAxis": lambda: ops.take_along_axis(x(), ops.reshape(indices(), [2, 1]), 1),
    "MaskedScatter": lambda: put_in_order(x(), booleans()),
    "Scatter": lambda: put(x(), indices()),
    "Scatter Max": updated("maximum"),
    "Scatter Min": updated("minimum"),
    "Scatter Prod": updated("multiply"),
    "Scatter Sum": updated("add"),
    "ScatterAxis": lambda: ops.put_along_axis(
        x(), ops.reshape(indices(), [2, 1]), ops.zeros([2, 1]), 1
    ),
    "ScatterAxis Sum": lambda: gradients(
        lambda a: ops.take_along_axis(a, ops.reshape(indices(), [2, 1]), 1), x()
    ),
    "SliceUpdate": lambda: put(x(), slice(0, 1)),
    "SliceUpdate Max": updated_slice("maximum"),
    "SliceUpdate Min": updated_slice("minimum"),
    "SliceUpdate Prod": updated_slice("multiply"),
    "SliceUpdate Sum": updated_slice("add"),
    # creation and layout
    "Arange": lambda: ops.arange(0, 10, 1),
    "Concatenate": lambda: ops.concatenate([x(), x()], 0),
    "Contiguous": lambda: ops.contiguous(ops.transpose(x())),
    "Flatten": lambda: ops.flatten(x()),
    "Full": lambda: ops.full([2, 3], array(1.0)),
    "Pad": lambda: ops.pad(x(), [(1, 1), (0, 0)]),
    "RandomBits": lambda: random.uniform(shape=[8]),
    "Reshape": lambda: ops.reshape(x(), [4, 16]),
    "Unflatten": lambda: ops.unflatten(x(), 1, [4, 8]),
    "Load": loaded,
    # views
    "AsStrided": lambda: ops.as_strided(x(), [2, 2], [1, 1], 0),
    "Broadcast": lambda: ops.broadcast_to(x(), [3, 2, 32]),
    "BroadcastAxes": lambda: shapeless(broadcast_but_for_an_axis),
    "Copy": copied,
    "CustomTransforms": lambda: transforms.custom_function(lambda a: a, vjp=lambda *a: a[1])([x()]),
    "Depends": lambda: ops.depends([x()], [x()]),
    "ExpandDims": lambda: ops.expand_dims(x(), 0),
    "Slice": lambda: x()[:, 1:3],
    "Split": lambda: ops.split(x(), 2, 1),
    "Squeeze": lambda: ops.squeeze(ops.reshape(x(), [1, 64]), 0),
    "StopGradient": lambda: ops.stop_gradient(x()),
    "Transpose": lambda: ops.transpose(x()),
    # fused ops of this library
    "AttentionGradients": lambda: gradients(attention, heads(), heads(), heads()),
    "BlocksMatmul": lambda: ops.blocks_matmul(x(), array(np.zeros((4, 34), np.uint8)), "Q8_0"),
    "Cofactors": lambda: gradients(linalg.det, regular()),
    "CrossEntropy": lambda: fast.cross_entropy(x(), indices()),
    "CrossEntropyGradient": lambda: gradients(fast.cross_entropy, x(), indices()),
    "Determinant": lambda: linalg.det(regular()),
    "AttentionStep": lambda: fast.attention_step(
        one_head(), one_head(), one_head(), [heads()] * 2, array([3]), scale=1.0
    ),
    "GatheredBlocks": lambda: ops.gather_blocks_matmul(
        x(), array(np.zeros((2, 4, 34), np.uint8)), "Q8_0", rhs_indices=indices()
    ),
    "IntegerMatmul": lambda: ops.matmul(integers(), ops.transpose(integers())),
    "LayerNorm": lambda: fast.layer_norm(x(), None, None, 1e-5),
    "NormalizationGradients": lambda: gradients(lambda a: fast.rms_norm(a, None, 1e-5), x()),
    "RMSNorm": lambda: fast.rms_norm(x(), None, 1e-5),
    "RandomNormal": lambda: random.normal([8]),
    "RandomRejection": lambda: random.poisson(3.0, [8]),
    "RecurrentScan": lambda: fast.rnn_scan(x(), array(W), x()[0]),
    "RecurrentScanGradients": lambda: gradients(fast.rnn_scan, x(), array(W), x()[0]),
    "RoPE": lambda: fast.rope(heads(), 32, traditional=False, base=10000.0, scale=1.0, offset=0),
    "ScaledDotProductAttention": lambda: attention(heads(), heads(), heads()),
    "Solve": lambda: linalg.solve(regular(), array(W)),
    "SolveTriangular": lambda: linalg.solve_triangular(regular(), array(W)),
    "ThinSVD": lambda: linalg.svd(x(), full_matrices=False),
}


# Elementwise operations of complex numbers have no SIMD, nor has Euclid's algorithm.
SCALAR = {"ComplexExpm1", "Conjugate", "Gcd", "Imag", "Real"}
# What has no kernel but that of MLX where there is no LAPACK to load.
FACTORIZATIONS = {"Cholesky", "Eig", "Eigh", "Inverse", "LUF", "QRF", "SVD"}
# What is no kernel's work, so that MLX's kernels are not asked for it.
READING = {"Load"}


def records(graph: Graph) -> list[cpu_kernels.Record]:
    log = cpu_kernels.Log()
    result = graph()
    transforms.eval(result if isinstance(result, (list, tuple)) else [result])
    return log.records()


# What only an interrupt makes: tests/c/test_interrupts sees it run.
WITHOUT_GRAPH = {"Interrupted"}


def test_every_row_has_a_graph() -> None:
    assert sorted({*GRAPHS, *WITHOUT_GRAPH}) == cpu_kernels.primitives()


@pytest.mark.parametrize("primitive", GRAPHS)
def test_the_kernel_runs(primitive: str, level: str) -> None:
    seen = [r for r in records(GRAPHS[primitive]) if r.primitive.partition("(")[0] == primitive]
    if level == "stock" and primitive not in READING:
        # Fused ops exist where there are kernels; the others are MLX's own.
        assert all(record.kernel in ("mlx", "view") for record in seen)
        return
    assert seen
    for record in seen:
        if primitive in READING:
            assert record.kernel != "mlx"
        elif primitive in SCALAR:
            assert record.kernel == "scalar"
        elif primitive in FACTORIZATIONS and sys.platform != "linux":
            assert record.kernel == "mlx"
        else:
            assert record.kernel in (level, "view"), record


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16, mx.float32], ids=str)
@pytest.mark.parametrize("name", ["exp", "sqrt", "tanh", "erf", "square"])
def test_functions_of_floats_have_simd(name: str, dtype: mx.Dtype, level: str) -> None:
    record = records(lambda: getattr(ops, name)(evaluated(ops.astype(x(), dtype))))[-1]
    assert record.kernel == ("mlx" if level == "stock" else level)


@pytest.mark.parametrize("name", [*("bool_ uint8 int8 uint16 int16 uint32 int32 uint64".split())])
def test_arithmetic_of_integers_has_simd(name: str, level: str) -> None:
    a = evaluated(ops.astype(integers(), getattr(mx, name)))
    operation = ops.logical_or if name == "bool_" else ops.add
    (record,) = records(lambda: operation(a, a))
    assert record.kernel == ("mlx" if level == "stock" else level)


def evaluated(a: array) -> array:
    transforms.eval([a])
    return a
