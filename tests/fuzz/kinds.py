"""What can be fuzzed. A kind draws cases from seeds, runs them and says what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Failure:
    """What was wrong with the case of a seed, and a program that shows it."""

    seed: str
    # Failures of one cause are told once.
    cause: str
    what: str
    program: str


class Kind(Protocol):
    """A kind of cases."""

    # Seeds that have failed, which the tests replay: one on each line, behind it a comment.
    regressions: Path

    def seeds(self, start: int) -> Iterator[str]:
        """Seeds without end. The same start gives the same ones."""

    def run(self, seed: str) -> int | Failure:
        """Run the case of a seed; return how many calls were compared, or what is wrong.

        The same seed gives the same case, whatever ran before.
        """

    def minimise(self, failure: Failure) -> Failure:
        """The same failure, shown by a shorter program."""


def regressions_of(kind: Kind) -> list[str]:
    """The seeds to replay."""
    lines = kind.regressions.read_text().splitlines()
    seeds = [line.partition("#")[0].strip() for line in lines]
    return [seed for seed in seeds if seed]


def kinds(only: tuple[str, ...] = ()) -> dict[str, Kind]:
    """All kinds by name; `only` is what of a kind is to be looked at."""
    from .arrays.kind import Arrays
    from .files.kind import Files

    return {"arrays": Arrays(only), "files": Files(only)}
