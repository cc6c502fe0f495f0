"""The command line that tells compilers where things are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mlx_sys_py
import pytest
from mlx_sys_py.__main__ import main


def test_flags_share_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--cflags", "--libs"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    include, folder, path, library = line.split()
    assert include == f"-I{mlx_sys_py.get_include()}"
    assert folder == f"-L{mlx_sys_py.get_library_dir()}"
    assert path == f"-Wl,-rpath,{mlx_sys_py.get_library_dir()}"
    assert library == "-lmlxc"


def test_the_folder_of_pkg_config_has_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pkgconfig-dir"]) == 0
    folder = Path(capsys.readouterr().out.strip())
    text = (folder / "mlxc.pc").read_text()
    assert f"Version: {mlx_sys_py.__version__}" in text


def test_version_and_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version", "--show-config"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert first == mlx_sys_py.__version__
    assert f"MLX: {mlx_sys_py.MLX_VERSION}" in rest


def test_as_a_command() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mlx_sys_py", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == f"{mlx_sys_py.__version__}\n"
    for arguments in ([], ["--wrong"]):
        run = subprocess.run(
            [sys.executable, "-m", "mlx_sys_py", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 2
        assert "usage" in run.stderr
