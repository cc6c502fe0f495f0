"""What tools show of arrays, functions and types: pytest, pydoc, pdb, inspect, pickle, dir."""

from __future__ import annotations

import array
import inspect
import pickle
import pydoc
import reprlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import mlx_core_py as mx
import pytest
from mlx_core_py import nn

NAMESPACES = (
    *(mx, mx.random, mx.linalg, mx.fft, mx.special, mx.fast),
    *(mx.distributed, mx.metal, mx.cuda, mx.gguf),
)


def run(*arguments: str, folder: Path, stdin: str = "", status: int = 0) -> str:
    """What Python prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def functions() -> Iterator[tuple[str, Callable[..., Any]]]:
    """The public functions and classes, by the names that users write."""
    for module in NAMESPACES:
        for name in module.__all__:
            value = getattr(module, name)
            # An alias of a union of types is neither.
            if callable(value) and hasattr(value, "__name__"):
                yield f"{module.__name__}.{name}", value


FUNCTIONS = dict(functions())
PLAIN: pydoc.TextDoc = vars(pydoc)["plaintext"]
METHODS = {
    name: member
    for name, member in vars(mx.array).items()
    if callable(member) and not name.startswith("_")
}


# ---- reprlib, which pytest, pydoc and pdb print with


def test_reprlib_shows_arrays() -> None:
    assert reprlib.repr(mx.array([1, 2])) == "array([1, 2], dtype=int32)"
    assert reprlib.repr([mx.array(True)]) == "[array(True, dtype=bool)]"
    assert "..." in reprlib.repr(mx.arange(1000))


def test_reprlib_shows_other_arrays_as_before() -> None:
    assert reprlib.repr(array.array("i", range(10))) == "array('i', [0, 1, 2, 3, 4, ...])"
    assert reprlib.repr(array.array("b")) == "array('b')"


def test_a_failed_assertion_shows_values(tmp_path: Path) -> None:
    (tmp_path / "test_sample.py").write_text(
        "import mlx_core_py as mx\n"
        "def test_equal():\n"
        "    a, b = mx.array([1.5, 2]), mx.array([1.5, 3])\n"
        "    assert mx.array_equal(a, b)\n"
    )
    shown = run("-m", "pytest", "-p", "no:cacheprovider", folder=tmp_path, status=1)
    assert "assert array(False, dtype=bool)" in shown
    assert "array_equal" in shown
    assert "(array([1.5, 2], dtype=float32), array([1.5, 3], dtype=float32))" in shown


class Holder:
    """A class with an array, which pydoc prints."""

    table = mx.array([1.5, 2.5])


def test_pydoc_shows_arrays() -> None:
    assert "table = array([1.5, 2.5], dtype=float32)" in PLAIN.document(Holder)
    assert "array([1.5, 2.5], dtype=float32)" in pydoc.HTMLDoc().document(Holder)


def test_pdb_shows_arrays(tmp_path: Path) -> None:
    (tmp_path / "sample.py").write_text(
        "import mlx_core_py as mx\ndef f():\n    return mx.array([1, 2])\nf()\n"
    )
    shown = run("-m", "pdb", "sample.py", folder=tmp_path, stdin="b f\nc\nr\nq\n")
    assert "f()->array([1, 2], dtype=int32)" in shown


# ---- names


def test_names_are_those_that_users_import() -> None:
    assert repr(mx.array) == "<class 'mlx_core_py.array'>"
    assert str(mx.float32) == "mlx_core_py.float32"
    assert mx.Dtype.__module__ == mx.DeviceType.__module__ == mx.sum.__module__ == "mlx_core_py"
    assert mx.linalg.norm.__module__ == "mlx_core_py.linalg"
    with pytest.raises(TypeError, match=r"'mlx_core_py\.array' and 'object'"):
        mx.array(1) + object()  # type: ignore[operator]
    wrong = {
        name: value.__module__
        for name, value in FUNCTIONS.items()
        if not value.__module__.startswith("mlx_core_py")
    }
    assert not wrong


@pytest.mark.parametrize(
    ("first", "shown"),
    [
        ("import mlx_sys_py", "mlx_sys_py"),
        ("import mlx_sys_py, mlx_core_py", "mlx_core_py"),
        ("from mlx_core_py import as_mlx; as_mlx.install(); import mlx.core", "mlx.core"),
    ],
)
def test_names_follow_the_package_that_is_used(first: str, shown: str, tmp_path: Path) -> None:
    code = f"{first}\nimport mlx_sys_py\nprint(mlx_sys_py.array, mlx_sys_py.float32)"
    assert run("-c", code, folder=tmp_path) == f"<class '{shown}.array'> {shown}.float32\n"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_and_types_can_be_pickled(name: str) -> None:
    assert pickle.loads(pickle.dumps(FUNCTIONS[name])) is FUNCTIONS[name]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"cmlx_sys_py._array\narray\n.", mx.array),
        (b"cmlx_sys_py._dtype\nfloat32\n.", mx.float32),
        (b"cmlx_sys_py.ops\nsum\n.", mx.sum),
        (b"cmlx_sys_py._stream\nDeviceType\n.", mx.DeviceType),
        (b"cmlx_sys_py._dtype\nDtypeCategory\n.", mx.DtypeCategory),
    ],
)
def test_pickles_that_name_the_modules_within(text: bytes, value: object) -> None:
    assert pickle.loads(text) is value


def test_a_pickle_of_an_array_by_its_parts() -> None:
    text = pickle.dumps(mx.array([1.5, 2]))
    assert b"mlx_sys_py._array" in text
    assert pickle.loads(text).tolist() == [1.5, 2]


# ---- dir, help and inspect


@pytest.mark.parametrize("module", NAMESPACES, ids=lambda module: module.__name__)
def test_a_star_import_gives_what_dir_lists(module: ModuleType) -> None:
    names: dict[str, Any] = {}
    exec(f"from {module.__name__} import *", names)
    assert names.keys() - {"__builtins__"} == set(dir(module))


def test_dir_of_the_package() -> None:
    assert {"array", "sum", "float32", "random", "nn", "pi", "newaxis"} <= set(dir(mx))
    assert not {"io", "trees", "dtypes", "transforms", "TYPE_CHECKING", "Final"} & set(dir(mx))


def test_dir_of_a_module_lists_its_parameters_and_children() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = mx.zeros(2)
            self.layer = nn.Linear(1, 1)
            self.rate = 0.5

    assert {"weight", "layer", "rate", "parameters"} <= set(dir(Model()))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_and_types_have_signatures(name: str) -> None:
    assert inspect.signature(FUNCTIONS[name]) is not None
    assert inspect.getdoc(FUNCTIONS[name])


@pytest.mark.parametrize("name", METHODS)
def test_methods_have_signatures(name: str) -> None:
    assert next(iter(inspect.signature(METHODS[name]).parameters)) == "self"
    assert inspect.getdoc(METHODS[name])


def test_signatures_of_types() -> None:
    assert str(inspect.signature(mx.array)) == "(val, dtype=None)"
    assert str(inspect.signature(mx.Device)) == "(type, index=0)"
    assert "output_names" in inspect.signature(mx.fast.metal_kernel).parameters
    assert (inspect.getdoc(mx.array) or "").startswith("A multidimensional array")


def test_help_names_the_function_and_its_module() -> None:
    shown = pydoc.render_doc(mx.sum, renderer=PLAIN)
    assert shown.startswith("Python Library Documentation: cython_function_or_method in module mlx")
    assert "sum(a, /, axis=None, keepdims=False, *, " in shown
    for part in ("Args:", "Returns:", "Example:"):
        assert part in shown
    assert "sum(self, axis=None" in pydoc.render_doc(mx.array, renderer=PLAIN)
