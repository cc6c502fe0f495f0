"""Run programs written for official MLX: its modules are those of this package.

``python -m mlx_core_py.as_mlx SCRIPT`` runs a program; :func:`install` does the same for the
process that calls it. ``import mlx.core`` then gives the module ``mlx_core_py`` itself, and so do
all modules of official MLX that have a counterpart here. Official MLX need not be installed, and
is not imported where it is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from types import ModuleType

from mlx_sys_py import show_as

import mlx_core_py as mx

__all__ = ["install"]


def __dir__() -> list[str]:
    return __all__


# The modules of the official package. Others below `mlx` belong to other distributions, which
# share the namespace: `mlx.data` for one.
_OFFICIAL = frozenset(
    {
        "__array_api_info",
        "__main__",
        "_distributed_utils",
        "_reprlib_fix",
        "core",
        "extension",
        "nn",
        "optimizers",
        "utils",
    }
)


def install() -> None:
    """Serve ``mlx.core``, ``mlx.nn``, ``mlx.utils`` and their submodules from this package.

    What was imported before is not changed, so call it first. A second call changes nothing. Types
    show as those of official MLX, as programs compare text: ``str(mx.float32)`` is
    ``mlx.core.float32``.

    Raises:
        ImportError: If official MLX is imported already; later, in what imports a module of
            official MLX that this package has no counterpart of. The message names it.

    Example::

        from mlx_core_py import as_mlx

        as_mlx.install()

        import mlx.core as mx  # the module mlx_core_py
    """
    if any(isinstance(finder, _Finder) for finder in sys.meta_path):
        return
    for name in sys.modules:
        top, _, rest = name.partition(".")
        if top == "mlx" and rest.partition(".")[0] in _OFFICIAL:
            raise ImportError(
                f"official MLX is imported already ({name}): call install() before anything "
                "imports it, or run the program by python -m mlx_core_py.as_mlx",
                name=name,
            )
    sys.meta_path.insert(0, _Finder())
    # Not the enumerations: their members are pickled with the name of the class. They take the name
    # that shows when they are loaded.
    import_module("mlx_sys_py._enums")
    types = (mx.array, mx.ArrayAt, mx.Device, mx.Dtype, mx.Stream)
    show_as("mlx.core", {kind.__name__: kind for kind in types}, mx.__name__)


def _counterpart(name: str) -> str:
    """The module of this package that stands for one of official MLX."""
    rest = name.removeprefix("mlx.")
    return f"mlx_core_py.{rest}".removesuffix(".core").replace(".core.", ".", 1)


class _Finder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "mlx":
            return _package()
        if not fullname.startswith("mlx.") or fullname.split(".")[1] not in _OFFICIAL:
            return None
        name = _counterpart(fullname)
        if name not in sys.modules and find_spec(name) is None:
            # Not a ModuleNotFoundError, of which `from mlx import …` would lose the text.
            raise ImportError(
                f"{fullname}: mlx_core_py has no module {name}, and official MLX is not imported "
                "while mlx_core_py.as_mlx stands for it",
                name=fullname,
            )
        return ModuleSpec(fullname, _Loader(name))


class _Loader(Loader):
    """Gives a module that is there under another name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system: what it makes is put aside."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the module in place of the one that was made for this import.

        An import returns what it finds in ``sys.modules`` afterwards. The module keeps its own
        name, spec and file: it is the same object by both names.
        """
        sys.modules[module.__name__] = import_module(self._name)

    def get_code(self, fullname: str) -> object:
        """The code of the module, which ``python -m`` and ``runpy`` run."""
        loader = getattr(find_spec(self._name), "loader", None)
        return loader.get_code(self._name) if loader is not None else None


def _package() -> ModuleSpec:
    """The package `mlx`: empty, with the path of what other distributions keep in it."""
    spec = ModuleSpec("mlx", None, is_package=True)
    shared = PathFinder.find_spec("mlx")
    found = shared.submodule_search_locations if shared is not None else None
    spec.submodule_search_locations = list(found or [])
    return spec
