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

NATIVE = ROOT / "packages" / "mlx-sys-py" / "src"
LIBRARY = NATIVE / "libmlxc"

# The floors of the library, from the top to the bottom: an include stays on its floor or points
# down. A folder with floors of its own has a list of its own.
FLOORS = {
    LIBRARY: ["api", "export", "files", "runtime", "core", "cpu"],
    LIBRARY / "cpu": ["graph", "ops", "nodes", "arrays", "lapack", "parallel", "code", "kernels"],
}

# The same for the Cython modules that others cimport; what is on none stands above all of them.
CYTHON_FLOORS = [
    ["io", "_closure"],
    ["_containers", "_convert", "trees"],
    ["_array"],
    ["_generated"],
    ["_scalars", "_stream"],
    ["_callback", "_dtype", "_text"],
    ["_error"],
    ["c"],
]
# What is included into the text of a module.
PARTS_OF_ARRAY = {"_dlpack", "_from_python", "_indexing", "_to_python", "_updates"}

# The folders of mlx_lm_py, from the top to the bottom: an import stays in its own or points down.
LM_FLOORS = [
    "commands",
    "generation",
    "embedding",
    "saving",
    "loading",
    "engine",
    "structured",
    "answers",
    "models",
    "sampling",
    "cache",
]
# Below all floors: it imports none of them.
LM_GROUND = "_checks"

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
CIMPORT = re.compile(
    r"^\s*(?:from\s+mlx_sys_py\.(\w+)\s+cimport|cimport\s+mlx_sys_py\.(\w+))", re.MULTILINE
)

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


@pytest.mark.parametrize("floor", LM_FLOORS)
def test_floors_of_the_language_models(floor: str) -> None:
    folder = ROOT / "packages" / "mlx-lm-py" / "src" / "mlx_lm_py"
    assert {path.parent.name for path in folder.glob("*/__init__.py")} == set(LM_FLOORS)
    # The ground, and what loads names later, import nothing of the package.
    ground = [LM_GROUND, "_later"]
    allowed = {f"mlx_lm_py.{name}" for name in [*LM_FLOORS[LM_FLOORS.index(floor) :], *ground]}
    for name in ground:
        assert not siblings(folder / f"{name}.py", "mlx_lm_py")
    for path in (folder / floor).rglob("*.py"):
        imported = {
            ".".join(node.module.split(".")[:2])
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module
        }
        assert {name for name in imported if name.startswith("mlx_lm_py")} <= allowed, path


def test_only_sys_has_compiled_sources() -> None:
    native = {".c", ".h", ".cpp", ".hpp", ".pyx", ".pxd"}
    for package in LAYERS.keys() - {"mlx_sys_py"}:
        assert not sources(package, *native)


def test_externs_are_named_by_their_module() -> None:
    for path in sources("mlx_sys_py", ".pyx", ".pxd"):
        assert not CIMPORT_STAR.search(path.read_text()), f"{path} cimports *"


def upward(includes: dict[str, list[str]], floors: list[str]) -> set[str]:
    """The includes that point up, given those of each file; paths begin with their floor."""
    number = {floor: i for i, floor in enumerate(floors)}
    return {
        f"{name} includes {include}"
        for name, included in includes.items()
        for include in included
        if number[include.partition("/")[0]] < number[name.partition("/")[0]]
    }


def includes_of(path: Path) -> list[str]:
    """The files of the library that a source includes; those of the C interface are no such."""
    included = [name for name in INCLUDE.findall(path.read_text()) if not name.startswith("mlx/c/")]
    wrong = [name for name in included if not (LIBRARY / name).is_file()]
    assert not wrong, f"{path} does not name the path from libmlxc: {wrong}"
    return included


@pytest.mark.parametrize("folder", FLOORS, ids=lambda path: path.name)
def test_every_source_of_the_library_is_on_a_floor(folder: Path) -> None:
    found = {path.relative_to(folder).parts[0] for path in folder.rglob("*.[ch]pp")}
    assert found == set(FLOORS[folder])


@pytest.mark.parametrize("folder", FLOORS, ids=lambda path: path.name)
def test_includes_point_down(folder: Path) -> None:
    within = {
        str(path.relative_to(folder)): [
            str((LIBRARY / name).relative_to(folder))
            for name in includes_of(path)
            if (LIBRARY / name).is_relative_to(folder)
        ]
        for path in folder.rglob("*.[ch]pp")
    }
    assert any(within.values())
    assert not upward(within, FLOORS[folder])


def test_the_cpu_includes_nothing_above_it() -> None:
    folder = LIBRARY / "cpu"
    for path in folder.rglob("*.[ch]pp"):
        assert all(name.startswith("cpu/") for name in includes_of(path)), path


def test_kernels_know_no_mlx() -> None:
    """They are compiled once per instruction set: no inline function of others may come along."""
    for path in (LIBRARY / "cpu" / "kernels").rglob("*.[ch]pp"):
        assert not re.search(r"#include\s+[<\"]mlx/", path.read_text()), path


def test_upward_includes_are_seen() -> None:
    includes = {"high/a.cpp": ["low/b.hpp", "high/c.hpp"], "low/b.hpp": ["high/c.hpp"]}
    assert upward(includes, ["high", "low"]) == {"low/b.hpp includes high/c.hpp"}


def test_cimports_point_down() -> None:
    number = {name: i for i, floor in enumerate(CYTHON_FLOORS) for name in floor}
    seen = set()
    for path in sources("mlx_sys_py", ".pyx", ".pxd", ".pxi"):
        module = "_array" if path.stem in PARTS_OF_ARRAY else path.stem
        for names in CIMPORT.findall(path.read_text()):
            target = names[0] or names[1]
            if module in ("__init__", target):
                continue
            seen.add(target)
            assert target in number, f"{target} is on no floor"
            assert number.get(module, -1) < number[target], f"{path.name} cimports {target}"
    # The generated modules cimport _convert.
    assert seen == number.keys() - {"_convert"}


def test_the_library_knows_no_python() -> None:
    for path in LIBRARY.rglob("*.[ch]pp"):
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
