"""Mistakes that another binding of MLX, mlx-rs, made at one time, and that are not made here.

Those of recurrent layers, convolutions, transformers and optimizers are not here.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn

GRID = np.arange(12, dtype=np.float32).reshape(3, 4)

VIEWS: dict[str, tuple[Callable[[mx.array], mx.array], Any]] = {
    "transposed": (lambda a: a.T, GRID.T),
    "reversed": (lambda a: a[:, ::-1], GRID[:, ::-1]),
    "broadcast": (lambda a: mx.broadcast_to(a[:, :1], (2, 3, 4)), np.tile(GRID[:, :1], (2, 1, 4))),
    "strided": (lambda a: a[::2, 1::2], GRID[::2, 1::2]),
}


@pytest.mark.parametrize("view", VIEWS)
def test_values_follow_strides(view: str) -> None:
    make, expected = VIEWS[view]
    array = make(mx.array(GRID))
    assert array.tolist() == expected.tolist()
    assert np.array_equal(np.array(array), expected)
    assert memoryview(array).tolist() == expected.tolist()
    assert bytes(array) == expected.tobytes()


@pytest.mark.parametrize("view", VIEWS)
def test_copies_have_the_values_of_views(view: str) -> None:
    make, expected = VIEWS[view]
    array = make(mx.array(GRID))
    for copied in (copy.deepcopy(array), copy.copy(array), array[...], mx.array(array)):
        assert copied.tolist() == expected.tolist()
        copied += 1
    assert array.tolist() == expected.tolist()


def test_strides_of_a_reversed_array_are_negative() -> None:
    assert memoryview(mx.array(GRID)[::-1, ::-1]).strides == GRID[::-1, ::-1].strides == (-16, -4)


def test_a_function_is_compiled_once_for_each_structure() -> None:
    recorded = []

    @mx.compile
    def scale(x: mx.array, by: Any = 1) -> Any:
        recorded.append((x.shape, x.dtype, by))
        return x * by

    x = mx.ones((2, 3))
    for _ in range(3):
        scale(x)
        scale(x + 1)
        scale(x, 2)
        scale(x, 2.0)
        scale(x, True)
        scale(x[:, :2])
        scale(x.astype(mx.float16))
        scale(x, float("nan"))
    assert len(recorded) == 7


def test_equal_constants_that_are_not_the_same_have_recordings_of_their_own() -> None:
    scale = mx.compile(lambda x, by: 1 / (x * by))
    one = mx.array(1.0)
    assert [scale(one, by).item() for by in (0.0, -0.0)] == [np.inf, -np.inf]
    assert mx.compile(lambda x, by: x * by)(one, complex(2.0, -0.0)).item() == 2
    typed = mx.compile(lambda x, by: x * by)
    assert [typed(mx.array(2), by).dtype for by in (1, 1.0, True)] == [
        mx.int32,
        mx.float32,
        mx.int32,
    ]


def test_closures_of_one_function_have_recordings_of_their_own() -> None:
    def adder(term: Any) -> Callable[[mx.array], mx.array]:
        return mx.compile(lambda x: x + term)

    functions = [adder(1.0), adder(mx.array(2.0)), adder(3.0)]
    for _ in range(2):
        assert [function(mx.array(0.0)).item() for function in functions] == [1, 2, 3]
    nested = mx.compile(lambda x: sum((function(x) for function in functions), mx.array(0.0)))
    assert nested(mx.array(0.0)).item() == 6


def test_closures_capture_arrays() -> None:
    weight, seen = mx.array([2.0, 3.0]), []

    def loss(x: mx.array) -> mx.array:
        seen.append(weight)
        return mx.sum(weight * x * x)

    x = mx.array([1.0, 4.0])
    assert mx.grad(loss)(x).tolist() == [4, 24]
    assert mx.vmap(lambda row: loss(row))(mx.stack([x, x])).tolist() == [50, 50]
    assert mx.checkpoint(loss)(x).item() == 50
    assert mx.compile(loss)(x).item() == 50
    assert all(one is weight for one in seen)
    assert weight.tolist() == [2, 3]


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16, mx.float32])
def test_numbers_of_python_do_not_change_the_type(dtype: mx.Dtype) -> None:
    x = mx.ones((2, 4), dtype)
    results = [x + 2.0, 2 - x, x * 2, x / 3, x**2, 2.0**x, x // 2, x % 2, mx.maximum(x, 0.0)]
    results += [mx.where(x > 0, x, 0.0), mx.clip(x, 0, 1.0), nn.Dropout(0.5)(x)]
    layers = [nn.ReLU(), nn.GELU(), nn.GELU("fast"), nn.SiLU(), nn.ELU(), nn.LeakyReLU(), nn.SELU()]
    results += [layer(x) for layer in layers]
    assert {result.dtype for result in results} == {dtype}


def test_scopes_of_streams_end_with_an_exception() -> None:
    stream, before = mx.new_stream(mx.cpu), mx.default_stream(mx.cpu)

    def fail() -> None:
        with mx.stream(stream):
            assert mx.default_stream(mx.cpu) == stream
            mx.eval(mx.ones(2)[0] + 1)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert mx.default_stream(mx.cpu) == before
    assert mx.default_stream(mx.cpu) == mx.default_stream(mx.cpu)


def test_cross_entropy_along_another_axis() -> None:
    logits = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32) + 1000
    targets = np.array([0, 2, 1, 1, 0])
    shifted = logits.astype(np.float64) - logits.max(0)
    expected = np.log(np.exp(shifted).sum(0)) - shifted[targets, np.arange(5)]
    losses = nn.losses.cross_entropy(mx.array(logits), mx.array(targets), axis=0)
    assert np.allclose(np.array(losses), expected, atol=1e-4)
    chosen = nn.losses.nll_loss(mx.array(logits), mx.array(targets), axis=0)
    assert np.allclose(np.array(chosen), -logits[targets, np.arange(5)])
    with pytest.raises(ValueError, match="targets"):
        nn.losses.cross_entropy(mx.array(logits), mx.array([0, 2]), axis=0)


def test_a_save_that_fails_is_an_error(tmp_path: Path) -> None:
    target = tmp_path / "no such folder" / "x.npy"
    for save in (mx.save, mx.savez, lambda path, x: mx.save_safetensors(path, {"x": x})):
        with pytest.raises(OSError, match="no such folder"):
            save(target, mx.ones(2))


def test_fast_approximation_of_gelu() -> None:
    x = np.linspace(-4, 4, 9, dtype=np.float32)
    expected = x / (1 + np.exp(-1.702 * x))
    assert np.allclose(np.array(nn.gelu_fast_approx(mx.array(x))), expected, atol=1e-6)


def test_float64_is_a_floating_type() -> None:
    assert mx.issubdtype(mx.float64, mx.floating)
    assert mx.issubdtype(mx.float64, mx.inexact)
    assert mx.isdtype(mx.float64, "real floating")


def test_updates_of_slices_beside_arrays() -> None:
    rows = np.array([2, 0])
    expected = GRID.copy()
    expected[rows, 1:3] += np.array([[1, 2], [3, 4]])
    update = mx.array([[1.0, 2.0], [3.0, 4.0]])
    assert mx.array(GRID).at[mx.array(rows), 1:3].add(update).tolist() == expected.tolist()


def test_all_keys_of_a_split_are_there() -> None:
    keys = mx.random.split(mx.random.key(0), 5)
    assert len({tuple(key) for key in keys.tolist()}) == keys.shape[0] == 5


@pytest.mark.parametrize("transform", [nn.value_and_grad, nn.utils.checkpoint])
def test_a_model_has_its_parameters_after_an_error(transform: Any) -> None:
    model = nn.Linear(2, 2)
    weight = model.weight

    def loss(x: mx.array) -> mx.array:
        assert model.weight is not weight
        raise KeyError("in the middle")

    with pytest.raises(KeyError, match="in the middle"):
        transform(model, loss)(mx.ones((1, 2)))
    assert model.weight is weight
    mx.eval(model.parameters())


def test_bad_shapes_inside_a_transformation_are_exceptions() -> None:
    table = nn.Embedding(4, 2)
    for wrong, error in (
        (lambda x: (x @ mx.ones((5, 5))).sum(), ValueError),
        (lambda x: x[0, 0, 0].sum(), IndexError),
        (lambda x: table(x).sum(), ValueError),
        (lambda x: x.reshape(7).sum(), ValueError),
    ):
        for transform in (mx.grad, mx.compile, mx.checkpoint):
            with pytest.raises(error):
                transform(wrong)(mx.ones((2, 2)))
