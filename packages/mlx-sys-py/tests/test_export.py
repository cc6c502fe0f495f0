"""Functions in files, and what an exporter tells a callback."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlx_sys_py import array, bool_, fast, float32, ops
from mlx_sys_py.export import (
    FunctionExporter,
    ImportedFunction,
    export_function,
    import_function,
)
from mlx_sys_py.transforms import value_and_grad

mlx = pytest.importorskip("mlx.core")

X = array([1.0, 2.0, 3.0])
Y = array([3.0, 2.0, 1.0])


class Failure(Exception):
    """An exception that no library raises."""


def function(args: list[array], kwargs: dict[str, array]) -> list[array]:
    return [ops.exp(args[0]) * kwargs["by"], args[0] + array([1.0, 2.0, 3.0])]


def failing(args: list[array], kwargs: dict[str, array]) -> list[array]:
    raise Failure("100%s of it")


def test_a_function_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "100%s ü.mlxfn"
    export_function(path, function, [X], {"by": Y}, metadata="100%s\n ü")
    imported = import_function(path)
    assert imported.metadata == "100%s\n ü"
    for ours, expected in zip(imported([Y], {"by": X}), function([Y], {"by": X}), strict=True):
        np.testing.assert_array_equal(np.array(ours), np.array(expected))
    with pytest.raises(ValueError, match="No imported function found"):
        imported([array([1.0, 2.0])], {"by": X})
    with pytest.raises(ValueError, match="No imported function found"):
        imported([X])


def test_mlx_reads_what_we_write_and_we_what_it_writes(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.mlxfn", tmp_path / "theirs.mlxfn"
    export_function(ours, function, [X], {"by": Y})
    mlx.export_function(str(theirs), lambda x, by: mlx.sin(x) @ by, mlx.ones(3), by=mlx.ones(3))
    read = mlx.import_function(str(ours))(mlx.ones(3), by=mlx.ones(3))
    np.testing.assert_allclose(np.array(read[0]), np.e * np.ones(3), rtol=1e-6)
    (result,) = import_function(theirs)([X], {"by": Y})
    assert result.item() == pytest.approx(float(np.sin(np.array(X)) @ np.array(Y)), rel=1e-6)


def test_several_traces_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "traces.mlxfn"
    with FunctionExporter(path, lambda args, _: [sum(args, array(0.0))]) as exporter:
        exporter([X])
        exporter([X, Y])
    with pytest.raises(RuntimeError, match="closed"):
        exporter([X, Y, X])
    imported = import_function(path)
    assert imported([X])[0].tolist() == [1, 2, 3]
    assert imported([X, Y])[0].tolist() == [4, 4, 4]


def test_one_trace_for_all_shapes(tmp_path: Path) -> None:
    path = tmp_path / "shapeless.mlxfn"
    export_function(path, lambda args, _: [args[0] * 2], [X], shapeless=True)
    assert import_function(path)([array([1.0] * 5)])[0].tolist() == [2] * 5


def test_gradients_of_what_is_broadcast(tmp_path: Path) -> None:
    """Arguments are not constants, which would be evaluated first."""
    path = tmp_path / "gradient.mlxfn"

    def gradients(args: list[array], _: object) -> list[array]:
        loss = value_and_grad(lambda x: [ops.sum(x[0] * ops.broadcast_to(x[1], (2, 3)))], [0, 1])
        return loss(args)[1]

    export_function(path, gradients, [ops.ones((2, 3)), X])
    of_first, of_second = import_function(path)([ops.ones((2, 3)), X])
    assert of_first.tolist() == [[1, 2, 3]] * 2
    assert of_second.tolist() == [2] * 3


def exchange(path: Path, old: bytes, new: bytes) -> None:
    whole = path.read_bytes()
    assert whole.count(old) == 1
    path.write_bytes(whole.replace(old, new))


def entry(*values: str | int | Sequence[int]) -> bytes:
    """Values as they are in a file of functions."""
    parts = []
    for value in values:
        if isinstance(value, str):
            parts.append(struct.pack("<q", len(value)) + value.encode())
        elif isinstance(value, int):
            parts.append(struct.pack("<i", value))
        else:
            parts.append(struct.pack(f"<q{len(value)}i", len(value), *value))
    return b"".join(parts)


def rope(x: array, traditional: bool) -> array:
    return fast.rope(x, 8, traditional=traditional, base=100.0, scale=1.0, offset=3)


Q, K, V = (
    array(np.random.default_rng(i).normal(size=(1, 2, 4, 8)).astype(np.float32)) for i in range(3)
)
NORMS = [ops.full((3,), 2.0), ops.full((3,), 0.5)]

FUSED: dict[str, tuple[str, bytes, list[array], Callable[..., list[array]]]] = {
    "RMSNorm": (
        "RMSNorm",
        struct.pack("<f", 0.1),
        [X, Y],
        lambda x, w: [fast.rms_norm(x, w, 0.1)],
    ),
    "LayerNorm": (
        "LayerNorm",
        struct.pack("<f", 0.1),
        [X, *NORMS],
        lambda x, w, b: [fast.layer_norm(x, w, b, 0.1)],
    ),
    "attention": (
        "ScaledDotProductAttention",
        struct.pack("<f????", 0.3, False, False, False, True),
        [Q, K, V],
        lambda q, k, v: [fast.scaled_dot_product_attention(q, k, v, scale=0.3)],
    ),
    "causal attention": (
        "ScaledDotProductAttention",
        struct.pack("<f????", 0.3, True, False, False, False),
        [Q, K, V],
        lambda q, k, v: [fast.scaled_dot_product_attention(q, k, v, scale=0.3, mask="causal")],
    ),
    "RoPE": (
        "RoPE",
        struct.pack("<i?ff?", 8, False, 100.0, 1.0, True),
        [Q, array([3])],
        lambda x, offset: [rope(x, False)],
    ),
    "RoPE backwards": (
        "RoPE",
        struct.pack("<i?ff?", 8, True, 100.0, 1.0, False),
        [rope(Q, True), array([3])],
        lambda x, offset: [Q],
    ),
}


@pytest.mark.parametrize(("name", "state", "args", "expected"), FUSED.values(), ids=FUSED)
def test_what_was_exported_on_a_gpu(
    name: str,
    state: bytes,
    args: list[array],
    expected: Callable[..., list[array]],
    tmp_path: Path,
) -> None:
    """There, the functions of `fast` are ops of their own. Here, others get their names."""
    path = tmp_path / "gpu.mlxfn"
    shape = args[0].shape
    old, old_state = "ArcTan2", b""
    if len(args) == 3:
        # Of three floats there is no op: the condition becomes one in the file.
        old, condition = "Select", args[0].astype(bool_)
        export_function(path, lambda args, _: [ops.where(*args)], [condition, *args[1:]])
        exchange(path, entry(shape, 0) + b"\1", entry(shape, 10) + b"\4")
    elif name == "RoPE":
        old, old_state = "DynamicSlice", entry([0], shape)
        export_function(path, lambda args, _: [ops.slice(args[0], args[1], [0], shape)], args)
    else:
        export_function(path, lambda args, _: [ops.arctan2(*args)], args)
    exchange(path, entry(old) + old_state, entry(name) + state)
    (result,) = import_function(path)(args)
    np.testing.assert_allclose(np.array(result), np.array(expected(*args)[0]), rtol=1e-5, atol=1e-6)


def test_a_callback_is_told_what_mlx_tells() -> None:
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    export_function(ours.append, lambda x, _: [ops.sum(x[0] * 2, axis=0)], [X])
    mlx.export_function(theirs.append, lambda x: mlx.sum(x * 2, axis=0), mlx.array([1.0, 2.0, 3.0]))

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(entry) for key, entry in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(plain(entry) for entry in value)
        return value if isinstance(value, int | str) else str(value).rpartition(".")[2]

    assert plain(ours) == plain(theirs)
    inputs = next(step for step in ours if step["type"] == "inputs")
    assert inputs["inputs"] == [("A", (3,), float32)]


RUNS: list[Callable[[Path], object]] = [
    lambda path: export_function(path, failing, [X], {"by": Y}),
    lambda path: FunctionExporter(path, failing)([X]),
    lambda path: export_function(lambda step: failing([], {}), function, [X], {"by": Y}),
]


@pytest.mark.parametrize("run", RUNS)
def test_an_exception_comes_out_as_itself(run: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(Failure, match="100%s of it"):
        run(tmp_path / "f.mlxfn")


def test_wrong_arguments(tmp_path: Path) -> None:
    path = tmp_path / "f.mlxfn"
    with pytest.raises(FileNotFoundError, match="no such"):
        export_function(tmp_path / "no such" / "f", function, [X], {"by": Y})
    with pytest.raises(OSError, match="is a folder"):
        export_function(tmp_path, function, [X], {"by": Y})
    with pytest.raises(FileNotFoundError):
        import_function(path)
    with pytest.raises(OSError, match="not a file"):
        import_function(tmp_path)
    with pytest.raises(ValueError, match="null character"):
        import_function("a\0b")
    with pytest.raises(TypeError, match="function must be callable"):
        export_function(path, 3, [X])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="path"):
        export_function(3, function, [X])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="metadata"):
        FunctionExporter(lambda step: None, function, metadata="text")
    with pytest.raises(TypeError, match="result"):
        export_function(path, lambda args, kwargs: 3, [X])  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match="import_function"):
        ImportedFunction()


DAMAGE = """
import sys
from pathlib import Path
from mlx_sys_py.export import import_function
path, whole = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
for end in range(0, len(whole), 7):
    path.write_bytes(whole[:end])
    try:
        import_function(path)
    except OSError:
        continue
    sys.exit(f"a file of {end} bytes was read")
"""


def test_a_file_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    export_function(tmp_path / "whole", function, [X], {"by": Y})
    command = [sys.executable, "-c", DAMAGE, str(tmp_path / "cut"), str(tmp_path / "whole")]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
