"""Arrays whose memory is a file: equal to those that are read, and safe whatever becomes of it."""

from __future__ import annotations

import gc
import json
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from mlx_sys_py import array, ops, transforms
from mlx_sys_py.io import load_npy, load_safetensors, save_npy, save_safetensors

PAGE = os.sysconf("SC_PAGE_SIZE")


def maps_of(path: Path) -> int:
    """How often a file is in the memory of this process."""
    lines = Path("/proc/self/maps").read_text().splitlines()
    return sum(line.endswith(str(path)) for line in lines)


@given(
    st.data(),
    st.sampled_from("? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16 >i4 >c8".split()),
    hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
    st.sampled_from("CF"),
)
@settings(max_examples=60, deadline=None)
def test_npy(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    kind: str,
    shape: tuple[int, ...],
    order: Any,
) -> None:
    path = tmp_path_factory.mktemp("npy") / "x.npy"
    np.save(path, np.asarray(data.draw(hnp.arrays(kind, shape)), order=order))
    mapped, read = load_npy(path, mmap=True), load_npy(path)
    assert mapped.dtype == read.dtype
    assert mapped.shape == read.shape
    np.testing.assert_array_equal(np.array(mapped), np.array(read))
    np.testing.assert_array_equal(np.array(ops.add(mapped, 1)), np.array(ops.add(read, 1)))


def test_safetensors_aligned_or_not(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    header = {
        "byte": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
        "odd": {"dtype": "I32", "shape": [2, 2], "data_offsets": [1, 17]},
        "flag": {"dtype": "BOOL", "shape": [3], "data_offsets": [17, 20]},
        "none": {"dtype": "F32", "shape": [0, 2], "data_offsets": [20, 20]},
        "even": {"dtype": "F32", "shape": [], "data_offsets": [20, 24]},
    }
    text = json.dumps({**header, "__metadata__": {"a": "b"}})
    text += " " * (-len(text) % 8)
    data = b"\x05" + struct.pack("<iiii", 1, -2, 3, 4) + b"\x01\x00\x02" + struct.pack("<f", 1.5)
    path.write_bytes(struct.pack("<Q", len(text)) + text.encode() + data)
    arrays, metadata = load_safetensors(path, mmap=True)
    assert metadata == {"a": "b"}
    assert {name: x.tolist() for name, x in arrays.items()} == {
        "byte": [5], "odd": [[1, -2], [3, 4]], "flag": [True, False, True], "none": [], "even": 1.5,
    }  # fmt: skip


def test_the_memory_is_that_of_the_file_and_goes_with_the_last_array(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_safetensors(path, {"a": array(np.ones(1000, np.float32)), "b": array([1, 2])})
    arrays, _ = load_safetensors(path, mmap=True)
    assert maps_of(path) == 1
    view = arrays["a"][10:20]
    a = np.asarray(arrays["a"])
    del arrays
    gc.collect()
    assert maps_of(path) == 1
    # NumPy has the very memory, and what it writes there stays here.
    a[10] = 5
    assert ops.sum(view).item() == 14
    assert load_safetensors(path)[0]["a"][10].item() == 1
    del a, view
    gc.collect()
    assert maps_of(path) == 0


def test_no_operation_writes_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.arange(100_000, dtype=np.float32))
    before = path.read_bytes()
    x = load_npy(path, mmap=True)
    for _ in range(3):
        x = ops.add(x, 1)
    y = load_npy(path, mmap=True)
    y[5] = 7
    y += 1
    transforms.eval([x, y])
    assert x[0].item() == 3
    assert y[5].item() == 8
    assert path.read_bytes() == before


def test_a_file_that_is_replaced_stays(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    save_npy(path, array([1.0, 2.0]))
    x = load_npy(path, mmap=True)
    save_npy(path, array([3.0]))
    assert x.tolist() == [1.0, 2.0]
    path.unlink()
    assert x.tolist() == [1.0, 2.0]


def test_what_cannot_be_mapped(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    save_npy(path, array([1.0]))
    with path.open("rb") as file:
        with pytest.raises(ValueError, match="mmap needs the path"):
            load_npy(file, mmap=True)
        with pytest.raises(ValueError, match="mmap needs the path"):
            load_safetensors(file, mmap=True)
    with pytest.raises(FileNotFoundError):
        load_npy(tmp_path / "absent", mmap=True)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(OSError, match="truncated"):
        load_npy(path, mmap=True)


COUNT = 64 * PAGE // 4


@pytest.fixture
def truncated(tmp_path: Path) -> tuple[Path, array, array]:
    """Two arrays of one file, the second of which has lost its end; and another file's."""
    path = tmp_path / "x.safetensors"
    ones = np.ones(COUNT, np.float32)
    save_safetensors(path, {"a": array(ones), "b": array(ones)})
    arrays, _ = load_safetensors(path, mmap=True)
    return path, arrays["a"], arrays["b"]


def cut(path: Path, keep: int) -> None:
    with path.open("r+b") as file:
        file.truncate(keep)


USES: dict[str, Callable[[array], Any]] = {
    "sum": lambda x: ops.sum(x).item(),
    "chain": lambda x: transforms.eval([ops.exp(ops.multiply(x, x))]),
    "sort": lambda x: transforms.eval([ops.sort(x)]),
    "inverse transform": lambda x: transforms.eval([ops.reshape(ops.negative(x), (-1, 2))]),
    "tolist": lambda x: x.tolist(),
    "buffer": lambda x: np.array(x),
    "one element": lambda x: x[COUNT - 1].item(),
}


@pytest.mark.parametrize("use", USES)
def test_a_file_that_becomes_shorter_is_an_error(
    truncated: tuple[Path, array, array], use: str
) -> None:
    path, a, b = truncated
    other = load_npy_of(path.parent, 5)
    last = max((a, b), key=lambda x: np.asarray(x).ctypes.data)
    first = b if last is a else a
    cut(path, path.stat().st_size - 32 * PAGE)
    for _ in range(2):
        with pytest.raises((OSError, RuntimeError), match=r"x\.safetensors is truncated"):
            USES[use](last)
    # What does not read the file goes on.
    assert ops.sum(other).item() == 5 * PAGE
    assert ops.sum(array([1, 2])).item() == 3
    del first


def load_npy_of(folder: Path, value: int) -> array:
    np.save(folder / "other.npy", np.full(PAGE, value, np.int32))
    return load_npy(folder / "other.npy", mmap=True)


def test_results_of_a_failed_evaluation_fail_again(truncated: tuple[Path, array, array]) -> None:
    path, a, b = truncated
    results = [ops.sum(ops.exp(x)) for x in (a, b)]
    cut(path, PAGE)
    for result in results:
        for _ in range(2):
            with pytest.raises((OSError, RuntimeError), match="is truncated"):
                result.item()
    asynchronous = ops.sum(ops.exp(a))

    def compute() -> None:
        transforms.async_eval([asynchronous])
        asynchronous.item()

    with pytest.raises((OSError, RuntimeError), match="is truncated"):
        compute()


PROGRAM = """
import ctypes, faulthandler, mmap, sys
import numpy as np
from mlx_sys_py import ops
from mlx_sys_py.io import load_npy
path = sys.argv[1]
if "before" in sys.argv:
    faulthandler.enable()
x = load_npy(path, mmap=True)
if "between" in sys.argv:
    faulthandler.enable()
    x = load_npy(path, mmap=True)
if sys.argv[2] == "ours":
    open(path, "r+b").truncate(200)
    try:
        ops.sum(x).item()
    except OSError as error:
        print("caught", error)
else:
    with open(path, "r+b") as file:
        theirs = mmap.mmap(file.fileno(), 0)
        file.truncate(200)
    theirs[8000]
"""


@pytest.mark.parametrize("faulthandler", ["before", "between", "never"])
def test_other_bus_errors_are_not_ours(tmp_path: Path, faulthandler: str) -> None:
    path = tmp_path / "x.npy"

    def run(whose: str) -> subprocess.CompletedProcess[str]:
        np.save(path, np.ones(100_000, np.float32))
        command = [sys.executable, "-c", PROGRAM, str(path), whose, faulthandler]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    ours = run("ours")
    assert ours.returncode == 0, ours.stderr
    assert "is truncated" in ours.stdout
    assert "has become shorter" in ours.stderr
    theirs = run("theirs")
    assert theirs.returncode == -7
    assert ("Fatal Python error: Bus error" in theirs.stderr) == (faulthandler != "never")


def test_many_files_come_and_go(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.npy" for i in range(20)]
    for i, path in enumerate(paths):
        np.save(path, np.full(1000, i))
    gc.collect()
    descriptors = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        arrays = [load_npy(path, mmap=True) for path in paths]
        assert [x[999].item() for x in arrays] == list(range(20))
    del arrays
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == descriptors
