"""The command line: `nox -s fuzz -- arrays --seconds 60`."""

from __future__ import annotations

import argparse
import secrets
import sys

from .kinds import Failure, Kind, kinds, regressions_of
from .runner import Report, run, work


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("fuzz", description=__doc__)
    parser.add_argument("kind", choices=kinds(), nargs="?", default="arrays")
    parser.add_argument(
        "only", nargs="*", help="operations that programs are to begin with, or formats of files"
    )
    parser.add_argument("--seconds", type=float, default=300, help="how long (default 300)")
    parser.add_argument("--cases", type=int, help="how many, if that is less")
    parser.add_argument("--seed", type=int, help="what the seeds begin with (default: a new one)")
    parser.add_argument("--case", help="run the case of this seed alone and show it")
    parser.add_argument("--keep", action="store_true", help="write failing seeds into the file")
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def show(failure: Failure, times: int) -> None:
    print(f"\n{'=' * 80}\n{failure.cause}: {times} times; seed {failure.seed}\n")
    print(failure.what)
    print(f"\n{failure.program}")


def keep(kind: Kind, report: Report) -> None:
    """Add the failing seeds to those that the tests replay."""
    known = set(regressions_of(kind))
    with kind.regressions.open("a") as file:
        for failure in report.failures.values():
            if failure.seed not in known:
                file.write(f"{failure.seed}  # {failure.cause}\n")


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    kind = kinds(tuple(options.only))[options.kind]
    if options.case:
        result = kind.run(options.case)
        if isinstance(result, Failure):
            show(kind.minimise(result), 1)
            return 1
        print(f"{result} calls, nothing wrong")
        return 0
    start = secrets.randbelow(2**48) if options.seed is None else options.seed
    if options.work is not None:
        work(kind, start, options.work, options.seconds, sys.stdout, options.cases)
        return 0
    print(f"{options.kind}: {options.seconds:.0f} seconds, --seed {start}", flush=True)
    report = run(options.kind, start, options.seconds, tuple(options.only), print, options.cases)
    for cause, failure in sorted(report.failures.items()):
        show(failure, report.times[cause])
    if options.keep:
        keep(kind, report)
    print(
        f"\n{report.calls} calls in {report.cases} cases, {len(report.failures)} causes of failure"
    )
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
