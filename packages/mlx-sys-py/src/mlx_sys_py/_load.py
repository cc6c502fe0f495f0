"""Find and load ``libmlx.so``, which a backend wheel of MLX installs beside this package."""

from __future__ import annotations

import os
import sys

_LIBRARY = "libmlx.dylib" if sys.platform == "darwin" else "libmlx.so"
# mlx::core::version(), as C++ names it in the library.
_VERSION = "_ZN3mlx4core7versionEv"
_HINT = (
    'install a backend, for example: pip install "mlx-sys-py[cpu]" '
    "(or [cuda12], [cuda13] for NVIDIA GPUs)"
)


def find_libmlx() -> str | None:
    """The path of the backend's library, or None if no backend is installed.

    ``mlx`` is a namespace package that several wheels share, so every part of its path may
    hold the library; the package itself is not imported.
    """
    from importlib.machinery import PathFinder

    spec = PathFinder.find_spec("mlx")
    for folder in (spec and spec.submodule_search_locations) or ():
        library = os.path.join(folder, "lib", _LIBRARY)
        if os.path.isfile(library):
            return library
    return None


def preload(expected: str) -> None:
    """Load the backend's library, so that others find it wherever it is installed.

    Args:
        expected (str): the version of MLX that this package was built for.

    Raises:
        ImportError: no backend is installed, it does not load, or its version differs.
    """
    # Here, because it takes as long to import as all of this package.
    import ctypes

    path = find_libmlx()
    if path is None:
        raise ImportError(f"MLX's library {_LIBRARY} is not installed: {_HINT}")
    try:
        # Local: symbols stay out of the global scope; the loader finds the library by name.
        library = ctypes.CDLL(path, mode=ctypes.RTLD_LOCAL)
    except OSError as error:
        raise ImportError(f"MLX's library {path} does not load ({error}): {_HINT}") from error
    version = getattr(library, _VERSION)
    version.restype = ctypes.c_char_p
    check_version(version().decode(), expected)


def check_version(found: str, expected: str) -> None:
    """Raise an ImportError unless the backend is of the version that this package is built for."""
    if found != expected:
        raise ImportError(
            f"mlx_sys_py was built for MLX {expected}, but the installed backend is {found}: "
            f'pip install "mlx-cpu=={expected}" (or mlx-cuda-12, mlx-cuda-13, mlx-metal)'
        )
