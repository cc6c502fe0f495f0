"""What models in the types of GGUF files cost on a CPU, beside llama.cpp and OpenVINO.

The files are made by llama.cpp, of SmolLM2-135M and of random weights in the shape of a model of a
billion. All sides run in turns, each in a process of its own, with as many threads:

    nox -s bench -- gguf                                     # all types of both models
    nox -s bench -- gguf --models 1b --types Q4_0 Q4_K_M     # some
    nox -s bench -- gguf --tasks divergence                  # only how far predictions are
    nox -s bench -- gguf --files folder --save benchmarks/results/gguf-name

The last keeps the files that it makes, takes those that are there, and keeps what was found in
``benchmarks/results/gguf-name.json``. What that has of other types stays in it, so that a long
measurement can be made in pieces.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from cpu import machine, page
from cpu.results import Results, load, save
from cpu.worker import Worker
from gguf_types import divergence, report, speed
from gguf_types.models import MODELS, SIDES, TYPES

TASKS = ("files", "speed", "divergence")


def main() -> None:
    """Make the files, measure the sides that are installed, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--models", nargs="+", choices=MODELS, default=list(MODELS))
    add("--types", nargs="+", choices=TYPES, help="default: those of each model")
    add("--tasks", nargs="+", choices=TASKS, default=list(TASKS), help="files: only make them")
    add("--sides", nargs="+", choices=SIDES, default=list(SIDES))
    add("--threads", type=int, default=machine.processors(), help="of all sides (default: all)")
    add("--turns", type=int, help="of each side (default: 3 of small models, 2 of large ones)")
    add("--files", type=Path, metavar="FOLDER", help="where files are kept (default: nowhere)")
    add("--quick", action="store_true", help="one short turn of two types, as a trial")
    add("--save", type=Path, metavar="PATH", help="keep what was found in PATH.json too")
    options = parser.parse_args()
    if not importlib.util.find_spec("llama_cpp"):
        parser.error("llama-cpp-python is not installed, which makes the files")
    found = measure(options)
    print(f"{page.introduction(found)}\n{report.markdown(found)}")


def measure(options: argparse.Namespace) -> Results:
    """Measure what is asked for; what is kept is written after each type."""
    there = {name for name, (_, module) in SIDES.items() if importlib.util.find_spec(module)}
    sides = [side for side in SIDES if side in options.sides and side in there]
    path = options.save and options.save.with_name(f"{options.save.name}.json")
    found: Results = {
        "commit": machine.commit(),
        "quick": options.quick,
        "machine": machine.machine(options.threads),
        "versions": machine.versions(),
        "sections": load(path)["sections"] if path and path.exists() else {},
    }
    with ExitStack() as stack:
        folder = options.files or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)

        def prepare(**request: Any) -> Any:
            # It ends before anything is measured.
            with Worker("gguf_types.files_worker", threads=options.threads) as worker:
                return worker.ask(**request)

        rate = 0.0
        if "speed" in options.tasks:
            rate = speed.memory_rate(options.threads, options.quick)
        pieces = None
        for model, kind in chosen(options):
            file = prepare(task="make", model=model, type=kind, folder=str(folder))
            new: dict[str, list[Any]] = {}
            if "speed" in options.tasks:
                turns = 1 if options.quick else options.turns or MODELS[model].turns
                with_all = (model, kind, file, rate, options.threads, sides, turns)
                new["speed"] = [speed.measure(*with_all, quick=options.quick)]
            if "divergence" in options.tasks and MODELS[model].is_trained:
                length, count = (32, 1) if options.quick else (512, 8)
                pieces = pieces or prepare(task="pieces", length=length, count=count)
                one = divergence.measure(model, kind, file["path"], pieces, options.threads, sides)
                new["divergence"] = [one]
            found["sections"] = merged(found["sections"], new)
            if path:
                save(path, found)
            if options.files is None and kind != MODELS[model].source:
                Path(file["path"]).unlink()
    return found


def chosen(options: argparse.Namespace) -> list[tuple[str, str]]:
    """The models and their types."""
    if options.quick:
        return [("smollm2", kind) for kind in options.types or ("Q4_0", "Q4_K_M")]
    return [
        (model, kind) for model in options.models for kind in options.types or MODELS[model].types
    ]


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Rows of both, in the order of the types; of two of the same type, the new one."""
    order = [(model, kind) for model in MODELS for kind in TYPES]
    both = {}
    for name in ("speed", "divergence"):
        rows = [*old.get(name, ()), *new.get(name, ())]
        by_type = {(row["model"], row["type"]): row for row in rows}
        both[name] = [by_type[key] for key in order if key in by_type]
    return both


if __name__ == "__main__":
    main()
