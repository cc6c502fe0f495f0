"""Text: a small chat model in 4 bits beside llama.cpp, OpenVINO and what the machine allows."""

from __future__ import annotations

import importlib.util
import random
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from .model import Model
from .report import COLORS, ratio, table
from .section import Section, Settings
from .worker import Worker

LIBRARIES = {
    "ours": ("ours", "mlx_lm_py"),
    "llama": ("llama.cpp", "llama_cpp"),
    "openvino": ("OpenVINO", "openvino_genai"),
}
TURNS, PROMPT, CONTEXTS, GENERATED = 3, 512, (16, 512, 2048), 48
# Of the speed of the best of the others.
GOALS = {"prefill": 1.0, "decode": 1.5}


@dataclass
class Side:
    """What one library reaches: the most tokens per second by task, and the memory it needs."""

    rates: dict[str, float] = field(default_factory=dict)
    memory: int = 0

    def note(self, task: str, rate: float, memory: int) -> None:
        """Take in a measurement."""
        self.rates[task] = max(self.rates.get(task, 0.0), rate)
        self.memory = max(self.memory, memory)


def run(settings: Settings) -> Section:
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
    introduction = (
        f"{model.path.name}, {model.path.stat().st_size / 1e6:.0f} MB. Tokens per second, the most "
        "of several turns, each with a new text."
    )
    if missing:
        introduction += f" Not installed, so not measured: {', '.join(missing)}."
    parts = [introduction, compare(sides), bound(sides["ours"], model, limits, prompt)]
    return Section("Text", "\n\n".join(parts), 3, partial(draw, sides=sides))


def compare(sides: dict[str, Side]) -> str:
    """What each side reaches, and ours against the best of the others."""
    rows = []
    for task in sides["ours"].rates:
        rates = {name: side.rates[task] for name, side in sides.items()}
        best = max((rate for name, rate in rates.items() if name != "ours"), default=None)
        rows.append(
            [
                task,
                *(f"{rate:.0f}" for rate in rates.values()),
                ratio(rates["ours"] / best if best else None),
                f"{GOALS[task.split()[0]]:g}",
            ]
        )
    llama = sides.get("llama")
    rows.append(
        [
            "peak memory, MB",
            *(f"{side.memory / 1e6:.0f}" for side in sides.values()),
            f"{ratio(sides['ours'].memory / llama.memory if llama else None)} of llama.cpp",
            "at most 1",
        ]
    )
    names = [LIBRARIES[name][0] for name in sides]
    return table(["task", *names, "ours / best of the others", "goal"], rows)


def bound(ours: Side, model: Model, limits: dict[str, Any], prompt: int) -> str:
    """What the machine allows, and the fraction of it that ours reaches."""
    rows = []
    for name, rate in limits["operations"].items():
        limit = rate / (model.prompt_operations(prompt) / prompt)
        reached = ours.rates[f"prefill of {prompt}"] / limit
        rows.append(
            [
                f"prefill of {prompt}, {name}",
                f"{rate / 1e9:.0f} Gop/s",
                f"{limit:.0f}",
                f"{reached:.2f}",
            ]
        )
    for task, rate in ours.rates.items():
        if task.startswith("decode"):
            limit = limits["bytes"] / model.token_bytes(int(task.split()[-1]))
            bandwidth = f"{limits['bytes'] / 1e9:.1f} GB/s"
            rows.append([task, bandwidth, f"{limit:.0f}", f"{rate / limit:.2f}"])
    notes = (
        "The limit of decoding is reading the file once, and keys and values of half precision, at "
        "the rate at which all threads read a large array. The limit of prefill is a large product "
        "of the type, of whichever side is faster at it."
    )
    return f"{table(['limit', 'measured', 'tokens/s', 'reached by ours'], rows)}\n\n{notes}"


def draw(axes: Any, sides: dict[str, Side]) -> None:
    """Bars of tokens per second, by task."""
    tasks = list(sides["ours"].rates)
    width = 0.8 / len(sides)
    for i, (name, side) in enumerate(sides.items()):
        places = [task + (i - (len(sides) - 1) / 2) * width for task in range(len(tasks))]
        rates = [side.rates[task] for task in tasks]
        label, color = LIBRARIES[name][0], COLORS[name]
        bars = axes.bar(places, rates, width, color=color, label=label)
        axes.bar_label(bars, fmt="%.0f", fontsize=7)
    axes.set_xticks(range(len(tasks)), tasks)
    axes.set_yscale("log")
    axes.set_ylabel("tokens per second")
    axes.legend()
