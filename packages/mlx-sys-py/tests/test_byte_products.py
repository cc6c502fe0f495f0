"""Products of quantized weights with rows that are rounded: to eight bits, or to bfloat16."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from levels import at_every_level, ours_only
from mlx_sys_py import Dtype, array, bfloat16, cpu_kernels, float16, float32, ops
from test_gguf_blocks import expected, sensible

Doubles = np.ndarray[Any, np.dtype[np.float64]]

GROUP = 32
# Those with kernels, and the numbers that a row is a multiple of.
BLOCKS = {
    "Q4_0": 32, "Q4_1": 32, "Q5_0": 32, "Q5_1": 32, "Q8_0": 32, "IQ4_NL": 32,
    "Q2_K": 256, "Q3_K": 256, "Q4_K": 256, "Q5_K": 256, "Q6_K": 256, "IQ4_XS": 256,
}  # fmt: skip
AFFINE = [(bits, group) for bits in (4, 8) for group in (32, 64, 128)]

pytestmark = at_every_level


@pytest.fixture(autouse=True, scope="module")
def rounded() -> Iterator[None]:
    before = cpu_kernels.get_activation_bits()
    cpu_kernels.set_activation_bits(8)
    yield
    cpu_kernels.set_activation_bits(before)


# Codes of eight bits, with which products of more rows are exact.
WIDE, MOST_ROWS = {"Q8_0", "IQ4_NL", "IQ4_XS", "8 bits"}, 32


def rounded_to(level: str, kind: str, rows: int) -> str:
    """What rows become: bytes, or, with the weights, bfloat16; else they are exact."""
    if level == "v3" and (kind not in WIDE or rows <= MOST_ROWS):
        return "bytes"
    return "bfloat16" if level == "v4_amx" and rows > MOST_ROWS else "exact"


def rounding(x: Doubles) -> tuple[Doubles, Doubles]:
    """The definition: numbers of x rounded to steps of their group, and the steps."""
    groups = x.astype(np.float32).reshape(*x.shape[:-1], -1, GROUP)
    largest = np.abs(groups).max(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = np.where(largest > 0, np.float32(127) / largest, np.float32(0))
    integers = np.rint(groups.astype(np.float64) * inverse)
    steps = np.broadcast_to(largest / np.float32(127), groups.shape)
    rounded = integers * steps
    return rounded.reshape(x.shape), steps.astype(np.float64).reshape(x.shape)


def check(x: Doubles, weights: Doubles, y: array, way: str) -> None:
    """Nearly the products of what the definition gives, and near enough to those of x itself."""
    numbers, steps, factors = x, np.zeros_like(x), weights
    if way == "bytes":
        numbers, steps = rounding(x)
    elif way == "bfloat16":
        # Eight bits, of each: the product is off by two halves of a unit in the last place.
        numbers, steps, factors = (
            half(x, bfloat16)[1],
            np.abs(x) * 2.0**-7,
            half(weights, bfloat16)[1],
        )
    got = np.array(ops.astype(y, float32)).astype(np.float64)
    want, size = numbers @ factors.T, np.abs(numbers) @ np.abs(factors).T
    # Of the type of the result, a unit in the last place, or of what is subnormal.
    last = np.abs(want) * (2.0**-10 if y.dtype is float16 else 2.0**-7) + 2.0**-24
    # Parts of weights are summed apart: scale * code, and the bias, of which each may be larger.
    np.testing.assert_array_less(np.abs(got - want), last + 4e-6 * 16 * size + 1e-30)
    bound = (steps / 2 * 1.0001) @ np.abs(weights).T
    np.testing.assert_array_less(np.abs(got - x @ weights.T), bound + last + 1e-4 * size + 1e-30)


def half(x: Doubles, dtype: Dtype = float16) -> tuple[array, Doubles]:
    operand = ops.astype(array(x.astype(np.float32)), dtype)
    return operand, np.array(ops.astype(operand, float32)).astype(np.float64)


def check_blocks(name: str, rows: int, columns: int, length: int, level: str, seed: int) -> None:
    blocks = sensible(name, columns, length, seed)
    rng = np.random.default_rng(seed)
    x, numbers = half(rng.standard_normal((rows, length)) * rng.choice([0.001, 0.03], (rows, 1)))
    y = ops.blocks_matmul(x, array(blocks), name)
    assert y.dtype is float16
    check(numbers, expected(name, blocks).astype(np.float64), y, rounded_to(level, name, rows))


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 7, 9, 13, 33, 140])
@pytest.mark.parametrize("name", BLOCKS)
def test_blocks(name: str, rows: int, level: str) -> None:
    check_blocks(name, rows, 37, BLOCKS[name] * (21 if BLOCKS[name] < 256 else 5), level, rows)


@settings(deadline=None, max_examples=40)
@given(
    name=st.sampled_from(sorted(BLOCKS)),
    rows=st.integers(1, 20),
    columns=st.integers(1, 70),
    blocks=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
)
def test_shapes(level: str, name: str, rows: int, columns: int, blocks: int, seed: int) -> None:
    check_blocks(name, rows, columns, blocks * BLOCKS[name], level, seed)


# MLX rounds weights to half precision.
@ours_only
@pytest.mark.parametrize("rows", [1, 4, 6, 11, 45])
@pytest.mark.parametrize(("bits", "group"), AFFINE)
@pytest.mark.parametrize("dtype", [float16, bfloat16])
def test_affine(bits: int, group: int, dtype: Dtype, rows: int, level: str) -> None:
    rng = np.random.default_rng(bits * group)
    columns, length = 45, 128 * 5 if group == 128 else 64 * 7
    q = rng.integers(0, 2**bits, (columns, length), dtype=np.uint32)
    shifts = np.arange(32 // bits, dtype=np.uint32) * bits
    packed = (q.reshape(columns, -1, 32 // bits) << shifts).sum(-1, dtype=np.uint32)
    scales, steps = half(rng.uniform(0.01, 0.1, (columns, length // group)), dtype)
    biases, least = half(-steps * 2 ** (bits - 1) * rng.uniform(0.9, 1.1, steps.shape), dtype)
    weights = q * steps.repeat(group, 1) + least.repeat(group, 1)
    x, numbers = half(rng.standard_normal((rows, length)), dtype)
    y = ops.quantized_matmul(x, array(packed), scales, biases, True, group, bits, "affine")
    assert y.dtype is dtype
    check(numbers, weights, y, rounded_to(level, f"{bits} bits", rows))


@pytest.mark.parametrize("name", ["Q4_0", "Q8_0", "Q6_K"])
def test_extremes(name: str, level: str) -> None:
    """Codes and numbers whose products are as large as they can be, of either sign."""
    length = 256
    for byte in (0x00, 0x7F, 0x80, 0xFF):
        blocks = np.full_like(sensible(name, 3, length), byte)
        at = 208 if name == "Q6_K" else 0
        each = blocks.reshape(3, -1, 210 if name == "Q6_K" else 34 if name == "Q8_0" else 18)
        each[..., at : at + 2] = np.array([0.001], "<f2").view(np.uint8)
        weights = expected(name, blocks).astype(np.float64)
        for rows in (1, 12):
            for sign in (1.0, -1.0):
                x, numbers = half(np.full((rows, length), 3 * sign))
                y = ops.blocks_matmul(x, array(blocks), name)
                check(numbers, weights, y, rounded_to(level, name, rows))


@pytest.mark.parametrize("rows", [1, 5, 10])
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite(value: float, rows: int) -> None:
    """As without rounding: the whole product is exact then."""
    blocks = array(sensible("Q4_K", 9, 256))
    x = np.random.default_rng(1).standard_normal((rows, 256)).astype(np.float16)
    x[rows // 2, 77] = value
    got = np.array(ops.blocks_matmul(array(x), blocks, "Q4_K"))
    cpu_kernels.set_activation_bits(16)
    want = np.array(ops.blocks_matmul(array(x), blocks, "Q4_K"))
    cpu_kernels.set_activation_bits(8)
    np.testing.assert_array_equal(got, want)
    assert not np.isfinite(want[rows // 2]).any()
    assert np.isfinite(np.delete(want, rows // 2, 0)).all()


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_in_many_rows(value: float) -> None:
    """It stays in its row, and is what it is in an exact product."""
    blocks = array(sensible("Q4_K", 9, 256))
    x = np.random.default_rng(1).standard_normal((70, 256)).astype(np.float16)
    x[40, 77] = value
    got = np.array(ops.blocks_matmul(array(x), blocks, "Q4_K"))
    cpu_kernels.set_activation_bits(16)
    want = np.array(ops.blocks_matmul(array(x), blocks, "Q4_K"))
    cpu_kernels.set_activation_bits(8)
    np.testing.assert_array_equal(got[40], want[40])
    assert np.isfinite(np.delete(got, 40, 0)).all()


# MLX rounds weights to half precision.
@ours_only
@pytest.mark.parametrize("dtype", [float16, bfloat16])
@pytest.mark.parametrize(("rows", "columns", "length"), [(33, 64, 96), (300, 96, 1088)])
def test_weights_that_are_not_transposed(
    dtype: Dtype, rows: int, columns: int, length: int, level: str
) -> None:
    """As in gradients with respect to x."""
    rng = np.random.default_rng(rows)
    w = ops.astype(array(rng.standard_normal((length, columns), np.float32)), dtype)
    packed, scales, biases = ops.quantize(w, 32, 4, "affine")
    exact = ops.dequantize(
        packed, ops.astype(scales, float32), ops.astype(biases, float32), 32, 4, "affine"
    )
    weights = np.array(exact).astype(np.float64)
    x, numbers = half(rng.standard_normal((rows, length)), dtype)
    y = ops.quantized_matmul(x, packed, scales, biases, False, 32, 4, "affine")
    way = rounded_to(level, "4 bits", rows)
    check(numbers, weights.T, y, "exact" if way == "bytes" else way)


def test_zeros_and_what_is_tiny(level: str) -> None:
    weights = sensible("Q4_0", 8, 64)
    x, numbers = half(np.zeros((2, 64)))
    assert not np.array(ops.blocks_matmul(x, array(weights), "Q4_0")).any()
    # The least that there is beside what is large: each group has steps of its own.
    values = np.full((1, 64), 2.0**-24)
    values[0, 32:] = 1
    x, numbers = half(values)
    y = ops.blocks_matmul(x, array(weights), "Q4_0")
    check(numbers, expected("Q4_0", weights).astype(np.float64), y, rounded_to(level, "Q4_0", 1))


def test_other_products_are_exact() -> None:
    """Those of float32, and all with 16 bits."""
    blocks = array(sensible("Q8_0", 16, 256))
    weights = expected("Q8_0", np.array(blocks)).astype(np.float64)
    x = np.random.default_rng(2).standard_normal((3, 256)).astype(np.float32)
    y = np.array(ops.blocks_matmul(array(x), blocks, "Q8_0"))
    assert (np.abs(y - x @ weights.T) / (np.abs(x) @ np.abs(weights).T)).max() < 1e-6
    cpu_kernels.set_activation_bits(16)
    operand, numbers = half(x.astype(np.float64))
    got = np.array(ops.astype(ops.blocks_matmul(operand, blocks, "Q8_0"), float32))
    cpu_kernels.set_activation_bits(8)
    want = numbers @ weights.T
    assert (np.abs(got - want) < np.abs(want) * 2.0**-10 + 2.0**-24).all()


def test_settings() -> None:
    for bits in (16, 8):
        cpu_kernels.set_activation_bits(bits)
        assert cpu_kernels.get_activation_bits() == bits
    for bits in (0, 4, 32, -8):
        with pytest.raises(ValueError, match="bits must be 8 or 16"):
            cpu_kernels.set_activation_bits(bits)
    assert cpu_kernels.get_activation_bits() == 8


@pytest.mark.parametrize(
    ("value", "shown"), [("16", "16"), ("8", "8"), ("", "8"), ("7", "must be 8 or 16")]
)
def test_environment_variable(value: str, shown: str) -> None:
    program = "from mlx_sys_py import cpu_kernels; print(cpu_kernels.get_activation_bits())"
    environment = os.environ | {"MLX_SYS_PY_CPU_ACTIVATIONS": value}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert shown in done.stdout + done.stderr
