"""What a sampler is asked for: numbers for one, columns of them for the rows of a batch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import mlx_core_py as mx

from mlx_lm_py._checks import check_integer, check_number

__all__ = ["Columns", "Settings", "columns"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Settings:
    """What `make_sampler` is asked for, and says what it means.

    Raises:
        TypeError: If a number is of the wrong type.
        ValueError: If one is out of its range.
    """

    temp: float = 0.0
    top_p: float = 0.0
    min_p: float = 0.0
    min_tokens_to_keep: int = 1
    top_k: int = 0
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1
    xtc_special_tokens: tuple[int, ...] = ()
    typical_p: float = 0.0
    top_n_sigma: float = 0.0
    dynatemp_range: float = 0.0
    dynatemp_exponent: float = 1.0

    def __post_init__(self) -> None:
        for name in ("temp", "top_n_sigma", "dynatemp_range", "dynatemp_exponent"):
            check_number(name, getattr(self, name), 0)
        for name in ("top_p", "min_p", "xtc_probability", "typical_p"):
            check_number(name, getattr(self, name), 0, 1)
        check_number("xtc_threshold", self.xtc_threshold, 0, 0.5)
        check_integer("min_tokens_to_keep", self.min_tokens_to_keep, 1)
        check_integer("top_k", self.top_k, 0)
        for token in self.xtc_special_tokens:
            check_integer("a token of xtc_special_tokens", token, 0)

    @property
    def is_greedy(self) -> bool:
        """Whether the most likely token is taken."""
        return self.temp == 0 == self.dynatemp_range

    @property
    def filters(self) -> frozenset[str]:
        """The names of the filters that leave out anything at all."""
        used = {
            "top_p": 0 < self.top_p < 1,
            "typical_p": 0 < self.typical_p < 1,
            "min_p": self.min_p > 0,
            "top_k": self.top_k > 0,
            "xtc": self.xtc_probability > 0,
            "top_n_sigma": self.top_n_sigma > 0,
        }
        return frozenset(name for name, is_used in used.items() if is_used)


@dataclass(frozen=True)
class Columns:
    """The settings of rows, each number as an array of shape ``(rows, 1)``.

    A number that leaves out nothing is one that no token is beyond.

    Attributes:
        filters: The filters that any of the rows has.
        is_dynamic: Whether a temperature depends on the row.
        coldest: The lowest temperature.
        span: How much the highest one is above it.
        special_tokens: Of shape ``(rows, 1, tokens)``; -1 where a row has fewer.
    """

    filters: frozenset[str]
    is_dynamic: bool
    coldest: mx.array
    span: mx.array
    dynatemp_exponent: mx.array
    top_p: mx.array
    typical_p: mx.array
    min_logprob: mx.array
    min_tokens_to_keep: mx.array
    top_k: mx.array
    xtc_probability: mx.array
    xtc_threshold: mx.array
    top_n_sigma: mx.array
    special_tokens: mx.array


@lru_cache(maxsize=128)
def columns(settings: tuple[Settings, ...]) -> Columns:
    """Put the settings of rows side by side.

    Args:
        settings: Those of each row.

    Returns:
        The columns.

    Example:
        >>> columns((Settings(0.5, top_k=3), Settings(1.0))).top_k.tolist()
        [[3], [2147483647]]
    """

    def column(values: Sequence[float], dtype: mx.Dtype = mx.float32) -> mx.array:
        return mx.array([[value] for value in values], dtype)

    def floats(name: str, without: float = 0.0) -> mx.array:
        values = [getattr(one, name) for one in settings]
        return column([value or without for value in values])

    most = max(len(one.xtc_special_tokens) for one in settings)
    special = [
        [[*one.xtc_special_tokens, *[-1] * (most - len(one.xtc_special_tokens))]]
        for one in settings
    ]
    coldest = [max(one.temp - one.dynatemp_range, 0.0) for one in settings]
    made = Columns(
        filters=frozenset().union(*(one.filters for one in settings)),
        is_dynamic=any(one.dynatemp_range for one in settings),
        coldest=column(coldest),
        span=column(
            [
                one.temp + one.dynatemp_range - cold if one.dynatemp_range else 0.0
                for one, cold in zip(settings, coldest, strict=True)
            ]
        ),
        dynatemp_exponent=floats("dynatemp_exponent"),
        top_p=column([one.top_p if 0 < one.top_p < 1 else math.inf for one in settings]),
        typical_p=column(
            [one.typical_p if 0 < one.typical_p < 1 else math.inf for one in settings]
        ),
        min_logprob=column([math.log(one.min_p) if one.min_p else -math.inf for one in settings]),
        min_tokens_to_keep=column([one.min_tokens_to_keep for one in settings], mx.int32),
        top_k=column([one.top_k or 2**31 - 1 for one in settings], mx.int32),
        xtc_probability=floats("xtc_probability"),
        xtc_threshold=floats("xtc_threshold"),
        top_n_sigma=floats("top_n_sigma", math.inf),
        special_tokens=mx.array(special, mx.int32) if most else mx.zeros((1, 1, 0), mx.int32),
    )
    # They are shared by all that ask for the same.
    mx.eval(
        [value for one in fields(made) if isinstance(value := getattr(made, one.name), mx.array)]
    )
    return made
