"""The tasks of ``bench_models.py``, and what is said of them."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypedDict

from cpu.report import ratio, table
from cpu.worker import Worker

from .files import write
from .shapes import SHAPES, VOCABULARY, Shape

SIDES = {"ours": ("ours", "mlx_lm_py"), "llama": ("llama.cpp", "llama_cpp")}
TURNS, GENERATED = 3, 32


class Row(TypedDict):
    """What the sides reach at a task.

    Attributes:
        model: The name of the model.
        task: The task.
        rates: The most tokens per second of several turns, by side.
        ratio: Ours against llama.cpp's; ``None`` without it.
    """

    model: str
    task: str
    rates: dict[str, float]
    ratio: float | None


class Model(TypedDict):
    """A model that was measured.

    Attributes:
        name: Its name.
        architecture: As llama.cpp names it.
        about: What it is like.
        weights: How many it has.
        bytes: The size of its file.
        memory: The most memory in use, by side.
    """

    name: str
    architecture: str
    about: str
    weights: int
    bytes: int
    memory: dict[str, int]


def installed() -> list[str]:
    """The sides whose libraries are installed."""
    return [name for name, (_, module) in SIDES.items() if importlib.util.find_spec(module)]


def run(
    shape: Shape, path: Path, threads: int, sides: Sequence[str], quick: bool
) -> tuple[Model, list[Row]]:
    """Measure one model, the sides in turns; its file is written unless it is there."""
    if not path.is_file():
        write(path, shape)
    turns, count = (1, 3) if quick else (TURNS, GENERATED)
    rates: dict[str, dict[str, float]] = {}
    memory: dict[str, int] = {}
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker("text_worker", name, str(path), threads=threads))
            for name in sides
        }
        for worker in workers.values():
            # What is done once is no part of the figures.
            worker.ask(prompt=list(range(16)), count=4)
        for turn in range(turns):
            for length in (16,) if quick else shape.prompts:
                tokens = random.Random(f"{turn} {length}").choices(range(VOCABULARY), k=length)
                for name, worker in workers.items():
                    reply = worker.ask(prompt=tokens, count=count)
                    first, last = reply["times"][0], reply["times"][-1]
                    memory[name] = max(memory.get(name, 0), reply["memory"])
                    for task, rate in (
                        (f"decode at {length}", (count - 1) / (last - first)),
                        (f"prefill {length}", length / first),
                    ):
                        of = rates.setdefault(task, {})
                        of[name] = max(of.get(name, 0.0), rate)
                        print(shape.name, task, name, f"{rate:.1f}", file=sys.stderr)
    model = Model(
        name=shape.name,
        architecture=shape.architecture,
        about=shape.about,
        weights=shape.weights,
        bytes=path.stat().st_size,
        memory=memory,
    )
    return model, [
        Row(
            model=shape.name,
            task=task,
            rates=of,
            ratio=of["ours"] / of["llama"] if "llama" in of else None,
        )
        for task, of in sorted(rates.items())
    ]


def chosen(words: Sequence[str], small: bool) -> list[Shape]:
    """The models whose name or architecture has one of the words; all of them without any."""
    shapes = [make(small) for make in SHAPES.values()]
    return [
        shape
        for shape in shapes
        if not words or any(word in shape.name or word in shape.architecture for word in words)
    ]


def markdown(models: Sequence[Model], rows: Sequence[Row], sides: Sequence[str]) -> str:
    """A table of what the sides reach, and one of the models."""
    names = [SIDES[side][0] for side in sides]
    figures = [
        [
            f"{row['model']}, {row['task']}",
            *(f"{row['rates'][side]:.1f}" for side in sides),
            ratio(row["ratio"]),
        ]
        for row in rows
    ]
    sizes = [
        [
            f"{model['name']} ({model['architecture']}): {model['about']}",
            f"{model['weights'] / 1e9:.2f}",
            f"{model['bytes'] / 1e6:.0f}",
            *(f"{model['memory'][side] / 1e6:.0f}" for side in sides),
        ]
        for model in models
    ]
    return "\n\n".join(
        (
            table(["tokens/s", *names, "ratio"], figures),
            table(["model", "10⁹ weights", "file, MB", *(f"{n}, MB" for n in names)], sizes),
        )
    )
