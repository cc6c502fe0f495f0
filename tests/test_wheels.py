"""What is in the wheels and sdists: everything a user needs, and nothing of the build machine.

``nox`` names the files to look at in ``MLX_PY_WHEELS`` and, where sdists were built,
``MLX_PY_SDISTS``.
"""

import importlib.util
import os
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
NATIVE = "mlx-sys-py"
PURE = [name for name in PACKAGES if name != NATIVE]

LIBRARY_RUNPATH = "$ORIGIN/../../mlx/lib"
EXTENSION_RUNPATH = "$ORIGIN/lib"
OURS = {"libmlxc.so", "libmlx.so"}
SYSTEM = {
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "libstdc++.so.6",
    "ld-linux-x86-64.so.2",
    "ld-linux-aarch64.so.1",
}


def archives(variable: str) -> dict[str, Path]:
    """The files an environment variable names, by the distribution each belongs to."""
    paths = [Path(name) for name in os.environ.get(variable, "").split(os.pathsep) if name]
    return {path.name.partition("-")[0].replace("_", "-"): path for path in paths}


WHEELS = archives("MLX_PY_WHEELS")
SDISTS = archives("MLX_PY_SDISTS")
needs_wheels = pytest.mark.skipif(not WHEELS, reason="MLX_PY_WHEELS names no wheels")
needs_sdists = pytest.mark.skipif(not SDISTS, reason="MLX_PY_SDISTS names no sdists")


def names(package: str) -> set[str]:
    with zipfile.ZipFile(WHEELS[package]) as wheel:
        return set(wheel.namelist())


def contents(package: str) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(WHEELS[package]) as wheel:
        for name in wheel.namelist():
            yield name, wheel.read(name)


def tracked(package: str) -> set[str]:
    """The paths git tracks in a package, relative to it."""
    folder = ROOT / "packages" / package
    command = ["git", "-C", str(folder), "ls-files", "-z"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {name for name in listing.split("\0") if name}


@needs_wheels
def test_all_packages_are_here() -> None:
    assert set(WHEELS) == set(PACKAGES)


@needs_wheels
@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_holds_one_typed_module(package: str) -> None:
    module = package.replace("-", "_")
    found = names(package)
    assert {name.partition("/")[0].partition("-")[0] for name in found} == {module}
    assert {f"{module}/__init__.py", f"{module}/py.typed"} <= found
    assert [name for name in found if name.endswith(".dist-info/licenses/LICENSE")]
    assert not [name for name in found if "tests" in PurePosixPath(name).parts]


@needs_wheels
@pytest.mark.parametrize("package", PURE)
def test_pure_wheel_holds_the_sources(package: str) -> None:
    assert WHEELS[package].name.endswith("-py3-none-any.whl")
    sources = {name.removeprefix("src/") for name in tracked(package) if name.startswith("src/")}
    assert {name for name in names(package) if ".dist-info/" not in name} == sources


@needs_wheels
def test_native_wheel_serves_c_and_cython() -> None:
    found = names(NATIVE)
    tree = ROOT / "packages" / NATIVE
    headers = {str(path.relative_to(tree)) for path in tree.glob("include/mlx/c/*.h")}
    groups = ("ops", "random", "linalg", "fft", "fast", "special")
    headers |= {f"include/mlx/c/{group}.h" for group in groups}
    assert {f"mlx_sys_py/{header}" for header in headers} <= found
    declarations = {f"mlx_sys_py/{path.name}" for path in tree.glob("src/mlx_sys_py/*.pxd")}
    assert declarations | {"mlx_sys_py/c.pxd", "mlx_sys_py/__init__.pxd"} <= found
    assert {"mlx_sys_py/lib/libmlxc.so", "mlx_sys_py/lib/pkgconfig/mlxc.pc"} <= found


@needs_wheels
def test_native_wheel_has_a_stub_for_each_public_extension() -> None:
    found = names(NATIVE)
    build = next(text for name, text in contents(NATIVE) if name == "mlx_sys_py/_build.py")
    values: dict[str, Any] = {}
    exec(build, values)
    extensions = {f"mlx_sys_py/{name}" for name in values["EXTENSIONS"]}
    public = {name for name in extensions if not name.rpartition("/")[2].startswith("_")}
    assert public
    written = {name.removeprefix("src/") for name in tracked(NATIVE) if name.startswith("src/")}
    stubs = {f"{name}.pyi" for name in public} | {n for n in written if n.endswith(".pyi")}
    assert stubs - found == set()


@needs_wheels
@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_holds_no_compiled_language_sources(package: str) -> None:
    suffixes = {".pyx", ".c", ".cpp", ".hpp", ".o", ".a", ".build", ".in"}
    assert not [name for name in names(package) if PurePosixPath(name).suffix in suffixes]


def dynamic_section(image: bytes) -> dict[str, list[str]]:
    """The libraries and run paths an ELF file (64-bit, little-endian) names."""
    assert image[:6] == b"\x7fELF\x02\x01"
    program_headers, size, count = (
        struct.unpack_from("<Q", image, 32)[0],
        *struct.unpack_from("<HH", image, 54),
    )
    segments = [
        struct.unpack_from("<IIQQQQ", image, program_headers + index * size)
        for index in range(count)
    ]
    load, dynamic = 1, 2

    def offset(address: int) -> int:
        for kind, _, start, virtual, _, length in segments:
            if kind == load and virtual <= address < virtual + length:
                return int(address - virtual + start)
        raise ValueError(f"no segment holds {address:#x}")

    _, _, start, _, _, length = next(s for s in segments if s[0] == dynamic)
    entries = list(struct.iter_unpack("<QQ", image[start : start + length]))
    strings = offset(next(value for tag, value in entries if tag == 5))
    kinds = {1: "NEEDED", 14: "SONAME", 15: "RPATH", 29: "RUNPATH"}
    section: dict[str, list[str]] = {name: [] for name in kinds.values()}
    for tag, value in entries:
        if tag == 0:
            break
        if tag in kinds:
            begin = strings + value
            section[kinds[tag]].append(image[begin : image.index(b"\0", begin)].decode())
    return section


@needs_wheels
def test_libraries_are_found_beside_us() -> None:
    objects = {name: image for name, image in contents(NATIVE) if image[:4] == b"\x7fELF"}
    if not objects:
        pytest.skip("not an ELF platform")
    for name, image in objects.items():
        section = dynamic_section(image)
        is_library = name.startswith("mlx_sys_py/lib/")
        runpath = LIBRARY_RUNPATH if is_library else EXTENSION_RUNPATH
        assert section["RPATH"] + section["RUNPATH"] == [runpath], name
        assert set(section["NEEDED"]) <= OURS | SYSTEM, name
        if not is_library:
            assert "libmlx.so" not in section["NEEDED"], f"{name} goes past our C layer"


@needs_wheels
@pytest.mark.parametrize("package", PACKAGES)
def test_wheel_knows_nothing_of_the_build_machine(package: str) -> None:
    folders = (b"/home/", b"/root/", b"/tmp/", b"/work/", bytes(ROOT))
    for name, content in contents(package):
        for folder in folders:
            assert folder not in content, f"{name} holds {folder.decode()}"


@needs_sdists
@pytest.mark.parametrize("package", PACKAGES)
def test_sdist_holds_what_git_tracks(package: str) -> None:
    with tarfile.open(SDISTS[package]) as sdist:
        files = {member.name.partition("/")[2] for member in sdist if member.isfile()}
    assert files - {"PKG-INFO"} == tracked(package)


@needs_sdists
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("package", PACKAGES)
def test_sdist_passes_its_own_tests(package: str, tmp_path: Path) -> None:
    """With the package and its extra ``test`` installed, without the repository or official MLX."""
    assert importlib.util.find_spec("mlx.core") is None, "the environment has official MLX"
    with tarfile.open(SDISTS[package]) as sdist:
        sdist.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    # The plugin is the repository's; the extra does not bring it.
    command = ["-m", "pytest", "-p", "no:timeout", "-p", "no:cacheprovider"]
    if package == NATIVE:
        command += ["-m", "not slow"]
    done = subprocess.run(
        [sys.executable, *command], check=False, cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
