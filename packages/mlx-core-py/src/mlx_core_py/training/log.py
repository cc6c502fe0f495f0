"""Where the numbers of a training run go: JSON lines, TensorBoard, a picture."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

__all__ = ["JsonLines", "TensorBoard", "plot"]


def __dir__() -> list[str]:
    return __all__


Entry = Mapping[str, float | int]


class JsonLines:
    """A log with a JSON object on each line.

    Args:
        path: The file. What is in it stays.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     log = mx.training.JsonLines(os.path.join(folder, "log.jsonl"))
        ...     log({"step": 1, "loss": 0.5})
        ...     log.entries()
        [{'step': 1, 'loss': 0.5}]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)

    def __call__(self, entry: Entry) -> None:
        """Add a line.

        Args:
            entry: Numbers by name.
        """
        with self.path.open("a") as file:
            file.write(json.dumps(dict(entry)) + "\n")

    def entries(self) -> list[dict[str, Any]]:
        """Return what is in the file; a last line that was not written whole is left out."""
        if not self.path.exists():
            return []
        lines = self.path.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def forget_after(self, step: int) -> None:
        """Remove the lines of steps after one, which a resumed run writes again.

        Args:
            step: The last step that stays.
        """
        kept = [entry for entry in self.entries() if entry.get("step", 0) <= step]
        beside = self.path.with_name(self.path.name + ".new")
        beside.write_text("".join(json.dumps(entry) + "\n" for entry in kept))
        beside.replace(self.path)


class TensorBoard:
    """A log in the format of TensorBoard, by the package ``tensorboardX``.

    A thread writes what is logged, every second. :meth:`close` waits until all is written, and so
    does the end of a ``with`` block, or of the program.

    Args:
        folder: Where the files of events go.

    Raises:
        ImportError: If ``tensorboardX`` is not installed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise ImportError("TensorBoard needs a package: pip install tensorboardX") from error
        self._writer = SummaryWriter(os.fspath(folder), flush_secs=1)

    def __call__(self, entry: Entry) -> None:
        """Add the numbers of a step.

        Args:
            entry: Numbers by name, ``step`` among them.

        Raises:
            ValueError: If ``entry`` has no ``step``.
        """
        if "step" not in entry:
            raise ValueError(f"entry must have a 'step', but has only {', '.join(entry)}")
        for name, value in entry.items():
            if name != "step":
                self._writer.add_scalar(name, value, int(entry["step"]))

    def close(self) -> None:
        """Wait until all is written; what is logged later goes to another file."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def plot(entries: Iterable[Entry], path: str | os.PathLike[str]) -> None:
    """Draw the curves of a run into a picture: one panel for each number but the step.

    Args:
        entries: The entries of a log.
        path: The file of the picture, in a format that Matplotlib knows by its extension.

    Raises:
        ImportError: If Matplotlib is not installed.
        ValueError: If there is nothing to draw.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plot needs a package: pip install matplotlib") from error
    rows = list(entries)
    names = list(dict.fromkeys(name for row in rows for name in row if name != "step"))
    if not names:
        raise ValueError("entries must have a number besides the step")
    figure = Figure(figsize=(7, 2.4 * len(names)), layout="constrained")
    for axes, name in zip(figure.subplots(len(names), squeeze=False)[:, 0], names, strict=True):
        points = [(row["step"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), marker="." if len(points) < 40 else None)
        axes.set(xlabel="step", ylabel=name)
        axes.grid(alpha=0.3)
    figure.savefig(path)
