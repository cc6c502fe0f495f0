"""Mistakes that another binding of MLX, mlx-rs, made at one time, and that are not made here."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
import numpy as np
import pytest
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten, tree_map, tree_unflatten

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


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_recurrent_layers_recur(kind: Any) -> None:
    layer = kind(2, 3)

    def states(x: mx.array, *first: mx.array) -> Any:
        y = layer(x, *first)
        return y if isinstance(y, tuple) else (y,)

    x = mx.random.normal((5, 2))
    whole = states(x)
    # One step after the other, each from the states that the one before has left.
    carried: Any = ()
    for t in range(5):
        carried = tuple(part[0] for part in states(x[t : t + 1], *carried))
        for part, all_steps in zip(carried, whole, strict=True):
            assert mx.allclose(part, all_steps[t], atol=1e-6).item()
    # The first input has a part in the last state.
    slope = mx.grad(lambda x: states(x)[0][-1].sum())(x)
    assert (slope != 0).all().item()


@pytest.mark.parametrize("heads", [1, 2, 6, 8, 12])
def test_slopes_of_alibi_fall(heads: int) -> None:
    # As https://arxiv.org/abs/2108.12409 has them: for a power of two n, 2 ** (-8 i / n); for
    # others those of the power below, and every other one of the power above.
    power = 2 ** int(np.log2(heads))
    expected = [2 ** (-8 * i / power) for i in range(1, power + 1)]
    expected += [2 ** (-8 * i / (2 * power)) for i in range(1, 2 * (heads - power), 2)]
    slopes = np.array(nn.ALiBi.create_alibi_slope(heads)).flatten()
    assert np.allclose(slopes, expected)
    scores = nn.ALiBi()(mx.zeros((1, heads, 3, 3)))[0, :, 2, 0]
    assert np.allclose(np.array(scores), -2 * np.array(expected))


OPTIMIZERS: list[Callable[[], optim.Optimizer]] = [
    lambda: optim.SGD(0.1, momentum=0.9, weight_decay=0.1),
    lambda: optim.RMSprop(0.1),
    lambda: optim.Adagrad(0.1),
    lambda: optim.AdaDelta(0.1),
    lambda: optim.AdamW(mx.array(0.1), bias_correction=True),
    lambda: optim.Adamax(optim.cosine_decay(0.1, 10)),
    lambda: optim.Lion(0.1, weight_decay=0.1),
    lambda: optim.Adafactor(beta_1=0.9, weight_decay=0.1),
    lambda: optim.Muon(0.1),
]


@pytest.mark.parametrize("dtype", [mx.bfloat16, mx.float16])
@pytest.mark.parametrize("make", OPTIMIZERS)
def test_numbers_of_optimizers_do_not_change_the_type(
    make: Callable[[], optim.Optimizer], dtype: mx.Dtype
) -> None:
    parameters = {"w": mx.ones((2, 3), dtype), "b": mx.ones(3, dtype)}
    optimizer = make()
    for _ in range(3):
        parameters = optimizer.apply_gradients(tree_map(lambda p: p / 2, parameters), parameters)
    states = {path: x.dtype for path, x in tree_flatten(optimizer.state) if "." in path}
    assert {x.dtype for x in parameters.values()} | set(states.values()) == {dtype}


def test_what_is_no_weight_is_not_trained() -> None:
    assert set(nn.BatchNorm(3).trainable_parameters()) == {"weight", "bias"}
    assert not nn.SinusoidalPositionalEncoding(8).parameters()
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm(3))
    _, gradients = nn.value_and_grad(model, lambda: model(mx.random.normal((4, 2))).sum())()
    optim.SGD(1.0).update(model, gradients)
    assert set(gradients["layers"][1]) == {"weight", "bias"}


@pytest.mark.parametrize(("axes", "kind"), [(1, nn.Conv1d), (2, nn.Conv2d)])
def test_groups_of_a_convolution_share_its_channels(axes: int, kind: Any) -> None:
    layer, x = kind(4, 6, 3, groups=2), mx.random.normal((1, *(5,) * axes, 4))
    assert layer.weight.shape == (6, *(3,) * axes, 2)
    halves = []
    for group in range(2):
        half = kind(2, 3, 3)
        half.update(tree_map(lambda p, g=group: p[3 * g : 3 * g + 3], layer.parameters()))
        halves.append(half(x[..., 2 * group : 2 * group + 2]))
    assert mx.allclose(layer(x), mx.concatenate(halves, -1), atol=1e-5).item()


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_states_of_nested_models_keep_their_paths(
    make: Callable[[], optim.Optimizer], tmp_path: Path
) -> None:
    parameters = {"a": {"w": mx.ones((2, 2))}, "b": [{"w": mx.ones((2, 2))}, {"w": mx.ones(3)}]}
    gradients = {
        "a": {"w": mx.eye(2)},
        "b": [{"w": mx.array([[0.0, 2], [1, 3]])}, {"w": mx.arange(3.0)}],
    }
    optimizer = make()
    optimizer.apply_gradients(gradients, parameters)
    state = tree_flatten(optimizer.state, destination={})
    mx.save_safetensors(tmp_path / "state.safetensors", state)
    loaded: Any = mx.load(tmp_path / "state.safetensors")
    assert set(loaded) == set(state)
    resumed = make()
    resumed.state = tree_unflatten(list(loaded.items()))
    for _ in range(2):
        expected = optimizer.apply_gradients(gradients, parameters)
        got = resumed.apply_gradients(gradients, parameters)
        for (path, x), (_, y) in zip(tree_flatten(got), tree_flatten(expected), strict=True):
            assert mx.array_equal(x, y).item(), path


def test_quantized_transformers_are_so_everywhere() -> None:
    model = nn.Transformer(32, 2, 2, 2, 64)
    nn.quantize(model, group_size=32)
    left = [path for path, layer in model.named_modules() if type(layer) is nn.Linear]
    packed = [path for path, layer in model.named_modules() if type(layer) is nn.QuantizedLinear]
    assert not left
    # Four projections of each attention, and two layers of each perceptron.
    assert len(packed) == 2 * (4 + 2) + 2 * (4 + 4 + 2)
    x = mx.random.normal((1, 5, 32))
    assert mx.isfinite(model(x, x, None, None, None)).all().item()


@pytest.mark.parametrize("norm_first", [False, True])
def test_a_decoder_attends_from_what_is_normalized(norm_first: bool) -> None:
    layer = nn.TransformerDecoderLayer(8, 2, 16, norm_first=norm_first)
    x, memory = mx.random.normal((1, 5, 8)), mx.random.normal((1, 3, 8))
    seen = []

    class Recorded(nn.MultiHeadAttention):
        def __call__(self, queries: mx.array, *others: Any) -> mx.array:
            seen.append(queries)
            return super().__call__(queries, *others)

    cross = Recorded(8, 2)
    cross.update(layer.cross_attention.parameters())
    layer.cross_attention = cross
    layer(x, memory)
    own = layer.ln1(x) if norm_first else x
    added = x + layer.self_attention(own, own, own)
    expected = layer.ln2(added) if norm_first else layer.ln1(added)
    assert mx.allclose(seen[0], expected, atol=1e-5).item()


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_compiled_steps_leave_arrays_in_the_state(make: Callable[[], optim.Optimizer]) -> None:
    model = nn.Linear(3, 2)
    optimizer = make()
    optimizer.init(model.trainable_parameters())
    state = [model.state, optimizer.state]

    def step(x: mx.array) -> None:
        _, gradients = nn.value_and_grad(model, lambda: (model(x) ** 2).sum())()
        optimizer.update(model, gradients)

    compiled = mx.compile(step, state, state)
    for count in range(1, 4):
        compiled(mx.ones((4, 3)))
        mx.eval(state)
        assert optimizer.step.item() == count
        assert all(np.isfinite(np.array(x)).all() for _, x in tree_flatten(optimizer.state))


def test_a_gru_without_a_state_has_all_biases() -> None:
    layer = nn.GRU(2, 3)
    x = mx.random.normal((4, 2))
    assert mx.allclose(layer(x), layer(x, mx.zeros(3)), atol=1e-6).item()
    _, gradients = nn.value_and_grad(layer, lambda: layer(x[:1]).sum())()
    assert (gradients["bhn"] != 0).all().item()
