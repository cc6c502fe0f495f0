"""Every example in a docstring does what it says."""

import doctest
import importlib
import pkgutil

import mlx_core_py as mx
import pytest
from mlx_core_py import nn

MODULES = sorted(module.name for module in pkgutil.walk_packages(mx.__path__, f"{mx.__name__}."))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"mx": mx, "nn": nn})
    assert result.failed == 0


@pytest.mark.parametrize("name", [name for name in MODULES if ".nn." in name])
def test_there_are_examples(name: str) -> None:
    module = importlib.import_module(name)
    if hasattr(module, "__path__"):
        # A package shows what its files define.
        return
    found = doctest.DocTestFinder().find(module)
    documented = {test.name.rpartition(".")[2] for test in found if test.examples}
    assert set(getattr(module, "__all__", ())) - documented == set()
