"""Samplers of many rows, each with random numbers of its own, in one go."""

from __future__ import annotations

from collections.abc import Sequence

import mlx_core_py as mx

from .filters import sample
from .samplers import SettingsSampler
from .settings import columns

__all__ = ["sample_rows"]


def __dir__() -> list[str]:
    return __all__


def sample_rows(
    logprobs: mx.array, samplers: Sequence[SettingsSampler], keys: mx.array
) -> tuple[mx.array, mx.array]:
    """Choose a token for each row by a sampler and a random state of its own.

    Each row gets what its sampler gives it alone with that state.

    Args:
        logprobs: Log-probabilities of shape ``(rows, vocabulary)``.
        samplers: The sampler of each row.
        keys: The random state of each row, of shape ``(rows, 2)``.

    Returns:
        Tokens of shape ``(rows,)`` and the random states after them.

    Example:
        >>> from mlx_lm_py.sampling.settings import Settings
        >>> keys = mx.stack([mx.random.key(1), mx.random.key(2)])
        >>> logprobs = mx.log(mx.array([[0.01, 0.99], [0.98, 0.02]]))
        >>> samplers = [SettingsSampler(Settings(temp, top_k=1)) for temp in (0.1, 0.7)]
        >>> sample_rows(logprobs, samplers, keys)[0].tolist()
        [1, 0]
    """
    # Where nothing is left out no row is sorted, so that other random numbers fall to its tokens.
    plain = [i for i, one in enumerate(samplers) if not one.settings.filters]
    others = [i for i, one in enumerate(samplers) if one.settings.filters]
    tokens, after = [], []
    for rows in (plain, others):
        if not rows:
            continue
        is_all = len(rows) == len(samplers)
        index = mx.array(rows)
        random = _EachRow(keys if is_all else keys[index])
        settings = columns(tuple(samplers[i].settings for i in rows))
        part = logprobs if is_all else logprobs[index]
        tokens.append(sample(part, settings, random))
        after.append(random.keys)
    if len(tokens) == 1:
        return tokens[0], after[0]
    places = mx.argsort(mx.array([*plain, *others]))
    return mx.concatenate(tokens)[places], mx.concatenate(after)[places]


class _EachRow:
    """Random numbers of each row's own state."""

    def __init__(self, keys: mx.array) -> None:
        self.keys = keys

    def _next(self) -> mx.array:
        both = mx.vmap(mx.random.split)(self.keys)
        self.keys = both[:, 0]
        return both[:, 1]

    def gumbel(self, like: mx.array) -> mx.array:
        width = like.shape[-1]
        return mx.vmap(lambda key: mx.random.gumbel((width,), key=key))(self._next())

    def uniform(self, like: mx.array, probability: mx.array) -> mx.array:
        before = self.keys
        drawn = mx.vmap(lambda key: mx.random.uniform(shape=(1,), key=key))(self._next())
        self.keys = mx.where(probability > 0, self.keys, before)
        return drawn
