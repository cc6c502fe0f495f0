"""Results as a page of Markdown, with a plot for each section."""

from __future__ import annotations

from pathlib import Path

from . import ops, scaling, text, training
from .results import Results
from .section import Section

SECTIONS: dict[str, Section] = {
    "ops": ops,
    "text": text,
    "training": training,
    "scaling": scaling,
}


def introduction(results: Results) -> str:
    """What was measured on which machine, with which versions; missing ones are named."""
    machine, versions = results["machine"], results["versions"]
    threads = f"{machine['threads']} thread{'s' if machine['threads'] > 1 else ''}"
    sides = {name: version for name, version in versions.items() if name != "python"}
    present = ", ".join(f"{name} {version}" for name, version in sides.items() if version)
    missing = ", ".join(name for name, version in sides.items() if not version)
    sentences = [
        f"{machine['instructions']}; {machine['processors']} processors, all sides with {threads}.",
        f"Python {versions['python']}, {present}.",
    ]
    if missing:
        sentences.append(f"Not installed, so not measured: {missing}.")
    if results["commit"]:
        sentences.append(f"Commit {results['commit']}.")
    if results["quick"]:
        sentences.append("A trial of one short turn at the least sizes.")
    if note := results.get("note"):
        sentences.append(note)
    return f"# Measured on {machine['processor']}, {threads}\n\n{' '.join(sentences)}\n"


def section(results: Results, name: str, plot: str | None = None) -> str:
    """What a section has found; with the plot of this file name, if there is one."""
    module = SECTIONS[name]
    image = f"![{module.TITLE}]({plot})\n\n" if plot else ""
    return f"## {module.TITLE}\n\n{image}{module.markdown(results['sections'][name])}\n"


def write(results: Results, folder: Path, name: str) -> None:
    """Write ``<name>.md`` and the plot of each section that it shows, ``<name>-<section>.svg``."""
    # Only this needs it.
    import matplotlib

    matplotlib.use("svg")
    # The same figures make the same file.
    matplotlib.rcParams.update({"svg.hashsalt": name, "font.size": 9})
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    parts = [introduction(results)]
    for key, found in results["sections"].items():
        module = SECTIONS[key]
        figure, axes = pyplot.subplots(figsize=(8, module.height(found)), layout="constrained")
        module.draw(axes, found)
        axes.spines[["top", "right"]].set_visible(False)
        plot = f"{name}-{key}.svg"
        figure.savefig(folder / plot, metadata={"Date": None})
        pyplot.close(figure)
        parts.append(section(results, key, plot))
    (folder / f"{name}.md").write_text("\n".join(parts), encoding="utf-8")
