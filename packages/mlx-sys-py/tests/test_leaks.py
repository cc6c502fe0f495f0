"""Nothing is left of what was done: the heaps of C and Python and the memory of MLX do not grow."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import inspect
import io
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import mlx_sys_py as mx
import numpy as np
import pytest
from mlx_sys_py import (
    Closure,
    ClosureCustom,
    ClosureCustomJvp,
    ClosureCustomVmap,
    ClosureKwargs,
    ClosureValueAndGrad,
    array,
    export,
    fast,
    fft,
    graph,
    linalg,
    memory,
    ops,
    random,
    special,
    transforms,
)

CALLS = 400
# What a leak of anything adds per call, at the least: the smallest chunk of C's heap is 24 bytes.
LEAST = {"heap": 16.0, "blocks": 0.5, "active": 0.5}


class HeapUse(ctypes.Structure):
    """``struct mallinfo2`` of glibc."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
        )
    ]


def heap_use() -> int:
    """Bytes that C and C++ have allocated; 0 where the C library does not tell."""
    process = ctypes.CDLL(None)
    try:
        # AddressSanitizer allocates in place of the C library.
        ask = process.__sanitizer_get_current_allocated_bytes
    except AttributeError:
        pass
    else:
        ask.restype = ctypes.c_size_t
        return int(ask())
    try:
        ask = process.mallinfo2
    except AttributeError:
        return 0
    ask.restype = HeapUse
    used = ask()
    return int(used.uordblks + used.hblkhd)


def use() -> dict[str, int]:
    mx.synchronize()
    gc.collect()
    return {
        "heap": heap_use(),
        "blocks": sys.getallocatedblocks(),
        "active": memory.get_active_memory(),
    }


def leaks(function: Callable[[], object], calls: int = CALLS) -> dict[str, float]:
    """What a call leaves behind, on average; empty if nothing."""
    found: dict[str, float] = {}
    for _ in range(8):
        # Caches fill, and threads start, the first times; the nodes that a thread keeps for later
        # ones get longer lists of inputs for a while.
        for _ in range(calls // 4):
            function()
        before = use()
        for _ in range(calls):
            function()
        after = use()
        found = {
            name: (after[name] - before[name]) / calls
            for name in before
            if after[name] - before[name] >= LEAST[name] * calls
        }
        if not found:
            break
    return found


@pytest.fixture(autouse=True)
def _no_automatic_collection() -> Iterator[None]:
    gc.disable()
    # A thread keeps some of the nodes that it frees: as many as it ever will.
    _ = [A + A for _ in range(300)]
    del _
    # What is there already is not looked at again and again.
    gc.freeze()
    yield
    gc.unfreeze()
    gc.enable()


kept: list[Any] = []


@pytest.mark.parametrize(
    ("leak", "where"),
    [
        (lambda: ctypes.CDLL(None).malloc(64), "heap"),
        # Python may be told to leave its blocks to C.
        (lambda: kept.append(object()), "blocks" if sys.getallocatedblocks() else "heap"),
        (lambda: kept.append(ops.ones((3,)).tolist() and array([1.0])), "active"),
        (lambda: kept.append(array(1) + 1), "heap"),
    ],
    ids=["C", "Python", "data", "graph"],
)
def test_a_leak_is_seen(leak: Callable[[], object], where: str) -> None:
    try:
        assert where in leaks(leak)
    finally:
        kept.clear()


A = array([[1.0, 2.0], [3.0, 4.0]])
X = array([1.0, 2.0])
I = array([0, 1])  # noqa: E741
NUMPY = np.ones((3, 4), dtype=np.float32)
# What a function must not return.
WRONG: Any = [None, "a"]


def double(inputs: list[array]) -> list[array]:
    return [(inputs[0] * 2).sum()]


def fail(*_: Any) -> Any:
    raise ZeroDivisionError


def refused(function: Callable[..., object], *args: Any, **kwargs: Any) -> Exception:
    try:
        function(*args, **kwargs)
    except Exception as error:
        return error
    raise AssertionError(f"{function} was not refused")


def assign(index: Any, value: Any) -> array:
    b = A + 0
    b[index] = value
    return b


def add_in_place() -> None:
    b = A + 0
    view = memoryview(b)
    b += 1
    b *= X
    view.release()


def vectorize() -> list[array]:
    traced = transforms.vmap_trace(double, [A], [0])
    return transforms.vmap_replace([A], *traced, [0], [0])


def custom() -> Closure:
    return transforms.custom_function(
        double,
        vjp=lambda x, dy, y: [dy[0] * x[0]],
        jvp=lambda x, dx, argnums: [dx[0].sum()],
        vmap=lambda x, axes: (double(x), [-1]),
    )


def detail_compile() -> None:
    transforms.detail_compile(double, 123456, False, [1, 2])([X])
    transforms.compile_erase(123456)


def cycle() -> None:
    holder: list[Any] = []
    holder.append(transforms.compile(lambda x: [x[0] * len(holder)]))
    if len(kept) > 20:
        kept.clear()


def exporter(
    callback: Callable[..., Any], function: Callable[..., Any] = double
) -> export.FunctionExporter:
    with export.FunctionExporter(callback, lambda args, kwargs: function(args)) as record:
        record([X], {})
    return record


def npy() -> None:
    file = io.BytesIO()
    mx.io.save_npy(file, X)
    file.seek(0)
    mx.io.load_npy(file)


def safetensors() -> None:
    file = io.BytesIO()
    mx.io.save_safetensors(file, {"a": X, "b": A}, {"key": "value"})
    file.seek(0)
    mx.io.load_safetensors(file)


class BadFile(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        raise ZeroDivisionError

    write = read  # type: ignore[assignment]


def with_stream() -> None:
    with mx.stream(mx.cpu):
        ops.ones((2,), stream=mx.default_stream(mx.cpu))
    mx.default_device()
    mx.device_info(mx.cpu)


CASES: dict[str, Callable[[], object]] = {
    "arrays of numbers": lambda: (array(1), array([1, 2.5]), array([[True]]), array([1j])),
    "arrays of buffers": lambda: (array(NUMPY), array(NUMPY.T), array(NUMPY.astype("f8"))),
    "arrays of arrays": lambda: array([[X, X], [X, X]]),
    "arrays refused": lambda: (
        refused(array, [[1], [1, 2]]),
        refused(array, [1, "a"]),
        refused(array, object()),
        refused(array, 2**70),
        refused(array, np.array(["a"])),
    ),
    "operators": lambda: (A + X, 2 * A, A @ A, -A, A < 1, A**2, I & 1, ~I, abs(A), A // 2),
    "operators refused": lambda: (
        refused(lambda: A + array([1, 2, 3])),
        refused(lambda: A @ array([1, 2, 3])),
        refused(A.__add__, NUMPY),
        refused(lambda: I & 1.5),
    ),
    "operators in place": add_in_place,
    "methods": lambda: (A.sum(), A.reshape(4), A.astype(mx.int32), A.T, A.max(axis=1), A.flatten()),
    "methods refused": lambda: (
        refused(A.sum, axis=7),
        refused(A.reshape, (3, 3)),
        refused(A.item),
        refused(A.astype, "a"),
    ),
    "properties": lambda: (A.shape, A.dtype, A.ndim, A.nbytes, hash(A), len(A), A.real, A.at[0]),
    "indexing": lambda: (A[0], A[:, 1], A[None], A[..., 0], A[::-1], A[I], A[I, I], A[I > 0]),
    "indexing refused": lambda: (
        refused(lambda: A[5].tolist()),
        refused(lambda: A["a"]),
        refused(lambda: A[0, 0, 0]),
        refused(lambda: A[[1, 2, 5]].tolist()),
    ),
    "assignment": lambda: (
        assign(0, 1.0),
        assign(slice(None, None, 2), X),
        assign(I, A),
        assign((I, 0), 1),
        assign(..., A),
    ),
    "assignment refused": lambda: (
        refused(assign, 0, array([1, 2, 3])),
        refused(assign, "a", 1),
        refused(assign, (0, 0, 0), 1),
        refused(assign, 0, "a"),
    ),
    "updates": lambda: (A.at[0].add(1), A.at[I].multiply(X), A.at[:, 0].maximum(X)),
    "evaluation": lambda: transforms.eval([A + 1, ops.exp(A) @ A]),
    "evaluation without waiting": lambda: transforms.async_eval([A + 1]),
    "evaluation that fails": lambda: refused(ops.take(X, I + 7).tolist),
    "values": lambda: ((A + 1).tolist(), X[0].item(), float(X[1]), bool(I[0]), bytes(I)),
    "texts": lambda: (repr(A), str(X), f"{X[0]:.2f}", repr(mx.float32), repr(mx.cpu)),
    "iteration": lambda: list(A),
    "copies": lambda: (A.__copy__(), A.__deepcopy__({}), A.__reduce__(), A.__reduce_ex__(5)),
    "pickles": lambda: (
        pickle.loads(pickle.dumps(A, 5)),
        refused(pickle.loads, pickle.dumps(A).replace(b"float32", b"float16")),
    ),
    "functions of NumPy": lambda: (
        np.sqrt(A),
        np.mean(A),
        np.concatenate([A, A]),
        np.float32(2) * A,
        NUMPY[:2, :2] * A,
        refused(np.copyto, A, 1),
        refused(np.add, A, 1, out=A),
    ),
    "rows": lambda: (
        array([[X, X], [X, X]]),
        array([X, [1.0] * len(X)]),
        array(b"bytes"),
        array(NUMPY.astype(">f8")),
        array(NUMPY.astype("f8"), mx.int32),
        refused(array, [X, [1.0]]),
        refused(array, [X, "a"]),
        refused(array, np.array(["a"])),
    ),
    "protocols of numbers": lambda: (divmod(A, 2), round(A, 1), 1 in A, 2**70 in A),
    "buffers": lambda: (memoryview(A + 1), np.asarray(A), np.asarray(A.T), bytes(A)),
    "buffers refused": lambda: (
        refused(memoryview, A.astype(mx.bfloat16)),
        refused(lambda: memoryview(A.T).cast("B")),
    ),
    "DLPack": lambda: (
        A.__dlpack__(),
        np.from_dlpack(A),
        mx.from_dlpack(NUMPY),
        mx.from_dlpack(NUMPY.T),
        A.__dlpack__(max_version=(1, 0)),
        A.__dlpack__(max_version=(1, 0), copy=True),
        np.from_dlpack(A[::-1]),
        A.to_device(A.device),
    ),
    "DLPack refused": lambda: (
        refused(mx.from_dlpack, object()),
        refused(mx.from_dlpack, np.ones(2, np.longdouble)),
        refused(A.__dlpack__, dl_device=(2, 0)),
        refused(A[::-1].__dlpack__, copy=False),
    ),
    "sequences of arrays": lambda: (
        ops.split(A, 2),
        ops.stack([X, X]),
        ops.concatenate([X, X]),
        ops.meshgrid(X, X),
        ops.broadcast_arrays(X, A),
        ops.einsum("ij,j->i", A, X),
    ),
    "VectorArray": lambda: (
        mx.VectorArray([X, A])[1],
        refused(lambda: mx.VectorArray([X])[3]),
        refused(mx.VectorArray, [X, object()]),
        refused(mx.VectorArray([X]).append, "a"),
    ),
    "MapStringToArray": lambda: (
        mx.MapStringToArray({"a": X, "b": A}).to_dict(),
        refused(mx.MapStringToArray, {"a": object()}),
        refused(mx.MapStringToArray, {1: X}),
    ),
    "MapStringToString": lambda: (
        mx.MapStringToString({"a": "b"}).to_dict(),
        refused(mx.MapStringToString, {"a": 1}),
        refused(mx.MapStringToString, {"a": "\0"}),
    ),
    "random numbers": lambda: (
        random.normal((3,)),
        random.split(random.key(1)),
        random.uniform(shape=(2,)).tolist(),
        refused(random.normal, (-1,)),
    ),
    "streams": with_stream,
    "streams refused": lambda: (refused(ops.ones, (2,), stream=3), refused(mx.Device, "a")),
    "Closure": lambda: (Closure(double)([X]), refused(Closure(fail), [X]), refused(Closure, 3)),
    "ClosureKwargs": lambda: (
        ClosureKwargs(lambda x, y: [x[0] + y["y"]])([X], {"y": X}),
        refused(ClosureKwargs(fail), [X], {"y": X}),
        refused(ClosureKwargs(lambda x, y: WRONG), [X], {"y": X}),
    ),
    "ClosureValueAndGrad": lambda: (
        ClosureValueAndGrad(lambda x: (x, x))([X]),
        refused(ClosureValueAndGrad(fail), [X]),
        refused(ClosureValueAndGrad(lambda x: (x, WRONG)), [X]),
    ),
    "ClosureCustom": lambda: (
        ClosureCustom(lambda x, dy, y: x + dy + y)([X], [X], [X]),
        refused(ClosureCustom(fail), [X], [X], [X]),
    ),
    "ClosureCustomJvp": lambda: (
        ClosureCustomJvp(lambda x, dx, argnums: dx)([X], [X], [0]),
        refused(ClosureCustomJvp(fail), [X], [X], [0]),
    ),
    "ClosureCustomVmap": lambda: (
        ClosureCustomVmap(lambda x, axes: (x, axes))([X], [0]),
        refused(ClosureCustomVmap(fail), [X], [0]),
        refused(ClosureCustomVmap(lambda x, axes: (x, WRONG)), [X], [0]),
    ),
    "value_and_grad": lambda: (
        transforms.value_and_grad(double, [0])([X]),
        refused(transforms.value_and_grad(fail, [0]), [X]),
        refused(transforms.value_and_grad(double, [5]), [X]),
    ),
    "vjp": lambda: (
        transforms.vjp(double, [X], [X[0]]),
        refused(transforms.vjp, fail, [X], [X]),
        refused(transforms.vjp, double, [X], [X]),
    ),
    "jvp": lambda: (
        transforms.jvp(double, [X], [X]),
        refused(transforms.jvp, fail, [X], [X]),
        refused(transforms.jvp, double, [X], [A]),
    ),
    "vmap": lambda: (vectorize(), refused(transforms.vmap_trace, fail, [A], [0])),
    "compile": lambda: (
        transforms.compile(double)([X]),
        transforms.compile(double, True)([X]),
        refused(transforms.compile(fail), [X]),
    ),
    "compile with keys": detail_compile,
    "checkpoint": lambda: (
        transforms.value_and_grad(transforms.checkpoint(double), [0])([X]),
        refused(transforms.checkpoint(fail), [X]),
    ),
    "custom functions": lambda: (
        custom()([X]),
        transforms.vjp(custom(), [X], [X[0]]),
        transforms.jvp(custom(), [X], [X]),
        transforms.vmap_trace(custom(), [A], [0]),
        transforms.compile(custom())([X]),
        refused(transforms.vjp, transforms.custom_vjp(double, fail), [X], [X[0]]),
    ),
    "cycles": cycle,
    "exporters": lambda: (
        exporter(lambda step: None),
        refused(exporter, fail),
        refused(exporter, lambda step: None, fail),
    ),
    "graphs": lambda: graph.export_to_dot(io.StringIO(), [A + 1]),
    "npy": npy,
    "safetensors": safetensors,
    "files refused": lambda: (
        refused(mx.io.load_npy, BadFile(b"abc")),
        refused(mx.io.load_npy, io.BytesIO(b"abc")),
        refused(mx.io.load_safetensors, io.BytesIO(b"\xff" * 100)),
        refused(mx.io.save_npy, BadFile(), X),
        refused(mx.io.save_safetensors, BadFile(), {"a": X}),
        refused(mx.io.load_npy, "/nowhere/at/all.npy"),
        refused(mx.io.load_npy, object()),
    ),
}


@pytest.mark.parametrize("function", CASES.values(), ids=CASES)
def test_nothing_is_left_of(function: Callable[[], object]) -> None:
    assert not leaks(function)


@pytest.mark.parametrize("function", CASES.values(), ids=CASES)
def test_with_a_collection_at_every_turn(function: Callable[[], object]) -> None:
    threshold = gc.get_threshold()
    gc.set_threshold(1)
    gc.enable()
    try:
        for _ in range(3):
            function()
    finally:
        gc.set_threshold(*threshold)


def test_nothing_is_left_of_files(tmp_path: Path) -> None:
    def save_and_load() -> None:
        mx.io.save_gguf(tmp_path / "a.gguf", {"a": A}, {"b": "text", "c": ["d", "e"], "f": X})
        mx.io.load_gguf(tmp_path / "a.gguf")
        mx.gguf.read_header(tmp_path / "a.gguf")
        mx.io.save_safetensors(tmp_path / "a.safetensors", {"a": A})
        mx.io.load_safetensors(tmp_path / "a.safetensors")
        refused(mx.io.load_gguf, tmp_path / "a.safetensors")
        refused(mx.gguf.read_header, tmp_path / "a.safetensors")
        export.export_function(tmp_path / "a.mlxfn", lambda args, kwargs: double(args), [X])
        export.import_function(tmp_path / "a.mlxfn")([X])
        refused(export.import_function(tmp_path / "a.mlxfn"), [A])

    assert not leaks(save_and_load, 100)


# Some of these suit some operations; all the others are refused.
PALETTE: list[tuple[Any, ...]] = [
    (),
    (A,),
    (A, X),
    (A, 1),
    (A, I, 0),
    (A, A, A),
    (A, array([1, 2, 3])),
    (A, object()),
    (object(),),
    ((2, 3),),
    ([A, X],),
    (A, [0, 1], [1, 0]),
    (A, 9),
    (A, "a", "b", "c", "d", "e"),
]


@pytest.mark.parametrize(
    "module", [ops, random, linalg, fft, fast, special], ids=lambda m: m.__name__
)
def test_operations_leave_nothing_whatever_they_are_given(module: ModuleType) -> None:
    def try_all() -> None:
        for arguments in PALETTE:
            with contextlib.suppress(Exception):
                function(*arguments)
        if module is random:
            # Each number drawn is a step of the random state, recorded until one is computed.
            random.uniform().item()

    # Threads that compute free what they used a little later, and a thread keeps a few nodes more
    # or less: more calls tell that from a leak.
    calls = 400 if module is random else 120
    found = {}
    for name, function in inspect.getmembers(module, callable):
        if (
            not name.startswith("_")
            and not isinstance(function, type)
            and (left := leaks(try_all, calls))
        ):
            found[name] = left
    assert not found


def test_a_hundred_thousand_operations() -> None:
    def hundred() -> None:
        b = A
        for _ in range(20):
            b = (b + 1).reshape(4).reshape(2, 2)[I] * X

    assert not leaks(hundred, 1000)
