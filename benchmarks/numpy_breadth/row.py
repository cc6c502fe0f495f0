"""What a section yields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mlx_core_py as mx

# A side that is missing has no such function.
Calls = Mapping[str, Callable[[], object]]


@dataclass(frozen=True)
class Row:
    """One operation on inputs of one size.

    Attributes:
        name: What the table calls it, with its size.
        calls: What each side calls, by its name; ours is "ours".
    """

    name: str
    calls: Calls


def evaluated(function: Callable[..., Any], *arguments: Any, **options: Any) -> Callable[[], None]:
    """A call of ours that computes its results."""

    def call() -> None:
        mx.eval(function(*arguments, **options))

    return call
