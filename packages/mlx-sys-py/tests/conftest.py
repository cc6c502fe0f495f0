"""The levels of the CPU kernels as a parameter of tests: see levels.py."""

from __future__ import annotations

import pytest
from levels import is_excluded
from levels import level as level


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    excluded = [item for item in items if is_excluded(item)]
    if excluded:
        config.hook.pytest_deselected(items=excluded)
        items[:] = [item for item in items if not is_excluded(item)]
