"""A sampler that holds the surprise of a text at a level."""

from __future__ import annotations

import math
from typing import Self

import mlx_core_py as mx

from mlx_lm_py._checks import check_number

__all__ = ["Mirostat", "make_mirostat"]


def __dir__() -> list[str]:
    return __all__


def make_mirostat(tau: float = 5.0, eta: float = 0.1, temp: float = 1.0) -> Mirostat:
    """Create a sampler that holds the surprise of the text at a level: Mirostat 2.

    Tokens that are more surprising than a bound are left out; the bound then falls where a token
    was more surprising than the level, and rises where it was less.

    Args:
        tau: The level, in bits. Default: 5.
        eta: What part of the difference the bound makes up for at each token. Default: 0.1.
        temp: Temperature, which acts first. Default: 1.

    Returns:
        The sampler (https://arxiv.org/abs/2007.14966). It remembers its bound: each answer begins
        with one of its own, twice the level.

    Raises:
        TypeError: If one of them is no number.
        ValueError: If one is not positive.

    Example:
        >>> sampler = make_mirostat(tau=0.1)
        >>> sampler(mx.log(mx.array([[0.01, 0.98, 0.01]]))).tolist()
        [1]
    """
    for name, value in (("tau", tau), ("eta", eta), ("temp", temp)):
        check_number(name, value, above=0)
    return Mirostat(tau, eta, temp)


class Mirostat:
    """A sampler with a memory, as `make_mirostat` makes it.

    Args:
        tau: The level, in bits.
        eta: What part of the difference the bound makes up for.
        temp: Temperature.

    Attributes:
        memory: The bound, of shape ``(1,)``. Who puts back random numbers puts it back, too.
    """

    def __init__(self, tau: float, eta: float, temp: float) -> None:
        self._tau, self._eta, self._temp = tau, eta, temp
        self.memory: mx.array = mx.array([2 * tau])

    def begin(self) -> Self:
        """A sampler for another answer, which remembers nothing."""
        return type(self)(self._tau, self._eta, self._temp)

    def __call__(self, logprobs: mx.array) -> mx.array:
        """Choose a token.

        Args:
            logprobs: Log-probabilities of shape ``(1, vocabulary)``.

        Returns:
            The token, of shape ``(1,)``.

        Raises:
            ValueError: If there are several rows.
        """
        if logprobs.shape[0] != 1:
            raise ValueError(f"mirostat samples one row, not {logprobs.shape[0]}")
        scaled = logprobs.astype(mx.float32) * min(1 / self._temp, 1e30)
        logs = scaled - mx.logsumexp(scaled, axis=-1, keepdims=True)
        best = logs.max(axis=-1, keepdims=True)
        # The most likely token stays in any case.
        bound = mx.minimum(-self.memory * math.log(2), best)
        kept = mx.where(logs >= bound, logs, -math.inf)
        token = mx.random.categorical(kept)
        total = mx.logsumexp(kept, axis=-1)
        surprise = (total - mx.take_along_axis(kept, token[:, None], axis=-1)[:, 0]) / math.log(2)
        self.memory = self.memory - self._eta * (surprise - self._tau)
        return token
