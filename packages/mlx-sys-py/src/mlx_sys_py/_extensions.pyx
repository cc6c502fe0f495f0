"""Finds the compiled modules of this package, which are all in the file of this one.

To load twenty files takes the system's loader and Python's search along its path longer than to
run what is in them.
"""

import sys

# What importlib.machinery gives its names to: to import that takes a while.
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import ExtensionFileLoader

from mlx_sys_py._build import EXTENSIONS


class _Finder:
    """What `sys.meta_path` asks for a module."""

    def __init__(self, str package, str file):
        self._prefix = package + "."
        self._file = file

    def find_spec(self, str name, path=None, target=None):
        if not name.startswith(self._prefix) or name[len(self._prefix):] not in EXTENSIONS:
            return None
        spec = ModuleSpec(name, ExtensionFileLoader(name, self._file), origin=self._file)
        spec.has_location = True
        return spec


sys.meta_path.insert(0, _Finder(__package__, __file__))
