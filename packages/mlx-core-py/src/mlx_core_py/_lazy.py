"""Modules that are loaded when they are first looked at.

A ``__getattr__`` of the package would do that too, but where a module has one, the interpreter
looks up all its names the slow way: every ``mx.add`` would pay. ``importlib.util.LazyLoader`` lets
other threads see half of a module in some of the supported versions of Python.
"""

from __future__ import annotations

import sys

# Not from threading, which most programs never need.
from _thread import RLock
from types import ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from typing import Any

__all__ = ["lazy_module"]

_lock = RLock()
_loading: set[str] = set()

# What an import of a module within this one reads, after it has seen that the former is not loaded
# yet. To load this one then, and with it the former, would load the former twice.
_READ_BY_IMPORTS = {"__path__", "__spec__"}


class _LazyModule(ModuleType):
    def __getattribute__(self, name: str) -> Any:
        if name in _READ_BY_IMPORTS:
            _find(self)
        else:
            _load(self)
        return ModuleType.__getattribute__(self, name)


def _find(module: _LazyModule) -> ModuleSpec:
    """Give the module what the interpreter knows of it before its code runs."""
    attributes = object.__getattribute__(module, "__dict__")
    with _lock:
        spec: ModuleSpec | None = attributes["__spec__"]
        if spec is None:
            from importlib.util import module_from_spec

            name = attributes["__name__"]
            parent = sys.modules.get(name.rpartition(".")[0])
            path = None if parent is None else parent.__path__
            found = (finder.find_spec(name, path) for finder in sys.meta_path)
            spec = next((spec for spec in found if spec is not None), None)
            if spec is None:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)
            attributes.update(vars(module_from_spec(spec)))
    return spec


def _load(module: _LazyModule) -> None:
    # Other threads wait; this one may look at the module from within its own code.
    with _lock:
        spec = _find(module)
        if object.__getattribute__(module, "__class__") is ModuleType or spec.name in _loading:
            return
        _loading.add(spec.name)
        try:
            assert spec.loader is not None
            spec.loader.exec_module(module)
            module.__class__ = ModuleType  # type: ignore[assignment]
        finally:
            _loading.discard(spec.name)


def lazy_module(name: str) -> ModuleType:
    """The module of this full name, whose code runs when an attribute is first asked for."""
    if name in sys.modules:
        return sys.modules[name]
    module = sys.modules[name] = _LazyModule(name)
    return module
