"""Modules, and names of a package, that are loaded when they are first looked at.

A ``__getattr__`` of the package would do that too, but where a module has one, the interpreter
looks up all its names the slow way: every ``mx.add`` would pay. ``importlib.util.LazyLoader`` lets
other threads see half of a module in some of the supported versions of Python.
"""

import gc
import sys

# Not from threading, which most programs never need.
from _thread import RLock

import mlx_sys_py as _sys
from mlx_sys_py import show_as

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any
else:
    # What `types` gives that name to, after it has made a dozen other types.
    ModuleType = type(gc)

__all__ = ["collect_again", "lazy_module", "load_later"]


def collect_again() -> None:
    """Let the garbage collector run again, as if it had looked at all that there is."""
    # This makes everything old. What somebody has frozen is to stay so.
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.unfreeze()
    gc.enable()


_lock = RLock()
_loading: set[str] = set()

# What an import of a module within this one reads, after it has seen that the former is not loaded
# yet. To load this one then, and with it the former, would load the former twice.
_READ_BY_IMPORTS = {"__path__", "__spec__"}


class _LazyModule(ModuleType):
    def __getattribute__(self, name: str) -> "Any":
        if name in _READ_BY_IMPORTS:
            _find(self)
        else:
            _load(self)
        return ModuleType.__getattribute__(self, name)


def _find(module: _LazyModule) -> "ModuleSpec":
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


class _Beginning(ModuleType):
    """A package that loads its module ``_later`` when it is asked for what it does not have.

    Enumerations alone are had without it.

    With the names of that it is a module like any other, whose names the interpreter looks up fast.
    """

    # With that of modules, every name would be found through a call of it, in 0.4 µs.
    __getattribute__ = object.__getattribute__

    def __getattr__(self, name: str) -> "Any":
        if name in _sys._ENUMS:
            _add_enum(self, name)
        else:
            _complete(self)
        return getattr(self, name)

    def __dir__(self) -> list[str]:
        _complete(self)
        return dir(self)

    @property
    def __dict__(self) -> "dict[str, Any]":  # type: ignore[override]
        _complete(self)
        return vars(self)


def _add_enum(package: ModuleType, name: str) -> None:
    value = getattr(_sys, name)
    show_as(package.__name__, {name: value}, "mlx_sys_py")
    setattr(package, name, value)


def _complete(package: ModuleType) -> None:
    # Threads wait for each other in this import. What is below may be done twice.
    collects = gc.isenabled()
    gc.disable()
    try:
        later = __import__(f"{package.__name__}._later", fromlist=["*"])
    finally:
        if collects:
            collect_again()
    # The dictionary of a module is a slot of its type, which mypy takes for that of the type.
    names: dict[str, Any] = ModuleType.__dict__["__dict__"].__get__(package)  # type: ignore[index]
    new = {name: value for name, value in vars(later).items() if name in later.__all__}
    show_as(package.__name__, new, "mlx_sys_py")
    for name, value in new.items():
        names.setdefault(name, value)
    for name in _sys._ENUMS:
        if name not in names:
            _add_enum(package, name)
    names["__all__"] = everything = [*names["_FIRST"], *(name for name in new if name[0] != "_")]
    names["__dir__"] = lambda: everything
    package.__class__ = ModuleType


def load_later(name: str) -> None:
    """Let a package load its module ``_later`` when it is asked for a name that it does not have.

    Its ``_FIRST`` are the public names that it has before.
    """
    sys.modules[name].__class__ = _Beginning
