"""Every example in a docstring does what it says."""

import dataclasses
import doctest
import importlib
import pkgutil

import mlx_core_py as mx
import mlx_lm_utils_py
import pytest
import tokenizers

NAMES = sorted(module.name for module in pkgutil.iter_modules(mlx_lm_utils_py.__path__))


@pytest.mark.parametrize("name", NAMES)
def test_examples(name: str) -> None:
    module = importlib.import_module(f"mlx_lm_utils_py.{name}")
    names = {"mx": mx, "dataclasses": dataclasses, "tokenizers": tokenizers}
    assert doctest.testmod(module, extraglobs=names).failed == 0
