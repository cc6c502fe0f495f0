"""The tasks of ``bench_engine.py``, and what is said of them."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypedDict

from cpu.report import ratio, table
from cpu.worker import Worker

SIDES = {
    "ours": ("ours", "mlx_lm_py"),
    "llama": ("llama.cpp", "llama_cpp"),
    "openvino": ("OpenVINO", "openvino_genai"),
}
# Tokens of prompts are drawn from those below this number, which the model has.
VOCABULARY = 49152
PROMPT = 128
# Contexts in which one sequence decodes, by task; a prompt that is read; sequences at once.
DECODE = {"decode-16": 16, "decode-2048": 2048}
TOGETHER = {"together-1": 1, "together-4": 4, "together-16": 16}
GUESSES, STRUCTURE = "n-grams", "json"
TASKS = (*DECODE, "prefill-512", *TOGETHER, "warm-2048", GUESSES, STRUCTURE)

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


def run(
    path: Path,
    names: Sequence[str],
    sides: list[str],
    threads: int,
    turns: int,
    answer: int,
    quick: bool,
) -> list[Row]:
    """Measure tasks, the sides in turns.

    Args:
        path: The file of the model.
        names: The tasks.
        sides: The sides.
        threads: The number of threads of each.
        turns: How often each task is done; the best time counts.
        answer: The number of tokens of an answer.
        quick: Whether short prompts will do, as a trial.
    """
    rows: list[Row] = []
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker("engine.worker", name, str(path), threads=threads))
            for name in sides
        }
        for worker in workers.values():
            # What is done once is no part of the figures.
            worker.ask(task="together", prompts=[_tokens("warm", 16)] * 2, count=2)
        for name in names:
            if name in TOGETHER:
                rows.append(_together(workers, TOGETHER[name], turns, answer))
            elif name in DECODE:
                rows.append(_decode(workers, DECODE[name], turns, answer))
            elif name in (GUESSES, STRUCTURE):
                rows.append(_ours(workers["ours"], name, turns, answer + 4))
            else:
                kind, length = name.split("-")
                first = _prefill if kind == "prefill" else _warm
                rows.append(first(workers, 64 if quick else int(length), turns))
    return rows


def _tokens(name: str, length: int) -> list[int]:
    """A text that no side has read, unless by this name."""
    return random.Random(name).choices(range(1000, VOCABULARY), k=length)


def _best(
    workers: dict[str, Worker], turns: int, measure: Callable[[Worker, int], float]
) -> dict[str, float]:
    """The greatest figure of each side."""
    values: dict[str, float] = {}
    for turn in range(turns):
        for name, worker in workers.items():
            value = measure(worker, turn)
            print(name, f"{value:.1f}", file=sys.stderr)
            values[name] = max(values.get(name, value), value)
    return values


def _together(workers: dict[str, Worker], count: int, turns: int, answer: int) -> Row:
    def measure(worker: Worker, turn: int) -> float:
        prompts = [_tokens(f"{turn} {count} {i}", PROMPT) for i in range(count)]
        reply = worker.ask(task="together", prompts=prompts, count=answer)
        rate: float = reply["tokens"] / reply["seconds"]
        return rate

    values = _best(workers, turns, measure)
    return _beside(f"{count} sequences at once", "tokens/s", values, 1.5)


def _decode(workers: dict[str, Worker], context: int, turns: int, answer: int) -> Row:
    def measure(worker: Worker, turn: int) -> float:
        times = worker.ask(task="alone", prompt=_tokens("context", context), count=answer)["times"]
        return float((len(times) - 1) / (times[-1] - times[0]))

    values = _best(workers, turns, measure)
    return _beside(f"decode alone, context {context}", "tokens/s", values, 1.5)


def _prefill(workers: dict[str, Worker], length: int, turns: int) -> Row:
    def measure(worker: Worker, turn: int) -> float:
        prompt = _tokens(f"prompt {turn}", length)
        return float(length / worker.ask(task="alone", prompt=prompt, count=1)["times"][0])

    values = _best(workers, turns, measure)
    return _beside(f"a prompt of {length}", "tokens/s", values, 1.0)


def _warm(workers: dict[str, Worker], length: int, turns: int) -> Row:
    """The first token of a prompt that has been read before."""
    prompt = _tokens("context", length)
    for worker in workers.values():
        worker.ask(task="alone", prompt=prompt, count=1)

    def measure(worker: Worker, turn: int) -> float:
        again = [*prompt[:-1], 1000 + turn]
        return -1e3 * float(worker.ask(task="alone", prompt=again, count=1)["times"][0])

    values = {name: -value for name, value in _best(workers, 3 * turns, measure).items()}
    return _beside(f"first token, {length} read before", "ms", values, 30)


def _beside(task: str, unit: str, values: dict[str, float], goal: float) -> Row:
    peers = {name: value for name, value in values.items() if name != "ours"}
    if "ours" not in values or not peers:
        return Row(task=task, unit=unit, values=values, against=None, ratio=None, goal=goal)
    best = (min if unit == "ms" else max)(peers, key=lambda name: peers[name])
    times = values["ours"] / peers[best]
    times = 1 / times if unit == "ms" else times
    return Row(task=task, unit=unit, values=values, against=SIDES[best][0], ratio=times, goal=goal)


def _ours(worker: Worker, name: str, turns: int, count: int) -> Row:
    """Guesses or structure, against plain decoding."""
    plain: dict[str, Any] = {"text": EDITING}
    other: dict[str, Any] = {"text": EDITING, "ngram_size": 3}
    if name == STRUCTURE:
        plain = {"text": QUESTION, "response_format": {"type": "text"}}
        other = {"text": QUESTION, "response_format": FORMAT}
    best = [0.0, 0.0]
    for _ in range(turns + 1):
        # Structured answers end by themselves: as many tokens of the free one are compared.
        length = count
        for i, options in ((1, other), (0, plain)):
            times = worker.ask(task="stream", count=length, **options)["times"]
            length = len(times)
            rate = (len(times) - 1) / (times[-1] - times[0])
            print(name, i, f"{rate:.1f}", file=sys.stderr)
            best[i] = max(best[i], rate)
    is_json = name == STRUCTURE
    return Row(
        task="JSON of a schema" if is_json else "editing, guesses from the text",
        unit="tokens/s",
        values={"ours": best[1]},
        against=f"{'free' if is_json else 'plain'}: {best[0]:.0f}",
        ratio=best[1] / best[0],
        goal=0.95 if is_json else 2.0,
    )


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
