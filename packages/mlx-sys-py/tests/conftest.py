"""The levels of the CPU kernels as a parameter of tests: see levels.py."""

from __future__ import annotations

import os

import pytest
from levels import is_excluded
from levels import level as level

# What the tests compare with computes exactly. Products with rows that are rounded have tests of
# their own (test_byte_products.py).
os.environ.setdefault("MLX_SYS_PY_CPU_ACTIVATIONS", "16")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    excluded = [item for item in items if is_excluded(item)]
    if excluded:
        config.hook.pytest_deselected(items=excluded)
        items[:] = [item for item in items if not is_excluded(item)]
