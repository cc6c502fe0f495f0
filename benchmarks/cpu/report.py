"""What the sections of the benchmark have found, as Markdown and as plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from .section import Section

# The colours of the sides, the same in all plots.
COLORS = {
    "ours": "#0072b2",
    "torch": "#d55e00",
    "stock": "#999999",
    "numpy": "#009e73",
    "llama": "#e69f00",
    "openvino": "#cc79a7",
}


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [header, ["---", *["--:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def seconds(value: float) -> str:
    """A time in a unit that suits it."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if value >= scale:
            return f"{value / scale:.3g} {unit}"
    return f"{value * 1e6:.3g} µs"


def ratio(value: float | None) -> str:
    """A ratio, or a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def save(path: Path, introduction: str, sections: Mapping[str, Section]) -> None:
    """Write ``<path>.md`` and, for each section, the plot ``<path>-<name>.svg`` that it shows."""
    # Only this needs it.
    import matplotlib

    matplotlib.use("svg")
    # The same figures make the same file.
    matplotlib.rcParams.update({"svg.hashsalt": path.name, "font.size": 9})
    from matplotlib import pyplot

    path.parent.mkdir(parents=True, exist_ok=True)
    parts = [introduction]
    for name, section in sections.items():
        figure, axes = pyplot.subplots(figsize=(8, section.height), layout="constrained")
        section.draw(axes)
        axes.spines[["top", "right"]].set_visible(False)
        plot = path.with_name(f"{path.name}-{name}.svg")
        figure.savefig(plot, metadata={"Date": None})
        pyplot.close(figure)
        parts.append(f"## {section.title}\n\n![{section.title}]({plot.name})\n\n{section.text}\n")
    path.with_name(f"{path.name}.md").write_text("\n".join(parts), encoding="utf-8")
