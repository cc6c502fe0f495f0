"""Tokens per second, the time to load, and memory: all sides in turns."""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TypedDict

from cpu.worker import Worker

PROMPT, SHORT, ANSWER = 512, 16, 48
VOCABULARY = range(1000, 32000)


class Reached(TypedDict):
    """What one side reaches.

    Attributes:
        load: Seconds to load the file, the pages of which are in memory.
        decode: Tokens per second behind a prompt of 16, by the median of what a token takes.
        prefill: Tokens of a prompt of 512 per second.
        memory: The most memory that the process had after importing, after loading, and in all.
    """

    load: float
    decode: float
    prefill: float
    memory: list[int]


class File(TypedDict):
    """A file.

    Attributes:
        path: Its path.
        bytes: Its size.
        weights: How many weights a token meets.
        token_bytes: Their bytes.
    """

    path: str
    bytes: int
    weights: int
    token_bytes: int


class Row(TypedDict):
    """What was found of a file.

    Attributes:
        model: The model.
        type: The type.
        threads: Of all sides.
        bytes: The size of the file.
        weights: How many weights a token meets.
        token_bytes: Their bytes.
        rate: Bytes per second that all threads read, in the same run.
        sides: What each side reaches; ``None`` of those that do not read the file.
    """

    model: str
    type: str
    threads: int
    bytes: int
    weights: int
    token_bytes: int
    rate: float
    sides: dict[str, Reached | None]


def memory_rate(threads: int, quick: bool) -> float:
    """Bytes per second that all threads read."""
    with Worker("gguf_types.rate_worker", threads=threads) as worker:
        rate: float = worker.ask(megabytes=16 if quick else 1024, turns=1 if quick else 5)
    return rate


def measure(
    model: str,
    type: str,
    file: File,
    rate: float,
    threads: int,
    sides: Sequence[str],
    turns: int,
    *,
    quick: bool = False,
) -> Row:
    """Measure all sides in turns, each turn in a process of its own."""
    found: dict[str, Reached | None] = {}
    refused: set[str] = set()
    for number in range(turns):
        for side in sides:
            if side in refused:
                continue
            _warm(Path(file["path"]))
            try:
                reached = _turn(side, file["path"], threads, number, quick)
            except RuntimeError as error:
                print(f"{model} {type}: {error}", file=sys.stderr)
                refused.add(side)
                found[side] = None
                continue
            found[side] = _better(found.get(side), reached)
            print(model, type, side, reached, file=sys.stderr, flush=True)
    return {
        "model": model,
        "type": type,
        "threads": threads,
        "bytes": file["bytes"],
        "weights": file["weights"],
        "token_bytes": file["token_bytes"],
        "rate": rate,
        "sides": found,
    }


def _turn(side: str, path: str, threads: int, number: int, quick: bool) -> Reached:
    prompt, answer = (32, 8) if quick else (PROMPT, ANSWER)
    with Worker("gguf_types.speed_worker", side, path, threads=threads) as worker:

        def ask(length: int, count: int) -> Any:
            tokens = random.Random(f"{number} {length}").choices(VOCABULARY, k=length)
            return worker.ask(prompt=tokens, count=count)

        # What is done once is no part of the figures.
        ask(SHORT + 1, 8)
        # Some tokens wait for what else the machine does: the median does not.
        decode = statistics.median(
            later - earlier for earlier, later in pairwise(ask(SHORT, answer)["times"])
        )
        replies = [ask(prompt - i, 1) for i in range(2)]
        prefill = min(reply["times"][0] / (prompt - i) for i, reply in enumerate(replies))
        reply = replies[-1]
        return {
            "load": reply["load"],
            "decode": 1 / decode,
            "prefill": 1 / prefill,
            "memory": reply["memory"],
        }


def _better(one: Reached | None, other: Reached) -> Reached:
    if one is None:
        return other
    return {
        "load": min(one["load"], other["load"]),
        "decode": max(one["decode"], other["decode"]),
        "prefill": max(one["prefill"], other["prefill"]),
        "memory": [max(pair) for pair in zip(one["memory"], other["memory"], strict=True)],
    }


def _warm(path: Path) -> None:
    """Have the system keep the file in memory."""
    with path.open("rb") as file:
        while file.read(1 << 22):
            pass
