"""Files of functions that are damaged, or made to do damage."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mlx_sys_py import MLX_VERSION, array, ops
from mlx_sys_py.export import FunctionExporter, export_function, import_function

X = array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def several_steps(args: list[array], kwargs: dict[str, array]) -> list[array]:
    x = args[0]
    parts = ops.split(ops.softmax(x @ x.T, axis=-1), 2, axis=1)
    taken = ops.take(x, array([0, 1, 1]), axis=1)
    return [*parts, ops.sum(taken, axis=0), kwargs["by"][::-1] + 1]


def several_types(args: list[array], kwargs: dict[str, array]) -> list[array]:
    x = args[0]
    padded = ops.pad(x, 1)
    return [ops.sort(padded, axis=0), ops.cumsum(x, axis=1), ops.transpose(padded).flatten()]


# Damages a file at every place, in ways that depend on the place; prints how many were still read.
DAMAGE = """
import resource, sys
from pathlib import Path
from mlx_sys_py import array
from mlx_sys_py.export import import_function
# Beyond what is taken from the start, by a sanitizer most of all.
statm = Path("/proc/self/statm")
taken = int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0
limit = taken + (8 << 30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
path, whole = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
x, by = array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), array([1.0, 2.0])
read = 0
def attempt(damaged):
    global read
    path.write_bytes(damaged)
    try:
        function = import_function(path)
    except OSError:
        return
    read += 1
    try:
        for result in function([x], {"by": by} if sys.argv[3] == "by" else {}):
            result.tolist()
    except (ValueError, IndexError, MemoryError, RuntimeError):
        pass
for place in range(0, len(whole), int(sys.argv[4])):
    print(place, file=sys.stderr)
    attempt(whole[:place])
    for byte in {0, 0x7F, 0x80, 0xFF, whole[place] ^ 1, whole[place] ^ 16}:
        attempt(whole[:place] + bytes([byte]) + whole[place + 1:])
    attempt(whole[:place] + b"\\xff" * 8 + whole[place + 8:])
    attempt(whole[:place] + bytes(8) + whole[place:])
print(read)
"""


@pytest.mark.parametrize("kind", ["steps", "types", "shapeless"])
def test_no_damage_brings_it_down(kind: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole.mlxfn"
    if kind == "steps":
        export_function(whole, several_steps, [X], {"by": array([1.0, 2.0])}, metadata="%s%n")
    else:
        export_function(whole, several_types, [X], shapeless=kind == "shapeless")
    code = [sys.executable, "-c", DAMAGE, str(tmp_path / "damaged"), str(whole)]
    result = subprocess.run(
        [*code, "by" if kind == "steps" else "", "5"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert result.returncode == 0, f"{result.returncode} at {result.stderr[-300:]}"
    # Names and numbers that are not checked can be changed, and little else.
    assert 0 < int(result.stdout) < whole.stat().st_size * 8


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def ints(*values: int) -> bytes:
    return struct.pack(f"<Q{len(values)}i", len(values), *values)


def ids(*values: int) -> bytes:
    return struct.pack(f"<Q{len(values)}Q", len(values), *values)


FLOAT32 = struct.pack("<iB", 10, 4)
UINT32 = struct.pack("<iB", 3, 4)


def one_step(
    name: str, state: bytes, shape: tuple[int, ...], *, inputs: int = 1, dtype: bytes = FLOAT32
) -> bytes:
    """A file whose function is one step, of an input of three items given over and over."""
    head = text(MLX_VERSION) + struct.pack("<iB", 1, 0) + text("") + struct.pack("<Q", 0)
    head += ids(1) + struct.pack("<Q", 1) + ints(3) + FLOAT32 + ids(2) + struct.pack("<Q", 2)
    head += struct.pack("<QBB", 1, 0, 0)
    step = struct.pack("<QB", 2, 1) + ids(*[1] * inputs) + bytes(12) + text(name) + state
    return head + step + struct.pack("<Q", 0) + ints(*shape) + dtype


def test_a_file_made_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "f.mlxfn"
    path.write_bytes(one_step("Negative", b"", (3,)))
    assert import_function(path)([array([1.0, 2.0, 3.0])])[0].tolist() == [-1, -2, -3]


HOSTILE = {
    "an output larger than its input": one_step("Negative", b"", (1 << 20,)),
    "an output of another type": one_step("Negative", b"", (3,), dtype=UINT32),
    "an axis that is not there": one_step("Transpose", ints(1 << 30), (3,)),
    "a window over other memory": one_step(
        "AsStrided", ints(3) + ids(1 << 40) + struct.pack("<Q", 0), (3,)
    ),
    "an offset into other memory": one_step(
        "AsStrided", ints(3) + ids(1) + struct.pack("<Q", 1 << 50), (3,)
    ),
    "a slice without end": one_step("Slice", ints(0) + ints(1 << 30) + ints(1), (1 << 30,)),
    "a slice without steps": one_step("Slice", ints(0) + ints(3) + ints(0), (3,)),
    "more inputs than it takes": one_step("Negative", b"", (3,), inputs=3),
    "no inputs": one_step("Negative", b"", (3,), inputs=0),
    "fewer inputs than it takes": one_step("Add", b"", (3,)),
    "a choice that is not there": one_step("Reduce", struct.pack("<i", 9) + ints(0), (1,)),
    "an operation that nobody knows": one_step("%s%n", b"", (3,)),
    "a program": one_step("CustomKernel", b"", (3,)),
    "a length of no memory": one_step("Transpose", struct.pack("<Q", 1 << 62), (3,)),
    "a convolution in no groups": one_step(
        "Convolution", ints(1) * 5 + struct.pack("<iB", 0, 0), (3,), inputs=2
    ),
    "groups of no items": one_step(
        "QuantizedMatmul", struct.pack("<iiiB", 0, 4, 0, 1), (3,), inputs=4
    ),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_made_to_do_damage_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "100%s.mlxfn"
    path.write_bytes(data)
    with pytest.raises(OSError, match="100%s"):
        import_function(path)


def test_an_export_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f.mlxfn"
    export_function(path, lambda args, _: [args[0] * 2], [X])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="LUF"):
        export_function(path, lambda args, _: [args[0], *unwritable(args[0])], [X])
    with FunctionExporter(path, several_steps) as exporter:
        with pytest.raises(KeyError):
            exporter([X])
        with pytest.raises(RuntimeError, match="closed"):
            exporter([X], {"by": X})
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["f.mlxfn"]


def unwritable(x: array) -> list[array]:
    from mlx_sys_py import cpu, linalg

    return list(linalg.lu_factor(x @ x.T, stream=cpu))


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "f.mlxfn"
    exporter = FunctionExporter(path, several_types)
    exporter([X])
    assert not path.exists()
    exporter.close()
    assert len(import_function(path)([X])) == 3


def test_constants_that_are_still_awaited(tmp_path: Path) -> None:
    path = tmp_path / "f.mlxfn"
    awaited = ops.ones((512, 512)) @ ops.ones((512, 512))
    from mlx_sys_py.transforms import async_eval

    async_eval([awaited])
    export_function(path, lambda args, _: [args[0] + awaited[0, :3]], [X])
    np.testing.assert_array_equal(
        np.array(import_function(path)([X])[0]), np.array(X) + np.float32(512)
    )
