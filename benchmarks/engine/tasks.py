"""The tasks of ``bench_engine.py``, and what is said of them."""

from __future__ import annotations

import importlib.util
import random
import sys
from contextlib import ExitStack
from typing import Any, TypedDict

from cpu.model import Model
from cpu.report import ratio, table
from cpu.worker import Worker

SIDES = {
    "ours": ("ours", "mlx_lm_py"),
    "llama": ("llama.cpp", "llama_cpp"),
    "openvino": ("OpenVINO", "openvino_genai"),
}
TURNS, PROMPT, ANSWER, LONG = 3, 128, 128, 2048
SEQUENCES = (1, 4, 16)

PROGRAM = '''def area(width, height):
    """The area of a rectangle."""
    return width * height


def volume(width, height, depth):
    """The volume of a box."""
    return area(width, height) * depth


def surface(width, height, depth):
    """The surface of a box."""
    return 2 * (area(width, height) + area(width, depth) + area(height, depth))
'''
EDITING = f"""A program:

{PROGRAM}
The same program, in which the first function is called rectangle:

def rectangle(width, height):
"""
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 40},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "city": {"type": "string", "maxLength": 40},
        "hobbies": {
            "type": "array",
            "items": {"type": "string", "maxLength": 40},
            "minItems": 4,
            "maxItems": 4,
        },
    },
    "required": ["name", "age", "city", "hobbies"],
    "additionalProperties": False,
}
FORMAT = {"type": "json_schema", "json_schema": {"schema": PERSON}}
QUESTION = "Invent a person, as JSON: name, age, city and four hobbies."


class Row(TypedDict):
    """What the sides reach at a task.

    Attributes:
        task: The task.
        unit: "tokens/s", of which more is better, or "ms".
        values: The best of several turns, by side.
        against: What ours is compared with: another side, or ours in another way.
        ratio: How many times as good ours is; ``None`` without a peer.
        goal: How many times as good it should be; milliseconds where ``unit`` is "ms".
    """

    task: str
    unit: str
    values: dict[str, float]
    against: str | None
    ratio: float | None
    goal: float | None


def installed() -> list[str]:
    """The sides whose libraries are installed."""
    return [name for name, (_, module) in SIDES.items() if importlib.util.find_spec(module)]


def run(threads: int, sides: list[str], quick: bool) -> list[Row]:
    """Measure all tasks, the sides in turns."""
    model = Model.default()
    turns, answer, long = (1, 4, 64) if quick else (TURNS, ANSWER, LONG)
    rows: list[Row] = []
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(
                Worker("engine.worker", name, str(model.path), threads=threads)
            )
            for name in sides
        }

        def tokens(name: str, length: int) -> list[int]:
            return random.Random(name).choices(range(1000, model.vocabulary), k=length)

        for worker in workers.values():
            # What is done once is no part of the figures.
            worker.ask(task="many", prompts=[tokens("warm", 16)] * 2, count=2)
        for count in SEQUENCES:
            values: dict[str, float] = {}
            for turn in range(turns):
                # A new text each time: some remember those that they have read.
                prompts = [tokens(f"{turn} {count} {i}", PROMPT) for i in range(count)]
                for name, worker in workers.items():
                    reply = worker.ask(task="many", prompts=prompts, count=answer)
                    rate = reply["tokens"] / reply["seconds"]
                    values[name] = max(values.get(name, 0.0), rate)
                    print(count, name, f"{rate:.1f}", file=sys.stderr)
            rows.append(_beside(f"{count} sequences at once", "tokens/s", values, 1.5))
        rows.append(_first(workers, tokens, long, turns))
        rows += _ours(workers["ours"], turns, 8 if quick else 160)
    return rows


def _beside(task: str, unit: str, values: dict[str, float], goal: float) -> Row:
    peers = {name: value for name, value in values.items() if name != "ours"}
    best = max(peers, key=lambda name: peers[name], default=None)
    against = SIDES[best][0] if best is not None else None
    times = values["ours"] / peers[best] if best is not None else None
    return Row(task=task, unit=unit, values=values, against=against, ratio=times, goal=goal)


def _first(workers: dict[str, Worker], tokens: Any, long: int, turns: int) -> Row:
    """The first token of a prompt that has been read before."""
    values: dict[str, float] = {}
    for turn in range(turns):
        prompt = tokens(f"long {turn}", long)
        for name, worker in workers.items():
            worker.ask(task="first", prompt=prompt)
            again = [
                worker.ask(task="first", prompt=[*prompt[:-1], 1000 + i])["seconds"]
                for i in range(3)
            ]
            values[name] = min(values.get(name, 1e9), 1e3 * min(again))
            print("first", name, values[name], file=sys.stderr)
    row = _beside(f"first token, {long} read before", "ms", values, 30)
    if row["ratio"] is not None:
        peers = {name: value for name, value in values.items() if name != "ours"}
        best = min(peers, key=lambda name: peers[name])
        row["against"], row["ratio"] = SIDES[best][0], peers[best] / values["ours"]
    return row


def _ours(worker: Worker, turns: int, count: int) -> list[Row]:
    """Guesses and structure, against plain decoding."""
    ways: dict[str, dict[str, Any]] = {
        "plain": {"text": EDITING},
        "n-grams": {"text": EDITING, "ngram_size": 3},
        "free": {"text": QUESTION, "response_format": {"type": "text"}},
        "JSON": {"text": QUESTION, "response_format": FORMAT},
    }
    best: dict[str, float] = {}
    for _ in range(turns + 1):
        for name, options in ways.items():
            reply = worker.ask(task="stream", count=count, **options)
            rate = reply["tokens"] / reply["seconds"]
            best[name] = max(best.get(name, 0.0), rate)
            print(name, f"{rate:.1f}", reply, file=sys.stderr)
    return [
        Row(
            task=task,
            unit="tokens/s",
            values={"ours": best[way], other: best[other]},
            against=f"{other}: {best[other]:.0f}",
            ratio=best[way] / best[other],
            goal=goal,
        )
        for task, way, other, goal in (
            ("editing, guesses from the text", "n-grams", "plain", 2.0),
            ("JSON of a schema", "JSON", "free", 0.95),
        )
    ]


def markdown(rows: list[Row], sides: list[str]) -> str:
    """A table of what the sides reach."""
    lines = [
        [
            f"{row['task']}, {row['unit']}",
            *(f"{row['values'][side]:.0f}" if side in row["values"] else "-" for side in sides),
            row["against"] or "-",
            ratio(row["ratio"]),
            f"{row['goal']:g}{' ms' if row['unit'] == 'ms' else ''}" if row["goal"] else "-",
        ]
        for row in rows
    ]
    names = [SIDES[side][0] for side in sides]
    return table(["task", *names, "beside", "times as good", "goal"], lines)
