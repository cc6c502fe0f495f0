"""Modules that are loaded on first use."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import mlx_core_py as mx
import pytest


def run(script: str, folder: Path | None = None) -> str:
    """What a script prints in a process of its own, which may import from ``folder``."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_names_of_the_package_are_looked_up_fast() -> None:
    # With it, the interpreter would not specialise any attribute of the module.
    assert "__getattr__" not in vars(mx)


def test_an_import_loads_little() -> None:
    # What takes longer to import than all of the package.
    run("""
        import sys
        import mlx_core_py as mx
        loaded = {"typing", "re", "inspect", "contextlib", "threading", "importlib.util", "numpy"}
        assert not loaded & set(sys.modules), loaded & set(sys.modules)
    """)


def test_an_import_loads_no_layers() -> None:
    run("""
        import sys
        import mlx_core_py as mx
        assert "mlx_core_py.nn.layers.linear" not in sys.modules
        assert mx.nn.Linear.__module__ == "mlx_core_py.nn.layers.linear"
        assert type(mx.nn) is type(sys)
        assert mx.nn is sys.modules["mlx_core_py.nn"]
    """)


@pytest.mark.parametrize(
    "statement",
    [
        "import mlx_core_py.random as random",
        "from mlx_core_py import random",
        "import importlib; random = importlib.import_module('mlx_core_py.random')",
        "import mlx_core_py; random = mlx_core_py.random; vars(random)",
        "import mlx_core_py; random = mlx_core_py.random; dir(random)",
    ],
)
def test_every_way_to_ask_for_a_module(statement: str) -> None:
    run(f"""
        {statement}
        import sys
        assert vars(random)["normal"] is random.normal is sys.modules["mlx_core_py.random"].normal
        assert len(random.state) == 1
    """)


@pytest.mark.parametrize(
    "statement",
    [
        "from mlx_core_py.nn.layers.linear import Linear",
        "import mlx_core_py.nn.layers.linear; Linear = mlx_core_py.nn.layers.linear.Linear",
        "import importlib; Linear = importlib.import_module('mlx_core_py.nn.layers.linear').Linear",
    ],
)
def test_a_module_within_a_lazy_one_is_loaded_once(statement: str) -> None:
    run(f"""
        import sys
        {statement}
        from mlx_core_py import nn
        assert Linear is nn.Linear is nn.layers.linear.Linear
        assert nn.layers is sys.modules["mlx_core_py.nn.layers"]
    """)


LAZY = """
    import sys, threading, time
    sys.path.insert(0, ".")
    from mlx_core_py._lazy import lazy_module
    module = lazy_module("sample")
"""


def test_threads_wait_for_a_module_that_is_being_loaded(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text("import time\ntime.sleep(0.3)\nvalue = 7\n")
    printed = run(
        LAZY
        + """
    values = []
    threads = [threading.Thread(target=lambda: values.append(module.value)) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(values)
    """,
        tmp_path,
    )
    assert printed == "[7, 7, 7, 7]\n"


def test_a_module_may_look_at_itself_while_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(
        "value = 1\nimport sample\ntwice = 2 * sample.value\nmissing = hasattr(sample, 'later')\n"
    )
    assert run(LAZY + "    print(module.twice, module.missing)", tmp_path) == "2 False\n"


def test_a_module_that_fails_can_be_asked_again(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(
        "import sys\nif not hasattr(sys, 'ready'): raise OSError('not ready')\nvalue = 7\n"
    )
    printed = run(
        LAZY
        + """
    try:
        module.value
    except OSError as error:
        print(error)
    sys.ready = True
    print(module.value)
    """,
        tmp_path,
    )
    assert printed == "not ready\n7\n"


def test_a_module_that_does_not_exist(tmp_path: Path) -> None:
    run(
        """
        import pytest
        from mlx_core_py._lazy import lazy_module
        module = lazy_module("no_such_module")
        for _ in range(2):
            with pytest.raises(ModuleNotFoundError, match="no_such_module"):
                module.value
        """,
        tmp_path,
    )
