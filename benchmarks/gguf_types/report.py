"""Tables and a plot of what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cpu.page import introduction
from cpu.report import COLORS, ratio, seconds, table
from cpu.results import Results
from cpu.timing import geometric_mean

from .divergence import WAYS
from .divergence import Row as Divergence
from .models import MODELS, SIDES
from .speed import Reached
from .speed import Row as Speed

MEASURES = ("decode", "prefill")
SPEED = """\
Tokens per second, the best of several turns. All threads read memory at {rate} GB/s in these \
runs; the last column is the bytes of weights that ours reads for tokens, divided by that."""
MEMORY = """\
The time to load a file that is in memory; the most memory of the process; and how much of that \
loading took, as a multiple of the file."""
DIVERGENCE = """\
The mean Kullback-Leibler divergence of {tokens} predictions from those computed in float32 of \
the same weights, and the share of those whose most likely token is the same."""


def compare(row: Speed, measure: str, side: str) -> float | None:
    """Ours divided by a side's; ``None`` without either."""
    ours, other = row["sides"].get("ours"), row["sides"].get(side)
    return _rate(ours, measure) / _rate(other, measure) if ours and other else None


def mean(rows: Iterable[Speed], measure: str, side: str) -> float | None:
    """The geometric mean of ratios."""
    ratios = [compare(row, measure, side) for row in rows]
    values = [value for value in ratios if value is not None]
    return geometric_mean(values) if values else None


def share(row: Speed) -> float | None:
    """Bytes of weights that decoding reads per second, divided by what all threads read."""
    ours = row["sides"].get("ours")
    return ours["decode"] * row["token_bytes"] / row["rate"] if ours else None


def _rate(reached: Reached, measure: str) -> float:
    return reached["decode"] if measure == "decode" else reached["prefill"]


def speed_table(rows: Sequence[Speed]) -> str:
    """Tokens per second."""
    names = _sides(rows)
    peers = [name for name in names if name != "ours"]
    header = ["type"]
    for measure in MEASURES:
        header += [f"{measure}: {SIDES[name][0]}" for name in names]
        header += [f"/ {SIDES[name][0]}" for name in peers]
    lines = [[row["type"], *_cells(row, names, peers)] for row in rows]
    footer = ["geometric mean"]
    for measure in MEASURES:
        footer += [*[""] * len(names), *(ratio(mean(rows, measure, name)) for name in peers)]
    lines.append([*footer, "", ""])
    return table([*header, "10⁹ weights/s", "of memory's rate"], lines)


def _cells(row: Speed, names: Sequence[str], peers: Sequence[str]) -> list[str]:
    cells = []
    for measure in MEASURES:
        for name in names:
            reached = row["sides"].get(name)
            missing = "refused" if name in row["sides"] else "-"
            cells.append(f"{_rate(reached, measure):.3g}" if reached else missing)
        cells += [ratio(compare(row, measure, name)) for name in peers]
    ours = row["sides"].get("ours")
    cells.append(f"{ours['decode'] * row['weights'] / 1e9:.1f}" if ours else "-")
    return [*cells, ratio(share(row))]


def memory_table(rows: Sequence[Speed]) -> str:
    """The time to load, and memory."""
    names = _sides(rows)
    header = ["type", "file"]
    for what in ("load", "peak", "of the file, loaded"):
        header += [f"{what}: {SIDES[name][0]}" for name in names]
    lines = []
    for row in rows:
        reached = [row["sides"].get(name) for name in names]
        line = [row["type"], f"{row['bytes'] / 1e6:.0f} MB"]
        line += [seconds(one["load"]) if one else "-" for one in reached]
        line += [f"{one['memory'][2] / 1e6:.0f} MB" if one else "-" for one in reached]
        for one in reached:
            # What a library is without a model depends on the library.
            taken = (one["memory"][1] - one["memory"][0]) / row["bytes"] if one else None
            line.append(ratio(taken))
        lines.append(line)
    return table(header, lines)


def divergence_table(rows: Sequence[Divergence]) -> str:
    """How far predictions are from those in float32."""
    ways = [way for way in WAYS if any(way in row["ways"] for row in rows)]
    header = ["type", *ways, *(f"same: {way}" for way in ways)]
    lines = []
    for row in rows:
        found = [row["ways"].get(way) for way in ways]
        lines.append(
            [
                row["type"],
                *(f"{one['mean']:.2e} ± {one['error']:.0e}" if one else "-" for one in found),
                *(f"{one['same_top']:.3f}" if one else "-" for one in found),
            ]
        )
    return table(header, lines)


def _sides(rows: Sequence[Speed]) -> list[str]:
    return [name for name in SIDES if any(name in row["sides"] for row in rows)]


def markdown(results: Results) -> str:
    """What was found, model by model."""
    sections = results["sections"]
    parts = []
    for model, described in MODELS.items():
        rows = [row for row in sections.get("speed", ()) if row["model"] == model]
        far = [row for row in sections.get("divergence", ()) if row["model"] == model]
        if rows or far:
            parts.append(f"## {described.title}")
        if rows:
            rates = [row["rate"] / 1e9 for row in rows]
            rate = f"{min(rates):.1f} to {max(rates):.1f}"
            parts += [SPEED.format(rate=rate), speed_table(rows), MEMORY, memory_table(rows)]
        if far:
            parts += [DIVERGENCE.format(tokens=far[0]["tokens"]), divergence_table(far)]
    return "\n\n".join(parts)


def draw(axes: Any, rows: Sequence[Speed], measure: str) -> None:
    """Bars of tokens per second, by type."""
    names = _sides(rows)
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        places = [row + (i - (len(names) - 1) / 2) * width for row in range(len(rows))]
        reached = [row["sides"].get(name) for row in rows]
        values = [_rate(one, measure) if one else 0.0 for one in reached]
        axes.bar(places, values, width, color=COLORS[name], label=SIDES[name][0])
    axes.set_xticks(range(len(rows)), [row["type"] for row in rows])
    axes.set_ylabel(f"{measure}, tokens per second")
    axes.spines[["top", "right"]].set_visible(False)


def write(results: Results, folder: Path, name: str) -> None:
    """Write ``<name>.md`` and a plot of each model, ``<name>-<model>.svg``."""
    # Only this needs it.
    import matplotlib

    matplotlib.use("svg")
    # The same figures make the same file.
    matplotlib.rcParams.update({"svg.hashsalt": name, "font.size": 9})
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    text = f"{introduction(results)}\n{markdown(results)}\n"
    for model, described in MODELS.items():
        rows = [row for row in results["sections"].get("speed", ()) if row["model"] == model]
        if not rows:
            continue
        figure, pair = pyplot.subplots(2, figsize=(8, 5), layout="constrained")
        for axes, measure in zip(pair, MEASURES, strict=True):
            draw(axes, rows, measure)
        pair[0].legend()
        plot = f"{name}-{model}.svg"
        figure.savefig(folder / plot, metadata={"Date": None})
        pyplot.close(figure)
        title = f"## {described.title}\n"
        text = text.replace(title, f"{title}\n![{described.title}]({plot})\n")
    (folder / f"{name}.md").write_text(text, encoding="utf-8")
