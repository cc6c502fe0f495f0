"""Rows of the table: what the layers of a language model consist of beside products."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .row import Random, Row, Values, normal, torch

WIDTH, HEADS, HEAD_WIDTH, VOCABULARY = 1024, 8, 64, 32000
EPSILON = 1e-5


def rows_and_weights(weights: int) -> Any:
    """Makes rows of a model's width, and vectors to weigh them with."""
    return lambda rng, n: (normal(rng, n, WIDTH), *(normal(rng, WIDTH) for _ in range(weights)))


def softmax(x: Values) -> Values:
    """Softmax of the rows, with NumPy."""
    y = np.exp(x - x.max(-1, keepdims=True))
    return np.asarray(y / y.sum(-1, keepdims=True))


def layer_norm(x: Values, weight: Values, bias: Values) -> Values:
    """Layer normalisation of the rows, with NumPy."""
    deviation = x - x.mean(-1, keepdims=True)
    variance = np.square(deviation).mean(-1, keepdims=True)
    return np.asarray(deviation / np.sqrt(variance + EPSILON) * weight + bias)


def rms_norm(x: Values, weight: Values) -> Values:
    """Normalisation of the rows by their root mean square, with NumPy."""
    return np.asarray(x / np.sqrt(np.square(x).mean(-1, keepdims=True) + EPSILON) * weight)


def attention(q: Values, k: Values, v: Values) -> Values:
    """Causal attention, with NumPy."""
    scores = q @ np.swapaxes(k, -1, -2) / math.sqrt(HEAD_WIDTH)
    hidden = np.triu(np.ones(scores.shape[-2:], bool), 1)
    return softmax(np.where(hidden, -np.inf, scores)) @ v


def rope_inputs(rng: Random, n: int) -> tuple[Values, ...]:
    """Positions to turn, and cosine and sine of the angles, which the peers are given."""
    rates = 10000.0 ** (-np.arange(HEAD_WIDTH // 2) / (HEAD_WIDTH // 2))
    angles = np.arange(n)[:, None] * rates
    turns = (np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32))
    return normal(rng, 1, HEADS, n, HEAD_WIDTH), *turns


def rope(library: Any, x: Any, cos: Any, sin: Any) -> Any:
    """Rotary positions, with NumPy or PyTorch."""
    a, b = x[..., : HEAD_WIDTH // 2], x[..., HEAD_WIDTH // 2 :]
    return library.concatenate((a * cos - b * sin, b * cos + a * sin), -1)


def cross_entropy(logits: Values, targets: Values) -> Values:
    """The loss of each row, with NumPy."""
    most = logits.max(-1, keepdims=True)
    normalizer = np.log(np.exp(logits - most).sum(-1)) + most[:, 0]
    return np.asarray(normalizer - logits[np.arange(len(targets)), targets])


ROWS = [
    Row(
        "softmax",
        (1, 64, 4096),
        rows_and_weights(0),
        lambda m, x: m.softmax(x, -1),
        lambda x: torch.softmax(x, -1),
        softmax,
    ),
    Row(
        "layer_norm",
        (1, 64, 4096),
        rows_and_weights(2),
        lambda m, x, w, b: m.fast.layer_norm(x, w, b, EPSILON),
        lambda x, w, b: torch.nn.functional.layer_norm(x, (WIDTH,), w, b, EPSILON),
        layer_norm,
    ),
    Row(
        "rms_norm",
        (1, 64, 4096),
        rows_and_weights(1),
        lambda m, x, w: m.fast.rms_norm(x, w, EPSILON),
        lambda x, w: torch.nn.functional.rms_norm(x, (WIDTH,), w, EPSILON),
        rms_norm,
    ),
    Row(
        "attention, causal",
        (16, 128, 1024),
        lambda rng, n: tuple(normal(rng, 1, HEADS, n, HEAD_WIDTH) for _ in range(3)),
        lambda m, q, k, v: m.fast.scaled_dot_product_attention(
            q, k, v, scale=HEAD_WIDTH**-0.5, mask="causal"
        ),
        lambda q, k, v: torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True),
        attention,
        order=2,
    ),
    Row(
        "rope",
        (1, 64, 2048),
        rope_inputs,
        lambda m, x, cos, sin: m.fast.rope(
            x, HEAD_WIDTH, traditional=False, base=10000.0, scale=1.0, offset=0
        ),
        lambda x, cos, sin: rope(torch, x, cos, sin),
        lambda x, cos, sin: rope(np, x, cos, sin),
    ),
    Row(
        "cross entropy",
        (1, 16, 256),
        lambda rng, n: (normal(rng, n, VOCABULARY), rng.integers(0, VOCABULARY, n)),
        lambda m, logits, targets: m.fast.cross_entropy(logits, targets),
        lambda logits, targets: torch.nn.functional.cross_entropy(
            logits, targets, reduction="none"
        ),
        cross_entropy,
    ),
]
