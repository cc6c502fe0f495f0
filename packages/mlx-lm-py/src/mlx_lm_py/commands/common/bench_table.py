"""The figures of a benchmark as a table for people, for programs, and as a picture."""

from __future__ import annotations

import csv
import io
import json
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .sizes import size

__all__ = ["Row", "from_json", "plot", "to_csv", "to_json", "to_markdown"]


def __dir__() -> list[str]:
    return __all__


@dataclass(frozen=True)
class Row:
    """A test and how fast it was.

    Attributes:
        model: The name of the model.
        nbytes: The size of its weights.
        parameters: The number of its parameters.
        backend: What computed.
        threads: How many threads of the CPU.
        test: What was done, such as ``"pp512"``.
        rates: Tokens per second, of each repetition.
    """

    model: str
    nbytes: int
    parameters: int
    backend: str
    threads: int
    test: str
    rates: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean of the rates."""
        return statistics.fmean(self.rates)

    @property
    def deviation(self) -> float:
        """The standard deviation of the rates; 0 of a single one."""
        return statistics.stdev(self.rates) if len(self.rates) > 1 else 0.0


_HEADINGS = ["model", "size", "params", "backend", "threads", "test", "tokens/s"]


def to_markdown(rows: Sequence[Row]) -> str:
    """Write a table of Markdown, with the columns of llama-bench.

    Args:
        rows: The rows.

    Returns:
        The table.
    """
    cells = [
        [
            row.model,
            size(row.nbytes),
            size(row.parameters, ""),
            row.backend,
            str(row.threads),
            row.test,
            f"{row.mean:.2f} ± {row.deviation:.2f}",
        ]
        for row in rows
    ]
    right = [1, 2, 4, 5, 6]
    widths = [max(len(row[i]) for row in [_HEADINGS, *cells]) for i in range(len(_HEADINGS))]

    def line(row: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * (width - 1) + (":" if i in right else "-") for i, width in enumerate(widths)]
    return "\n".join([line(_HEADINGS), line(rule), *map(line, cells)])


def _records(rows: Sequence[Row]) -> list[dict[str, object]]:
    return [
        {
            "model": row.model,
            "model_bytes": row.nbytes,
            "parameters": row.parameters,
            "backend": row.backend,
            "threads": row.threads,
            "test": row.test,
            "tokens_per_second": round(row.mean, 4),
            "deviation": round(row.deviation, 4),
            "repetitions": len(row.rates),
        }
        for row in rows
    ]


def to_json(rows: Sequence[Row]) -> str:
    """Write a JSON array with an object for each row.

    Args:
        rows: The rows.

    Returns:
        The text.
    """
    records = [
        {**record, "rates": [round(rate, 4) for rate in row.rates]}
        for record, row in zip(_records(rows), rows, strict=True)
    ]
    return json.dumps(records, ensure_ascii=False, indent=1)


def from_json(text: str) -> list[Row]:
    """Read what `to_json` has written.

    Args:
        text: The text.

    Returns:
        The rows.

    Example:
        >>> row = Row("llama", 8, 4, "MLX CPU", 2, "pp4", (1.0, 2.0))
        >>> from_json(to_json([row])) == [row]
        True
    """
    return [
        Row(
            record["model"],
            record["model_bytes"],
            record["parameters"],
            record["backend"],
            record["threads"],
            record["test"],
            tuple(record["rates"]),
        )
        for record in json.loads(text)
    ]


def to_csv(rows: Sequence[Row]) -> str:
    """Write comma-separated values with a line of names.

    Args:
        rows: The rows.

    Returns:
        The text.
    """
    records = _records(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().rstrip("\n")


def plot(rows: Sequence[Row], path: Path) -> None:
    """Draw the rates as bars.

    Args:
        rows: The rows.
        path: Where to, in the format of its suffix.

    Raises:
        ImportError: If matplotlib is not installed.
        ValueError: If there is no such format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 0.8 + 0.35 * len(rows)), layout="constrained")
    axes = figure.subplots()
    names = [f"{row.model}, {row.backend}, {row.test}" for row in rows]
    places = list(range(len(rows)))
    axes.barh(places, [row.mean for row in rows], xerr=[row.deviation for row in rows])
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlabel("tokens/s")
    figure.savefig(path)
