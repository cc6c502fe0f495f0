"""Recurrences in pieces are what they are step by step."""

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_lm_py.models.blocks.scans import decay_scan, delta_scan, linear_scan, rank_one_scan
from tiny_models import close

LENGTH, WIDTH, VALUE = 150, 6, 5
SPLITS = [[150], [1, 100, 49], [64, 64, 22]]


def _draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def _in_pieces(scan, splits, axis, *arrays):  # type: ignore[no-untyped-def]
    parts, state, start = [], None, 0
    for size in splits:
        cut = [mx.array(a.take(range(start, start + size), axis=axis)) for a in arrays]
        part, state = scan(*cut, state=state)
        parts.append(part)
        start += size
    return mx.concatenate(parts, axis=axis), state


@pytest.mark.parametrize("splits", SPLITS)
def test_linear(splits: list[int]) -> None:
    decay, x = 1 / (1 + np.exp(-_draw(2, LENGTH, WIDTH))), _draw(2, LENGTH, WIDTH)
    state, expected = np.zeros((2, WIDTH)), []
    for t in range(LENGTH):
        state = decay[:, t] * state + x[:, t]
        expected.append(state)
    states, last = _in_pieces(linear_scan, splits, 1, decay, x)  # type: ignore[no-untyped-call]
    close(states, mx.array(np.stack(expected, axis=1)), 1e-4)
    close(last, mx.array(state), 1e-4)


# Decays of a thousandth part a step, and of next to nothing.
@pytest.mark.parametrize("rate", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("splits", SPLITS)
def test_decay(splits: list[int], rate: float) -> None:
    q, k, v = _draw(2, 3, LENGTH, WIDTH), _draw(2, 3, LENGTH, WIDTH)[::-1], _draw(2, 3, LENGTH, 5)
    decay = -rate * np.abs(_draw(2, 3, LENGTH))
    state, expected = np.zeros((2, 3, WIDTH, VALUE)), []
    for t in range(LENGTH):
        state = np.exp(decay[:, :, t])[..., None, None] * state
        state = state + k[:, :, t, :, None] * v[:, :, t, None, :]
        expected.append((q[:, :, t, None, :] @ state)[:, :, 0])
    answers, last = _in_pieces(decay_scan, splits, 2, q, k, v, decay)  # type: ignore[no-untyped-call]
    close(answers, mx.array(np.stack(expected, axis=2)), 2e-3)
    close(last, mx.array(state), 2e-3)


@pytest.mark.parametrize("splits", SPLITS)
def test_decay_of_heads_that_share_keys(splits: list[int]) -> None:
    q, k = _draw(2, 2, LENGTH, WIDTH), _draw(2, 2, LENGTH, WIDTH)[::-1]
    v, decay = _draw(2, 6, LENGTH, VALUE), -np.abs(_draw(2, 6, LENGTH))
    found = _in_pieces(decay_scan, splits, 2, q, k, v, decay)  # type: ignore[no-untyped-call]
    every = [part.repeat(3, axis=1) for part in (q, k)]
    want = _in_pieces(decay_scan, splits, 2, *every, v, decay)  # type: ignore[no-untyped-call]
    for one, other in zip(found, want, strict=True):
        close(one, other, 1e-4)


@pytest.mark.parametrize("rate", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("rows", [1, WIDTH])
@pytest.mark.parametrize("splits", SPLITS)
def test_delta(splits: list[int], rows: int, rate: float) -> None:
    q, k, v = _draw(2, 3, LENGTH, WIDTH), _draw(2, 3, LENGTH, WIDTH)[::-1], _draw(2, 3, LENGTH, 5)
    k = k / np.linalg.norm(k, axis=-1, keepdims=True)
    decay = -rate * np.abs(_draw(2, 3, LENGTH, rows))
    beta = 2 / (1 + np.exp(-_draw(2, 3, LENGTH)))
    state, expected = np.zeros((2, 3, WIDTH, VALUE)), []
    for t in range(LENGTH):
        state = np.exp(decay[:, :, t])[..., None] * state
        answer = (k[:, :, t, None, :] @ state)[:, :, 0]
        correction = beta[:, :, t, None] * (v[:, :, t] - answer)
        state = state + k[:, :, t, :, None] * correction[..., None, :]
        expected.append((q[:, :, t, None, :] @ state)[:, :, 0])
    answers, last = _in_pieces(delta_scan, splits, 2, q, k, v, decay, beta)  # type: ignore[no-untyped-call]
    close(answers, mx.array(np.stack(expected, axis=2)), 2e-3)
    close(last, mx.array(state), 2e-3)


@pytest.mark.parametrize("rate", [1e-3, 0.6, 100.0])
@pytest.mark.parametrize("splits", SPLITS)
def test_rank_one(splits: list[int], rate: float) -> None:
    q, k, v = _draw(2, 3, LENGTH, WIDTH), _draw(2, 3, LENGTH, WIDTH)[::-1], _draw(2, 3, LENGTH, 5)
    decay = -rate * np.abs(_draw(2, 3, LENGTH, WIDTH))
    looks = -k / np.linalg.norm(k, axis=-1, keepdims=True)
    writes = -looks / (1 + np.exp(-q))
    state, expected = np.zeros((2, 3, WIDTH, VALUE)), []
    for t in range(LENGTH):
        found = looks[:, :, t, None, :] @ state
        state = np.exp(decay[:, :, t])[..., None] * state
        state = state + writes[:, :, t, :, None] * found
        state = state + k[:, :, t, :, None] * v[:, :, t, None, :]
        expected.append((q[:, :, t, None, :] @ state)[:, :, 0])
    answers, last = _in_pieces(rank_one_scan, splits, 2, q, k, v, decay, looks, writes)  # type: ignore[no-untyped-call]
    close(answers, mx.array(np.stack(expected, axis=2)), 2e-3)
    close(last, mx.array(state), 2e-3)
