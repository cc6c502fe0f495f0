"""Names of a package that are loaded when they are first asked for."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping

__all__ = ["names_of"]


def __dir__() -> list[str]:
    return __all__


def names_of(package: str, homes: Mapping[str, str]) -> Callable[[str], object]:
    """Make the ``__getattr__`` of a package.

    Args:
        package: Its name.
        homes: The names that it has, and the modules in it that they are of.

    Returns:
        The function, which imports a module for the first of its names.

    Example:
        >>> load = names_of("mlx_lm_py", {"names_of": "_later"})
        >>> load("names_of") is names_of
        True
    """

    def load(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}", name=name)
        value: object = getattr(importlib.import_module(f"{package}.{homes[name]}"), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
