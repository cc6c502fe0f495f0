"""Checkpoints: folders that are there whole or not at all."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlx_core_py as mx
from mlx_core_py.nn.layers.base import Module
from mlx_core_py.optimizers.base import Optimizer
from mlx_core_py.trees import tree_flatten, tree_unflatten

__all__ = ["Checkpoints"]


def __dir__() -> list[str]:
    return __all__


_NAME = re.compile(r"step-(\d{8,})")
_MODEL, _STATE, _FACTS = "model.safetensors", "state.safetensors", "training.json"


class Checkpoints:
    """The checkpoints of one training run: ``step-00000100`` and so on, in one folder.

    Each is a folder with ``model.safetensors``, which :meth:`Module.load_weights` reads,
    ``state.safetensors`` with the state of the optimizer and of random numbers, and
    ``training.json`` with the rest. A checkpoint is written beside and renamed when it is on the
    disk, so that a process may end at any moment.

    Args:
        folder: Where they are. It is made if need be.
        keep: How many of the last ones to keep; the best one stays besides. Default: ``3``.

    Raises:
        ValueError: If ``keep`` is less than one.

    Example:
        >>> import tempfile
        >>> model, optimizer = nn.Linear(2, 1), optim.SGD(0.1)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoints = mx.training.Checkpoints(folder)
        ...     checkpoints.save(100, model, optimizer, {"note": "first"})
        ...     checkpoints.load(model, optimizer)
        {'step': 100, 'note': 'first'}
    """

    def __init__(self, folder: str | os.PathLike[str], *, keep: int = 3) -> None:
        if keep < 1:
            raise ValueError(f"keep must be at least 1, but is {keep}")
        self.folder: Path = Path(folder)
        self.keep = keep
        self.folder.mkdir(parents=True, exist_ok=True)

    def steps(self) -> list[int]:
        """Return the steps that there are checkpoints of, in rising order."""
        names = (_NAME.fullmatch(path.name) for path in self.folder.iterdir())
        return sorted(int(name[1]) for name in names if name)

    def path(self, step: int) -> Path:
        """Return the folder of a checkpoint.

        Args:
            step: The step.
        """
        return self.folder / f"step-{step:08d}"

    def save(
        self,
        step: int,
        model: Module,
        optimizer: Optimizer,
        facts: Mapping[str, Any] | None = None,
        *,
        best: int | None = None,
    ) -> None:
        """Write a checkpoint, then remove those that are not to be kept.

        Args:
            step: The step.
            model: The model.
            optimizer: The optimizer.
            facts: What else to keep, as JSON can hold it. Default: nothing.
            best: The step whose checkpoint stays in any case. Default: none.

        Raises:
            OSError: If the folder cannot be written.
        """
        self._remove_unfinished()
        unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self.folder))
        state = {"optimizer": optimizer.state, "random": list(mx.random.state)}
        mx.save_safetensors(unfinished / _MODEL, tree_flatten(model.parameters(), destination={}))
        mx.save_safetensors(unfinished / _STATE, tree_flatten(state, destination={}))
        (unfinished / _FACTS).write_text(json.dumps({"step": step, **(facts or {})}))
        for path in unfinished.iterdir():
            _flush(path)
        final = self.path(step)
        if final.exists():
            shutil.rmtree(final)
        unfinished.rename(final)
        _flush(self.folder)
        for old in self.steps()[: -self.keep]:
            if old != best:
                shutil.rmtree(self.path(old))

    def load(
        self, model: Module, optimizer: Optimizer, step: int | None = None
    ) -> dict[str, Any] | None:
        """Read a checkpoint into a model, an optimizer and the state of random numbers.

        Args:
            model: The model.
            optimizer: The optimizer.
            step: The step; ``None`` (default) is the last there is.

        Returns:
            The step and the facts that were saved, or ``None`` if there is no checkpoint.

        Raises:
            FileNotFoundError: If there is no checkpoint of ``step``.
            ValueError: If the checkpoint is that of another model.
        """
        if step is None:
            steps = self.steps()
            if not steps:
                return None
            step = steps[-1]
        path = self.path(step)
        facts: dict[str, Any] = json.loads((path / _FACTS).read_text())
        model.load_weights(path / _MODEL)
        loaded: Any = mx.load(path / _STATE)
        state: Any = tree_unflatten(list(loaded.items()))
        optimizer.state = state["optimizer"]
        mx.random.state[0] = state["random"][0]
        return facts

    def _remove_unfinished(self) -> None:
        """Remove what a process left that ended while it wrote."""
        for path in self.folder.glob(".unfinished-*"):
            shutil.rmtree(path, ignore_errors=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
