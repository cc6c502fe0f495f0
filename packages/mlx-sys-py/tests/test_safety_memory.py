"""Arrays that no memory can hold: MemoryError or ValueError, and everything else goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from mlx_sys_py import array, ops, random, transforms

TOO_LARGE: dict[str, Callable[[], array]] = {
    "zeros": lambda: ops.zeros((10**9, 10**9)),
    "more bytes than there are addresses": lambda: ops.zeros((10**9, 10**9, 10**9)),
    "eye": lambda: ops.eye(10**6),
    "tile": lambda: ops.tile(ops.ones((2, 3)), [10**5, 10**5, 10**5]),
    "contiguous": lambda: ops.contiguous(ops.broadcast_to(array(1.0), (2**30, 2**15))),
    "outer": lambda: ops.outer(ops.arange(10**7), ops.arange(10**7)),
    "matmul": lambda: ops.matmul(ops.zeros((10**6, 1)), ops.zeros((1, 10**7))),
    "normal": lambda: random.normal((10**6, 10**7)),
}


@pytest.mark.parametrize("make", TOO_LARGE.values(), ids=TOO_LARGE)
def test_too_large(make: Callable[[], array]) -> None:
    small = ops.exp(array([0.0]))
    with pytest.raises((MemoryError, ValueError)):
        transforms.eval([small, make()])
    assert small.tolist() == [1.0]


def test_error_names_the_array() -> None:
    with pytest.raises(MemoryError, match=r"\(1000000000,1000000000\) and type float32"):
        transforms.eval([ops.zeros((10**9, 10**9))])


def test_view_of_one_number_is_no_large_array() -> None:
    a = ops.broadcast_to(array(1.0), (2**20, 2**20, 2**20))
    assert a[5, 6, :3].tolist() == [1, 1, 1]


def test_negative_extent() -> None:
    for make in (ops.zeros, ops.ones, random.normal):
        with pytest.raises(ValueError, match=r"[Nn]egative"):
            transforms.eval([make((2, -3))])


def test_under_a_limit_of_the_system() -> None:
    script = """
import resource
from mlx_sys_py import ops, transforms
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
try:
    transforms.eval([ops.zeros((2**20, 2**11))])
except MemoryError:
    print(ops.arange(3).tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[0, 1, 2]\n"


# Half-precision numbers, which the kernels compute with in memory of their own: less of it is left
# than they need.
KERNELS = {
    "in the calling thread": ("fast.rms_norm(x, None, 1e-5)", (1, 1 << 21), 1 << 20),
    "on the thread of the stream": ("fast.rms_norm(x, None, 1e-5)", (1, 1 << 24), 48 << 20),
    "before an operation of MLX": ("ops.sin(fast.rms_norm(x, None, 1e-5))", (1, 1 << 24), 48 << 20),
    "in several threads": ("fast.rms_norm(x, None, 1e-5)", (4, 1 << 22), 40 << 20),
    "on a stream of one's own": (
        "fast.rms_norm(x, None, 1e-5, stream=new_stream(cpu))",
        (1, 1 << 24),
        48 << 20,
    ),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is of Linux")
@pytest.mark.skipif(
    os.environ.get("MLX_SYS_PY_CPU") == "stock", reason="MLX's kernels take memory at other times"
)
@pytest.mark.parametrize(("expression", "shape", "left"), KERNELS.values(), ids=KERNELS)
def test_kernels_without_memory_to_work_in(
    expression: str, shape: tuple[int, ...], left: int
) -> None:
    script = f"""
import resource
from mlx_sys_py import array, cpu, fast, float16, new_stream, ops, transforms

def make(x):
    return {expression}

def is_computed(y):
    try:
        transforms.eval([y])
        return True
    except MemoryError:
        return False

x, small = ops.ones({shape}, float16), ops.ones((1, 4, 8, 8), float16)
transforms.eval([x, make(small)])
y = make(x)
with open("/proc/self/statm") as file:
    size = int(file.read().split()[0]) * resource.getpagesize()
unlimited = resource.getrlimit(resource.RLIMIT_AS)
resource.setrlimit(resource.RLIMIT_AS, (size + {left}, unlimited[1]))
print(is_computed(y), is_computed(y[..., :1] + 1), ops.arange(3).tolist())
resource.setrlimit(resource.RLIMIT_AS, unlimited)
print(is_computed(make(x)))
"""
    # With one arena: others have room of their own, which is counted before it is used.
    environment = {**os.environ, "MLX_SYS_PY_NUM_THREADS": "3", "MALLOC_ARENA_MAX": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        env=environment,
    )
    assert done.stdout == "False False [0, 1, 2]\nTrue\n"
