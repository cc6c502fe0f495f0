"""Quantized weights: the formats by their definitions, and products with them."""

from __future__ import annotations

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_close, assert_equal, floats, quick, to_numpy

AFFINE = [(group, bits) for group in (32, 64, 128) for bits in (2, 3, 4, 5, 6, 8)]
MODES = {"mxfp4": (32, 4), "mxfp8": (32, 8), "nvfp4": (16, 4)}
FP4 = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6])


def weights(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Normal weights, the same ones every time."""
    return np.random.default_rng(seed).normal(size=(rows, columns)).astype(np.float32)


def affine(w: np.ndarray, group: int = 64, bits: int = 4) -> tuple[mx.array, mx.array, mx.array]:
    """Packed weights, scales and biases."""
    packed, scales, biases = mx.quantize(mx.array(w), group, bits)
    return packed, scales, biases


@pytest.mark.parametrize(("group", "bits"), AFFINE)
def test_affine_weights_come_back(group: int, bits: int) -> None:
    w = weights(4, 256)
    packed, scales, biases = affine(w, group, bits)
    assert packed.shape == (4, 256 * bits // 32)
    assert scales.shape == biases.shape == (4, 256 // group)
    back = to_numpy(mx.dequantize(packed, scales, biases, group, bits))
    # No more than a step off, and a step is what the scale says.
    steps = np.repeat(np.abs(to_numpy(scales)), group, axis=1)
    assert (np.abs(back - w) <= 1.001 * steps).all()


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_layout_of_affine_weights(bits: int) -> None:
    packed, scales, biases = affine(weights(2, 64), 32, bits)
    shifts = np.arange(0, 32, bits, dtype=np.uint32)
    codes = (to_numpy(packed)[..., None] >> shifts & (2**bits - 1)).reshape(2, 2, 32)
    want = codes * to_numpy(scales)[..., None] + to_numpy(biases)[..., None]
    got = mx.dequantize(packed, scales, biases, 32, bits)
    assert_close(got, want.reshape(2, 64), 1e-4)


@quick
@given(w=floats((2, 64)))
def test_constant_and_extreme_groups_survive(w: np.ndarray) -> None:
    w[:, :32] = 3.0
    back = to_numpy(mx.dequantize(*affine(w, 32, 8), 32, 8))
    np.testing.assert_allclose(back[:, :32], 3.0, rtol=1e-2)
    assert np.isfinite(back).all()


@pytest.mark.parametrize("mode", MODES)
def test_floating_modes(mode: str) -> None:
    group, bits = MODES[mode]
    w = weights(4, 128)
    packed, scales = mx.quantize(mx.array(w), mode=mode)
    assert packed.shape == (4, 128 * bits // 32)
    assert scales.shape == (4, 128 // group)
    back = to_numpy(mx.dequantize(packed, scales, mode=mode, dtype=mx.float32))
    largest = np.abs(w).reshape(4, -1, group).max(axis=-1, keepdims=True)
    error = np.abs(back - w).reshape(4, -1, group)
    assert (error <= (0.25 if bits == 4 else 0.1) * largest).all()


def test_numbers_of_mxfp4_are_exact() -> None:
    w = np.tile(np.concatenate([FP4, -FP4]), 4)[None].astype(np.float32)
    packed, scales = mx.quantize(mx.array(w), mode="mxfp4")
    assert_equal(mx.dequantize(packed, scales, mode="mxfp4", dtype=mx.float32), w)


@pytest.mark.parametrize("rows", [1, 3, 33])
@pytest.mark.parametrize(("group", "bits"), [(32, 2), (64, 4), (128, 8), (32, 3), (64, 6)])
@pytest.mark.parametrize("transpose", [True, False])
def test_quantized_matmul(rows: int, group: int, bits: int, transpose: bool) -> None:
    x = weights(rows, 128, seed=1)
    w = affine(weights(128, 128), group, bits)
    wide = to_numpy(mx.dequantize(*w, group, bits))
    want = x @ (wide.T if transpose else wide)
    got = mx.quantized_matmul(mx.array(x), *w, transpose=transpose, group_size=group, bits=bits)
    assert_close(got, want, 1e-3, 1e-3)


@pytest.mark.parametrize("mode", MODES)
def test_quantized_matmul_in_floating_modes(mode: str) -> None:
    x = weights(2, 64, seed=1)
    packed, scales = mx.quantize(mx.array(weights(32, 64)), mode=mode)
    wide = to_numpy(mx.dequantize(packed, scales, mode=mode, dtype=mx.float32))
    got = mx.quantized_matmul(mx.array(x), packed, scales, mode=mode)
    assert_close(got, x @ wide.T, 1e-3, 1e-3)


@quick
@given(picks=st.lists(st.integers(0, 2), min_size=1, max_size=5))
def test_gather_qmm(picks: list[int]) -> None:
    w = np.stack([weights(16, 64, seed) for seed in range(3)])
    quantized = affine(w)
    wide = to_numpy(mx.dequantize(*quantized))
    x = weights(1, 64, seed=9)
    got = mx.gather_qmm(mx.array(x), *quantized, rhs_indices=mx.array(picks))
    assert_close(got, np.stack([x @ wide[i].T for i in picks]), 1e-3, 1e-3)


@quick
@given(x=floats(low=-400, high=400))
def test_fp8(x: np.ndarray) -> None:
    packed = mx.to_fp8(mx.array(x))
    assert packed.dtype == mx.uint8
    back = to_numpy(mx.from_fp8(packed, mx.float32))
    # Three bits of fraction, and a smallest step of 2**-9.
    assert (np.abs(back - x) <= np.maximum(np.abs(x) / 16, 2**-10) * 1.001).all()
    assert_equal(mx.to_fp8(mx.array(back)), to_numpy(packed))


def test_wrong_arguments() -> None:
    w = mx.zeros((32, 64))
    packed, scales, biases = mx.quantize(w)
    for wrong in (
        lambda: mx.quantize(mx.zeros((2, 33))),
        lambda: mx.quantize(mx.zeros(64)),
        lambda: mx.quantize(w, bits=7),
        lambda: mx.quantize(w, group_size=3),
        lambda: mx.quantize(w, group_size=0),
        lambda: mx.quantize(w, mode="wrong"),
        lambda: mx.dequantize(packed, scales),
        lambda: mx.quantized_matmul(mx.zeros((1, 63)), packed, scales, biases),
        lambda: mx.quantized_matmul(mx.zeros((1, 64)), packed, scales[:, :0], biases),
    ):
        with pytest.raises(ValueError):
            mx.eval(wrong())


@pytest.mark.parametrize("group_size", [7, 16, None])
def test_packed_weights_without_scales_are_refused(group_size: int | None) -> None:
    with pytest.raises(ValueError, match="scales must be given"):
        mx.gather_qqmm(mx.zeros((4, 64)), mx.zeros((2, 2), mx.uint32), group_size=group_size)


def blocks_of_bytes(*shape: int) -> mx.array:
    """Random blocks of Q8_0, 34 bytes each, whose scales are between 0.5 and 1."""
    rng = np.random.default_rng(6)
    blocks = rng.integers(0, 256, (*shape, 34), dtype=np.uint8)
    scales = rng.uniform(0.5, 1, (*shape, 1)).astype(np.float16)
    blocks[..., :2] = scales.view(np.uint8)
    return mx.array(blocks.reshape(*shape[:-1], -1))


def weights_in(blocks: mx.array) -> np.ndarray:
    """What Q8_0 means: a float16, then 32 signed bytes."""
    each = np.array(blocks).reshape(*blocks.shape[:-1], -1, 34)
    scales = each[..., :2].copy().view(np.float16).astype(np.float32)
    return (scales * each[..., 2:].view(np.int8)).reshape(*blocks.shape[:-1], -1)


def test_gradients_of_products_with_blocks() -> None:
    blocks = blocks_of_bytes(6, 4)
    weights = weights_in(blocks)
    x = np.random.default_rng(7).standard_normal((3, 128)).astype(np.float32)

    def loss(x: mx.array) -> mx.array:
        return mx.blocks_matmul(x, blocks, "Q8_0").square().sum()

    gradient = np.array(mx.grad(loss)(mx.array(x)))
    want = 2 * (x @ weights.T) @ weights
    np.testing.assert_allclose(gradient, want, rtol=1e-3, atol=1e-5 * np.abs(want).max())
    y, tangent = mx.jvp(
        lambda x: mx.blocks_matmul(x, blocks, "Q8_0"), [mx.array(x)], [mx.array(x) + 1]
    )
    np.testing.assert_allclose(np.array(y[0]), x @ weights.T, rtol=1e-4, atol=0.1)
    np.testing.assert_allclose(np.array(tangent[0]), (x + 1) @ weights.T, rtol=1e-4, atol=0.1)


def test_transforms_of_products_with_blocks() -> None:
    blocks = blocks_of_bytes(6, 4)
    weights = weights_in(blocks)
    x = np.random.default_rng(8).standard_normal((3, 128)).astype(np.float32)

    def product(x: mx.array, w: mx.array = blocks) -> mx.array:
        return mx.blocks_matmul(x, w, "Q8_0")

    mapped = mx.vmap(product)(mx.array(x))
    np.testing.assert_allclose(np.array(mapped), x @ weights.T, rtol=1e-4, atol=0.1)
    both = mx.vmap(product)(mx.array(x), blocks.reshape(3, 2, -1))
    want = np.einsum("bk,bnk->bn", x, weights.reshape(3, 2, -1))
    np.testing.assert_allclose(np.array(both), want, rtol=1e-4, atol=0.1)
    rows = mx.vmap(lambda w: mx.dequantize_blocks(w, "Q8_0"), in_axes=1)(blocks.reshape(3, 2, -1))
    np.testing.assert_array_equal(np.array(rows), weights.reshape(3, 2, -1).swapaxes(0, 1))
    for shapeless in (False, True):
        compiled = mx.compile(lambda x: product(x) * 2, shapeless=shapeless)
        for count in (3, 2):
            got = np.array(compiled(mx.array(x[:count])))
            np.testing.assert_allclose(got, 2 * x[:count] @ weights.T, rtol=1e-4, atol=0.2)
