"""Libraries that choose by type are told of arrays when they are imported.

`tests/test_interop.py` of the repository runs the libraries themselves; here are stand-ins.
"""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import array_api

COLLATE = "torch.utils.data._utils.collate"


def write_module(folder: Path, name: str, text: str) -> None:
    *packages, _ = name.split(".")
    for depth in range(len(packages)):
        package = folder.joinpath(*packages[: depth + 1])
        package.mkdir(exist_ok=True)
        (package / "__init__.py").touch()
    folder.joinpath(*name.split(".")).with_suffix(".py").write_text(text)


def run_python(code: str, folder: Path) -> None:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


BOTH_ORDERS = pytest.mark.parametrize("late", [True, False], ids=["after", "before"])


@BOTH_ORDERS
def test_a_backend_for_einops(late: bool, tmp_path: Path) -> None:
    write_module(tmp_path, "einops._backends", "class AbstractBackend:\n    pass\n")
    names = ["mlx_core_py", "einops._backends"]
    code = f"""
        import {", ".join(names if late else names[::-1])}
        import einops._backends, gc, mlx_core_py as mx
        gc.collect()
        (backend,) = [kind() for kind in einops._backends.AbstractBackend.__subclasses__()]
        assert backend.framework_name == "mlx_core_py"
        x = backend.from_numpy([[1.0, 2.0]])
        assert backend.is_appropriate_type(x) and not backend.is_appropriate_type(1)
        assert backend.tile(backend.add_axis(x, 0), (2, 1, 1)).shape == (2, 1, 2)
        assert backend.concat([x, x], 0).shape == (2, 2)
        assert backend.stack_on_zeroth_dimension([x, x]).shape == (2, 1, 2)
        assert backend.arange(1, 3).tolist() == [1, 2]
        assert backend.is_float_type(x) and not backend.is_float_type(mx.array(1))
        assert backend.einsum("ij,kj->ik", x, x).tolist() == [[5.0]]
        spec = einops._backends.__spec__
        assert spec.loader is einops._backends.__loader__
        assert spec.loader.get_filename().endswith("_backends.py")
    """
    run_python(code, tmp_path)


@BOTH_ORDERS
def test_batches_of_a_data_loader(late: bool, tmp_path: Path) -> None:
    write_module(tmp_path, COLLATE, "default_collate_fn_map = {}\n")
    names = ["mlx_core_py", COLLATE]
    code = f"""
        import {", ".join(names if late else names[::-1])}
        import {COLLATE} as collate, mlx_core_py as mx
        stack = collate.default_collate_fn_map[mx.array]
        assert stack([mx.array(1), mx.array(2)], collate_fn_map={{}}).tolist() == [1, 2]
    """
    run_python(code, tmp_path)


@BOTH_ORDERS
@pytest.mark.parametrize("name", ["einops._backends", COLLATE])
def test_another_version_of_a_library(name: str, late: bool, tmp_path: Path) -> None:
    write_module(tmp_path, name, "there = True\n")
    names = ["mlx_core_py", name]
    run_python(
        f"import {', '.join(names if late else names[::-1])}\nimport {name} as m; assert m.there",
        tmp_path,
    )


def test_errors_of_an_import_are_its_own(tmp_path: Path) -> None:
    write_module(tmp_path, "einops._backends", "1 / 0\n")
    code = """
        import mlx_core_py
        for _ in range(2):
            try:
                import einops._backends
            except ZeroDivisionError:
                continue
            raise AssertionError
        try:
            import torch.utils.data._utils.collate
        except ModuleNotFoundError as error:
            assert error.name.startswith("torch")
    """
    run_python(code, tmp_path)


xps = array_api.make_strategies_namespace(mx, api_version="2023.12")


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_strategies_of_hypothesis_make_arrays(data: st.DataObject) -> None:
    dtype = data.draw(
        st.sampled_from([mx.bool, mx.int8, mx.int32, mx.int64, mx.uint8, mx.uint32, mx.float32])
    )
    elements = {"allow_subnormal": False} if dtype == mx.float32 else None
    shape = data.draw(xps.array_shapes(max_dims=3, max_side=4))
    a = data.draw(xps.arrays(dtype, shape, elements=elements))
    assert isinstance(a, mx.array)
    assert (a.dtype, a.shape) == (dtype, shape)
    np.testing.assert_array_equal(np.asarray(mx.array(np.asarray(a))), np.asarray(a))


@pytest.mark.filterwarnings("ignore:.*complex128")
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_strategies_of_hypothesis_know_the_types(data: st.DataObject) -> None:
    assert isinstance(data.draw(xps.scalar_dtypes()), mx.Dtype)
