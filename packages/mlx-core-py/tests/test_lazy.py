"""Modules that are loaded on first use."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

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
    # The interpreter specialises the attributes of modules alone, and only without __getattr__.
    run("""
        import sys
        import mlx_core_py as mx
        mx.eval(mx.array(1.0))
        assert type(mx) is type(sys) and "__getattr__" not in vars(mx)
    """)


def test_an_import_loads_little() -> None:
    # A process that only imports pays for each of these files; `_later` is for all others.
    run("""
        import sys
        import mlx_core_py as mx
        # What takes longer to import than all of the package.
        slow = "__future__ collections contextlib enum functools importlib.util inspect math numpy "
        slow += "operator re reprlib threading types typing"
        slow = slow.split()
        assert not set(slow) & set(sys.modules), set(slow) & set(sys.modules)
        lazy = "cuda distributed fast fft gguf linalg metal nn optimizers random special training"
        lazy = [*lazy.split(), "utils"]
        ours = {name for name in sys.modules if name.startswith("mlx_")}
        assert ours - {f"mlx_core_py.{name}" for name in lazy} == {
            "mlx_core_py",
            "mlx_core_py._lazy",
            "mlx_core_py._peers",
            "mlx_sys_py",
            "mlx_sys_py._array",
            "mlx_sys_py._build",
            "mlx_sys_py._dtype",
            "mlx_sys_py._error",
            "mlx_sys_py._extensions",
            "mlx_sys_py._scalars",
            "mlx_sys_py._stream",
            "mlx_sys_py.ops",
        }, ours
    """)


def test_enumerations_are_loaded_alone() -> None:
    run("""
        import pickle
        import sys
        import mlx_core_py as mx
        assert mx.default_device().type in (mx.cpu, mx.gpu)
        assert mx.issubdtype(mx.float16, mx.floating)
        assert type(mx.cpu) is mx.DeviceType and pickle.loads(pickle.dumps(mx.cpu)) is mx.cpu
        assert {mx.DeviceType.__module__, mx.DtypeCategory.__module__} == {"mlx_core_py"}
        assert "mlx_core_py._later" not in sys.modules
        cpu = mx.cpu
        mx.eval
        assert vars(mx)["cpu"] is cpu and {"cpu", "floating", "DtypeCategory"} <= set(mx.__all__)
    """)


@pytest.mark.parametrize(
    "statement",
    [
        "grad = mx.grad",
        "from mlx_core_py import grad",
        "from mlx_core_py import *",
        "from mlx_core_py.transforms import grad; mx.finfo",
        "grad = vars(mx)['grad']",
        "grad = [getattr(mx, name) for name in dir(mx) if name == 'grad'][0]",
        "grad = [getattr(mx, name) for name in mx.__all__ if name == 'grad'][0]",
        "import pickle; grad = pickle.loads(b'cmlx_core_py\\ngrad\\n.')",
        "import inspect; grad = dict(inspect.getmembers(mx))['grad']",
        "assert hasattr(mx, 'io') and not hasattr(mx, 'missing'); grad = mx.grad",
    ],
)
def test_every_way_to_ask_for_what_is_loaded_later(statement: str) -> None:
    run(f"""
        import sys
        import mlx_core_py as mx
        assert "mlx_core_py._later" not in sys.modules
        {statement}
        assert "mlx_core_py._later" in sys.modules and type(mx) is type(sys)
        assert grad is mx.grad is vars(mx)["grad"]
        assert len(dir(mx)) == len(set(dir(mx))) and {{"grad", "add", "nn", "pi"}} <= set(dir(mx))
        assert not [name for name in mx.__all__ if not hasattr(mx, name)]
    """)


def test_operations_need_nothing_of_what_is_loaded_later() -> None:
    run("""
        import sys
        import mlx_core_py as mx
        assert (mx.exp(mx.zeros((2,))) + 1).tolist() == [2, 2]
        assert str(mx.float32) == "mlx_core_py.float32" and mx.add.__module__ == "mlx_core_py"
        assert "mlx_core_py._later" not in sys.modules
    """)


@pytest.mark.parametrize("before", ["enable", "disable"])
def test_garbage_is_collected_as_before(before: str) -> None:
    run(f"""
        import gc
        gc.{before}()
        enabled = gc.isenabled()
        import mlx_core_py
        assert gc.isenabled() == enabled
    """)


def test_garbage_is_collected_after_an_import_that_failed() -> None:
    run("""
        import gc, sys
        sys.modules["mlx_sys_py.ops"] = None
        try:
            import mlx_core_py
        except ImportError:
            pass
        else:
            raise AssertionError
        assert gc.isenabled()
    """)


def test_what_a_program_puts_into_the_package_stays() -> None:
    run("""
        import mlx_core_py as mx
        mx.compile = "mine"
        assert mx.grad is not None
        assert mx.compile == "mine"
    """)


def test_an_unknown_name_is_one() -> None:
    run("""
        import pytest
        import mlx_core_py as mx
        for _ in range(2):
            with pytest.raises(AttributeError, match="mlx_core_py.*no attribute 'missing'"):
                mx.missing
    """)


def test_threads_may_ask_for_it_at_once() -> None:
    run("""
        import sys, threading
        import mlx_core_py as mx
        sys.setswitchinterval(1e-6)
        start, found = threading.Barrier(8), []
        names = "grad vmap compile finfo load eval __all__ io".split()
        def ask(name):
            start.wait()
            found.append(getattr(mx, name))
        threads = [threading.Thread(target=ask, args=(name,)) for name in names]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert len(found) == len(names)
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
