"""Fused operations against their definitions in NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from strategies import FLOATS, TOLERANCE, assert_close, floats, quick

EPS = 1e-5
SHAPES = hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=9)


def softmax(x: np.ndarray) -> np.ndarray:
    """Softmax of the last axis."""
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    result: np.ndarray = e / e.sum(axis=-1, keepdims=True)
    return result


@pytest.mark.parametrize("weighted", [False, True])
@quick
@given(x=floats(SHAPES))
def test_norms(weighted: bool, x: np.ndarray) -> None:
    wide = x.astype(np.float64)
    w = np.linspace(-1, 2, x.shape[-1], dtype=np.float32) if weighted else None
    b = np.linspace(3, 1, x.shape[-1], dtype=np.float32) if weighted else None
    weight, bias = (None if v is None else mx.array(v) for v in (w, b))
    factor, summand = (1, 0) if w is None or b is None else (w, b)
    rms = np.sqrt((wide**2).mean(axis=-1, keepdims=True) + EPS)
    assert_close(mx.fast.rms_norm(mx.array(x), weight, EPS), wide / rms * factor, 1e-3, 1e-4)
    centred = wide - wide.mean(axis=-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPS)
    want = centred / scale * factor + summand
    # Nearly equal elements cancel, and the error grows with one over the root of eps.
    assert_close(mx.fast.layer_norm(mx.array(x), weight, bias, EPS), want, 1e-3, 1e-3)


@pytest.mark.parametrize("dtype", FLOATS)
def test_norms_keep_the_type(dtype: str) -> None:
    kind = getattr(mx, dtype)
    x = mx.random.normal((4, 65), key=mx.random.key(0)).astype(kind)
    wide = np.array(x.astype(mx.float32))
    got = mx.fast.rms_norm(x, mx.ones(65, kind), EPS)
    assert got.dtype == kind
    want = wide / np.sqrt((wide**2).mean(axis=-1, keepdims=True) + EPS)
    assert_close(got, want, TOLERANCE[dtype], TOLERANCE[dtype])


@quick
@given(x=floats((3, 5)), targets=hnp.arrays(np.int32, (3,), elements=st.integers(0, 4)))
def test_cross_entropy(x: np.ndarray, targets: np.ndarray) -> None:
    want = -np.log(softmax(x.astype(np.float64)))[np.arange(3), targets]
    assert_close(mx.fast.cross_entropy(mx.array(x), mx.array(targets)), want, atol=1e-4)


def rotated(x: np.ndarray, dims: int, traditional: bool, positions: np.ndarray) -> np.ndarray:
    """Pairs of features turned by angles that fall with the feature, as the paper has it."""
    angles = positions[..., None] * 1e4 ** (-np.arange(dims // 2) / (dims // 2))
    cos, sin = np.cos(angles), np.sin(angles)
    half = dims // 2
    one, two = (
        (np.s_[..., 0:dims:2], np.s_[..., 1:dims:2])
        if traditional
        else (np.s_[..., :half], np.s_[..., half:dims])
    )
    result = x.astype(np.float64)
    result[one] = x[one] * cos - x[two] * sin
    result[two] = x[one] * sin + x[two] * cos
    return result


@pytest.mark.parametrize("traditional", [False, True])
@pytest.mark.parametrize("dims", [8, 4])
@quick
@given(x=floats((2, 3, 5, 8)), offset=st.integers(0, 50), scale=st.sampled_from([1.0, 0.5]))
def test_rope(dims: int, traditional: bool, x: np.ndarray, offset: int, scale: float) -> None:
    settings: dict[str, Any] = {"traditional": traditional, "base": 1e4, "scale": scale}
    want = rotated(x, dims, traditional, (offset + np.arange(5)) * scale)
    assert_close(mx.fast.rope(mx.array(x), dims, offset=offset, **settings), want, 1e-3, 1e-3)
    got = mx.fast.rope(mx.array(x), dims, offset=mx.array(offset), **settings)
    assert_close(got, want, 1e-3, 1e-3)


def test_rope_with_periods_and_batch_offsets() -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 8)).astype(np.float32)
    settings: dict[str, Any] = {"traditional": False, "scale": 1.0}
    periods = mx.array(1e4 ** (np.arange(4) / 4))
    got = mx.fast.rope(mx.array(x), 8, base=None, offset=2, freqs=periods, **settings)
    assert_close(got, rotated(x, 8, False, 2 + np.arange(5)), 1e-3, 1e-3)
    offsets = mx.array([2, 7])
    got = mx.fast.rope(mx.array(x), 8, base=1e4, offset=offsets, **settings)
    for i, offset in enumerate((2, 7)):
        assert_close(got[i], rotated(x[i], 8, False, offset + np.arange(5)), 1e-3, 1e-3)


@st.composite
def attentions(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Queries, keys and values; the queries may have more heads."""
    heads, group = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    queries, keys = sorted((draw(st.integers(1, 6)), draw(st.integers(1, 6))))
    q = draw(floats((2, heads * group, queries, 8)))
    return q, draw(floats((2, heads, keys, 8))), draw(floats((2, heads, keys, 8)))


@pytest.mark.parametrize("kind", ["none", "causal", "boolean", "additive", "sinks"])
@quick
@given(case=attentions())
def test_attention(kind: str, case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    q, k, v = case
    group = q.shape[1] // k.shape[1]
    wide_k, wide_v = (np.repeat(x.astype(np.float64), group, axis=1) for x in (k, v))
    scores = 0.25 * q.astype(np.float64) @ wide_k.mT
    rows, columns = scores.shape[-2:]
    allowed = np.tri(rows, columns, columns - rows, dtype=bool)
    additive = np.linspace(-2, 2, rows * columns).reshape(rows, columns).astype(np.float32)
    arguments: dict[str, Any] = {}
    if kind in ("causal", "boolean"):
        scores = np.where(allowed, scores, -np.inf)
        arguments["mask"] = "causal" if kind == "causal" else mx.array(allowed)
    elif kind == "additive":
        scores += additive
        arguments["mask"] = mx.array(additive)
    if kind == "sinks":
        sinks = np.linspace(-1, 1, q.shape[1]).astype(np.float32)
        arguments["sinks"] = mx.array(sinks)
        extra = np.broadcast_to(sinks[:, None, None], (*scores.shape[:-1], 1))
        weights = softmax(np.concatenate([scores, extra], axis=-1))[..., :-1]
    else:
        weights = softmax(scores)
    got = mx.fast.scaled_dot_product_attention(
        mx.array(q), mx.array(k), mx.array(v), scale=0.25, **arguments
    )
    assert_close(got, weights @ wide_v, 1e-3, 1e-3)


def test_gated_delta_update() -> None:
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(3, 1, 4, 2, 32)) / 6
    gamma, beta = rng.uniform(0.2, 0.9, size=(2, 1, 4, 2))
    output, state = mx.fast.gated_delta_update(
        mx.array(q), mx.array(k), mx.array(v), mx.array(gamma), mx.array(beta)
    )
    wanted, memory = [], np.zeros((2, 32, 32))
    for t in range(4):
        memory = gamma[0, t, :, None, None] * memory
        error = v[0, t] - np.einsum("hvk,hk->hv", memory, k[0, t])
        memory += np.einsum("hv,hk->hvk", beta[0, t, :, None] * error, k[0, t])
        wanted.append(np.einsum("hvk,hk->hv", memory, q[0, t]))
    assert_close(output, np.stack(wanted)[None], 1e-3, 1e-3)
    assert_close(state, memory[None], 1e-3, 1e-3)


def test_wrong_arguments() -> None:
    x = mx.zeros((1, 2, 3, 8))
    attention = mx.fast.scaled_dot_product_attention
    calls: tuple[Callable[[], mx.array], ...] = (
        lambda: mx.fast.rms_norm(x, mx.ones(7), EPS),
        lambda: mx.fast.layer_norm(x, mx.ones(8), mx.ones(7), EPS),
        lambda: mx.fast.rope(x[0, 0], 8, traditional=False, base=1e4, scale=1.0, offset=0),
        lambda: mx.fast.rope(x, 8, traditional=False, base=None, scale=1.0, offset=0),
        lambda: attention(x, x, x, scale=1.0, mask="wrong"),
        lambda: attention(x, x[..., :4], x, scale=1.0),
        lambda: attention(x, x, x, scale=1.0, mask=mx.zeros((3, 4))),
    )
    for wrong in calls:
        with pytest.raises(ValueError):
            wrong()
