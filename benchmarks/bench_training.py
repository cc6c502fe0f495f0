"""What a step of training costs on a CPU, beside PyTorch, ``torch.compile`` and official MLX.

All sides compute in turns, each in a process of its own, on the same numbers; steps until their
losses have agreed and fallen, parts of steps until their results have agreed:

    nox -s bench -- training                             # all, with 1 and with 2 threads
    nox -s bench -- training --rows resnet --threads 16  # rows whose names contain a word
    nox -s bench -- training --sides ours torch          # without those that compile for minutes
    nox -s bench -- training --rows layer_norm --save results.json  # once more, into the same file
    nox -s bench -- training --show results.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cpu import machine
from cpu.results import layout
from training import report


def load(path: Path) -> dict[str, Any]:
    """What a file holds of earlier runs."""
    if not path.exists():
        return {"rows": []}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def save(path: Path, found: list[report.Found], threads: int) -> None:
    """Add rows to those of a file; ones that it has already give way."""
    new = {(row["row"], row["threads"]) for row in found}
    kept = [row for row in load(path)["rows"] if (row["row"], row["threads"]) not in new]
    results = {
        "commit": machine.commit(),
        "machine": machine.machine(threads),
        "versions": machine.versions(),
        "rows": [*kept, *found],
    }
    path.write_text(layout(results) + "\n", encoding="utf-8")


def main() -> None:
    """Compute the chosen rows and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--rows", nargs="+", default=[], metavar="WORD", help="whose names contain one of these")
    add("--threads", type=int, nargs="+", default=[1, 2], help="of all sides (default: 1 2)")
    add("--sides", nargs="+", choices=report.SIDES, default=list(report.SIDES))
    add("--quick", action="store_true", help="one turn, as a trial")
    add("--save", type=Path, metavar="PATH", help="keep what was found in a file of JSON too")
    add("--show", type=Path, metavar="PATH", help="print the table of such a file, and end")
    options = parser.parse_args()
    if options.show:
        print(report.markdown(load(options.show)["rows"]))
        return
    rows = report.rows(options.rows)
    if not rows:
        parser.error(f"no row has a name with {' or '.join(options.rows)}")
    if "ours" not in options.sides:
        parser.error("--sides must have ours, which the others are compared with")
    sides = report.installed(side for side in report.SIDES if side in options.sides)
    versions = ", ".join(f"{name} {value}" for name, value in machine.versions().items() if value)
    print(f"{machine.processor()} ({machine.instructions()}); {versions}\n", flush=True)
    turns = 1 if options.quick else report.TURNS
    found: list[report.Found] = []
    for threads in options.threads:
        for row in report.measure(rows, threads, sides, turns):
            found.append(row)
            if options.save:
                save(options.save, [row], max(options.threads))
    print(report.markdown(found))


if __name__ == "__main__":
    main()
