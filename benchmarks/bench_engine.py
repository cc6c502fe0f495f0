"""What the engine reaches: many sequences, warm prompts, guesses and structure, beside its peers.

SmolLM2-135M in 4 bits. All sides run in turns, each in a process of its own, with as many threads:

    nox -s bench -- engine
    nox -s bench -- engine --threads 16 --save results.json
    nox -s bench -- engine --sides ours      # without llama.cpp and OpenVINO
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cpu import machine
from engine import tasks


def main() -> None:
    """Measure the sides that are installed, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--threads", type=int, default=machine.processors(), help="of all sides (default: all)")
    add("--sides", nargs="+", choices=tasks.SIDES, default=list(tasks.SIDES))
    add("--quick", action="store_true", help="one short turn, as a trial")
    add("--save", type=Path, metavar="PATH", help="keep what was found in a file of JSON too")
    options = parser.parse_args()
    if "ours" not in options.sides:
        parser.error("--sides must have ours, which the others are compared with")
    there = tasks.installed()
    sides = [side for side in tasks.SIDES if side in options.sides and side in there]
    versions = ", ".join(f"{name} {value}" for name, value in machine.versions().items() if value)
    print(f"{machine.processor()} ({machine.instructions()}); {versions}")
    print(f"\n{options.threads} threads\n", flush=True)
    if missing := [tasks.SIDES[side][0] for side in options.sides if side not in there]:
        print(f"Not installed, so not measured: {', '.join(missing)}.\n", flush=True)
    rows = tasks.run(options.threads, sides, options.quick)
    print(tasks.markdown(rows, sides))
    if options.save:
        results = {
            "commit": machine.commit(),
            "machine": machine.machine(options.threads),
            "versions": machine.versions(),
            "rows": rows,
        }
        options.save.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
