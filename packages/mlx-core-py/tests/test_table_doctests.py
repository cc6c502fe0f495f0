"""The examples of the operations, and of the classes they work with, do what they say.

``doctest`` finds nothing in compiled modules by itself, so the objects are given to it one by one.
"""

from __future__ import annotations

import doctest
from collections.abc import Callable
from types import ModuleType
from typing import Any

import mlx_core_py as mx
import pytest

NAMESPACES = (mx, mx.random, mx.linalg, mx.fft, mx.fast)
TABLE = {f"mlx_sys_py.{group}" for group in ("ops", "random", "linalg", "fft", "fast")}


def callables(owner: ModuleType | type, prefix: str) -> dict[str, Callable[..., Any]]:
    """The public functions and classes of a module, or the methods of a class."""
    return {
        f"{prefix}.{name}": member
        for name, member in vars(owner).items()
        if not name.startswith("_")
        and callable(member)
        # What a module imports from elsewhere may have examples, too.
        and str(member.__module__).startswith("mlx_")
    }


def examples(members: dict[str, Callable[..., Any]]) -> dict[str, str]:
    """The docstrings that hold examples."""
    return {
        name: doc for name, member in members.items() if ">>> " in (doc := member.__doc__ or "")
    }


DOCUMENTED = callables(mx.array, "array")
for namespace in NAMESPACES:
    DOCUMENTED |= callables(namespace, namespace.__name__)
EXAMPLES = examples(DOCUMENTED)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples(name: str) -> None:
    test = doctest.DocTestParser().get_doctest(EXAMPLES[name], {"mx": mx}, name, None, None)
    report: list[str] = []
    result = doctest.DocTestRunner().run(test, out=report.append)
    assert result.attempted
    assert not result.failed, "".join(report)


def test_every_operation_has_examples() -> None:
    operations = {name: member for name, member in DOCUMENTED.items() if member.__module__ in TABLE}
    assert len(operations) > 200
    assert operations.keys() - EXAMPLES.keys() == set()
