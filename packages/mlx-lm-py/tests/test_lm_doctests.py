"""Every example in a docstring does what it says."""

import doctest
import importlib
import pkgutil

import mlx_core_py as mx
import mlx_lm_py
import pytest

NAMES = sorted(
    module.name
    for module in pkgutil.walk_packages(mlx_lm_py.__path__, "mlx_lm_py.")
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", NAMES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    assert doctest.testmod(module, extraglobs={"mx": mx}).failed == 0
