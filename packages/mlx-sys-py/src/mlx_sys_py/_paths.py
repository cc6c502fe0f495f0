"""Where the headers and the library are, for packages that compile against them."""

from __future__ import annotations

import os

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def get_include() -> str:
    """The folder for the compiler's ``-I``: it holds ``mlx/c/mlx.h``."""
    return os.path.join(_PACKAGE, "include")


def get_library_dir() -> str:
    """The folder for the linker's ``-L`` and the run path: it holds ``libmlxc``."""
    return os.path.join(_PACKAGE, "lib")


def get_libraries() -> list[str]:
    """The names for the linker's ``-l``."""
    return ["mlxc"]
