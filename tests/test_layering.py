"""Each package imports the layer below it and no other, and only tests know official MLX."""

import ast
import graphlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# What each package may import of the others.
LAYERS: dict[str, set[str]] = {
    "mlx_sys_py": set(),
    "mlx_core_py": {"mlx_sys_py"},
    "mlx_lm_utils_py": {"mlx_core_py"},
    "mlx_lm_py": {"mlx_core_py", "mlx_lm_utils_py"},
}
FOREIGN = {"mlx", "mlx_lm"}

CYTHON_IMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import|c?import\s+([\w.]+))", re.MULTILINE)
CIMPORT_STAR = re.compile(r"^\s*from\s+\S+\s+cimport\s+\*", re.MULTILINE)


def sources(package: str, *suffixes: str) -> list[Path]:
    folder = ROOT / "packages" / package.replace("_", "-") / "src" / package
    return sorted(path for path in folder.rglob("*") if path.suffix in suffixes)


def python_imports(source: str) -> set[str]:
    """The top-level names that a Python source imports, at any depth of its code."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            # importlib.import_module("x"), __import__("x")
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in {"import_module", "__import__"}:
                names.add(str(node.args[0].value))
    return {name.partition(".")[0] for name in names}


def cython_imports(source: str) -> set[str]:
    """The top-level names that a Cython source imports or cimports."""
    names = {first or second for first, second in CYTHON_IMPORT.findall(source)}
    return {name.partition(".")[0] for name in names if not name.startswith(".")}


def imports(path: Path) -> set[str]:
    source = path.read_text()
    return python_imports(source) if path.suffix in {".py", ".pyi"} else cython_imports(source)


def test_every_package_has_a_place_among_the_layers() -> None:
    found = {path.parent.name for path in ROOT.glob("packages/*/pyproject.toml")}
    assert found == {name.replace("_", "-") for name in LAYERS}


@pytest.mark.parametrize("package", LAYERS)
def test_imports_only_the_layer_below(package: str) -> None:
    files = sources(package, ".py", ".pyi", ".pyx", ".pxd")
    assert files
    watched = LAYERS.keys() | FOREIGN
    allowed = LAYERS[package] | {package}
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in files
        for name in (imports(path) & watched) - allowed
    }
    # The preload looks for the backend's libmlx.so along the path of the namespace package `mlx`.
    wrong.discard("packages/mlx-sys-py/src/mlx_sys_py/_load.py imports mlx")
    assert not wrong


def siblings(path: Path, package: str) -> set[str]:
    """The modules of a package that one of its files imports, by their full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.update({node.module, *(f"{node.module}.{alias.name}" for alias in node.names)})
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    return {name for name in names if name.startswith(f"{package}.")}


@pytest.mark.parametrize("package", LAYERS)
def test_no_files_import_each_other_in_a_circle(package: str) -> None:
    source = ROOT / "packages" / package.replace("_", "-") / "src"
    files = {
        ".".join(path.relative_to(source).with_suffix("").parts): path
        for path in sources(package, ".py")
        # What a package shows of its files is not one of them.
        if path.name != "__init__.py"
    }
    graph = {name: siblings(path, package) & files.keys() for name, path in files.items()}
    if package == "mlx_core_py":
        assert "mlx_core_py.nn.layers.base" in graph["mlx_core_py.nn.layers.linear"]
    graphlib.TopologicalSorter(graph).prepare()


@pytest.mark.parametrize("folder", ["examples"])
def test_examples_do_not_import_official_mlx(folder: str) -> None:
    for path in (ROOT / folder).glob("*.py"):
        assert not python_imports(path.read_text()) & FOREIGN, path


def test_only_sys_has_compiled_sources() -> None:
    native = {".c", ".h", ".cpp", ".hpp", ".pyx", ".pxd"}
    for package in LAYERS.keys() - {"mlx_sys_py"}:
        assert not sources(package, *native)


def test_externs_are_named_by_their_module() -> None:
    for path in sources("mlx_sys_py", ".pyx", ".pxd"):
        assert not CIMPORT_STAR.search(path.read_text()), f"{path} cimports *"


def test_the_library_knows_no_python() -> None:
    folder = ROOT / "packages" / "mlx-sys-py" / "src" / "libmlxc"
    for path in folder.rglob("*.[ch]pp"):
        assert "Python.h" not in path.read_text(), f"{path} includes Python.h"


def test_python_imports_are_seen_wherever_they_are() -> None:
    source = (
        "import a.b, c\nfrom d.e import f\nfrom . import g\n"
        "def h():\n    import i\n    importlib.import_module('j.k')\n"
    )
    assert python_imports(source) == {"a", "c", "d", "i", "j"}


def test_cython_imports_are_seen() -> None:
    source = (
        "cimport a\nfrom b.c cimport d as e\n    import f\nfrom .g import h\ncdef int cimported\n"
    )
    assert cython_imports(source) == {"a", "b", "f"}
