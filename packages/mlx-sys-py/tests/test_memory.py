"""What the allocator counts and keeps."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest
from mlx_sys_py import array, memory, ops
from mlx_sys_py.transforms import eval as evaluate

SIZE = 12 << 20  # elements: 48 MB


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """Limits as they were, and nothing kept at the start."""
    before = memory.set_cache_limit(0)
    memory.clear_cache()
    memory.set_cache_limit(before)
    yield
    memory.set_cache_limit(before)


def result() -> array:
    y = ops.exp(ops.zeros([SIZE]))
    evaluate([y])
    return y


def test_freed_results_are_used_again() -> None:
    active = memory.get_active_memory()
    y = result()
    used = memory.get_active_memory()
    assert 4 * SIZE <= used - active < 4 * SIZE + 1000
    del y
    assert memory.get_active_memory() == active
    kept = memory.get_cache_memory()
    assert kept >= 4 * SIZE
    y = result()
    assert memory.get_active_memory() == used
    assert memory.get_cache_memory() <= kept - 4 * SIZE
    del y
    memory.clear_cache()
    assert memory.get_cache_memory() == 0


def test_no_more_is_kept_than_the_limit() -> None:
    limit = memory.set_cache_limit(4 * SIZE - 1)
    assert limit >= 4 * SIZE
    y = result()
    del y
    assert memory.get_cache_memory() < 4 * SIZE
    assert memory.set_cache_limit(0) == 4 * SIZE - 1
    y = result()
    del y
    assert memory.get_cache_memory() == 0


def test_kept_memory_is_not_in_the_peak() -> None:
    y = result()
    del y
    memory.reset_peak_memory()
    assert memory.get_peak_memory() < 4 * SIZE
    y = result()
    assert 4 * SIZE <= memory.get_peak_memory() < 8 * SIZE + memory.get_active_memory()
    del y
    assert memory.get_peak_memory() >= 4 * SIZE


@pytest.mark.parametrize("first", ["", "array(1) + array(1)"])
def test_the_default_is_a_part_of_the_memory_limit(first: str) -> None:
    """Whether or not something was computed before; and what is set is not set back."""
    program = f"""
        from mlx_sys_py import array, gpu, is_available, memory, transforms
        transforms.eval([{first}])
        if not is_available(gpu):
            assert memory.set_cache_limit(1000) == memory.get_memory_limit() // 32
            transforms.eval([array(1) + array(1)])
            assert memory.set_cache_limit(0) == 1000
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)
