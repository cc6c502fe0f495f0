"""Where the headers and the library are, for packages that compile against them."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def get_include() -> str:
    """The folder for the compiler's ``-I``: it holds ``mlx/c/mlx.h``."""
    return str(_PACKAGE / "include")


def get_library_dir() -> str:
    """The folder for the linker's ``-L`` and the run path: it holds ``libmlxc``."""
    return str(_PACKAGE / "lib")


def get_libraries() -> list[str]:
    """The names for the linker's ``-l``."""
    return ["mlxc"]
