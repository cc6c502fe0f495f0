"""Losses are their formulas, computed by NumPy."""

import math
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn
from mlx_core_py.nn import losses

RANDOM = np.random.default_rng(0)
X = RANDOM.standard_normal((4, 5)).astype(np.float32)
Y = RANDOM.standard_normal((4, 5)).astype(np.float32)
Z = RANDOM.standard_normal((4, 5)).astype(np.float32)
SIGNS = np.where(RANDOM.random((4, 5)) < 0.5, -1, 1)
CLASSES = np.array([0, 4, 2, 2])
D = np.abs(X - Y)


def log_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    result: np.ndarray = x - np.log(np.exp(x).sum(axis, keepdims=True))
    return result


PROBABILITIES = np.exp(log_softmax(Y))
LOGS = log_softmax(X)
PICKED = LOGS[np.arange(4), CLASSES]


def norm(x: np.ndarray, p: int = 2) -> np.ndarray:
    result: np.ndarray = ((np.abs(x) ** p).sum(-1) + 1e-6) ** (1 / p)
    return result


# The loss, its arguments, its options and what it is without reduction.
CASES: list[tuple[str, tuple[np.ndarray, ...], dict[str, Any], np.ndarray]] = [
    ("cross_entropy", (X, CLASSES), {}, -PICKED),
    ("cross_entropy", (X, PROBABILITIES), {}, -(PROBABILITIES * LOGS).sum(-1)),
    ("cross_entropy", (X.T, CLASSES), {"axis": 0}, -PICKED),
    (
        "cross_entropy",
        (X, CLASSES),
        {"label_smoothing": 0.2},
        -(0.8 * PICKED + 0.2 * LOGS.mean(-1)),
    ),
    ("cross_entropy", (X, CLASSES, np.arange(4.0)), {}, -PICKED * np.arange(4)),
    (
        "binary_cross_entropy",
        (X, PROBABILITIES),
        {},
        np.log1p(np.exp(X)) - X * PROBABILITIES,
    ),
    (
        "binary_cross_entropy",
        (PROBABILITIES, (SIGNS + 1) / 2),
        {"with_logits": False},
        -np.log(np.where(SIGNS > 0, PROBABILITIES, 1 - PROBABILITIES)),
    ),
    ("l1_loss", (X, Y), {}, D),
    ("mse_loss", (X, Y), {}, D**2),
    ("smooth_l1_loss", (X, Y), {}, np.where(D < 1, D**2 / 2, D - 0.5)),
    ("smooth_l1_loss", (X, Y), {"beta": 0.5}, np.where(D < 0.5, D**2, D - 0.25)),
    ("huber_loss", (X, Y), {"delta": 0.5}, np.where(D <= 0.5, D**2 / 2, 0.5 * (D - 0.25))),
    ("log_cosh_loss", (X, Y), {}, np.log(np.cosh(D))),
    ("hinge_loss", (X, SIGNS), {}, np.maximum(0, 1 - X * SIGNS)),
    ("nll_loss", (LOGS, CLASSES), {}, -PICKED),
    ("nll_loss", (LOGS.T, CLASSES), {"axis": 0}, -PICKED),
    (
        "kl_div_loss",
        (LOGS, log_softmax(Y)),
        {},
        (PROBABILITIES * (log_softmax(Y) - LOGS)).sum(-1),
    ),
    (
        "gaussian_nll_loss",
        (X, Y, D),
        {"full": True},
        (np.log(D) + D + math.log(2 * math.pi)) / 2,
    ),
    (
        "cosine_similarity_loss",
        (X, Y),
        {},
        (X * Y).sum(-1) / np.linalg.norm(X, axis=-1) / np.linalg.norm(Y, axis=-1),
    ),
    (
        "margin_ranking_loss",
        (X, Y, SIGNS),
        {"margin": 0.5},
        np.maximum(0, -SIGNS * (X - Y) + 0.5),
    ),
    ("triplet_loss", (X, Y, Z), {}, np.maximum(norm(X - Y) - norm(X - Z) + 1, 0)),
    ("triplet_loss", (X, Y, Z), {"p": 3}, np.maximum(norm(X - Y, 3) - norm(X - Z, 3) + 1, 0)),
]

# Those whose default is the mean.
MEAN = {"binary_cross_entropy", "l1_loss", "mse_loss", "smooth_l1_loss", "gaussian_nll_loss"}


@pytest.mark.parametrize(("name", "arguments", "options", "expected"), CASES)
def test_formulas(
    name: str, arguments: tuple[np.ndarray, ...], options: dict[str, Any], expected: np.ndarray
) -> None:
    loss: Callable[..., mx.array] = getattr(losses, name)
    arrays = [mx.array(argument) for argument in arguments]
    got = {
        reduction: np.array(loss(*arrays, **options, reduction=reduction))
        for reduction in ("none", "mean", "sum")
    }
    assert got["none"].shape == expected.shape
    assert np.allclose(got["none"], expected, rtol=1e-4, atol=1e-5)
    assert np.allclose(got["mean"], expected.mean(), rtol=1e-4, atol=1e-5)
    assert np.allclose(got["sum"], expected.sum(), rtol=1e-4, atol=1e-5)
    default = np.array(loss(*arrays, **options))
    assert np.array_equal(default, got["mean" if name in MEAN else "none"])


@pytest.mark.parametrize(("name", "arguments", "options", "expected"), CASES)
def test_reductions_have_names(
    name: str, arguments: tuple[np.ndarray, ...], options: dict[str, Any], expected: np.ndarray
) -> None:
    with pytest.raises(ValueError, match="reduction"):
        getattr(losses, name)(*map(mx.array, arguments), **options, reduction="max")


@pytest.mark.parametrize("name", sorted({row[0] for row in CASES}))
def test_shapes_must_agree(name: str) -> None:
    arguments = next(row[1] for row in CASES if row[0] == name)
    with pytest.raises(ValueError, match="must have the shape"):
        getattr(losses, name)(*map(mx.array, arguments[:-1]), mx.zeros((3, 7)))


@pytest.mark.parametrize("name", sorted({row[0] for row in CASES}))
@pytest.mark.parametrize("value", [None, [1.0], np.ones(3)])
def test_what_is_no_array_is_named(name: str, value: object) -> None:
    arguments = next(row[1] for row in CASES if row[0] == name)
    with pytest.raises(TypeError, match=r"^\w+ must be an array, not"):
        getattr(losses, name)(*map(mx.array, arguments[:-1]), value)


def test_every_loss_is_tested() -> None:
    assert {row[0] for row in CASES} == set(losses.__all__)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_label_smoothing(smoothing: float) -> None:
    with pytest.raises(ValueError, match="label_smoothing"):
        losses.cross_entropy(mx.array(X), mx.array(CLASSES), label_smoothing=smoothing)


def test_classes_are_integers() -> None:
    with pytest.raises(TypeError, match="targets must be integers"):
        losses.cross_entropy(mx.array(X), mx.array(CLASSES).astype(mx.float32))
    truth = losses.cross_entropy(mx.zeros((1, 2)), mx.array([True]))
    assert abs(truth.item() - np.log(2)) < 1e-6


def test_cross_entropy_is_as_precise_as_its_logits() -> None:
    with mx.stream(mx.cpu):
        double = mx.array([[1, 2000, 3000.123456789]], mx.float64)
        assert losses.cross_entropy(double, mx.array([1])).item() == 3000.123456789 - 2000
        # Scores that are integers count as floats.
        assert losses.cross_entropy(mx.array([[1, 2000, 3000]]), mx.array([1])).item() == 1000


def test_axis_out_of_range() -> None:
    with pytest.raises(ValueError, match="axis 2"):
        losses.cross_entropy(mx.array(X), mx.array(CLASSES), axis=2)


def test_weights_must_fit() -> None:
    with pytest.raises(ValueError, match="weights"):
        losses.binary_cross_entropy(mx.array(X), mx.array(Y), mx.ones((5,)))


def test_certain_probabilities_cost_at_most_a_hundred() -> None:
    probabilities, truth = mx.array([0.0, 1.0, 0.0]), mx.array([1, 0, 0])
    got = losses.binary_cross_entropy(probabilities, truth, with_logits=False, reduction="none")
    assert got.tolist() == [100, 100, 0]


@pytest.mark.parametrize("value", [-1e4, 1e4])
def test_large_logits_have_finite_losses(value: float) -> None:
    logits = mx.array([[value, 0.0]])
    for loss in (
        losses.cross_entropy(logits, mx.array([1])),
        losses.binary_cross_entropy(logits, mx.array([[1, 0]])),
        losses.log_cosh_loss(logits, mx.zeros((1, 2))),
    ):
        assert np.isfinite(np.array(loss)).all()


def test_gradient_of_cross_entropy_is_the_difference_of_probabilities() -> None:
    def loss(x: mx.array) -> mx.array:
        return nn.losses.cross_entropy(x, mx.array(CLASSES), reduction="sum")

    expected = np.exp(LOGS) - np.eye(5)[CLASSES]
    assert np.allclose(np.array(mx.grad(loss)(mx.array(X))), expected, atol=1e-5)


@pytest.mark.parametrize("offset", [0.0, 1e4, -1e6, 1e6])
@pytest.mark.parametrize("axis", [0, 1])
def test_cross_entropy_of_large_logits(offset: float, axis: int) -> None:
    # Halves, which the sum with the offset keeps.
    logits = np.array([[2.0, -1.0, 0.5], [0.0, 4.5, -3.0]]) + offset
    classes = np.array([0, 2])
    # In double precision, after the offset.
    logs = log_softmax(logits - offset)
    expected = -logs[np.arange(2), classes]
    x = mx.array((logits if axis else logits.T).astype(np.float32))
    for targets in (
        mx.array(classes),
        mx.array(np.eye(3)[classes] if axis else np.eye(3)[classes].T),
    ):
        found = losses.cross_entropy(x, targets, axis=axis)
        np.testing.assert_allclose(np.array(found), expected, rtol=1e-5)
    smooth = losses.cross_entropy(x, mx.array(classes), axis=axis, label_smoothing=0.2)
    np.testing.assert_allclose(np.array(smooth), 0.8 * expected - 0.2 * logs.mean(-1), rtol=1e-5)
    gradient = mx.grad(lambda x: losses.cross_entropy(x, mx.array(classes), axis=axis).sum())(x)
    exact = np.exp(logs) - np.eye(3)[classes]
    np.testing.assert_allclose(np.array(gradient), exact if axis else exact.T, atol=1e-6)


def test_smooth_l1_without_smoothing_is_l1() -> None:
    x, y = mx.array([1.0, 3.0, 2.0]), mx.array([0.0, 5.0, 2.0])
    assert losses.smooth_l1_loss(x, y, beta=0.0, reduction="none").tolist() == [1, 2, 0]
    assert mx.grad(losses.smooth_l1_loss)(x, y, beta=0.0).tolist()[2] == 0
    with pytest.raises(ValueError, match="beta must be at least 0"):
        losses.smooth_l1_loss(x, y, beta=-1.0)
