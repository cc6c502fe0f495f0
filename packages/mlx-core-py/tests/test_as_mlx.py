"""Programs written for official MLX import the modules of this package."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

# Modules of official MLX, and what they are here.
SERVED = {
    "mlx.core": "mlx_core_py",
    "mlx.core.distributed": "mlx_core_py.distributed",
    "mlx.core.fast": "mlx_core_py.fast",
    "mlx.core.fft": "mlx_core_py.fft",
    "mlx.core.linalg": "mlx_core_py.linalg",
    "mlx.core.random": "mlx_core_py.random",
    "mlx.nn": "mlx_core_py.nn",
    "mlx.nn.init": "mlx_core_py.nn.init",
    "mlx.nn.layers": "mlx_core_py.nn.layers",
    "mlx.nn.layers.base": "mlx_core_py.nn.layers.base",
    "mlx.nn.layers.linear": "mlx_core_py.nn.layers.linear",
    "mlx.nn.losses": "mlx_core_py.nn.losses",
    "mlx.nn.utils": "mlx_core_py.nn.utils",
    "mlx.utils": "mlx_core_py.utils",
}


def run(*arguments: str, folder: Path, status: int = 0) -> str:
    """What Python prints, standard error included."""
    done = subprocess.run(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
    )
    assert done.returncode == status, done.stdout
    return done.stdout


def run_installed(code: str, folder: Path, status: int = 0) -> str:
    """What code prints after ``install``."""
    head = "from mlx_core_py import as_mlx\nas_mlx.install()\n"
    return run("-c", head + textwrap.dedent(code), folder=folder, status=status)


def test_modules_are_the_same_objects(tmp_path: Path) -> None:
    run_installed(
        f"""
        from importlib import import_module

        for official, ours in {SERVED}.items():
            module = import_module(official)
            assert module is import_module(ours), official
            assert module.__name__ == module.__spec__.name == ours
        import mlx.core, mlx.nn as nn, mlx.nn.layers.linear, mlx_sys_py
        from mlx import utils
        from mlx.core import random
        from mlx.nn.layers.base import Module
        assert mlx.core.random is random
        assert mlx.core.__version__ == mlx_sys_py.MLX_VERSION
        assert issubclass(mlx.nn.layers.linear.Linear, Module)
        assert nn.Linear is mlx.nn.layers.linear.Linear
        """,
        tmp_path,
    )


def test_the_order_of_imports_does_not_matter(tmp_path: Path) -> None:
    run_installed(
        """
        import mlx.nn.layers.linear as first
        import mlx_core_py.nn.layers.linear as second
        import sys
        assert first is second is sys.modules["mlx.nn.layers.linear"]
        as_mlx.install()
        assert len([f for f in sys.meta_path if type(f).__module__ == as_mlx.__name__]) == 1
        """,
        tmp_path,
    )


@pytest.mark.parametrize(
    "statement",
    ["import mlx.extension", "from mlx import extension", "import mlx.nn.layers.convolution_xd"],
)
def test_what_is_absent_is_named(statement: str, tmp_path: Path) -> None:
    text = run_installed(statement, tmp_path, status=1)
    assert "ImportError: mlx." in text
    assert "mlx_core_py has no module mlx_core_py." in text


def test_modules_of_others_below_mlx(tmp_path: Path) -> None:
    (tmp_path / "mlx" / "data").mkdir(parents=True)
    (tmp_path / "mlx" / "data" / "__init__.py").write_text("here = True")
    run_installed("import mlx.data, mlx.core\nassert mlx.data.here", tmp_path)
    assert "No module named 'mlx.nothing'" in run_installed("import mlx.nothing", tmp_path, 1)


def test_official_is_not_replaced_when_it_is_there(tmp_path: Path) -> None:
    pytest.importorskip("mlx.core", reason="needs official MLX to be imported before")
    head = "import mlx.core\nfrom mlx_core_py import as_mlx\n"
    text = run("-c", head + "as_mlx.install()", folder=tmp_path, status=1)
    assert "ImportError: official MLX is imported already (mlx." in text


def test_pickles_and_signatures(tmp_path: Path) -> None:
    run_installed(
        """
        import inspect, pickle
        import mlx.core as mx, mlx.nn as nn

        layer = pickle.loads(pickle.dumps(nn.Linear(2, 3)))
        assert type(layer) is nn.Linear
        assert pickle.loads(pickle.dumps(mx.float32)) is mx.float32
        assert pickle.loads(pickle.dumps(mx.sum)) is mx.sum
        assert "input_dims" in inspect.signature(nn.Linear).parameters
        assert inspect.getsource(nn.Linear).startswith("class Linear(Module)")
        assert inspect.getmodule(nn.Linear).Linear is nn.Linear
        """,
        tmp_path,
    )


PROGRAM = """
import sys
import helper
import mlx.core as mx
from mlx_core_py import add

class Pickled:
    pass

if __name__ == "__main__":
    import pickle
    assert type(pickle.loads(pickle.dumps(Pickled()))) is Pickled
    assert mx.add is add
    print(__file__, sys.argv, helper.__name__)
    sys.exit(3)
"""


@pytest.mark.parametrize("as_module", [False, True])
def test_programs_run_as_by_python(as_module: bool, tmp_path: Path) -> None:
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "helper.py").write_text("")
    (folder / "program.py").write_text(PROGRAM)
    command = ["-m", "mlx_core_py.as_mlx"]
    if as_module:
        program, where = ["-m", "program"], folder
    else:
        program, where = ["programs/program.py"], tmp_path
    text = run(*command, *program, "-m", "--flag", folder=where, status=3)
    file = str(folder / "program.py") if as_module else "programs/program.py"
    argv = [file, "-m", "--flag"]
    assert text == f"{file} {argv} helper\n"


def test_usage(tmp_path: Path) -> None:
    module = ("-m", "mlx_core_py.as_mlx")
    for arguments in ([], ["-x"], ["-m"]):
        assert "usage: " in run(*module, *arguments, folder=tmp_path, status=2)
    assert "usage: " in run(*module, "--help", folder=tmp_path)
    assert "'absent.py'" in run(*module, "absent.py", folder=tmp_path, status=2)
    assert "No module named absent" in run(*module, "-m", "absent", folder=tmp_path, status=1)


def test_errors_of_a_program_come_out(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text("import mlx.core as mx\nmx.zeros(2)[5]\n")
    text = run("-m", "mlx_core_py.as_mlx", "fails.py", folder=tmp_path, status=1)
    assert 'fails.py", line 2, in <module>' in text


def test_pickles_of_official_mlx_are_read(tmp_path: Path) -> None:
    pytest.importorskip("mlx.core", reason="official MLX writes the pickle")
    run(
        "-c",
        """if True:
        import pickle
        import mlx.core as mx
        arrays = [
            mx.array([[1.5, -2.0]]).astype(dtype)
            for dtype in (mx.float32, mx.bfloat16, mx.float64, mx.complex64, mx.int8, mx.bool_)
        ]
        with open("arrays.pickle", "wb") as file:
            pickle.dump([*arrays, mx.array(0.1, mx.float64)], file)
        """,
        folder=tmp_path,
    )
    printed = run_installed(
        """
        import pickle
        import mlx_core_py as mx
        with open("arrays.pickle", "rb") as file:
            arrays = pickle.load(file)
        assert all(type(array) is mx.array for array in arrays)
        print([(array.dtype.name, array.tolist()) for array in arrays])
        """,
        tmp_path,
    )
    assert printed == (
        "[('float32', [[1.5, -2.0]]), ('bfloat16', [[1.5, -2.0]]), ('float64', [[1.5, -2.0]]), "
        "('complex64', [[(1.5+0j), (-2+0j)]]), ('int8', [[1, -2]]), ('bool', [[True, True]]), "
        "('float64', 0.1)]\n"
    )
