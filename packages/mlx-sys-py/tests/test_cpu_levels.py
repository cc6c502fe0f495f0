"""The levels of the kernels, and the choice among them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from levels import HERE, KERNELS
from mlx_sys_py import array, cpu_kernels, ops, transforms


@pytest.mark.parametrize("level", KERNELS)
def test_level_is_tested_here(level: str) -> None:
    """The other files run at each level of this machine; this tells which ones those are not."""
    if level not in HERE:
        pytest.skip("the machine cannot run it")
    assert HERE.index(level) < HERE.index("stock")


def test_levels_are_known() -> None:
    assert set(HERE) <= {*KERNELS, "stock"}
    assert HERE[-1] == "stock"


@pytest.mark.parametrize("level", HERE)
def test_the_level_set_does_the_work(level: str) -> None:
    before = cpu_kernels.get_level()
    cpu_kernels.set_level(level)
    try:
        assert cpu_kernels.get_level() == level
        log = cpu_kernels.Log()
        transforms.eval([ops.exp(array([1.0]))])
    finally:
        cpu_kernels.set_level(before)
    (record,) = log.records()
    assert record.kernel == ("mlx" if level == "stock" else level)
    assert record.reason == ("MLX_SYS_PY_CPU=stock" if level == "stock" else "")


def test_a_fused_op_made_before_the_level_became_stock() -> None:
    from mlx_sys_py import fast

    before = cpu_kernels.get_level()
    normalized = fast.rms_norm(array([[3.0, 4.0]]), None, 0.0)
    cpu_kernels.set_level("stock")
    try:
        assert normalized.tolist()[0] == pytest.approx([0.848528, 1.131371])
    finally:
        cpu_kernels.set_level(before)


@pytest.mark.parametrize("level", ["", "v9", "STOCK"])
def test_unknown_level(level: str) -> None:
    message = f'^level is "{level}", but on this machine it can be {", ".join(HERE)}$'
    with pytest.raises(ValueError, match=message):
        cpu_kernels.set_level(level)


def test_level_of_another_type() -> None:
    with pytest.raises(TypeError, match="level"):
        cpu_kernels.set_level(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("level", HERE)
def test_level_of_the_environment(level: str) -> None:
    command = [sys.executable, "-c", "from mlx_sys_py.cpu_kernels import *; print(get_level())"]
    environment = {**os.environ, "MLX_SYS_PY_CPU": level}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == level


def test_long_rows_are_sorted_in_parts() -> None:
    """By four threads; fewer take a row each."""
    file = str(Path(__file__).parent / "test_cpu_sorting.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", file]
    environment = {**os.environ, "MLX_SYS_PY_NUM_THREADS": "4"}
    run = subprocess.run(
        [*command, "-k", "test_long_rows"], env=environment, capture_output=True, text=True
    )
    assert f"{4 * len(HERE)} passed" in run.stdout, run.stdout + run.stderr
