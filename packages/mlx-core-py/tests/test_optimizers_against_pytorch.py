"""Optimizers, schedules and clipping are those of PyTorch: `nox -s torch` installs it."""

from __future__ import annotations

import math
from typing import Any

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
import numpy as np
import pytest
from mlx_core_py.utils import tree_flatten
from torch_checks import numbers, torch

pytestmark = pytest.mark.torch

SHAPES = {"matrix": (4, 6), "tall": (7, 3), "vector": (5,)}
STEPS = 20


def gradients(step: int) -> dict[str, np.ndarray]:
    """Gradients of sizes that vary from step to step, now and then none."""
    size = 0.0 if step == 7 else 3.0 ** ((step * 5) % 7 - 3)
    return {
        name: size * numbers(*shape, seed=10 * step + i)
        for i, (name, shape) in enumerate(SHAPES.items())
    }


def parameters() -> dict[str, np.ndarray]:
    return {name: numbers(*shape, seed=i) for i, (name, shape) in enumerate(SHAPES.items())}


def assert_follows(ours: optim.Optimizer, theirs: Any, rtol: float, only: str = "") -> None:
    """Compare parameters after each step; ``theirs`` makes PyTorch's optimizer of tensors."""
    names = [name for name in SHAPES if only in name]
    values = {name: mx.array(x, mx.float32) for name, x in parameters().items() if name in names}
    tensors = {name: torch.tensor(x) for name, x in parameters().items() if name in names}
    optimizer = theirs(list(tensors.values()))
    for step in range(1, STEPS + 1):
        new = gradients(step)
        values = ours.apply_gradients({n: mx.array(new[n], mx.float32) for n in names}, values)
        for name, parameter in tensors.items():
            parameter.grad = torch.tensor(new[name])
        optimizer.step()
        for name, parameter in tensors.items():
            np.testing.assert_allclose(
                np.array(values[name]), parameter.numpy(), rtol, rtol, err_msg=f"{step} {name}"
            )


RATE = {"learning_rate": 0.02}
# The name of ours and its options, the name of theirs and its own.
SAME: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("SGD", {}, "SGD", {}),
    ("SGD", {"momentum": 0.9}, "SGD", {"momentum": 0.9}),
    ("SGD", {"momentum": 0.9, "nesterov": True}, "SGD", {"momentum": 0.9, "nesterov": True}),
    ("SGD", {"weight_decay": 0.1}, "SGD", {"weight_decay": 0.1}),
    (
        "SGD",
        {"momentum": 0.8, "weight_decay": 0.1, "nesterov": True},
        "SGD",
        {"momentum": 0.8, "weight_decay": 0.1, "nesterov": True},
    ),
    ("RMSprop", {}, "RMSprop", {}),
    ("RMSprop", {"alpha": 0.7, "eps": 0.1}, "RMSprop", {"alpha": 0.7, "eps": 0.1}),
    ("Adagrad", {}, "Adagrad", {"eps": 1e-8}),
    ("Adagrad", {"eps": 0.1}, "Adagrad", {"eps": 0.1}),
    ("AdaDelta", {}, "Adadelta", {}),
    ("AdaDelta", {"rho": 0.6, "eps": 0.1}, "Adadelta", {"rho": 0.6, "eps": 0.1}),
    ("Adam", {"bias_correction": True}, "Adam", {}),
    (
        "Adam",
        {"bias_correction": True, "betas": (0.5, 0.8), "eps": 0.1},
        "Adam",
        {"betas": (0.5, 0.8), "eps": 0.1},
    ),
    ("AdamW", {"bias_correction": True}, "AdamW", {}),
    ("AdamW", {"bias_correction": True, "weight_decay": 0.5}, "AdamW", {"weight_decay": 0.5}),
]


@pytest.mark.parametrize(("name", "options", "peer", "theirs"), SAME)
def test_twenty_steps(
    name: str, options: dict[str, Any], peer: str, theirs: dict[str, Any]
) -> None:
    ours = getattr(optim, name)(**{**RATE, **options})
    assert_follows(ours, lambda p: getattr(torch.optim, peer)(p, **{"lr": 0.02, **theirs}), 1e-4)


class _ByFormula:
    """An optimizer for tensors by a formula for one step: those of MLX that PyTorch lacks."""

    def __init__(self, parameters: list[Any], update: Any) -> None:
        self.parameters = parameters
        self.states: list[dict[str, Any]] = [{} for _ in parameters]
        self.update = update
        self.t = 0

    def step(self) -> None:
        self.t += 1
        for parameter, state in zip(self.parameters, self.states, strict=True):
            new = self.update(self.t, parameter.numpy(), parameter.grad.numpy(), state)
            parameter.copy_(torch.tensor(new))


def test_dampening() -> None:
    # PyTorch does not dampen the first gradient, and MLX does: it is the same for a first one that
    # has been divided by what it is dampened by.
    def update(t: int, w: np.ndarray, g: np.ndarray, state: dict[str, Any]) -> np.ndarray:
        state["v"] = 0.9 * state.get("v", 0.0) + 0.7 * g
        return np.asarray(w - 0.02 * state["v"])

    ours = optim.SGD(0.02, momentum=0.9, dampening=0.3)
    assert_follows(ours, lambda p: _ByFormula(p, update), 1e-4)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adam_without_correction(decay: float) -> None:
    # As in PyTorch with its rate multiplied by what corrects both means, and eps by one of them.
    def update(t: int, w: np.ndarray, g: np.ndarray, state: dict[str, Any]) -> np.ndarray:
        state["m"] = m = 0.9 * state.get("m", 0.0) + 0.1 * g
        state["v"] = v = 0.999 * state.get("v", 0.0) + 0.001 * g * g
        return np.asarray(w * (1 - 0.02 * decay) - 0.02 * m / (np.sqrt(v) + 1e-8))

    ours = optim.AdamW(0.02, weight_decay=decay) if decay else optim.Adam(0.02)
    assert_follows(ours, lambda p: _ByFormula(p, update), 1e-4)


def test_adamax() -> None:
    # PyTorch corrects the mean by 1 - beta ** t, as the paper does, and MLX does not; and adds eps
    # to the gradient.
    def update(t: int, w: np.ndarray, g: np.ndarray, state: dict[str, Any]) -> np.ndarray:
        state["m"] = m = 0.9 * state.get("m", 0.0) + 0.1 * g
        state["v"] = v = np.maximum(0.999 * state.get("v", 0.0), np.abs(g))
        return np.asarray(w - 0.02 * m / (v + 1e-8))

    assert_follows(optim.Adamax(0.02), lambda p: _ByFormula(p, update), 1e-4)

    class Corrected(torch.optim.Adamax):  # type: ignore[misc]
        def step(self) -> Any:
            for group in self.param_groups:
                steps = 1 + max(
                    (int(self.state[p].get("step", 0)) for p in group["params"]), default=0
                )
                group["lr"] = 0.02 * (1 - 0.9**steps)
            return super().step()

    assert_follows(optim.Adamax(0.02), Corrected, 1e-4)


@pytest.mark.parametrize("decay", [0.0, 0.2])
def test_lion(decay: float) -> None:
    # By the paper: https://arxiv.org/abs/2302.06675, algorithm 2.
    def update(t: int, w: np.ndarray, g: np.ndarray, state: dict[str, Any]) -> np.ndarray:
        m = state.get("m", np.zeros_like(w))
        direction = np.sign(0.9 * m + 0.1 * g)
        state["m"] = 0.99 * m + 0.01 * g
        return np.asarray(w - 0.02 * (direction + decay * w))

    ours = optim.Lion(0.02, weight_decay=decay)
    assert_follows(ours, lambda p: _ByFormula(p, update), 1e-4)


def test_adafactor() -> None:
    # PyTorch's rate falls with the step and goes with the size of the parameter, as MLX's does with
    # relative_step and scale_parameter.
    options = {"lr": 1e-2, "weight_decay": 0.0, "eps": (1e-30, 1e-3)}
    assert_follows(optim.Adafactor(), lambda p: torch.optim.Adafactor(p, **options), 1e-4)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_adafactor_by_the_paper(decay: float) -> None:
    # By the paper: https://arxiv.org/abs/1804.04235, algorithms 4 to 6.
    def update(t: int, w: np.ndarray, g: np.ndarray, state: dict[str, Any]) -> np.ndarray:
        rate = min(1e-2, 1 / math.sqrt(t)) * max(1e-3, math.sqrt((w**2).mean()))
        beta = 1 - t**-0.8
        squares = g**2 + 1e-30
        if w.ndim == 2:
            state["r"] = r = beta * state.get("r", 0.0) + (1 - beta) * squares.mean(1)
            state["c"] = c = beta * state.get("c", 0.0) + (1 - beta) * squares.mean(0)
            u = g / np.sqrt(np.outer(r, c) / np.mean(r))
        else:
            state["v"] = v = beta * state.get("v", 0.0) + (1 - beta) * squares
            u = g / np.sqrt(v)
        u = u / max(1.0, math.sqrt((u**2).mean()))
        return np.asarray(w - decay * rate * w - rate * u)

    ours = optim.Adafactor(weight_decay=decay)
    assert_follows(ours, lambda p: _ByFormula(p, update), 1e-4)


@pytest.mark.parametrize("nesterov", [True, False])
def test_muon(nesterov: bool) -> None:
    # PyTorch decays weights apart from the gradient, and MLX adds them to it: compared without.
    # Its iterations are in bfloat16; those of MLX are as precise as the parameters.
    def orthogonal(m: np.ndarray) -> np.ndarray:
        x = m.T if m.shape[0] > m.shape[1] else m
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(5):
            a = x @ x.T
            x = 3.4445 * x + (-4.775 * a + 2.0315 * a @ a) @ x
        return np.asarray(x.T if m.shape[0] > m.shape[1] else x)

    def update(t: int, w: np.ndarray, g: np.ndarray, state: dict[str, Any]) -> np.ndarray:
        g = g + 0.1 * w
        state["v"] = v = 0.95 * state.get("v", 0.0) + 0.05 * g
        step = np.asarray(0.05 * g + 0.95 * v if nesterov else v)
        rate = 0.02
        if w.ndim == 2:
            step, rate = orthogonal(step), rate * max(1, w.shape[0] / w.shape[1]) ** 0.5
        return np.asarray(w - rate * step)

    ours = optim.Muon(0.02, weight_decay=0.1, nesterov=nesterov)
    assert_follows(ours, lambda p: _ByFormula(p, update), 1e-3)
    ours = optim.Muon(0.02, weight_decay=0.0, nesterov=nesterov)
    options = {"lr": 0.02, "weight_decay": 0.0, "nesterov": nesterov}
    assert_follows(ours, lambda p: torch.optim.Muon(p, **options), 0.05, only="matrix")


# Schedules

SCHEDULES: list[tuple[str, Any, Any]] = [
    (
        "exponential_decay",
        lambda: optim.exponential_decay(0.1, 0.9),
        lambda o: torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
    ),
    (
        "step_decay",
        lambda: optim.step_decay(0.1, 0.5, 7),
        lambda o: torch.optim.lr_scheduler.StepLR(o, 7, 0.5),
    ),
    (
        "cosine_decay",
        lambda: optim.cosine_decay(0.1, 40),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 40),
    ),
    (
        "cosine_decay to an end",
        lambda: optim.cosine_decay(0.1, 40, 0.02),
        lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, 40, 0.02),
    ),
    (
        "linear_schedule",
        lambda: optim.linear_schedule(0.02, 0.1, 15),
        lambda o: torch.optim.lr_scheduler.LinearLR(o, 0.2, 1.0, 15),
    ),
    (
        "join_schedules",
        lambda: optim.join_schedules(
            [optim.linear_schedule(0.01, 0.1, 10), optim.exponential_decay(0.1, 0.9)], [10]
        ),
        lambda o: torch.optim.lr_scheduler.SequentialLR(
            o,
            [
                torch.optim.lr_scheduler.LinearLR(o, 0.1, 1.0, 10),
                torch.optim.lr_scheduler.ExponentialLR(o, 0.9),
            ],
            [10],
        ),
    ),
]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "ours", "theirs"), SCHEDULES, ids=[row[0] for row in SCHEDULES])
def test_schedules(name: str, ours: Any, theirs: Any) -> None:
    parameter = torch.zeros(1, requires_grad=True)
    peer = torch.optim.SGD([parameter], lr=0.1)
    schedule = theirs(peer)
    optimizer = optim.SGD(ours())
    for step in range(40):
        rate = peer.param_groups[0]["lr"]
        assert ours()(mx.array(step)).item() == pytest.approx(rate, rel=1e-5, abs=1e-7), step
        optimizer.apply_gradients({"w": mx.ones(1)}, {"w": mx.ones(1)})
        assert optimizer.learning_rate.item() == pytest.approx(rate, rel=1e-5, abs=1e-7), step
        peer.step()
        schedule.step()


def test_a_schedule_moves_the_parameters_as_in_pytorch() -> None:
    class Scheduled:
        def __init__(self, tensors: list[Any]) -> None:
            self.optimizer = torch.optim.AdamW(tensors, lr=0.05, weight_decay=0.1)
            self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, STEPS)

        def step(self) -> None:
            self.optimizer.step()
            self.schedule.step()

    ours = optim.AdamW(optim.cosine_decay(0.05, STEPS), weight_decay=0.1, bias_correction=True)
    assert_follows(ours, Scheduled, 1e-4)


# Clipping


@pytest.mark.parametrize("bound", [0.0, 0.5, 3.0, 1e6])
@pytest.mark.parametrize("step", [1, 3, 7])
def test_clipping_by_the_norm(bound: float, step: int) -> None:
    given = gradients(step)
    tensors = [torch.zeros(shape, dtype=torch.float64) for shape in SHAPES.values()]
    for name, parameter in zip(SHAPES, tensors, strict=True):
        parameter.grad = torch.tensor(given[name])
    expected = torch.nn.utils.clip_grad_norm_(tensors, bound)
    tree = {name: [mx.array(x, mx.float32)] for name, x in given.items()}
    got, norm = optim.clip_grad_norm(tree, bound)
    assert norm.item() == pytest.approx(expected.item(), rel=1e-5)
    for (_, value), parameter in zip(tree_flatten(got), tensors, strict=True):
        np.testing.assert_allclose(np.array(value), parameter.grad.numpy(), 1e-5, 1e-7)
