"""The kernels of the CPU against NumPy in double precision, at each level the machine can run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import array, bfloat16, float16, float32, ops, transforms
from numpy.typing import NDArray

pytestmark = at_every_level

Values = NDArray[Any]

# What one rounding of the result costs, relative to the sum of the magnitudes of the terms. Stock
# MLX is not that precise in half precision, for which it rounds the weights too.
FLOATS = {float32: 1e-6, float16: 2.0**-11 + 1e-6, bfloat16: 2.0**-8 + 1e-6}
SMALLEST = {float32: 0.0, float16: 2.0**-24, bfloat16: 0.0}

floats = st.sampled_from(list(FLOATS))
layouts = st.sampled_from(["plain", "transposed", "strided", "offset", "broadcast"])
seeds = st.integers(0, 2**32 - 1)


def evaluated(a: array) -> array:
    transforms.eval([a])
    return a


def numpy(a: array) -> Values:
    return np.array(evaluated(ops.astype(a, float32))).astype(np.float64)


def laid_out(values: Values, layout: str, dtype: Any) -> array:
    """Values of the shape of `values`, in memory as `layout` says."""

    def make(source: Values) -> array:
        return evaluated(ops.astype(array(source.astype(np.float32)), dtype))

    if layout == "transposed":
        return ops.swapaxes(make(values.swapaxes(-1, -2)), -1, -2)
    if layout == "strided":
        return make(np.repeat(values, 2, -1))[..., ::2]
    if layout == "offset":
        margins = [(0, 0)] * (values.ndim - 2) + [(1, 2), (3, 1)]
        return make(np.pad(values, margins))[..., 1:-2, 3:-1]
    if layout == "broadcast":
        return ops.broadcast_to(make(values[..., :1, :]), values.shape)
    return make(values)


class Weights:
    """Random packed weights, and what they stand for."""

    def __init__(
        self, rng: np.random.Generator, n: int, k: int, bits: int, group: int, dtype: Any = float32
    ) -> None:
        self.arguments: dict[str, Any] = {"group_size": group, "bits": bits}
        q = rng.integers(0, 2**bits, (n, k), dtype=np.uint32)
        shifts = np.arange(32 // bits, dtype=np.uint32) * bits
        words = (q.reshape(n, -1, 32 // bits) << shifts).sum(-1, dtype=np.uint32)
        self.words = array(words)
        self.scales = laid_out(rng.normal(0, 2.0**-bits, (n, k // group)), "plain", dtype)
        self.biases = laid_out(rng.normal(0, 0.5, (n, k // group)), "plain", dtype)
        groups = q.reshape(n, -1, group) * numpy(self.scales)[..., None]
        self.values: Values = (groups + numpy(self.biases)[..., None]).reshape(n, k)

    def product(self, x: array) -> array:
        return ops.quantized_matmul(
            x, self.words, self.scales, self.biases, transpose=True, **self.arguments
        )


def check(result: array, expected: Values, magnitude: Values, dtype: Any) -> None:
    assert result.dtype == dtype
    assert result.shape == expected.shape
    error = np.abs(numpy(result) - expected)
    np.testing.assert_array_less(error, FLOATS[dtype] * magnitude + SMALLEST[dtype] + 1e-30)


def check_product(weights: Weights, x: array) -> None:
    y = weights.product(x)
    values = numpy(x)
    check(y, values @ weights.values.T, np.abs(values) @ np.abs(weights.values.T), y.dtype)


@ours_only
@settings(max_examples=150, deadline=None)
@given(
    seed=seeds,
    bits=st.sampled_from([4, 8]),
    group=st.sampled_from([32, 64, 128]),
    groups=st.integers(1, 9),
    n=st.integers(1, 70),
    m=st.integers(1, 11),
    batch=st.sampled_from([(), (1,), (3,), (2, 2)]),
    dtype=floats,
    scales_dtype=floats,
    layout=layouts,
)
def test_quantized_product(
    seed: int,
    bits: int,
    group: int,
    groups: int,
    n: int,
    m: int,
    batch: tuple[int, ...],
    dtype: Any,
    scales_dtype: Any,
    layout: str,
) -> None:
    rng = np.random.default_rng(seed)
    weights = Weights(rng, n, groups * group, bits, group, scales_dtype)
    check_product(weights, laid_out(rng.normal(size=(*batch, m, groups * group)), layout, dtype))


@ours_only
@pytest.mark.parametrize("m", [1, 2, 130, 300])
def test_quantized_product_in_threads(m: int) -> None:
    rng = np.random.default_rng(0)
    weights = Weights(rng, 1000, 576, 4, 32, float16)
    x = laid_out(rng.normal(size=(m, 576)), "plain", float32)
    check_product(weights, x)
    first, second = (np.array(evaluated(weights.product(x))) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@ours_only
def test_weights_that_are_views() -> None:
    rng = np.random.default_rng(1)
    weights = Weights(rng, 12, 128, 4, 32, float16)
    x = laid_out(rng.normal(size=(2, 128)), "plain", float32)
    weights.words, weights.scales, weights.biases = (
        a[::3] for a in (weights.words, weights.scales, weights.biases)
    )
    weights.values = weights.values[::3]
    check_product(weights, x)
    for _ in range(2):
        weights.words, weights.scales, weights.biases = (
            ops.swapaxes(evaluated(ops.contiguous(ops.swapaxes(a, 0, 1))), 0, 1)
            for a in (weights.words, weights.scales, weights.biases)
        )
        check_product(weights, x)


def test_converted_scales_stay_usable() -> None:
    rng = np.random.default_rng(2)
    weights = Weights(rng, 8, 64, 8, 32, float16)
    x = laid_out(rng.normal(size=(1, 64)), "plain", float32)
    scales = weights.scales
    weights.scales = ops.astype(scales, float32)
    total = ops.add(weights.product(x), ops.sum(weights.scales))
    transforms.eval([total])
    np.testing.assert_array_equal(numpy(weights.scales), numpy(scales))
    expected = numpy(x) @ weights.values.T + numpy(scales).sum()
    np.testing.assert_allclose(numpy(total), expected, rtol=1e-4)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_values_that_are_not_finite(bits: int, bad: float) -> None:
    rng = np.random.default_rng(3)
    weights = Weights(rng, 40, 64, bits, 32)
    # Exact in any precision, and a weight that is zero among them.
    weights.scales, weights.biases = ops.full((40, 2), 0.5), ops.full((40, 2), -1.0)
    words = np.array(weights.words)
    q = (words[..., None] >> (np.arange(32 // bits, dtype=np.uint32) * bits)) & (2**bits - 1)
    q = q.reshape(40, 64)
    q[3, 5] = 2
    weights.words = array(
        (q.reshape(40, -1, 32 // bits) << (np.arange(32 // bits, dtype=np.uint32) * bits)).sum(
            -1, dtype=np.uint32
        )
    )
    x = rng.normal(size=(5, 64)).astype(np.float32)
    x[2, 5] = bad
    with np.errstate(invalid="ignore"):
        expected = (x[:, None].astype(np.float64) * (q * 0.5 - 1)).sum(-1)
    assert np.isnan(expected[2, 3])
    np.testing.assert_allclose(numpy(weights.product(array(x))), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("m", "n", "k"), [(0, 64, 64), (3, 0, 64), (3, 64, 0), (0, 0, 0)])
@pytest.mark.parametrize("transpose", [True, False])
@pytest.mark.parametrize("mode", ["affine", "mxfp4"])
def test_quantized_product_of_nothing(m: int, n: int, k: int, transpose: bool, mode: str) -> None:
    quantized = ops.quantize(ops.zeros((64, 64)), group_size=32, bits=4, mode=mode)
    rows, columns = (n, k) if transpose else (k, n)
    w, scales, *rest = [a[:rows, : a.shape[1] * columns // 64] for a in quantized]
    biases = rest[0] if rest else None
    arguments: dict[str, Any] = {"group_size": 32, "bits": 4, "mode": mode}
    y = ops.quantized_matmul(ops.zeros((m, k)), w, scales, biases, transpose, **arguments)
    np.testing.assert_array_equal(numpy(y), np.zeros((m, n)))
    y = ops.gather_qmm(
        ops.zeros((2, m, k)),
        w[None],
        scales[None],
        None if biases is None else biases[None],
        rhs_indices=array([0, 0]),
        transpose=transpose,
        **arguments,
    )
    np.testing.assert_array_equal(numpy(y), np.zeros((2, m, n)))


def test_product_passes_on_what_is_not_finite() -> None:
    a = np.ones((4, 40), np.float32)
    a[1, 3], a[2, 4] = np.nan, np.inf
    b = np.ones((40, 5), np.float32)
    for rows in (slice(None), slice(1, 2), slice(2, 3)):
        with np.errstate(invalid="ignore"):
            expected = a[rows] @ b
        np.testing.assert_array_equal(numpy(ops.matmul(array(a)[rows], array(b))), expected)


def test_gradients() -> None:
    rng = np.random.default_rng(6)
    weights = Weights(rng, 24, 64, 4, 32)
    x = laid_out(rng.normal(size=(3, 64)), "plain", float32)
    v = laid_out(rng.normal(size=(24, 5)), "transposed", float32)

    def loss(inputs: list[array]) -> list[array]:
        h = weights.product(inputs[0])
        # What was evaluated, and so had its primitive replaced, is differentiated all the same.
        transforms.eval([h])
        return [ops.sum(ops.square(ops.matmul(h, inputs[1])))]

    (value,), (grad_x, grad_v) = transforms.value_and_grad(loss, [0, 1])([x, v])
    h = numpy(x) @ weights.values.T
    y = h @ numpy(v)
    np.testing.assert_allclose(numpy(value), (y**2).sum(), rtol=1e-5)
    expected_x = 2 * y @ numpy(v).T @ weights.values
    np.testing.assert_allclose(numpy(grad_x), expected_x, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(numpy(grad_v), 2 * h.T @ y, rtol=1e-4, atol=1e-3)


def test_untransposed_weights() -> None:
    rng = np.random.default_rng(7)
    weights = Weights(rng, 24, 64, 4, 32)
    x = laid_out(rng.normal(size=(3, 24)), "plain", float32)
    y = ops.quantized_matmul(
        x, weights.words, weights.scales, weights.biases, transpose=False, **weights.arguments
    )
    np.testing.assert_allclose(numpy(y), numpy(x) @ weights.values, rtol=1e-4, atol=1e-4)


def test_nodes_that_are_shared_and_evaluated_again() -> None:
    rng = np.random.default_rng(8)
    a = laid_out(rng.normal(size=(6, 6)), "plain", float32)
    square = ops.matmul(a, a)
    first, second = ops.add(square, a), ops.matmul(square, square)
    transforms.eval([first])
    transforms.eval([second, square])
    expected = numpy(a) @ numpy(a)
    np.testing.assert_allclose(numpy(first), expected + numpy(a), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(numpy(second), expected @ expected, rtol=1e-4, atol=1e-4)


def test_long_chain() -> None:
    a = ops.eye(3)
    for _ in range(20_000):
        a = ops.matmul(a, ops.eye(3))
    np.testing.assert_array_equal(numpy(a), np.eye(3))


def test_threads_evaluate_at_once() -> None:
    rng = np.random.default_rng(9)
    weights = Weights(rng, 600, 576, 4, 32)
    x = laid_out(rng.normal(size=(4, 576)), "plain", float32)
    expected = numpy(weights.product(x))
    results: list[Values] = []

    def work() -> None:
        for _ in range(20):
            results.append(numpy(weights.product(x)))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 80
    for result in results:
        np.testing.assert_array_equal(result, expected)


EVALUATE = """
from mlx_sys_py import array, ops, transforms
import numpy as np
a = array(np.full((200, 200), 0.5, np.float32))
b = ops.matmul(a, a)
transforms.eval([b])
assert np.array(b).sum() == 200 * 200 * 50
"""


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("count", ["1", "3", "16"])
def test_number_of_threads(count: str) -> None:
    result = run("-c", EVALUATE, MLX_SYS_PY_NUM_THREADS=count)
    assert result.returncode == 0, result.stderr


def test_level_that_does_not_exist() -> None:
    result = run("-c", EVALUATE, MLX_SYS_PY_CPU="v9")
    assert 'ValueError: MLX_SYS_PY_CPU is "v9", but on this machine it can be' in result.stderr


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_number_of_threads_that_is_none(count: str) -> None:
    result = run("-c", EVALUATE, MLX_SYS_PY_NUM_THREADS=count)
    assert f'ValueError: MLX_SYS_PY_NUM_THREADS is "{count}", not a positive' in result.stderr
