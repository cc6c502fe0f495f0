"""Losses, activations and first weights are those of PyTorch: `nox -s torch` installs it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlx_core_py import nn
from mlx_core_py.nn import losses
from torch_checks import channels_first, check_function, numbers, torch

pytestmark = pytest.mark.torch

several = settings(max_examples=30, deadline=None, derandomize=True)
BATCHES = st.lists(st.integers(1, 4), max_size=3)
REDUCTIONS = st.sampled_from(["none", "mean", "sum"])
BOOLEANS = st.booleans()


def functional(name: str) -> Any:
    return getattr(torch.nn.functional, name)


def reduced(losses: Any, reduction: str) -> Any:
    return losses if reduction == "none" else getattr(losses, reduction)()


def signs(shape: tuple[int, ...]) -> np.ndarray:
    return np.where(numbers(*shape, seed=3) < 0, -1, 1)


# Losses


@several
@given(BATCHES, st.integers(1, 6), st.sampled_from([0.0, 0.1, 0.9]), BOOLEANS, REDUCTIONS)
def test_cross_entropy_of_classes(
    batch: list[int], classes: int, smoothing: float, weighted: bool, reduction: Any
) -> None:
    targets = np.array(np.random.default_rng(1).integers(0, classes, batch))
    weights = [np.abs(numbers(*batch, seed=4))] if weighted else []

    def theirs(logits: Any, targets: Any, weights: Any = 1.0) -> Any:
        # Weights are those of examples here, and those of classes there.
        flat = functional("cross_entropy")(
            logits.reshape(-1, classes),
            targets.reshape(-1),
            reduction="none",
            label_smoothing=smoothing,
        )
        return reduced(flat.reshape(targets.shape) * weights, reduction)

    def ours(logits: mx.array, targets: mx.array, weights: mx.array | None = None) -> mx.array:
        return losses.cross_entropy(
            logits, targets, weights, label_smoothing=smoothing, reduction=reduction
        )

    check_function(ours, theirs, [3 * numbers(*batch, classes), targets, *weights])


def test_weights_of_classes_and_classes_that_are_left_out() -> None:
    # PyTorch has options for these, and divides by the sum of the weights.
    logits, targets = numbers(6, 4), np.array([0, 3, -100, 1, -100, 2])
    of_classes = np.array([0.5, 2.0, 1.0, 0.25])

    def ours(logits: mx.array) -> mx.array:
        kept = mx.array(targets != -100)
        classes = mx.where(kept, mx.array(targets), 0)
        weights = mx.where(kept, mx.array(of_classes, mx.float32)[classes], 0)
        return losses.cross_entropy(logits, classes, weights, reduction="sum") / weights.sum()

    def theirs(logits: Any) -> Any:
        weight = torch.tensor(of_classes)
        return functional("cross_entropy")(logits, torch.tensor(targets), weight)

    check_function(ours, theirs, [logits])


@several
@given(BATCHES, st.integers(1, 6), st.sampled_from([0.0, 0.3]), REDUCTIONS, BOOLEANS)
def test_cross_entropy_of_probabilities(
    batch: list[int], classes: int, smoothing: float, reduction: Any, first: bool
) -> None:
    axis = 0 if first else -1
    shape = (classes, *batch) if first else (*batch, classes)
    targets = np.exp(numbers(*shape, seed=1))
    targets /= targets.sum(axis, keepdims=True)

    def theirs(logits: Any, targets: Any) -> Any:
        logits, targets = (x.movedim(axis, -1) for x in (logits, targets))
        flat = functional("cross_entropy")(
            logits.reshape(-1, classes),
            targets.reshape(-1, classes),
            reduction="none",
            label_smoothing=smoothing,
        )
        return reduced(flat.reshape(logits.shape[:-1]), reduction)

    # By the targets the gradient is another one: MLX takes it that these are distributions.
    check_function(
        lambda logits: losses.cross_entropy(
            logits,
            mx.array(targets, mx.float32),
            axis=axis,
            label_smoothing=smoothing,
            reduction=reduction,
        ),
        lambda logits: theirs(logits, torch.tensor(targets)),
        [3 * numbers(*shape)],
    )


@several
@given(BATCHES, st.integers(1, 6), REDUCTIONS, BOOLEANS)
def test_nll(batch: list[int], classes: int, reduction: Any, first: bool) -> None:
    axis = 0 if first else -1
    shape = (classes, *batch) if first else (*batch, classes)
    targets = np.array(np.random.default_rng(1).integers(0, classes, batch))

    def theirs(logs: Any, targets: Any) -> Any:
        flat = logs.movedim(axis, -1).reshape(-1, classes)
        found = functional("nll_loss")(flat, targets.reshape(-1), reduction="none")
        return reduced(found.reshape(targets.shape), reduction)

    check_function(
        lambda logs, targets: losses.nll_loss(logs, targets, axis, reduction),
        theirs,
        [numbers(*shape), targets],
    )


@several
@given(BATCHES, REDUCTIONS, BOOLEANS, BOOLEANS)
def test_binary_cross_entropy(
    batch: list[int], reduction: Any, with_logits: bool, weighted: bool
) -> None:
    shape = (*batch, 3)
    scores = 4 * numbers(*shape)
    targets = np.random.default_rng(1).random(shape).astype("f4").astype("f8")
    weights = [np.abs(numbers(*shape, seed=4))] if weighted else []
    if not with_logits:
        scores = 1 / (1 + np.exp(-scores))
    name = "binary_cross_entropy" + ("_with_logits" if with_logits else "")

    # It has no gradient by weights of its own.
    def theirs(scores: Any, targets: Any, weights: Any = 1.0) -> Any:
        return reduced(weights * functional(name)(scores, targets, reduction="none"), reduction)

    def ours(scores: mx.array, targets: mx.array, weights: mx.array | None = None) -> mx.array:
        return losses.binary_cross_entropy(scores, targets, weights, with_logits, reduction)

    check_function(ours, theirs, [scores, targets, *weights])


@pytest.mark.parametrize("probability", [0.0, 1e-30, 1e-6, 0.5, 1.0])
@pytest.mark.parametrize("target", [0.0, 0.5, 1.0])
def test_binary_cross_entropy_of_certainties(probability: float, target: float) -> None:
    given = np.float32(probability)
    expected = functional("binary_cross_entropy")(torch.tensor(given), torch.tensor(target))
    got = losses.binary_cross_entropy(mx.array(given), mx.array(target), with_logits=False)
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)


# Of two inputs of one shape; the names of ours and theirs, and the options of both.
ELEMENTWISE: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("l1_loss", "l1_loss", {}, {}),
    ("mse_loss", "mse_loss", {}, {}),
    ("smooth_l1_loss", "smooth_l1_loss", {}, {}),
    ("smooth_l1_loss", "smooth_l1_loss", {"beta": 0.3}, {"beta": 0.3}),
    ("smooth_l1_loss", "smooth_l1_loss", {"beta": 0.0}, {"beta": 0.0}),
    ("huber_loss", "huber_loss", {}, {}),
    ("huber_loss", "huber_loss", {"delta": 0.3}, {"delta": 0.3}),
]


@pytest.mark.parametrize(("name", "peer", "options", "theirs"), ELEMENTWISE)
@several
@given(shape=BATCHES, reduction=REDUCTIONS)
def test_losses_of_differences(
    name: str,
    peer: str,
    options: dict[str, Any],
    theirs: dict[str, Any],
    shape: list[int],
    reduction: Any,
) -> None:
    check_function(
        lambda x, y: getattr(losses, name)(x, y, **options, reduction=reduction),
        lambda x, y: functional(peer)(x, y, **theirs, reduction=reduction),
        [2 * numbers(*shape), numbers(*shape, seed=1)],
    )


@several
@given(BATCHES, REDUCTIONS)
def test_log_cosh(shape: list[int], reduction: Any) -> None:
    # PyTorch has no such loss: its definition.
    check_function(
        lambda x, y: losses.log_cosh_loss(x, y, reduction),
        lambda x, y: reduced(torch.log(torch.cosh(x - y)), reduction),
        [2 * numbers(*shape), numbers(*shape, seed=1)],
    )


@several
@given(BATCHES, REDUCTIONS)
def test_hinge(shape: list[int], reduction: Any) -> None:
    # PyTorch's loss of this name is another one: the definition.
    check_function(
        lambda x, y: losses.hinge_loss(x, y, reduction),
        lambda x, y: reduced(torch.relu(1 - x * y), reduction),
        [2 * numbers(*shape), signs(tuple(shape))],
    )


@several
@given(BATCHES, REDUCTIONS, st.sampled_from([0.0, 0.5]))
def test_margin_ranking(shape: list[int], reduction: Any, margin: float) -> None:
    check_function(
        lambda a, b, y: losses.margin_ranking_loss(a, b, y, margin, reduction),
        lambda a, b, y: functional("margin_ranking_loss")(a, b, y, margin, reduction=reduction),
        [numbers(*shape), numbers(*shape, seed=1), signs(tuple(shape))],
    )


@several
@given(BATCHES, st.integers(1, 4), REDUCTIONS)
def test_kl_divergence(batch: list[int], classes: int, reduction: Any) -> None:
    # MLX sums over the classes, and PyTorch does not.
    def theirs(x: Any, y: Any) -> Any:
        found = functional("kl_div")(x, y, reduction="none", log_target=True)
        return reduced(found.sum(-1), reduction)

    check_function(
        lambda x, y: losses.kl_div_loss(x, y, reduction=reduction),
        theirs,
        [numbers(*batch, classes), numbers(*batch, classes, seed=1)],
    )


@several
@given(BATCHES, REDUCTIONS, BOOLEANS)
def test_gaussian_nll(shape: list[int], reduction: Any, full: bool) -> None:
    variances = np.abs(numbers(*shape, seed=2)) + 0.1
    check_function(
        lambda x, y, v: losses.gaussian_nll_loss(x, y, v, full, 1e-3, reduction),
        lambda x, y, v: functional("gaussian_nll_loss")(x, y, v, full, 1e-3, reduction),
        [numbers(*shape), numbers(*shape, seed=1), variances],
    )


@several
@given(st.lists(st.integers(1, 4), min_size=2, max_size=3), st.sampled_from([0, 1, -1]), REDUCTIONS)
def test_cosine_similarity(shape: list[int], axis: int, reduction: Any) -> None:
    def theirs(x: Any, y: Any) -> Any:
        return reduced(functional("cosine_similarity")(x, y, axis), reduction)

    check_function(
        lambda x, y: losses.cosine_similarity_loss(x, y, axis, reduction=reduction),
        theirs,
        [numbers(*shape), numbers(*shape, seed=1)],
    )


@several
@given(BATCHES, st.sampled_from([1, 2, 3]), REDUCTIONS, st.sampled_from([0.0, 1.0]))
def test_triplet(batch: list[int], p: int, reduction: Any, margin: float) -> None:
    inputs = [numbers(*batch, 4, seed=seed) for seed in range(3)]

    # PyTorch adds eps to each difference, MLX to the sum of powers: without one they are the same.
    def theirs(a: Any, b: Any, c: Any) -> Any:
        near, far = (torch.linalg.vector_norm(a - x, p, -1) for x in (b, c))
        return reduced(torch.relu(near - far + margin), reduction)

    check_function(
        lambda a, b, c: losses.triplet_loss(a, b, c, -1, p, margin, 0.0, reduction), theirs, inputs
    )
    # Nor has it a margin of 0.
    named = {"margin": margin or 1e-9, "p": p, "eps": 1e-9, "reduction": reduction}
    given = [torch.tensor(x) for x in inputs]
    expected = functional("triplet_margin_loss")(*given, **named)
    np.testing.assert_allclose(theirs(*given), expected, 1e-6, 1e-6)


# Activations

# The name of ours, of theirs, and the options of both.
ACTIVATIONS: list[tuple[str, str, tuple[Any, ...], dict[str, Any]]] = [
    ("sigmoid", "sigmoid", (), {}),
    ("tanh", "tanh", (), {}),
    ("relu", "relu", (), {}),
    ("relu6", "relu6", (), {}),
    ("leaky_relu", "leaky_relu", (0.2,), {"negative_slope": 0.2}),
    ("elu", "elu", (0.7,), {"alpha": 0.7}),
    ("celu", "celu", (0.7,), {"alpha": 0.7}),
    ("selu", "selu", (), {}),
    ("silu", "silu", (), {}),
    ("gelu", "gelu", (), {}),
    ("gelu_approx", "gelu", (), {"approximate": "tanh"}),
    ("glu", "glu", (), {}),
    ("mish", "mish", (), {}),
    ("hardswish", "hardswish", (), {}),
    ("hard_tanh", "hardtanh", (-0.5, 0.7), {"min_val": -0.5, "max_val": 0.7}),
    ("hard_shrink", "hardshrink", (0.3,), {"lambd": 0.3}),
    ("softshrink", "softshrink", (0.3,), {"lambd": 0.3}),
    ("softsign", "softsign", (), {}),
    ("softplus", "softplus", (), {}),
    ("log_sigmoid", "logsigmoid", (), {}),
    ("softmax", "softmax", (), {"dim": -1}),
    ("softmin", "softmin", (), {"dim": -1}),
    ("log_softmax", "log_softmax", (), {"dim": -1}),
]
# Those that PyTorch lacks, by what they are.
DEFINED: list[tuple[str, Callable[[Any], Any]]] = [
    ("relu2", lambda x: torch.relu(x) ** 2),
    ("gelu_fast_approx", lambda x: x * torch.sigmoid(1.702 * x)),
]
MODULES = {
    "celu": "CELU",
    "elu": "ELU",
    "gelu": "GELU",
    "glu": "GLU",
    "hard_shrink": "HardShrink",
    "hard_tanh": "HardTanh",
    "hardswish": "Hardswish",
    "leaky_relu": "LeakyReLU",
    "log_sigmoid": "LogSigmoid",
    "log_softmax": "LogSoftmax",
    "mish": "Mish",
    "relu": "ReLU",
    "relu2": "ReLU2",
    "relu6": "ReLU6",
    "selu": "SELU",
    "sigmoid": "Sigmoid",
    "silu": "SiLU",
    "softmax": "Softmax",
    "softmin": "Softmin",
    "softplus": "Softplus",
    "softshrink": "Softshrink",
    "softsign": "Softsign",
    "tanh": "Tanh",
}


@pytest.mark.parametrize(("name", "peer", "options", "theirs"), ACTIVATIONS)
@several
@given(shape=BATCHES, scale=st.sampled_from([0.1, 1.0, 30.0]))
def test_activations(
    name: str,
    peer: str,
    options: tuple[Any, ...],
    theirs: dict[str, Any],
    shape: list[int],
    scale: float,
) -> None:
    x = scale * numbers(*shape, 4)
    forms: list[Any] = [getattr(nn, name)]
    if name in MODULES:
        layer = getattr(nn, MODULES[name])(*options)
        forms.append(lambda x: layer(x))
    else:
        options = ()
    for form in forms:
        given = options if form is forms[0] else ()
        check_function(
            lambda x, form=form, given=given: form(x, *given),
            lambda x: functional(peer)(x, **theirs),
            [x.astype("f4").astype("f8")],
        )


@pytest.mark.parametrize(("name", "theirs"), DEFINED)
def test_activations_by_their_definition(name: str, theirs: Any) -> None:
    check_function(getattr(nn, name), theirs, [3 * numbers(4, 5)])


@pytest.mark.parametrize("name", [row[0] for row in ACTIVATIONS if row[0] not in ("glu",)])
def test_activations_far_out(name: str) -> None:
    peer, options, theirs = next(row[1:] for row in ACTIVATIONS if row[0] == name)
    # One after the other: a softmax of all would be that of the largest.
    for value in (-1e30, -1e4, -100.0, -20.0, 20.0, 100.0, 1e4, 1e30, math.inf, -math.inf):
        # A softmax of infinity is NaN in both; the cube of 1e30 is too large for float32.
        if abs(value) > 1e4 and name in ("softmax", "softmin", "log_softmax", "gelu_approx"):
            continue
        x = np.array([value, 0.5])
        got = np.array(getattr(nn, name)(mx.array(x, mx.float32), *options))
        want = functional(peer)(torch.tensor(x), **theirs).numpy().astype("f4")
        np.testing.assert_allclose(got, want, 1e-5, 1e-6, err_msg=str(value))
        (slope,) = torch.autograd.grad(
            functional(peer)(t := torch.tensor(x, requires_grad=True), **theirs)[0], t
        )
        if math.isfinite(value):
            got = mx.grad(lambda x: getattr(nn, name)(x, *options)[0])(mx.array(x, mx.float32))
            np.testing.assert_allclose(np.array(got), slope, 1e-4, 1e-6, err_msg=str(value))


@several
@given(BATCHES, st.integers(1, 4), BOOLEANS)
def test_prelu(batch: list[int], dims: int, single: bool) -> None:
    slopes = numbers(1 if single else dims, seed=1)
    check_function(
        nn.prelu,
        lambda x, a: functional("prelu")(channels_first(x), a).movedim(1, -1),
        [numbers(2, *batch, dims), slopes],
    )


# First weights


@pytest.mark.parametrize("shape", [(300, 200), (40, 3, 5, 30), (64, 9, 50)])
@pytest.mark.parametrize(
    ("name", "peer", "options", "theirs"),
    [
        ("glorot_uniform", "xavier_uniform_", {"gain": 1.5}, {"gain": 1.5}),
        ("glorot_normal", "xavier_normal_", {"gain": 1.5}, {"gain": 1.5}),
        # The gain is part of it there: that of a linear function is 1.
        ("he_uniform", "kaiming_uniform_", {}, {"nonlinearity": "linear"}),
        ("he_normal", "kaiming_normal_", {}, {"nonlinearity": "linear"}),
        (
            "he_uniform",
            "kaiming_uniform_",
            {"mode": "fan_out", "gain": math.sqrt(2)},
            {"mode": "fan_out", "nonlinearity": "relu"},
        ),
        (
            "he_normal",
            "kaiming_normal_",
            {"mode": "fan_out", "gain": math.sqrt(2)},
            {"mode": "fan_out", "nonlinearity": "relu"},
        ),
    ],
)
def test_distributions_of_first_weights(
    name: str, peer: str, options: dict[str, Any], theirs: dict[str, Any], shape: tuple[int, ...]
) -> None:
    mx.random.seed(0)
    torch.manual_seed(0)
    got = np.array(getattr(nn.init, name)()(mx.zeros(shape), **options)).flatten()
    # Channels, which are last here, are second there.
    want = torch.empty(shape[0], shape[-1], *shape[1:-1])
    getattr(torch.nn.init, peer)(want, **theirs)
    want = want.numpy().flatten()
    assert abs(got.mean()) < 5 * want.std() / math.sqrt(got.size)
    assert got.std() == pytest.approx(want.std(), rel=0.03)
    if "uniform" in name:
        assert np.abs(got).max() == pytest.approx(np.abs(want).max(), rel=0.01)
    # The distance of the distributions, of Kolmogorov and Smirnov: 0.999 of samples are nearer.
    both = np.sort(np.concatenate([got, want]))
    distance = np.abs(
        np.searchsorted(np.sort(got), both, "right") - np.searchsorted(np.sort(want), both, "right")
    ).max()
    assert distance / got.size < 1.95 * math.sqrt(2 / got.size)


@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (9, 4)])
def test_orthogonal(shape: tuple[int, int]) -> None:
    weight = np.array(nn.init.orthogonal(2.0)(mx.zeros(shape)))
    peer = torch.nn.init.orthogonal_(torch.empty(shape), 2.0).numpy()
    for w in (weight, peer):
        gram = w @ w.T if shape[0] <= shape[1] else w.T @ w
        np.testing.assert_allclose(gram, 4 * np.eye(min(shape)), atol=1e-5)


def test_sparse() -> None:
    weight = np.array(nn.init.sparse(0.3, std=0.1)(mx.zeros((200, 90))))
    # PyTorch has the inputs second as well, and empties columns where MLX empties rows.
    peer = torch.nn.init.sparse_(torch.empty(90, 200), 0.3, 0.1).numpy().T
    assert ((weight == 0).sum(1) == (peer == 0).sum(1)).all()
    assert weight[weight != 0].std() == pytest.approx(peer[peer != 0].std(), rel=0.03)
