"""What the engine reaches: many sequences, warm prompts, guesses and structure, beside its peers.

SmolLM2-135M in 4 bits. All sides run in turns, each in a process of its own, with as many threads:

    nox -s bench -- engine
    nox -s bench -- engine --threads 16 --save results.json
    nox -s bench -- engine --sides ours      # without llama.cpp and OpenVINO
    nox -s bench -- engine --tasks together-16 --turns 1 --answer 64  # a row in about a minute
    nox -s bench -- engine --requantize Q4_K_M
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from cpu import machine
from cpu.model import Model
from engine import requantize, tasks


def main() -> None:
    """Measure the sides that are installed, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--threads", type=int, default=machine.processors(), help="of all sides (default: all)")
    add("--sides", nargs="+", choices=tasks.SIDES, default=list(tasks.SIDES))
    add("--tasks", nargs="+", choices=tasks.TASKS, default=list(tasks.TASKS))
    add("--turns", type=int, default=3, help="the best of which counts (default: 3)")
    add("--requantize", choices=requantize.TYPES, help="the model in other blocks, by llama.cpp")
    add("--answer", type=int, default=128, help="tokens of an answer (default: 128)")
    add("--quick", action="store_true", help="one short turn, as a trial")
    add("--save", type=Path, metavar="PATH", help="keep what was found in a file of JSON too")
    options = parser.parse_args()
    if "ours" not in options.sides and {tasks.GUESSES, tasks.STRUCTURE} & set(options.tasks):
        parser.error("--sides must have ours for tasks that compare it with itself")
    there = tasks.installed()
    sides = [side for side in tasks.SIDES if side in options.sides and side in there]
    versions = ", ".join(f"{name} {value}" for name, value in machine.versions().items() if value)
    print(f"{machine.processor()} ({machine.instructions()}); {versions}")
    print(f"\n{options.threads} threads\n", flush=True)
    if missing := [tasks.SIDES[side][0] for side in options.sides if side not in there]:
        print(f"Not installed, so not measured: {', '.join(missing)}.\n", flush=True)
    path = Model.default().path
    if options.requantize:
        path = requantize.requantized(path, options.requantize)
    turns = 1 if options.quick else options.turns
    answer = 4 if options.quick else options.answer
    rows = tasks.run(path, options.tasks, sides, options.threads, turns, answer, options.quick)
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
