"""Optimizers give what official MLX gives, and what their formulas say."""

from typing import Any

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
import numpy as np
import pytest
from comparing import close, normal
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten, tree_map

official = pytest.importorskip("mlx.optimizers")
official_mx = pytest.importorskip("mlx.core")

OPTIMIZERS: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "nesterov": True}),
    ("RMSprop", {"learning_rate": 0.1}),
    ("RMSprop", {"learning_rate": 0.1, "alpha": 0.5, "eps": 0.1}),
    ("Adagrad", {"learning_rate": 0.1}),
    ("AdaDelta", {"learning_rate": 0.1}),
    ("AdaDelta", {"learning_rate": 1.0, "rho": 0.5, "eps": 0.1}),
    ("Adam", {"learning_rate": 0.1}),
    ("Adam", {"learning_rate": 0.1, "betas": [0.5, 0.7], "bias_correction": True}),
    ("AdamW", {"learning_rate": 0.1}),
    ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.5, "bias_correction": True}),
    ("Adamax", {"learning_rate": 0.1}),
    ("Lion", {"learning_rate": 0.1}),
    ("Lion", {"learning_rate": 0.1, "weight_decay": 0.5, "betas": (0.5, 0.7)}),
    ("Adafactor", {}),
    ("Adafactor", {"beta_1": 0.9, "weight_decay": 0.1, "warmup_init": True}),
    ("Adafactor", {"learning_rate": 0.1, "relative_step": False, "scale_parameter": False}),
    ("Muon", {"learning_rate": 0.1}),
    ("Muon", {"learning_rate": 0.1, "nesterov": False, "weight_decay": 0.0, "ns_steps": 3}),
]

SHAPES = {"matrix": (4, 6), "vector": (5,), "scalar": (), "kernel": (6, 2, 3)}


def tree(core: Any, seed: int, dtype: str = "float32") -> dict[str, Any]:
    arrays = {
        name: core.array(normal(*shape, seed=10 * seed + i)).astype(getattr(core, dtype))
        for i, (name, shape) in enumerate(SHAPES.items())
    }
    return {"layers": [arrays, {"weight": arrays["matrix"]}], **arrays}


def run(core: Any, optimizer: Any, steps: int = 20, dtype: str = "float32") -> Any:
    parameters = tree(core, 0, dtype)
    for step in range(1, steps + 1):
        parameters = optimizer.apply_gradients(tree(core, step, dtype), parameters)
    return parameters


def assert_same(got: Any, expected: Any, rtol: float = 1e-4, atol: float = 1e-5) -> None:
    ours, theirs = dict(tree_flatten(got)), dict(tree_flatten(expected))
    assert set(ours) == set(theirs)
    for path, value in ours.items():
        if isinstance(value, mx.array):
            assert str(value.dtype).split(".")[-1] == str(theirs[path].dtype).split(".")[-1], path
            other = np.array(theirs[path].astype(official_mx.float32))
            assert close(value.astype(mx.float32), other, rtol, atol), path


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_twenty_steps(name: str, options: dict[str, Any]) -> None:
    ours, theirs = getattr(optim, name)(**options), getattr(official, name)(**options)
    assert_same(run(mx, ours), run(official_mx, theirs), atol=1e-4)
    assert_same(ours.state, theirs.state, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_types_stay(name: str, options: dict[str, Any], dtype: str) -> None:
    optimizer = getattr(optim, name)(**options)
    wanted = {getattr(mx, dtype)}
    assert {leaf.dtype for _, leaf in tree_flatten(run(mx, optimizer, 3, dtype))} == wanted
    states = [leaf.dtype for path, leaf in tree_flatten(optimizer.state) if "." in path]
    assert set(states) == wanted


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_saved_and_resumed_bit_for_bit(name: str, options: dict[str, Any], tmp_path: Any) -> None:
    options = {"learning_rate": optim.cosine_decay(0.1, 20), **options}
    optimizer = getattr(optim, name)(**options)
    parameters = run(mx, optimizer, 3)
    path = tmp_path / "state.safetensors"
    mx.save_safetensors(path, tree_flatten(optimizer.state, destination={}))
    for step in range(4, 8):
        parameters = optimizer.apply_gradients(tree(mx, step), parameters)
    resumed = getattr(optim, name)(**options)
    parameters_again = run(mx, getattr(optim, name)(**options), 3)
    resumed.state = mx.utils.tree_unflatten(list(mx.load(path).items()))
    for step in range(4, 8):
        parameters_again = resumed.apply_gradients(tree(mx, step), parameters_again)
    for (at, a), (_, b) in zip(
        tree_flatten(parameters), tree_flatten(parameters_again), strict=True
    ):
        assert mx.array_equal(a, b).item(), at


@pytest.mark.parametrize(("name", "options"), OPTIMIZERS)
def test_compiled_steps_are_those_that_are_not(name: str, options: dict[str, Any]) -> None:
    results = []
    for compiled in (False, True):
        mx.random.seed(0)
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
        optimizer = getattr(optim, name)(**options)
        optimizer.init(model.trainable_parameters())
        state = [model.state, optimizer.state]

        def step(x: mx.array, model: Any = model, optimizer: Any = optimizer) -> mx.array:
            loss, gradients = nn.value_and_grad(model, lambda x: mx.mean(model(x) ** 2))(x)
            optimizer.update(model, gradients)
            return loss

        call = mx.compile(step, inputs=state, outputs=state) if compiled else step
        losses = [call(mx.array(normal(16, 4, seed=i))).item() for i in range(5)]
        results.append((losses, model.parameters(), optimizer.state))
    assert np.allclose(results[0][0], results[1][0], rtol=1e-4)
    for (path, a), (_, b) in zip(*(tree_flatten(result[1:]) for result in results), strict=True):
        assert close(a, b, 1e-3, 1e-4), path


def test_schedules() -> None:
    schedules: list[tuple[str, tuple[Any, ...]]] = [
        ("exponential_decay", (0.1, 0.9)),
        ("step_decay", (0.1, 0.9, 3)),
        ("cosine_decay", (0.1, 7)),
        ("cosine_decay", (0.1, 7, 0.05)),
        ("linear_schedule", (0.0, 0.1, 5)),
    ]
    for name, args in schedules:
        ours, theirs = getattr(optim, name)(*args), getattr(official, name)(*args)
        for step in range(12):
            expected = np.array(theirs(official_mx.array(step)))
            assert close(ours(mx.array(step)), expected), (name, step)
            assert close(mx.array(ours(step)), expected), (name, step)
    joined = [
        module.join_schedules(
            [
                module.linear_schedule(0.0, 0.1, 5),
                module.cosine_decay(0.1, 5),
                module.linear_schedule(0.5, 0.1, 2),
            ],
            [5, 9],
        )
        for module in (optim, official)
    ]
    for step in range(14):
        expected = np.array(joined[1](official_mx.array(step)))
        assert close(joined[0](mx.array(step, mx.uint64)), expected), step


def test_schedule_of_an_optimizer() -> None:
    ours = optim.SGD(optim.linear_schedule(1.0, 0.0, 4))
    theirs = official.SGD(official.linear_schedule(1.0, 0.0, 4))
    assert ours.learning_rate.item() == theirs.learning_rate.item() == 1
    for step in range(6):
        got = ours.apply_gradients({"w": mx.array([1.0])}, {"w": mx.array([2.0])})["w"]
        expected = theirs.apply_gradients(
            {"w": official_mx.array([1.0])}, {"w": official_mx.array([2.0])}
        )["w"]
        assert close(got, np.array(expected)), step
        assert ours.learning_rate.item() == theirs.learning_rate.item()
    ours.learning_rate = 0.5
    assert ours.learning_rate.item() == 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optim.SGD(0.1, nesterov=True), "nesterov"),
        (lambda: optim.SGD(0.1, momentum=0.9, dampening=0.1, nesterov=True), "nesterov"),
        (lambda: optim.Adam(0.1, eps=-1.0), "eps"),
        (lambda: optim.Adam(0.1, betas=(0.9,)), "betas must be two numbers"),
        (lambda: optim.Adam(0.1, betas=(1.0, 0.9)), "betas must be at least 0"),
        (lambda: optim.AdamW(0.1, betas=(0.9, -0.1)), "betas must be at least 0"),
        (lambda: optim.Adamax(0.1, betas=(0.9, 0.9, 0.9)), "betas must be two numbers"),
        (lambda: optim.Lion(0.1, betas=(0.9, 1.5)), "betas must be at least 0"),
        (lambda: optim.RMSprop(0.1, alpha=-1.0), "alpha"),
        (lambda: optim.RMSprop(0.1, alpha=1.5), "alpha"),
        (lambda: optim.AdaDelta(0.1, rho=-1.0), "rho"),
        (lambda: optim.AdaDelta(0.1, rho=2.0), "rho"),
        (lambda: optim.Adafactor(relative_step=False), "learning_rate"),
        (lambda: optim.Muon(0.1, ns_steps=0), "ns_steps"),
        (lambda: optim.MultiOptimizer([optim.SGD(0.1)] * 2), "filters"),
        (lambda: optim.MultiOptimizer([]), "optimizers must hold at least one"),
        (lambda: optim.clip_grad_norm({"w": None}, 1.0), "grads"),
        (lambda: optim.step_decay(1.0, 0.5, 0), "step_size"),
        (lambda: optim.cosine_decay(1.0, 0), "decay_steps"),
        (lambda: optim.linear_schedule(1.0, 0.0, 0), "steps"),
        (lambda: optim.join_schedules([], []), "schedules"),
        (lambda: optim.join_schedules([abs, abs], []), "boundaries"),
        (lambda: optim.join_schedules([abs, abs, abs], [4, 2]), "boundaries"),
        (lambda: optim.clip_grad_norm({}, -1.0), "max_norm"),
    ],
)
def test_wrong_arguments(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def test_clip_grad_norm() -> None:
    for bound in (0.1, 3.0, 1e6):
        got, norm = optim.clip_grad_norm(tree(mx, 1), bound)
        expected, expected_norm = official.clip_grad_norm(tree(official_mx, 1), bound)
        assert_same(got, expected)
        assert close(norm, np.array(expected_norm))
    half, norm = optim.clip_grad_norm({"w": mx.full((4,), 1000.0, mx.float16)}, 1.0)
    assert norm.item() == 2000
    assert half["w"].dtype == mx.float16
    assert close(half["w"], [0.5] * 4, 1e-3)
    assert optim.clip_grad_norm({}, 1.0)[1].item() == 0


# Without their types, which say what is wrong here.
untyped: Any = optim
layers: Any = nn


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: untyped.SGD("fast"), "learning_rate must be a number or a function"),
        (lambda: untyped.Adam(None), "learning_rate must be a number or a function"),
        (lambda: untyped.Adam(0.1, eps="a"), "eps must be a number"),
        (lambda: untyped.Adam(0.1, betas=("a", "b")), "betas must be a number"),
        (lambda: untyped.RMSprop(0.1, alpha="a"), "alpha must be a number"),
        (lambda: untyped.MultiOptimizer([0.1]), "optimizers must not hold a float"),
        (lambda: layers.Dropout("a"), "p must be a number"),
        (lambda: layers.LayerNorm(3, eps="a"), "eps must be a number"),
        (lambda: layers.BatchNorm(3, momentum="a"), "momentum must be a number"),
    ],
)
def test_wrong_types_of_arguments(call: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        call()


@pytest.mark.parametrize("gradient", [None, 1.0, np.ones(3), "w"])
def test_gradients_that_are_no_arrays(gradient: Any) -> None:
    with pytest.raises(TypeError, match=f"gradients must be arrays.* {type(gradient).__name__}"):
        optim.SGD(0.1).apply_gradients({"w": gradient}, {"w": mx.ones(3)})


@pytest.mark.parametrize("shape", [(2, 3), (1,), (3, 1), ()])
def test_gradients_of_another_shape(shape: tuple[int, ...]) -> None:
    optimizers: list[optim.Optimizer] = [optim.SGD(0.1), optim.Adam(0.1), optim.Lion(0.1)]
    for optimizer in optimizers:
        with pytest.raises(ValueError, match="gradients must have the shapes"):
            optimizer.apply_gradients({"a": [{"w": mx.ones(shape)}]}, {"a": [{"w": mx.ones(3)}]})


def test_wrong_types() -> None:
    nothing: Any = None
    with pytest.raises(TypeError, match="max_norm"):
        optim.clip_grad_norm({"w": mx.ones(2)}, nothing)
    with pytest.raises(TypeError, match="state"):
        optim.SGD(0.1).state = nothing


def test_what_was_frozen_gets_a_state_later() -> None:
    optimizer = optim.Adam(0.1)
    optimizer.apply_gradients({"a": mx.ones(2)}, {"a": mx.ones(2)})
    b = mx.ones(2)
    gradients = {"a": mx.ones(2), "b": [b]}
    new = optimizer.apply_gradients(gradients, gradients)
    assert close(new["b"][0], optim.Adam(0.1).apply_gradients({"w": b}, {"w": b})["w"])
    assert sorted(optimizer.state["b"][0]) == ["m", "v"]


def test_multi_optimizer() -> None:
    results = []
    for core, module in ((mx, optim), (official_mx, official)):
        optimizer = module.MultiOptimizer(
            [module.Lion(0.1), module.SGD(0.5), module.Adam(0.1)],
            [lambda path, g: g.ndim == 2, lambda path, g: path.startswith("layers")],
        )
        results.append((run(core, optimizer, 3), optimizer.state))
        assert optimizer.learning_rate.item() == pytest.approx(0.1)
    assert_same(*(result[0] for result in results))
    assert_same(*(result[1] for result in results))


def test_update_of_a_model() -> None:
    model = nn.Linear(2, 1)
    before = tree_map(lambda x: x + 0, model.parameters())
    optim.SGD(0.5).update(model, {"weight": mx.ones((1, 2))})
    assert close(model.weight, before["weight"] - 0.5)
    assert close(model.bias, before["bias"])
    with pytest.raises((KeyError, ValueError), match="unknown"):
        optim.SGD(0.5).update(model, {"unknown": mx.ones((1, 2))})
