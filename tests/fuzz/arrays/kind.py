"""The kind "arrays"."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from traceback import format_exc

from fuzz.kinds import Failure

from .catalogue import CATALOGUE
from .checks import check
from .failures import Wrong, cause_of
from .known import KNOWN
from .minimise import minimised
from .programs import draw_program


class Arrays:
    """Random programs of operations, dtypes, layouts and transforms, against NumPy.

    Args:
        only: The names of the operations that programs begin with; all of the catalogue if empty.
    """

    regressions = Path(__file__).parent / "seeds.txt"

    def __init__(self, only: tuple[str, ...] = ()) -> None:
        self.names = only or tuple(CATALOGUE)

    def seeds(self, start: int) -> Iterator[str]:
        for number in count(start):
            for name in self.names:
                yield f"{name}:{number}"

    def run(self, seed: str) -> int | Failure:
        program = draw_program(seed)
        if program is None:
            return 0
        try:
            return check(program)
        except Wrong as wrong:
            return 0 if wrong.cause in KNOWN else _failure(seed, wrong)
        except Exception as error:
            # Not of the program, whose exceptions are caught, but of what compares.
            return Failure(seed, f"the check raises {cause_of(error)}", format_exc(), "")

    def minimise(self, failure: Failure) -> Failure:
        program = draw_program(failure.seed)
        assert program is not None
        try:
            check(program)
        except Wrong as wrong:
            return _failure(failure.seed, minimised(program, wrong)[1])
        return failure


def _failure(seed: str, wrong: Wrong) -> Failure:
    return Failure(seed, wrong.cause, f"{wrong.what}\n({wrong.ways})", wrong.text)
