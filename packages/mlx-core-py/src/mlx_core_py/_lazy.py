"""Modules that are loaded when they are first looked at.

A ``__getattr__`` of the package would do that too, but where a module has one, the interpreter
looks up all its names the slow way: every ``mx.add`` would pay. ``importlib.util.LazyLoader`` lets
other threads see half of a module in some of the supported versions of Python.
"""

from __future__ import annotations

import sys
import threading
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import Any

__all__ = ["lazy_module"]

_lock = threading.RLock()
_loading: set[str] = set()


# What an import of a module within this one reads, after it has seen that the former is not loaded
# yet. To load this one then, and with it the former, would load the former twice.
_READ_BY_IMPORTS = {"__path__", "__spec__"}


class _LazyModule(ModuleType):
    def __getattribute__(self, name: str) -> Any:
        if name not in _READ_BY_IMPORTS:
            _load(self)
        return ModuleType.__getattribute__(self, name)


def _load(module: _LazyModule) -> None:
    spec = object.__getattribute__(module, "__spec__")
    # Other threads wait; this one may look at the module from within its own code.
    with _lock:
        if object.__getattribute__(module, "__class__") is ModuleType or spec.name in _loading:
            return
        _loading.add(spec.name)
        try:
            spec.loader.exec_module(module)
            module.__class__ = ModuleType  # type: ignore[assignment]
        finally:
            _loading.discard(spec.name)


def lazy_module(name: str) -> ModuleType:
    """The module of this full name, whose code runs when an attribute is first asked for."""
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    module = module_from_spec(spec)
    module.__class__ = _LazyModule
    sys.modules[name] = module
    return module
