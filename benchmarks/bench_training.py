"""What a step of training costs on a CPU, beside PyTorch, ``torch.compile`` and official MLX.

All sides train in turns, each in a process of its own, on the same numbers, until their losses have
agreed and fallen:

    nox -s bench -- training                          # all models, with 1 and with 2 threads
    nox -s bench -- training resnet --threads 16
    nox -s bench -- training --sides ours torch       # without those that compile for minutes
    nox -s bench -- training --save results.json
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cpu import machine
from training import problem, report


def main() -> None:
    """Train the chosen models and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    models = problem.MODELS
    add("models", nargs="*", metavar="MODEL", help=f"{', '.join(models)}; none for all")
    add("--threads", type=int, nargs="+", default=[1, 2], help="of all sides (default: 1 2)")
    add("--sides", nargs="+", choices=report.SIDES, default=list(report.SIDES))
    add("--quick", action="store_true", help="one turn, as a trial")
    add("--save", type=Path, metavar="PATH", help="keep what was found in a file of JSON too")
    options = parser.parse_args()
    if unknown := set(options.models) - set(models):
        parser.error(f"no such model: {', '.join(sorted(unknown))}")
    if "ours" not in options.sides:
        parser.error("--sides must have ours, which the others are compared with")
    sides = [side for side in report.SIDES if side in report.installed(options.sides)]
    versions = ", ".join(f"{name} {value}" for name, value in machine.versions().items() if value)
    print(f"{machine.processor()} ({machine.instructions()}); {versions}\n", flush=True)
    turns = 1 if options.quick else report.TURNS
    found: list[report.Found] = []
    for threads in options.threads:
        rows = [report.measure(model, threads, sides, turns) for model in options.models or models]
        found += rows
        print(f"## {threads} threads\n\n{report.markdown(rows)}\n", flush=True)
    if options.save:
        results = {
            "commit": machine.commit(),
            "machine": machine.machine(max(options.threads)),
            "versions": machine.versions(),
            "rows": found,
        }
        options.save.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
