"""Finds the compiled modules of this package, which are all in the file of this one.

To load twenty files takes the system's loader, and Python's search for them, longer than to run
what is in them. The file is an entry of the package's ``__path__``, as a zip file is one of
`sys.path`: whoever lists the modules of the package finds these too.
"""

import sys

# importlib.machinery has them from there, and takes a while to import.
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader

from mlx_sys_py._build import EXTENSIONS

__all__ = []


class _Finder:
    """Finds modules in a file, as importlib.machinery.FileFinder does in a folder."""

    def __init__(self, str file):
        self._file = file

    def find_spec(self, str name, target=None):
        if name.rpartition(".")[2] not in EXTENSIONS:
            return None
        spec = ModuleSpec(name, ExtensionFileLoader(name, self._file), origin=self._file)
        spec.has_location = True
        return spec

    def iter_modules(self, str prefix=""):
        return [(prefix + name, False) for name in sorted(EXTENSIONS)]


def _hook(path):
    if path != __file__:
        raise ImportError(f"{path} is not the file of the extensions", path=path)
    return _Finder(path)


sys.path_hooks.append(_hook)
# So that no other hook is asked first.
sys.path_importer_cache[__file__] = _hook(__file__)
sys.modules[__package__].__path__.append(__file__)
