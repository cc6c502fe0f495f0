"""Recurrences over positions: whole pieces of them by products of matrices, one by a step.

All compute in float32. None makes an exponential of a sum that can be positive: decays multiply up
to nothing, and their inverses to infinity.
"""

from __future__ import annotations

import mlx_core_py as mx

__all__ = ["decay_scan", "delta_scan", "linear_scan", "rank_one_scan"]


def __dir__() -> list[str]:
    return __all__


_CHUNK = 64


def linear_scan(
    decay: mx.array, x: mx.array, state: mx.array | None = None
) -> tuple[mx.array, mx.array]:
    """``state = decay[:, t] * state + x[:, t]``, of each element by itself.

    Args:
        decay: Shape ``(batch, length, ...)``.
        x: Shape ``(batch, length, ...)``.
        state: Shape ``(batch, ...)``. Default: ``None``, zeros.

    Returns:
        The state after each position, of shape ``(batch, length, ...)``, and after the last.

    Example:
        >>> linear_scan(mx.full((1, 3), 0.5), mx.ones((1, 3)))[0]
        array([[1, 1.5, 1.75]], dtype=float32)
    """
    states = []
    for start in range(0, x.shape[1], _CHUNK):
        a, h = decay[:, start : start + _CHUNK], x[:, start : start + _CHUNK]
        if state is not None:
            h = mx.concatenate([h[:, :1] + a[:, :1] * state[:, None], h[:, 1:]], axis=1)
        # Each position takes in what lies 1, 2, 4, … before it.
        step = 1
        while step < h.shape[1]:
            h = mx.concatenate([h[:, :step], h[:, step:] + a[:, step:] * h[:, :-step]], axis=1)
            a = mx.concatenate([a[:, :step], a[:, step:] * a[:, :-step]], axis=1)
            step *= 2
        states.append(h)
        state = h[:, -1]
    assert state is not None
    return states[0] if len(states) == 1 else mx.concatenate(states, axis=1), state


def _decays(log_decay: mx.array) -> tuple[mx.array, mx.array]:
    """Sums up to each position, and what is left of each position at each later one.

    Args:
        log_decay: Shape ``(..., length, width)``.

    Returns:
        Shapes ``(..., length, width)`` and ``(..., length, length, width)``.
    """
    sums = mx.cumsum(log_decay, axis=-2)
    length = sums.shape[-2]
    seen = mx.tril(mx.ones((length, length), mx.bool_))[..., None]
    apart = sums[..., :, None, :] - sums[..., None, :, :]
    return sums, mx.exp(mx.where(seen, apart, -mx.inf))


def decay_scan(
    queries: mx.array,
    keys: mx.array,
    values: mx.array,
    log_decay: mx.array,
    state: mx.array | None = None,
) -> tuple[mx.array, mx.array]:
    """``state = exp(log_decay[t]) * state + outer(keys[t], values[t])``, asked by queries.

    The state-space duality of Mamba-2 (https://arxiv.org/abs/2405.21060), and linear attention
    whose heads decay (https://arxiv.org/abs/2307.14995).

    Args:
        queries: Shape ``(batch, groups, length, width)``; heads that follow each other share one.
        keys: Shape ``(batch, groups, length, width)``.
        values: Shape ``(batch, heads, length, value_width)``.
        log_decay: Shape ``(batch, heads, length)``, not positive.
        state: Shape ``(batch, heads, width, value_width)``. Default: ``None``, zeros.

    Returns:
        Answers of shape ``(batch, heads, length, value_width)``, and the state after the last.
    """
    batch, groups, length, width = keys.shape
    heads = values.shape[1]
    # Heads of a group are an axis of their own, along which products repeat queries and keys.
    queries, keys = (part.astype(mx.float32)[:, :, None] for part in (queries, keys))
    values, log_decay = (
        mx.unflatten(part, 1, (groups, -1)) for part in (values.astype(mx.float32), log_decay)
    )
    if state is None:
        state = mx.zeros((batch, heads, width, values.shape[-1]))
    state = mx.unflatten(state, 1, (groups, -1))
    answers = []
    if length == 1:
        # Once through the state, which is larger than all else.
        state = mx.exp(log_decay)[..., None] * state + keys.swapaxes(-1, -2) * values
        answers.append(queries @ state)
    for start in range(0, length if length > 1 else 0, _CHUNK):
        q, k, v = (part[..., start : start + _CHUNK, :] for part in (queries, keys, values))
        sums, left = _decays(log_decay[..., start : start + _CHUNK, None])
        scores = (q @ k.swapaxes(-1, -2)) * left[..., 0]
        answers.append(scores @ v + mx.exp(sums) * (q @ state))
        kept = v * mx.exp(sums[..., -1:, :] - sums)
        state = mx.exp(sums[..., -1:, :]) * state + k.swapaxes(-1, -2) @ kept
    whole = answers[0] if len(answers) == 1 else mx.concatenate(answers, axis=-2)
    return whole.flatten(1, 2), state.flatten(1, 2)


def delta_scan(
    queries: mx.array,
    keys: mx.array,
    values: mx.array,
    log_decay: mx.array,
    beta: mx.array,
    state: mx.array | None = None,
) -> tuple[mx.array, mx.array]:
    """The gated delta rule (https://arxiv.org/abs/2412.06464).

    The state decays; then what it answers to ``keys[t]`` moves by ``beta[t]`` of the way towards
    ``values[t]``.

    Args:
        queries: Shape ``(batch, heads, length, width)``.
        keys: Shape ``(batch, heads, length, width)``.
        values: Shape ``(batch, heads, length, value_width)``.
        log_decay: Shape ``(batch, heads, length, 1)``, or ``(batch, heads, length, width)`` where
            each row of the state has its own (https://arxiv.org/abs/2510.26692). Not positive.
        beta: Shape ``(batch, heads, length)``.
        state: Shape ``(batch, heads, width, value_width)``. Default: ``None``, zeros.

    Returns:
        Answers of shape ``(batch, heads, length, value_width)``, and the state after the last.
    """
    batch, heads, length, width = keys.shape
    queries, keys, values, beta = (
        part.astype(mx.float32) for part in (queries, keys, values, beta[..., None])
    )
    if state is None:
        state = mx.zeros((batch, heads, width, values.shape[-1]))
    if length == 1:
        state = mx.exp(log_decay).swapaxes(-1, -2) * state
        state = state + keys.swapaxes(-1, -2) * (beta * (values - keys @ state))
        return queries @ state, state
    # With a decay for each row, decays between positions do not share a matrix.
    chunk = _CHUNK if log_decay.shape[-1] == 1 else 16
    answers = []
    for start in range(0, length, chunk):
        q, k, v, g, b = (
            part[:, :, start : start + chunk] for part in (queries, keys, values, log_decay, beta)
        )
        sums, left = _decays(g)
        if g.shape[-1] == 1:
            asked, known = (side @ k.swapaxes(-1, -2) * left[..., 0] for side in (q, k))
        else:
            asked, known = (
                (left * side[..., :, None, :] * k[..., None, :, :]).sum(axis=-1) for side in (q, k)
            )
        # Each correction is against those before it: a triangle of equations.
        size = known.shape[-1]
        equations = mx.eye(size) + mx.tril(b * known, -1)
        since = mx.exp(sums)
        corrections = mx.linalg.solve_triangular(
            equations, b * (v - (k * since) @ state), upper=False, stream=mx.cpu
        )
        answers.append(asked @ corrections + (q * since) @ state)
        kept = k * mx.exp(sums[..., -1:, :] - sums)
        faded = since[..., -1:, :].swapaxes(-1, -2) * state
        state = faded + kept.swapaxes(-1, -2) @ corrections
    return answers[0] if len(answers) == 1 else mx.concatenate(answers, axis=2), state


def rank_one_scan(
    queries: mx.array,
    keys: mx.array,
    values: mx.array,
    log_decay: mx.array,
    looks: mx.array,
    writes: mx.array,
    state: mx.array | None = None,
) -> tuple[mx.array, mx.array]:
    """A state whose rows decay, and to which what it answered before is written elsewhere.

    ``state = exp(log_decay[t]) * state + outer(writes[t], looks[t] @ state) + outer(keys[t],
    values[t])``, asked by queries (https://arxiv.org/abs/2503.14456).

    Args:
        queries: Shape ``(batch, heads, length, width)``.
        keys: Shape ``(batch, heads, length, width)``.
        values: Shape ``(batch, heads, length, value_width)``.
        log_decay: Shape ``(batch, heads, length, width)``, not positive.
        looks: Shape ``(batch, heads, length, width)``.
        writes: Shape ``(batch, heads, length, width)``.
        state: Shape ``(batch, heads, width, value_width)``. Default: ``None``, zeros.

    Returns:
        Answers of shape ``(batch, heads, length, value_width)``, and the state after the last.
    """
    batch, heads, length, width = keys.shape
    parts = tuple(
        part.astype(mx.float32) for part in (queries, keys, values, log_decay, looks, writes)
    )
    if state is None:
        state = mx.zeros((batch, heads, width, values.shape[-1]))
    answers = []
    for start in range(0, length, 16):
        q, k, v, g, a, b = (part[:, :, start : start + 16] for part in parts)
        sums, left = _decays(g)
        size = k.shape[2]
        # What is left of each position where one looks: before its own decay.
        past = mx.concatenate([mx.zeros_like(left[:, :, :1]), left[:, :, :-1]], axis=2)
        looked = mx.exp(sums - g) * a
        to_written, to_keys = (
            (past * a[..., :, None, :] * side[..., None, :, :]).sum(axis=-1) for side in (b, k)
        )
        known = looked @ state + to_keys @ v
        # What a position finds depends on what those before it have written.
        found = mx.linalg.solve_triangular(
            mx.eye(size) - mx.tril(to_written, -1), known, upper=False, stream=mx.cpu
        )
        of_written, of_keys = (
            (left * q[..., :, None, :] * side[..., None, :, :]).sum(axis=-1) for side in (b, k)
        )
        since = mx.exp(sums)
        answers.append((q * since) @ state + of_written @ found + of_keys @ v)
        rest = mx.exp(sums[..., -1:, :] - sums)
        state = since[..., -1:, :].swapaxes(-1, -2) * state
        state = state + (b * rest).swapaxes(-1, -2) @ found + (k * rest).swapaxes(-1, -2) @ v
    return answers[0] if len(answers) == 1 else mx.concatenate(answers, axis=2), state
