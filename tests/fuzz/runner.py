"""Runs the cases of a kind for some time, in a process that may end without a word."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from .kinds import Failure, Kind

# Seconds after which a case that has not ended counts as one that never will.
PATIENCE = 120.0
# So many failures of one cause are looked at; the shortest program of them is shown.
PER_CAUSE = 3


@dataclass
class Report:
    """What a run has found."""

    start: int
    calls: int = 0
    cases: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    failures: dict[str, Failure] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)

    def add(self, failure: Failure) -> None:
        self.times[failure.cause] += 1
        known = self.failures.get(failure.cause)
        if known is None or len(failure.program) < len(known.program):
            self.failures[failure.cause] = failure


def work(
    kind: Kind, start: int, skip: int, seconds: float, out: IO[str], cases: int | None = None
) -> None:
    """Run cases and write a line of JSON before and after each; what the child process does."""
    end = time.monotonic() + seconds
    told: Counter[str] = Counter()
    for at, seed in enumerate(kind.seeds(start)):
        if at < skip:
            continue
        if time.monotonic() > end or at == cases:
            break
        print(json.dumps({"seed": seed}), file=out, flush=True)
        result = kind.run(seed)
        if isinstance(result, Failure):
            told[result.cause] += 1
            if told[result.cause] <= PER_CAUSE:
                result = kind.minimise(result)
            print(json.dumps({"failure": asdict(result)}), file=out, flush=True)
        else:
            print(json.dumps({"calls": result}), file=out, flush=True)


def run(
    name: str,
    start: int,
    seconds: float,
    only: tuple[str, ...],
    show: Callable[[str], None],
    cases: int | None = None,
) -> Report:
    """Run cases for so many seconds, or so many cases.

    A case that ends or stops the process is a failure too.
    """
    report = Report(start)
    end = time.monotonic() + seconds
    skip = 0
    while (left := end - time.monotonic()) > 0:
        done = _run_child(name, start, skip, left, only, report, show, cases)
        if done is None:
            break
        skip = done
    return report


def _run_child(
    name: str,
    start: int,
    skip: int,
    seconds: float,
    only: tuple[str, ...],
    report: Report,
    show: Callable[[str], None],
    cases: int | None,
) -> int | None:
    """Run a child until it ends; return how many cases to skip next, or None if time is up."""
    command = [sys.executable, "-X", "faulthandler", "-m", "fuzz", name, *only]
    command += ["--work", str(skip), "--seed", str(start), "--seconds", str(seconds)]
    if cases is not None:
        command += ["--cases", str(cases)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout is not None
    seed = None
    try:
        for line in _lines(child.stdout):
            entry: dict[str, Any] = json.loads(line)
            if "seed" in entry:
                seed, skip = entry["seed"], skip + 1
            elif "failure" in entry:
                failure = Failure(**entry["failure"])
                if failure.cause not in report.failures:
                    show(failure.cause)
                report.add(failure)
                report.cases, seed = report.cases + 1, None
            else:
                report.calls += entry["calls"]
                report.counts[str(seed).partition(":")[0]] += entry["calls"]
                report.cases, seed = report.cases + 1, None
        status = child.wait()
        if seed is None and status != 0:
            raise RuntimeError(f"the process that runs the cases has ended with status {status}")
        what = f"the process has ended with status {status}"
    except TimeoutError:
        what = f"no answer within {PATIENCE:.0f} seconds"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    if seed is None:
        return None
    report.cases += 1
    report.add(Failure(seed, f"{seed.partition(':')[0]} ends or stops the process", what, ""))
    show(f"{seed}: {what}")
    return skip


def _lines(stream: IO[str]) -> Any:
    """The lines of a stream; raises `TimeoutError` where none comes for too long."""
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        rest = b""
        while True:
            if not selector.select(PATIENCE):
                raise TimeoutError
            chunk = os.read(stream.fileno(), 1 << 16)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
