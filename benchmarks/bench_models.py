"""What models of several architectures reach beside llama.cpp, with random weights in 4 bits.

Both sides read the same GGUF file, in turns, each in a process of its own, with as many threads:

    nox -s bench -- models
    nox -s bench -- models --rows experts latent --threads 16 --save results.json
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from cpu import machine
from models import tasks
from models.shapes import SHAPES


def main() -> None:
    """Measure the sides that are installed, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--threads", type=int, default=machine.processors(), help="of both sides (default: all)")
    add("--rows", nargs="+", default=[], metavar="WORD", help="models whose names contain one")
    add("--quick", action="store_true", help="one short turn of small models, as a trial")
    add("--save", type=Path, metavar="PATH", help="keep what was found in a file of JSON too")
    add("--files", type=Path, metavar="FOLDER", help="keep the models' files there")
    options = parser.parse_args()
    shapes = tasks.chosen(options.rows, options.quick)
    if not shapes:
        parser.error(f"--rows has no part of the name of a model: {', '.join(SHAPES)}")
    there = tasks.installed()
    versions = ", ".join(f"{name} {value}" for name, value in machine.versions().items() if value)
    print(f"{machine.processor()} ({machine.instructions()}); {versions}")
    print(f"\n{options.threads} threads\n", flush=True)
    if missing := [label for side, (label, _) in tasks.SIDES.items() if side not in there]:
        print(f"Not installed, so not measured: {', '.join(missing)}.\n", flush=True)
    models, rows = [], []
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.files or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for shape in shapes:
            path = folder / f"{shape.name}.gguf"
            model, found = tasks.run(shape, path, options.threads, there, options.quick)
            models.append(model)
            rows += found
            if options.files is None:
                path.unlink()
    print(tasks.markdown(models, rows, there))
    if options.save:
        results = {
            "commit": machine.commit(),
            "machine": machine.machine(options.threads),
            "versions": machine.versions(),
            "models": models,
            "rows": rows,
        }
        options.save.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
