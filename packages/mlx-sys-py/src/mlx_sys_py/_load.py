"""Find and load ``libmlx.so``, which a backend wheel of MLX installs beside this package."""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_LIBRARY = "libmlx.dylib" if sys.platform == "darwin" else "libmlx.so"
_BACKENDS = ("mlx-cpu", "mlx-cuda-12", "mlx-cuda-13", "mlx-metal")
_HINT = (
    'install a backend, for example: pip install "mlx-sys-py[cpu]" '
    "(or [cuda12], [cuda13] for NVIDIA GPUs)"
)


def find_libmlx() -> Path | None:
    """The backend's library, or None if no backend is installed.

    ``mlx`` is a namespace package that several wheels share, so every part of its path may
    hold the library; the package itself is not imported.
    """
    spec = importlib.machinery.PathFinder.find_spec("mlx")
    if spec is None or spec.submodule_search_locations is None:
        return None
    for folder in spec.submodule_search_locations:
        library = Path(folder) / "lib" / _LIBRARY
        if library.is_file():
            return library
    return None


def preload(expected: str) -> None:
    """Load the backend's library, so that the extensions find it wherever it is installed.

    Args:
        expected (str): the version of MLX that this package was built for.

    Raises:
        ImportError: no backend is installed, its version differs, or it does not load.
    """
    for backend in _BACKENDS:
        try:
            found = version(backend)
        except PackageNotFoundError:
            continue
        if found != expected:
            raise ImportError(
                f"mlx_sys_py was built for MLX {expected}, but {backend} {found} is installed: "
                f'pip install "{backend}=={expected}"'
            )
    library = find_libmlx()
    if library is None:
        raise ImportError(f"MLX's library {_LIBRARY} is not installed: {_HINT}")
    try:
        # Local: symbols stay out of the global scope; the loader finds the library by name.
        ctypes.CDLL(str(library), mode=ctypes.RTLD_LOCAL)
    except OSError as error:
        raise ImportError(f"MLX's library {library.name} does not load ({error}): {_HINT}") from error
