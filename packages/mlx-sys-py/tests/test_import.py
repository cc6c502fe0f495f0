"""What importing the package checks, and where it says its parts are."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import mlx_sys_py as mx
import pytest
from mlx_sys_py import _build, _extensions, _load


def test_versions() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", mx.MLX_VERSION)
    assert re.fullmatch(r"0\.6\.\d+", mx.__version__)


def test_all_names_exist() -> None:
    assert [name for name in mx.__all__ if not hasattr(mx, name)] == []


def test_what_is_imported_later_is_there_all_the_same() -> None:
    code = """
import sys
before = set(sys.modules)
import mlx_sys_py as mx
new = set(sys.modules) - before
later = {"ops", "_typing", "_closure", "_containers", "_load", "_paths"}
assert not new & {"ctypes", "typing", "signal", *(f"mlx_sys_py.{name}" for name in later)}, new
assert set(mx.__all__) <= set(dir(mx))
assert mx.ops.add(1, 2).item() == 3
assert mx.ops is sys.modules["mlx_sys_py.ops"]
assert mx.Closure is sys.modules["mlx_sys_py._closure"].Closure
"""
    # Without site: what the environment imports at its start is not ours.
    paths = [path for path in sys.path if path]
    run = subprocess.run(
        [sys.executable, "-S", "-c", f"import sys; sys.path[:] = {paths!r}{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


def test_compiled_modules_are_in_one_file() -> None:
    names = _build.EXTENSIONS
    assert {"_array", "_extensions", "io", "ops"} <= names
    for name in names:
        module = importlib.import_module(f"mlx_sys_py.{name}")
        assert module.__file__ == _extensions.__file__
        assert module.__spec__ is not None
        assert module.__spec__.origin == _extensions.__file__


def test_the_loader_is_told_to_do_as_before() -> None:
    code = """
import os, sys
flags = sys.getdlopenflags() | os.RTLD_GLOBAL
sys.setdlopenflags(flags)
import mlx_sys_py
assert sys.getdlopenflags() == flags
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_another_version_that_loads_is_refused_at_import() -> None:
    # Before anything is called that it may not have.
    code = """
import sys, types
build = types.ModuleType("mlx_sys_py._build")
import importlib.util
spec = importlib.util.find_spec("mlx_sys_py")
path = spec.submodule_search_locations[0] + "/_build.py"
exec(compile(open(path).read(), path, "exec"), build.__dict__)
build.MLX_VERSION = "9.9.9"
sys.modules["mlx_sys_py._build"] = build
try:
    import mlx_sys_py
except ImportError as error:
    assert "built for MLX 9.9.9" in str(error), error
    assert "mlx_sys_py._array" not in sys.modules
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_compiled_modules_are_listed() -> None:
    listed = [module.name for module in pkgutil.iter_modules(mx.__path__)]
    assert len(listed) == len(set(listed))
    assert set(listed) >= _build.EXTENSIONS | {"_load", "_typing"}


def test_compiled_modules_are_found_without_caches() -> None:
    code = """
import importlib, importlib.util, sys
import mlx_sys_py
sys.path_importer_cache.clear()
importlib.invalidate_caches()
assert "mlx_sys_py.gguf" not in sys.modules
import mlx_sys_py.gguf
assert importlib.util.find_spec("mlx_sys_py.missing") is None
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'missing_name'"):
        _ = mx.missing_name  # type: ignore[attr-defined]


def test_another_version_that_loads() -> None:
    with pytest.raises(ImportError, match=r"built for MLX 9\.9\.9"):
        _load.check_version(mx.version(), "9.9.9")


def test_paths() -> None:
    assert (Path(mx.get_include()) / "mlx" / "c" / "mlx.h").is_file()
    assert (Path(mx.get_include()) / "mlx" / "c" / "ops.h").is_file()
    assert list(Path(mx.get_library_dir()).glob("libmlxc.*"))
    assert mx.get_libraries() == ["mlxc"]


def test_a_missing_backend_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_load, "find_libmlx", lambda: None)
    with pytest.raises(ImportError, match=r'pip install "mlx-sys-py\[cpu\]"'):
        _load.preload(mx.MLX_VERSION)


def test_another_version_says_what_to_install() -> None:
    with pytest.raises(ImportError, match=r'pip install "mlx-cpu==9\.9\.9"'):
        _load.preload("9.9.9")


def test_a_library_that_does_not_load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "libmlx.so"
    broken.write_bytes(b"no library")
    monkeypatch.setattr(_load, "find_libmlx", lambda: str(broken))
    with pytest.raises(ImportError, match="does not load"):
        _load.preload(mx.MLX_VERSION)


@pytest.mark.parametrize("level", ["fastest", "v9"])
def test_a_wrong_setting_is_named(level: str) -> None:
    code = "import mlx_sys_py as mx; mx.array([1.0]).__add__(1).item()"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "MLX_SYS_PY_CPU": level},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "ValueError" in run.stderr
    assert "MLX_SYS_PY_CPU" in run.stderr
