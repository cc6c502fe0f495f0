"""The examples in the docstrings of what is written by hand here."""

from __future__ import annotations

import doctest
from types import ModuleType
from typing import Any

import mlx_sys_py
import pytest
from mlx_sys_py import attributes, cuda, distributed, export, gguf, graph, metal, transforms, utils

MODULES = (
    *(mlx_sys_py, attributes, cuda, distributed, export, gguf, graph, metal, transforms, utils),
)


def documented() -> dict[str, Any]:
    found = {}
    for module in MODULES:
        for name, value in vars(module).items():
            doc = getattr(value, "__doc__", None) or ""
            # The others are examples of mlx_core_py, which this package does without.
            if ">>> " in doc and "mlx_core_py" not in doc and not isinstance(value, ModuleType):
                found[f"{module.__name__}.{name}"] = value
    return found


def test_there_are_examples() -> None:
    assert len(documented()) > 15


@pytest.mark.parametrize("name", documented())
def test_examples(name: str) -> None:
    test = doctest.DocTestParser().get_doctest(documented()[name].__doc__, {}, name, None, None)
    report: list[str] = []
    doctest.DocTestRunner().run(test, out=report.append)
    assert not report, "".join(report)
