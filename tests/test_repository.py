"""Rules that hold for every tracked file of the repository."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LISTING = subprocess.run(
    ["git", "-C", str(ROOT), "ls-files", "-z"], check=True, capture_output=True, text=True
).stdout
TRACKED = sorted(ROOT / name for name in LISTING.split("\0") if (ROOT / name).is_file())
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
HARD_LIMIT = 700
SOURCES = {".py", ".pyi", ".pyx", ".pxd", ".c", ".h", ".cpp", ".hpp", ".build"}

NAMED_SOURCE = re.compile(r"`([\w./-]+\.(?:py|pyx|pxi|pxd|h|cpp|hpp|toml|build|md))`")
# What pages may name although it is not in the repository.
ELSEWHERE = {
    "c.pxd",  # generated
    "fast.h",
    "codegen.pxd",  # a module
    "mlx/primitives.h",  # of others
    "convert_hf_to_gguf.py",
}

# Spelt in pieces, so that this file passes its own test.
UNWANTED = {
    "a path of one machine": re.compile(r"(?<![\w.$}>*])/" + r"(?:home|root|work|tmp|Users)/\w"),
    "a package index": re.compile(r"pypi\." + r"org|python" + "hosted|/sim" + "ple/"),
    "unfinished work": re.compile(r"\b(?:TO" + "DO|FIX" + r"ME|XX" + r"X)\b"),
    "a conflict marker": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
}


def text(path: Path) -> str | None:
    """The text of a file; None if it is binary."""
    content = path.read_bytes()
    return None if b"\0" in content else content.decode()


@pytest.mark.parametrize("what", UNWANTED)
def test_no_file_holds(what: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in TRACKED
        if (content := text(path)) is not None and (match := UNWANTED[what].search(content))
    ]
    assert not found


def test_files_end_with_one_newline() -> None:
    for path in TRACKED:
        content = text(path) if path.suffix in SOURCES | {".md", ".toml"} else None
        assert not content or (content[-1] == "\n" and content[-2:] != "\n\n"), path


def test_files_are_small() -> None:
    lengths = {path: path.read_bytes().count(b"\n") for path in TRACKED if path.suffix in SOURCES}
    assert {path for path, length in lengths.items() if length > HARD_LIMIT} == set()
    assert {path for path in TRACKED if path.stat().st_size > 1_000_000} == set()


def test_pages_name_files_that_exist() -> None:
    """Pages name sources by the end of their path; a source that moves leaves none behind."""
    names = ["/" + str(path.relative_to(ROOT)) for path in TRACKED]
    wrong = {
        f"{page.relative_to(ROOT)} names {name}"
        for page in TRACKED
        if page.suffix == ".md"
        for name in NAMED_SOURCE.findall(page.read_text())
        if name not in ELSEWHERE and not any(path.endswith("/" + name) for path in names)
    }
    assert not wrong


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_package_is_complete(package: Path) -> None:
    module = package / "src" / package.name.replace("-", "_")
    for name in ("pyproject.toml", "meson.build", "README.md", "LICENSE"):
        assert (package / name).is_file(), name
    assert (module / "__init__.py").is_file()
    assert (module / "py.typed").is_file()
    assert list((package / "tests").glob("test_*.py"))
    assert (package / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def pytest_options(folder: Path) -> dict[str, Any]:
    """The configuration of pytest in a pyproject.toml, in either of its two forms."""
    tool = tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["pytest"]
    options: dict[str, Any] = tool.get("ini_options", tool)
    return options


def test_packages_are_tested_as_the_repository_is() -> None:
    """The tests run with the repository's configuration here and with their own in an sdist."""
    repository = pytest_options(ROOT)
    paths = {"benchmarks", "tests"}
    for package in PACKAGES:
        options = pytest_options(package)
        assert options["filterwarnings"] == repository["filterwarnings"]
        assert options["xfail_strict"] == repository["strict_xfail"]
        assert "--strict-markers" in options["addopts"]
        assert set(repository["addopts"]) <= set(options["addopts"])
        markers = [marker.partition(":")[0] for marker in options.get("markers", [])]
        used = {
            name
            for path in package.glob("tests/*.py")
            for name in re.findall(r"mark\.(model|ours_only|slow|torch)\b", path.read_text())
        }
        assert set(markers) == used
        folder = package.relative_to(ROOT)
        paths |= {str(folder / path) for path in options["pythonpath"]}
    assert set(repository["pythonpath"]) == paths


def test_extension_modules_have_stubs() -> None:
    """A hand-written extension has its stub beside it; generated ones get theirs from the table."""
    missing = [
        path
        for path in TRACKED
        if path.suffix == ".pyx"
        and path.is_relative_to(ROOT / "packages")
        and not path.with_suffix(".pyi").exists()
        and not is_internal(path)
    ]
    assert not missing


def is_internal(path: Path) -> bool:
    """Whether a module only serves other Cython modules: it defines nothing for Python."""
    return not re.search(r"^(?:def|class|cdef class|async def)\s", path.read_text(), re.MULTILINE)


def test_declarations_have_definitions() -> None:
    """A .pxd belongs to an extension, to the package, or declares functions of C only."""
    for path in TRACKED:
        if path.suffix == ".pxd" and path.stem != "__init__":
            source = path.read_text()
            assert path.with_suffix(".pyx").exists() or "cdef class" not in source, path


def test_skips_have_reasons() -> None:
    """No test is skipped without a word."""
    for path in TRACKED:
        if path.name.startswith("test_") and path.suffix == ".py":
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("mark.skip"):
                    assert node.keywords, f"{path}: a skip without a reason"
