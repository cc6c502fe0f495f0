"""The examples of the operations, and of the classes they work with, do what they say.

``doctest`` finds nothing in compiled modules by itself, so the objects are given to it one by one.
"""

from __future__ import annotations

import doctest
import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import mlx_core_py as mx
import pytest
from mlx_sys_py import fast, fft, linalg, ops, random, special

NAMESPACES = (mx, mx.random, mx.linalg, mx.fft, mx.special, mx.fast)
TABLE = {name for group in (ops, random, linalg, fft, special, fast) for name in group.__all__}


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


DOCUMENTED = callables(mx.array, "array") | callables(mx.ArrayAt, "at")
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
    operations = {name for name in DOCUMENTED if name.rpartition(".")[2] in TABLE}
    assert len(operations) > 200
    assert operations - EXAMPLES.keys() == set()


# Types that no program makes, and files, whose examples are those of the functions that do.
WITHOUT_EXAMPLES = {
    *("DeviceType", "Dtype", "DtypeCategory", "FunctionExporter", "Stream", "ThreadLocalStream"),
    *("import_function", "precompiled_cuda_kernel"),
}


def test_everything_has_examples() -> None:
    without = {name.rpartition(".")[2] for name in DOCUMENTED.keys() - EXAMPLES.keys()}
    assert without - {"show_as", "array", "Array"} == WITHOUT_EXAMPLES


def test_every_method_of_the_table_shows_itself() -> None:
    """Its text is that of the function: with what it takes, and an example that calls it."""
    methods = {
        name for name, member in vars(mx.array).items() if name in TABLE and callable(member)
    }
    assert len(methods) > 40
    for name in methods:
        method = getattr(mx.array, name)
        doc = inspect.getdoc(method) or ""
        taken = {
            f"*{parameter.name}" if parameter.kind is parameter.VAR_POSITIONAL else parameter.name
            for parameter in inspect.signature(method).parameters.values()
        }
        section = doc.partition("Args:\n")[2].partition("\n\n")[0]
        described = set(re.findall(r"^    (\*?\w+)[: ]", section, re.MULTILINE))
        assert described == taken - {"self"}, name
        assert f".{name}(" in doc.partition("Example:")[2].replace(f"mx.{name}(", ""), name
        assert "Returns:" in doc, name
