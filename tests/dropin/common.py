"""What the programs share, which run on official MLX and on this package."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_map


def fill(model: Any, seed: int = 0) -> Any:
    """Give a model weights that do not depend on the generator of random numbers of MLX."""
    rng = np.random.default_rng(seed)

    def weight(old: Any) -> Any:
        values = rng.standard_normal(old.shape) * 0.1
        # A scale of a norm is near one.
        return mx.array((values + (old.ndim == 1)).astype(np.float32)).astype(old.dtype)

    model.update(tree_map(weight, model.parameters()))
    mx.eval(model.parameters())
    return model


def bare_package(name: str) -> None:
    """Let the modules of a package be imported without its ``__init__``, which wants more."""
    package = ModuleType(name)
    spec = find_spec(name)
    assert spec is not None
    package.__path__ = list(spec.submodule_search_locations or [])
    sys.modules[name] = package


def run(cases: Iterable[tuple[str, Callable[[], dict[str, Any]]]]) -> None:
    """Run all cases and save what they return, or the error of each, in the given folder."""
    folder = Path(sys.argv[1])
    for name, case in cases:
        try:
            results = {key: np.array(value) for key, value in case().items()}
        except Exception:
            (folder / f"{name}.txt").write_text(traceback.format_exc())
        else:
            np.savez(folder / f"{name}.npz", **results)  # type: ignore[arg-type]
