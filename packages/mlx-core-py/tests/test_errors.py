"""Exceptions that programs for official MLX, for earlier versions of it and for NumPy catch."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import mlx_sys_py
import numpy as np
import pytest
from mlx_core_py import utils
from mlx_sys_py import (
    FileError,
    FileMissingError,
    IntRangeError,
    MissingEntryError,
    OperandError,
    OutOfRangeError,
    WrongTypeError,
)

# Of any type for type checkers, which find the mistakes too.
x: Any = mx.ones((2, 3))
NAME: Any = "float32"
THING: Any = object()
LONG = 2**31


def raised_by(call: Callable[[], Any]) -> Exception | None:
    try:
        call()
    except Exception as error:
        return error
    return None


def assign(index: Any, value: Any) -> None:
    mx.ones((2, 3))[index] = value


MISTAKES: list[tuple[type[Exception], tuple[type[Exception], ...], list[Callable[[], Any]]]] = [
    (
        OutOfRangeError,
        (IndexError, ValueError),
        [
            lambda: mx.flip(x, axis=2),
            lambda: mx.sum(x, axis=-3),
            lambda: mx.concatenate([x, x], axis=2),
            lambda: mx.expand_dims(x, 5),
            lambda: mx.roll(x, 1, 7),
            lambda: mx.take(x, 6),
            lambda: mx.take(x, 0, axis=2),
            lambda: mx.vmap(mx.sin, in_axes=2)(x),
            lambda: mx.fft.fft(x, axis=2),
            lambda: x[0, 0, 0],
            lambda: x[..., 0, ...],
            lambda: x[2],
            lambda: assign((0, 0, 0), 1),
            lambda: assign(2, 1),
            lambda: x.at.add(1),
            lambda: x[mx.array([True, False, True])],
            lambda: mx.eval(mx.take(x, mx.array([7]), axis=0)),
        ],
    ),
    (
        IntRangeError,
        (OverflowError, ValueError),
        [
            lambda: mx.zeros(LONG),
            lambda: mx.ones((1, LONG)),
            lambda: mx.full((LONG,), 1),
            lambda: x.reshape(LONG),
            lambda: mx.broadcast_to(x, (LONG, 2, 3)),
            lambda: mx.array(2**64),
            lambda: mx.array(300, mx.uint8),
            lambda: mx.array([300], mx.uint8),
            lambda: mx.eye(LONG),
        ],
    ),
    (
        IntRangeError,
        (TypeError,),
        [lambda: mx.sum(x, axis=LONG), lambda: mx.round(x, LONG), lambda: mx.random.key(-1)],
    ),
    (
        WrongTypeError,
        (TypeError, ValueError),
        [
            lambda: mx.array("text"),
            lambda: mx.array([[0, 1], ["a", 1]]),
            lambda: mx.abs(THING),
            lambda: mx.zeros(2, dtype=NAME),
            lambda: mx.issubdtype(NAME, mx.floating),
            lambda: mx.result_type(NAME),
            lambda: mx.array([[1], [2, 3]]),
            lambda: float(x),
            lambda: x.item(),
        ],
    ),
    (
        MissingEntryError,
        (KeyError, IndexError, ValueError),
        [
            lambda: utils.tree_map(max, [1, 2], [3]),
            lambda: utils.tree_map(max, {"a": 1}, {"b": 3}),
        ],
    ),
    (
        FileMissingError,
        (FileNotFoundError, OSError, RuntimeError, FileError),
        [
            lambda: mx.load("no such folder/x.npy"),
            lambda: mx.load("no such folder/x.safetensors"),
            lambda: mx.save("no such folder/x.npy", x),
            lambda: mx.save_safetensors("no such folder/x", {"x": x}),
            lambda: mx.import_function("no such folder/f"),
        ],
    ),
    (FileError, (OSError, RuntimeError), [lambda: mx.load("/", format="npy")]),
    (
        OperandError,
        (TypeError, ValueError),
        [
            lambda: x * [1.0],
            lambda: x + "a",
            lambda: (1,) / x,
            lambda: x < [1],
            lambda: mx.array(1.0) & mx.array(1),
            lambda: mx.array(1) | 1.5,
            lambda: 2 ^ x,
            lambda: x.__ilshift__(1),
            lambda: mx.array(1j) >> 1,
        ],
    ),
]


@pytest.mark.parametrize(("kind", "bases", "calls"), MISTAKES)
def test_mistakes(
    kind: type[Exception], bases: tuple[type[Exception], ...], calls: list[Callable[[], Any]]
) -> None:
    for number, call in enumerate(calls):
        for base in (kind, *bases):
            assert isinstance(raised_by(call), base), number


def test_arrays_too_long_for_a_shape() -> None:
    long = np.lib.stride_tricks.as_strided(np.zeros(1, np.int8), (2**31,), (0,))
    for base in (OverflowError, ValueError):
        with pytest.raises(base, match="axis 0"):
            mx.array(long)
    half = mx.broadcast_to(mx.zeros(1, mx.int8), (2**30,))
    joins: list[Callable[[], mx.array]] = [
        lambda: mx.concatenate([half, half]),
        lambda: mx.repeat(half, 2),
        lambda: mx.kron(half, mx.ones(2)),
        lambda: mx.tile(half, 2),
    ]
    for number, join in enumerate(joins):
        for base in (OverflowError, ValueError):
            assert isinstance(raised_by(join), base), number


KINDS = [
    FileError,
    FileMissingError,
    IntRangeError,
    MissingEntryError,
    OperandError,
    OutOfRangeError,
    WrongTypeError,
]


@pytest.mark.parametrize("kind", KINDS)
def test_errors_can_be_pickled(kind: type[Exception]) -> None:
    error = pickle.loads(pickle.dumps(kind("a text")))
    assert (type(error), error.args, str(error)) == (kind, ("a text",), "a text")
    assert getattr(mlx_sys_py, kind.__name__) is kind
    assert kind.__doc__


def test_devices_are_no_numbers() -> None:
    with pytest.raises(TypeError, match="axis"):
        mx.sum(x, axis=mx.cpu)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        int(mx.gpu)  # type: ignore[call-overload]


@pytest.mark.parametrize("bits", [0, -1])
def test_quantization_without_bits(bits: int) -> None:
    """The division by 0 ended the process."""
    weights = mx.sin(mx.arange(256)).reshape(4, 64)
    packed, scales, biases = mx.quantize(weights, 32, 8)
    for call in (
        lambda: mx.quantize(weights, 32, bits),
        lambda: mx.dequantize(packed, scales, biases, 32, bits),
        lambda: mx.quantized_matmul(weights, packed, scales, biases, True, 32, bits),
        lambda: mx.gather_qmm(weights, packed, scales, biases, group_size=32, bits=bits),
        lambda: mx.qqmm(weights, packed, scales, 32, bits, "mxfp8"),
        lambda: mx.gather_qqmm(weights, packed, scales, group_size=32, bits=bits, mode="mxfp8"),
    ):
        with pytest.raises(ValueError, match="bits must be positive"):
            call()


def test_a_border_of_several_values_is_refused() -> None:
    """One without values was filled with whatever was in memory."""
    for values in (mx.zeros((0,)), mx.zeros((2,))):
        with pytest.raises(ValueError, match="constant_values"):
            mx.pad(x, 1, constant_values=values)
    assert mx.pad(mx.array([1.0]), 1, constant_values=mx.array([2.0])).tolist() == [2, 1, 2]
