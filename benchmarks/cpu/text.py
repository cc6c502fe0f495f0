"""Text: a small chat model in 4 bits beside llama.cpp, OpenVINO and what the machine allows."""

from __future__ import annotations

import importlib.util
import random
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypedDict

from .model import Model
from .report import COLORS, ratio, table
from .section import Settings
from .worker import Worker

TITLE = "Text"
LIBRARIES = {
    "ours": ("ours", "mlx_lm_py"),
    "llama": ("llama.cpp", "llama_cpp"),
    "openvino": ("OpenVINO", "openvino_genai"),
}
TURNS, PROMPT, CONTEXTS, GENERATED = 3, 512, (16, 512, 2048), 48
# Of the speed of the best of the others.
GOALS = {"prefill": 1.0, "decode": 1.5}
# Behind the decimal point, of what the machine does in a second.
DIGITS = {"op": 0, "B": 1}


@dataclass
class Side:
    """What one library reaches: the most tokens per second by task, and the memory it needs."""

    rates: dict[str, float] = field(default_factory=dict)
    memory: int = 0

    def note(self, task: str, rate: float, memory: int) -> None:
        """Take in a measurement."""
        self.rates[task] = max(self.rates.get(task, 0.0), rate)
        self.memory = max(self.memory, memory)


class Task(TypedDict):
    """What the sides reach at one task.

    Attributes:
        task: The task.
        rates: Tokens per second, by side.
        ratio: Ours against the best of the others; ``None`` if there is none.
    """

    task: str
    rates: dict[str, float]
    ratio: float | None


class Memory(TypedDict):
    """The most memory in use.

    Attributes:
        bytes: Of each side.
        ratio: Ours against llama.cpp's; ``None`` without it.
    """

    bytes: dict[str, int]
    ratio: float | None


class Limit(TypedDict):
    """What the machine allows at one task.

    Attributes:
        task: The task, and the type that is computed with, if that is what limits.
        unit: What the limit counts, each second: "op" or "B".
        rate: So many of it.
        tokens: The tokens per second that they are enough for.
        reached: The fraction of them that ours reaches.
    """

    task: str
    unit: str
    rate: float
    tokens: float
    reached: float


class Found(TypedDict):
    """What the section has found.

    Attributes:
        model: The name of the model's file.
        bytes: Its size.
        missing: The libraries that were not installed.
        rows: All tasks.
        memory: The memory that they need.
        limits: What the machine allows.
    """

    model: str
    bytes: int
    missing: list[str]
    rows: list[Task]
    memory: Memory
    limits: list[Limit]


def run(settings: Settings) -> Found:
    """Measure the libraries that are installed."""
    model = Model.default()
    prompt, contexts, generated = (32, (8,), 4) if settings.quick else (PROMPT, CONTEXTS, GENERATED)
    turns = 1 if settings.quick else TURNS
    missing = [name for name, module in LIBRARIES.values() if not importlib.util.find_spec(module)]
    sides = {name: Side() for name, (label, _) in LIBRARIES.items() if label not in missing}
    with ExitStack() as stack:
        workers: dict[str, Worker] = {}
        for name in sides:
            arguments = ("text_worker", name, str(model.path))
            workers[name] = stack.enter_context(Worker(*arguments, threads=settings.threads))
            # What is done once is no part of the figures.
            workers[name].ask(prompt=list(range(16)), count=2)
        for turn in range(turns):
            for length in sorted({prompt, *contexts}):
                # A new text each time: OpenVINO remembers those it has read.
                tokens = random.Random(f"{turn} {length}").choices(
                    range(model.vocabulary), k=length
                )
                for name, worker in workers.items():
                    count = generated if length in contexts else 1
                    reply = worker.ask(prompt=tokens, count=count)
                    times, memory = reply["times"], reply["memory"]
                    if length == prompt:
                        sides[name].note(f"prefill of {prompt}", length / times[0], memory)
                    if length in contexts:
                        rate = (count - 1) / (times[-1] - times[0])
                        sides[name].note(f"decode at {length}", rate, memory)
                    print(name, length, sides[name], file=sys.stderr)
    for side in sides.values():
        side.rates = dict(sorted(side.rates.items(), key=lambda item: item[0].startswith("decode")))
    with Worker("limits_worker", threads=settings.threads) as worker:
        megabytes, n = (16, 128) if settings.quick else (1024, 2048)
        limits = worker.ask(megabytes=megabytes, n=n, turns=turns)
    return {
        "model": model.path.name,
        "bytes": model.path.stat().st_size,
        "missing": missing,
        "rows": compare(sides),
        "memory": compare_memory(sides),
        "limits": bound(sides["ours"], model, limits, prompt),
    }


def compare(sides: dict[str, Side]) -> list[Task]:
    """What each side reaches, and ours against the best of the others."""
    tasks: list[Task] = []
    for task in sides["ours"].rates:
        rates = {name: side.rates[task] for name, side in sides.items()}
        best = max((rate for name, rate in rates.items() if name != "ours"), default=None)
        tasks.append(
            {"task": task, "rates": rates, "ratio": rates["ours"] / best if best else None}
        )
    return tasks


def compare_memory(sides: dict[str, Side]) -> Memory:
    """What each side needs, and ours against llama.cpp."""
    memory = {name: side.memory for name, side in sides.items()}
    return {
        "bytes": memory,
        "ratio": memory["ours"] / memory["llama"] if "llama" in memory else None,
    }


def bound(ours: Side, model: Model, limits: dict[str, Any], prompt: int) -> list[Limit]:
    """What the machine allows, and the fraction of it that ours reaches."""
    bounds: list[Limit] = []

    def note(task: str, unit: str, rate: float, tokens: float, reached: float) -> None:
        bounds.append(
            {
                "task": task,
                "unit": unit,
                "rate": rate,
                "tokens": tokens,
                "reached": reached / tokens,
            }
        )

    prefill = f"prefill of {prompt}"
    for name, rate in limits["operations"].items():
        tokens = rate / (model.prompt_operations(prompt) / prompt)
        note(f"{prefill}, {name}", "op", rate, tokens, ours.rates[prefill])
    for task, reached in ours.rates.items():
        if task.startswith("decode"):
            tokens = limits["bytes"] / model.token_bytes(int(task.split()[-1]))
            note(task, "B", limits["bytes"], tokens, reached)
    return bounds


def markdown(found: Found) -> str:
    """What each side reaches, and what the machine allows."""
    introduction = (
        f"{found['model']}, {found['bytes'] / 1e6:.0f} MB. Tokens per second, the most of several "
        "turns, each with a new text."
    )
    if found["missing"]:
        introduction += f" Not installed, so not measured: {', '.join(found['missing'])}."
    notes = (
        "The limit of decoding is reading the file once, and keys and values of half precision, at "
        "the rate at which all threads read a large array. The limit of prefill is a large product "
        "of the type, of whichever side is faster at it."
    )
    return "\n\n".join([introduction, task_table(found), limit_table(found), notes])


def task_table(found: Found) -> str:
    """What each side reaches, and the memory it needs."""
    rows = [
        [
            task["task"],
            *(f"{rate:.0f}" for rate in task["rates"].values()),
            ratio(task["ratio"]),
            f"{GOALS[task['task'].split()[0]]:g}",
        ]
        for task in found["rows"]
    ]
    memory = found["memory"]
    rows.append(
        [
            "peak memory, MB",
            *(f"{size / 1e6:.0f}" for size in memory["bytes"].values()),
            f"{ratio(memory['ratio'])} of llama.cpp",
            "at most 1",
        ]
    )
    names = [LIBRARIES[name][0] for name in memory["bytes"]]
    return table(["task", *names, "ours / best of the others", "goal"], rows)


def limit_table(found: Found) -> str:
    """What the machine allows."""
    rows = [
        [
            limit["task"],
            f"{limit['rate'] / 1e9:.{DIGITS[limit['unit']]}f} G{limit['unit']}/s",
            f"{limit['tokens']:.0f}",
            f"{limit['reached']:.2f}",
        ]
        for limit in found["limits"]
    ]
    return table(["limit", "measured", "tokens/s", "reached by ours"], rows)


def height(found: Found) -> float:
    """The height of the plot in inches."""
    return 3


def draw(axes: Any, found: Found) -> None:
    """Bars of tokens per second, by task."""
    tasks, sides = found["rows"], found["memory"]["bytes"]
    width = 0.8 / len(sides)
    for i, side in enumerate(sides):
        places = [task + (i - (len(sides) - 1) / 2) * width for task in range(len(tasks))]
        rates = [task["rates"][side] for task in tasks]
        label, color = LIBRARIES[side][0], COLORS[side]
        bars = axes.bar(places, rates, width, color=color, label=label)
        axes.bar_label(bars, fmt="%.0f", fontsize=7)
    axes.set_xticks(range(len(tasks)), [task["task"] for task in tasks])
    axes.set_yscale("log")
    axes.set_ylabel("tokens per second")
    axes.legend()
