"""Configurations with an entry that makes no sense: an exception that says so, or a model."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlx_lm_py.models.config import Config
from mlx_lm_py.models.registry import find_architecture

FIXTURES = sorted(path.parent for path in Path(__file__).parent.glob("fixtures/*/config.json"))
WRONG: tuple[Any, ...] = (0, -1, 2**40, 1.5, float("nan"), "x", None, True, [], {})
# What a specification may take of memory: an entry may count layers, or places in a table.
ROOM = 1 << 30


@pytest.fixture
def little_memory() -> Iterator[None]:
    """A limit, so that what asks for more fails instead of taking the machine's."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is limited on Linux")
@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("folder", FIXTURES, ids=lambda folder: folder.name)
def test_an_entry_that_makes_no_sense(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config = config.get("text_config") or config
    spec = find_architecture(config["model_type"]).spec
    unlike = []
    for name in config.keys() - {"model_type"}:
        for value in WRONG:
            try:
                spec(Config({**config, name: value}))
            except ValueError:
                pass
            except Exception as error:
                unlike.append(f"{name} = {value!r}: {error!r}")
    assert not unlike, "\n".join(unlike)
