"""Projects in C and Cython build against the installed package and run.

The sources are ordinary programs of a user; they see nothing of this repository.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mlx_sys_py
import pytest

HERE = Path(__file__).parent / "downstream"
PROGRAMS = sorted(path.stem for path in (HERE / "c").glob("*.c"))


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """The output of a command, which has to succeed."""
    done = subprocess.run(
        command,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
    )
    assert done.returncode == 0, f"{shlex.join(map(str, command))}\n{done.stdout}"
    return done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_c_program(program: str, tmp_path: Path) -> None:
    library = mlx_sys_py.get_library_dir()
    executable = tmp_path / program
    run(
        *shlex.split(os.environ.get("CC", "cc")),
        *("-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{mlx_sys_py.get_include()}"),
        *(HERE / "c" / f"{program}.c", "-o", executable),
        *(f"-L{library}", f"-Wl,-rpath,{library}", "-lmlxc"),
    )
    arguments = [tmp_path / f"file.{program}"] if program in {"gguf", "safetensors"} else []
    output = run(executable, *arguments, cwd=tmp_path)
    assert output == f"{program}: ok\n"


@pytest.fixture(scope="module")
def cython_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Cython project, installed beside the package it extends; a folder to run in."""
    folder = tmp_path_factory.mktemp("cython")
    shutil.copytree(HERE / "cython", folder / "project")
    pip = [sys.executable, "-m", "pip"]
    # Cython, Meson and ninja are beside this Python, where its environment may not be active.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run(
        *(*pip, "wheel", "--no-build-isolation", "--no-deps"),
        *("--wheel-dir", folder, folder / "project"),
        env={**os.environ, "PATH": path},
    )
    (wheel,) = folder.glob("*.whl")
    run(*pip, "install", "--no-deps", "--force-reinstall", wheel)
    yield folder
    run(*pip, "uninstall", "--yes", "downstream")


def python(code: str, folder: Path) -> str:
    return run(sys.executable, "-c", code, cwd=folder)


both_languages = pytest.mark.parametrize("language", ["c", "cpp"])


@both_languages
def test_cython_extension_type(cython_project: Path, language: str) -> None:
    code = (
        "import mlx_sys_py as sys_py\n"
        f"from downstream.types_{language} import Pair\n"
        "a = sys_py.array([1.0, 2.0])\n"
        "pair = Pair(a, a)\n"
        "assert pair.first is a\n"
        "print(pair.sum().tolist())\n"
    )
    assert python(code, cython_project) == "[2.0, 4.0]\n"


@both_languages
def test_cython_handle_outlives_its_source(cython_project: Path, language: str) -> None:
    code = (
        "import gc, mlx_sys_py as sys_py\n"
        f"from downstream.types_{language} import Kept\n"
        "source = sys_py.ops.add(sys_py.array([1.0, 2.0]), 1)\n"
        "kept = Kept(source)\n"
        "del source\n"
        "gc.collect()\n"
        "got = kept.get()\n"
        "del kept\n"
        "print(got.tolist())\n"
    )
    assert python(code, cython_project) == "[2.0, 3.0]\n"


@both_languages
def test_cython_errors(cython_project: Path, language: str) -> None:
    code = (
        "import mlx_sys_py as sys_py\n"
        f"from downstream.types_{language} import Pair\n"
        "try:\n"
        "    Pair(sys_py.array([1, 2]), sys_py.array([1, 2, 3])).sum()\n"
        "except ValueError as error:\n"
        "    print('broadcast' in str(error))\n"
    )
    assert python(code, cython_project) == "True\n"


@both_languages
def test_cython_externs_need_no_import_first(cython_project: Path, language: str) -> None:
    code = f"from downstream.externs_{language} import twice; print(twice(21))"
    assert python(code, cython_project) == "42.0\n"


def test_directories_hold_what_they_promise() -> None:
    assert (Path(mlx_sys_py.get_include()) / "mlx" / "c" / "mlx.h").is_file()
    assert list(Path(mlx_sys_py.get_library_dir()).glob("libmlxc.*"))
