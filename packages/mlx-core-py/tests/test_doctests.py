"""Every example in a docstring does what it says."""

import doctest
import importlib
import pkgutil

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
import pytest
from mlx_core_py import nn

MODULES = sorted(module.name for module in pkgutil.walk_packages(mx.__path__, f"{mx.__name__}."))


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs={"mx": mx, "nn": nn, "optim": optim})
    assert result.failed == 0


@pytest.mark.parametrize(
    "name", [name for name in MODULES if ".nn." in name or ".optimizers." in name]
)
def test_there_are_examples(name: str) -> None:
    module = importlib.import_module(name)
    # What a package shows, its files define.
    own = {key for key in getattr(module, "__all__", ()) if getattr(module, key).__module__ == name}
    found = doctest.DocTestFinder().find(module)
    documented = {test.name.rpartition(".")[2] for test in found if test.examples}
    assert own - documented == set()
