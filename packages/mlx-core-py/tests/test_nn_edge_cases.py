"""Layers, losses and training where inputs are few, masked, wrong, or of half precision."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import mlx_core_py.optimizers as optim
import numpy as np
import pytest
from comparing import normal
from mlx_core_py import nn
from mlx_core_py.nn import losses
from mlx_core_py.utils import tree_flatten, tree_map

NAN, INF = math.nan, math.inf
LOGITS = mx.array([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
CLASSES = mx.array([0, 2])
ONES = mx.ones((2, 3))
EMPTY = mx.zeros((0, 3))
LOG3 = math.log(3)
FIRST = math.log(math.exp(1) + math.exp(2) + math.exp(3)) - 1


def small(*values: int, dtype: mx.Dtype = mx.uint8) -> mx.array:
    return mx.array(values, dtype)


def long(value: float) -> mx.array:
    return mx.full((1, 4096), value, mx.float16)


def attend(mask: Any) -> mx.array:
    x = ONES[None]
    return nn.MultiHeadAttention(3, 1)(x, x, x, mask)


def kept(losses: mx.array, mask: Any) -> mx.array:
    """The mean of the losses that a mask keeps, as programs write it."""
    mask = mx.array(mask)
    return mx.where(mask, losses, 0).sum() / mx.maximum(mask.sum(), 1)


# What is called, and the number or numbers that come out.
VALUES: dict[str, tuple[Callable[[], mx.array], Any]] = {
    # No rows: no losses, a sum of 0, and no mean.
    "no rows": (lambda: losses.cross_entropy(EMPTY, mx.zeros((0,), mx.int32)), []),
    "sum of no rows": (
        lambda: losses.cross_entropy(EMPTY, mx.zeros((0,), mx.int32), reduction="sum"),
        0,
    ),
    "mean of no rows": (
        lambda: losses.cross_entropy(EMPTY, mx.zeros((0,), mx.int32), reduction="mean"),
        NAN,
    ),
    "no rows of probabilities": (lambda: losses.cross_entropy(EMPTY, EMPTY), []),
    "no rows, smooth": (
        lambda: losses.cross_entropy(EMPTY, mx.zeros((0,), mx.int32), label_smoothing=0.1),
        [],
    ),
    "no rows of logs": (lambda: losses.nll_loss(EMPTY, mx.zeros((0,), mx.int32)), []),
    "no rows of distributions": (lambda: losses.kl_div_loss(EMPTY, EMPTY), []),
    "no rows of vectors": (lambda: losses.cosine_similarity_loss(EMPTY, EMPTY), []),
    "no rows of triplets": (lambda: losses.triplet_loss(EMPTY, EMPTY, EMPTY), []),
    "sum of no differences": (lambda: losses.mse_loss(EMPTY, EMPTY, "sum"), 0),
    "mean of no differences": (lambda: losses.mse_loss(EMPTY, EMPTY), NAN),
    # Batches masked out in whole and in part.
    "all masked": (lambda: kept(losses.cross_entropy(LOGITS, CLASSES), [False, False]), 0),
    "one masked": (lambda: kept(losses.cross_entropy(LOGITS, CLASSES), [True, False]), FIRST),
    "masked by weights": (
        lambda: losses.cross_entropy(LOGITS, CLASSES, mx.zeros(2), reduction="sum"),
        0,
    ),
    # Classes of every integer type, negative ones from the end, truth as two classes.
    "bytes": (lambda: losses.cross_entropy(LOGITS, CLASSES.astype(mx.uint8)), [FIRST, LOG3]),
    "long": (lambda: losses.cross_entropy(LOGITS, CLASSES.astype(mx.int64)), [FIRST, LOG3]),
    "from the end": (lambda: losses.cross_entropy(LOGITS, CLASSES - 3), [FIRST, LOG3]),
    "logs from the end": (lambda: losses.nll_loss(LOGITS, mx.array([-1, -3])), [-3, 0]),
    "truth": (lambda: losses.nll_loss(LOGITS, mx.array([True, False])), [-2, 0]),
    # Weights that are integers count as numbers.
    "integer weights": (
        lambda: losses.cross_entropy(LOGITS, CLASSES, mx.array([0, 2])),
        [0, 2 * LOG3],
    ),
    # Not numbers, and infinities.
    "nan": (lambda: losses.cross_entropy(mx.array([[1.0, NAN]]), mx.array([0])), [NAN]),
    "nan, smooth": (
        lambda: losses.cross_entropy(mx.array([[1.0, NAN]]), mx.array([0]), label_smoothing=0.1),
        [NAN],
    ),
    "nan in another row": (
        lambda: losses.cross_entropy(mx.array([[0.0, 0], [1, NAN]]), mx.array([0, 0])),
        [math.log(2), NAN],
    ),
    "a class that cannot be": (
        lambda: losses.cross_entropy(mx.array([[1.0, -INF, 1]]), mx.array([0])),
        [math.log(2)],
    ),
    "the class that cannot be": (
        lambda: losses.cross_entropy(mx.array([[1.0, -INF]]), mx.array([1])),
        [INF],
    ),
    "nan of binary": (lambda: losses.binary_cross_entropy(mx.array(NAN), mx.array(1.0)), NAN),
    "nan of probability": (
        lambda: losses.binary_cross_entropy(mx.array(NAN), mx.array(1.0), with_logits=False),
        NAN,
    ),
    "nan of difference": (lambda: losses.huber_loss(mx.array(NAN), mx.array(1.0)), NAN),
    "nan of margin": (lambda: losses.hinge_loss(mx.array(NAN), mx.array(1.0)), NAN),
    # Vectors of no direction, and of one.
    "no direction": (lambda: losses.cosine_similarity_loss(0 * ONES, ONES), [0, 0]),
    "three alike": (lambda: losses.triplet_loss(ONES, ONES, ONES), [1, 1]),
    # A difference of small integers is not one modulo 256.
    "bytes apart": (lambda: losses.l1_loss(small(0, 1), small(255, 3)), 128.5),
    "bytes squared": (lambda: losses.mse_loss(small(100), small(0)), 10_000),
    "signed bytes": (
        lambda: losses.mse_loss(small(-100, dtype=mx.int8), small(100, dtype=mx.int8)),
        40_000,
    ),
    "truths apart": (lambda: losses.l1_loss(mx.array([True]), mx.array([False])), 1),
    "smooth bytes": (lambda: losses.smooth_l1_loss(small(0), small(200)), 199.5),
    "huber bytes": (lambda: losses.huber_loss(small(0), small(200)), [199.5]),
    "cosh of bytes": (lambda: losses.log_cosh_loss(small(0), small(200)), [200 - math.log(2)]),
    "hinge of bytes": (
        lambda: losses.hinge_loss(small(100, dtype=mx.int8), small(-1, dtype=mx.int8)),
        [101],
    ),
    "margin of bytes": (lambda: losses.margin_ranking_loss(small(0), small(9), small(1)), [9]),
    "density of bytes": (lambda: losses.gaussian_nll_loss(small(0), small(20), small(1)), 200),
    "angle of bytes": (lambda: losses.cosine_similarity_loss(small(200), small(200), axis=0), 1),
    # Sums of squares of half precision.
    "long vectors": (
        lambda: losses.cosine_similarity_loss(long(5), long(5)),
        [1],
    ),
    "far vectors": (
        lambda: losses.triplet_loss(long(0), long(5), long(4), margin=0.0),
        [64],
    ),
}


@pytest.mark.parametrize("name", VALUES)
def test_losses_that_make_sense(name: str) -> None:
    call, expected = VALUES[name]
    got = call()
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(np.array(got), expected, 1e-5, 1e-6)


# What is called, the exception and what its message says.
ERRORS: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "no class": (
        lambda: losses.cross_entropy(mx.zeros((2, 0)), CLASSES),
        ValueError,
        "logits must have at least one class",
    ),
    "class too large": (
        lambda: losses.cross_entropy(LOGITS, mx.array([0, 3])),
        IndexError,
        r"cross_entropy.* 3 is out of range",
    ),
    "class too small": (
        lambda: losses.cross_entropy(LOGITS, mx.array([0, -100])),
        IndexError,
        r"-100 is out of range",
    ),
    "class too large, smooth": (
        lambda: losses.cross_entropy(LOGITS, mx.array([0, 3]), label_smoothing=0.1),
        IndexError,
        "3 is out of range",
    ),
    "class of logs too large": (
        lambda: losses.nll_loss(LOGITS, mx.array([0, 3])),
        IndexError,
        "3 is out of range",
    ),
    "class of floats": (
        lambda: losses.nll_loss(LOGITS, mx.array([0.0, 1.0])),
        TypeError,
        "targets must be integers",
    ),
    "classes of another shape": (
        lambda: losses.cross_entropy(LOGITS, mx.array([[0], [2]])),
        ValueError,
        "targets must have the shape",
    ),
    "probabilities of another shape": (
        lambda: losses.cross_entropy(LOGITS, mx.ones((2, 4))),
        ValueError,
        "targets must have the shape",
    ),
    "weights of classes": (
        lambda: losses.cross_entropy(LOGITS, CLASSES, mx.ones(3)),
        ValueError,
        "weights must have the shape",
    ),
    "no axis": (
        lambda: losses.cross_entropy(mx.array(1.0), mx.array(1)),
        ValueError,
        "axis -1 is out of range for logits",
    ),
    "part of an axis": (
        lambda: losses.cross_entropy(LOGITS, CLASSES, axis=1.0),  # type: ignore[arg-type]
        TypeError,
        "axis must be an integer",
    ),
    "axis of distributions": (
        lambda: losses.kl_div_loss(LOGITS, LOGITS, axis=2),
        ValueError,
        "axis 2 is out of range for inputs",
    ),
    "axis of vectors": (
        lambda: losses.cosine_similarity_loss(mx.ones(3), mx.ones(3)),
        ValueError,
        "axis 1 is out of range for x1",
    ),
    "axis of triplets": (
        lambda: losses.triplet_loss(LOGITS, LOGITS, LOGITS, axis=2),
        ValueError,
        "axis 2 is out of range for anchors",
    ),
    "smoothing of text": (
        lambda: losses.cross_entropy(LOGITS, CLASSES, label_smoothing="a"),  # type: ignore[arg-type]
        TypeError,
        "label_smoothing must be a number",
    ),
    "delta": (
        lambda: losses.huber_loss(ONES, ONES, delta=0.0),
        ValueError,
        "delta must be greater than 0",
    ),
    "eps": (
        lambda: losses.gaussian_nll_loss(ONES, ONES, ONES, eps=-1.0),
        ValueError,
        "eps must be at least 0",
    ),
    "degree": (
        lambda: losses.triplet_loss(ONES, ONES, ONES, p=0),
        ValueError,
        "p must be greater than 0",
    ),
    "nothing for a bound": (
        lambda: nn.utils.clip_grad_norm_sharded({"w": ONES}, None),  # type: ignore[arg-type]
        TypeError,
        "max_norm must be a number",
    ),
    "a bound below zero": (
        lambda: nn.utils.clip_grad_norm_sharded({"w": ONES}, -1.0),
        ValueError,
        "max_norm must be at least 0",
    ),
    "one row to train": (lambda: nn.BatchNorm(3)(mx.ones((1, 3))), ValueError, r"^x .*at least 2"),
    "no row to train": (lambda: nn.BatchNorm(3)(EMPTY), ValueError, r"^x .*at least 2"),
    "keys without values": (
        lambda: nn.MultiHeadAttention(3, 1)(ONES[None], ONES[None], ONES[None, :1]),
        ValueError,
        "values must have as many positions as keys, 2",
    ),
    "a mask of another shape": (
        lambda: attend(mx.zeros((4, 4))),
        ValueError,
        "cannot be broadcast",
    ),
    "a mask that is none": (
        lambda: attend("strict"),
        ValueError,
        "mask",
    ),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_that_name_what_is_wrong(name: str) -> None:
    call, error, message = ERRORS[name]
    with pytest.raises(error, match=message):
        mx.eval(call())


@pytest.mark.parametrize("target", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_certain_probabilities_have_gradients(probability: float, target: float) -> None:
    def loss(p: mx.array) -> mx.array:
        return losses.binary_cross_entropy(p, mx.array(target), with_logits=False)

    # Logarithms count as at least -100, and what is constant has no slope.
    expected = -target if probability == 1 else 1 - target
    assert mx.grad(loss)(mx.array(probability)).item() == expected
    # A prediction through the sigmoid that is as certain is no NaN either.
    score = mx.array(100.0 if probability else -200.0)
    assert math.isfinite(mx.grad(lambda x: loss(mx.sigmoid(x)))(score).item())


def test_small_probabilities_have_all_their_digits() -> None:
    small = mx.array([1e-6, 1e-10])
    got = losses.binary_cross_entropy(small, mx.zeros(2), with_logits=False, reduction="none")
    np.testing.assert_allclose(np.array(got), -np.log1p(-np.array([1e-6, 1e-10])), 1e-5)


def test_gradients_of_no_rows_are_none() -> None:
    layer = nn.Linear(3, 3)
    none = mx.zeros((0,), mx.int32)
    _, gradients = nn.value_and_grad(
        layer, lambda: losses.cross_entropy(layer(EMPTY), none, reduction="sum")
    )()
    assert all(not x.any().item() for _, x in tree_flatten(gradients))


# Activations of numbers near the ends of float16


@pytest.mark.parametrize(
    "name",
    "sigmoid tanh relu relu6 leaky_relu elu celu selu silu gelu gelu_approx gelu_fast_approx mish "
    "hardswish hard_tanh hard_shrink softshrink softsign softplus log_sigmoid".split(),
)
def test_activations_of_large_numbers_in_half_precision(name: str) -> None:
    function = getattr(nn, name)
    for value in (*range(0, 60, 4), 100, 255, 257, 1000, 11_000, 30_000, 40_000, 62_000):
        for x in (float(value), -float(value)):
            for dtype in (mx.float16, mx.bfloat16):
                half, single = mx.array(x, dtype), mx.array(x, dtype).astype(mx.float32)
                tolerance = 3e-3 if dtype == mx.float16 else 3e-2
                for call in (function, mx.grad(function)):
                    want = call(single).item()
                    if abs(want) < 65_000:
                        got = call(half).item()
                        assert got == pytest.approx(want, rel=tolerance, abs=tolerance), (x, call)


# Attention of queries that see nothing


def masks(length: int) -> dict[str, mx.array]:
    seen = np.tril(np.ones((length, length), bool))
    seen[1] = False
    return {
        "nothing": mx.zeros((length, length), mx.bool_),
        "nothing, added": mx.full((length, length), -INF),
        "one row": mx.array(seen),
        "one row, added": mx.where(mx.array(seen), 0, -INF),
    }


@pytest.mark.parametrize("kind", masks(4))
@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16])
def test_queries_that_see_nothing(kind: str, dtype: mx.Dtype) -> None:
    mask = masks(4)[kind]
    layer = nn.MultiHeadAttention(8, 2)
    layer.set_dtype(dtype)
    x = mx.array(normal(2, 4, 8)).astype(dtype)
    y = layer(x, x, x, mask)
    hidden = np.array(mask if mask.dtype == mx.bool_ else mask == 0).sum(1) == 0
    assert (np.array((y == 0).all(-1)) == hidden).all()
    _, gradients = nn.value_and_grad(layer, lambda: (layer(x, x, x, mask) ** 2).sum())()
    for path, gradient in tree_flatten(gradients):
        assert mx.isfinite(gradient).all().item(), path
        assert gradient.dtype == dtype
    assert mx.isfinite(mx.grad(lambda x: (layer(x, x, x, mask) ** 2).sum())(x)).all().item()


def test_causal_by_name_is_the_causal_mask() -> None:
    layer = nn.MultiHeadAttention(8, 2)
    x = mx.array(normal(2, 5, 8))
    expected = layer(x, x, x, layer.create_additive_causal_mask(5))
    assert mx.allclose(layer(x, x, x, "causal"), expected, atol=1e-5).item()
    encoder = nn.TransformerEncoder(1, 8, 2, checkpoint=True)
    assert mx.allclose(
        encoder(x, "causal"), encoder(x, layer.create_additive_causal_mask(5)), atol=1e-5
    ).item()


# Statistics of batches


def test_statistics_after_what_failed_and_in_evaluation() -> None:
    layer = nn.BatchNorm(3)
    layer(mx.array(normal(4, 3)))
    before = [layer.running_mean.tolist(), layer.running_var.tolist()]
    with pytest.raises(ValueError, match="at least 2"):
        layer(mx.ones((1, 3)))
    layer.eval()
    assert layer(mx.ones((1, 3))).shape == (1, 3)
    assert layer(EMPTY).shape == (0, 3)
    assert [layer.running_mean.tolist(), layer.running_var.tolist()] == before
    # Not even if they are asked for by name.
    for keys in (None, "running_mean", ["running_var", "weight"]):
        layer.freeze().unfreeze(keys=keys)
        assert not {"running_mean", "running_var"} & set(layer.trainable_parameters())
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm(3)).unfreeze()
    assert "running_mean" not in model.trainable_parameters()["layers"][1]


# Training in half precision


class Autoregressive(nn.Module):
    """What makes a layer of tokens, or of two inputs, one of floats."""

    def __init__(self, layer: Any, call: Callable[..., Any]) -> None:
        super().__init__()
        self.layer = layer
        self.call = call

    def __call__(self, x: mx.array) -> mx.array:
        y: mx.array = self.call(self.layer, x)
        return y


def plain(layer: Any, x: mx.array) -> mx.array:
    y = layer(x)
    result: mx.array = y[0] if isinstance(y, tuple) else y
    return result


def build_layers() -> dict[str, tuple[Any, tuple[int, ...], Callable[..., Any]]]:
    """Every layer, the shape of its input, and how it is called."""
    sequence, image, volume = (2, 6, 4), (2, 6, 6, 4), (2, 4, 4, 4, 4)
    table: dict[str, tuple[Any, tuple[int, ...], Callable[..., Any]]] = {
        name: (getattr(nn, name)(), (3, 4), plain)
        for name in dir(nn.layers.activations)
        if inspect.isclass(getattr(nn, name)) and name != "Step"
    }
    for axes, shape in ((1, sequence), (2, image), (3, volume)):
        for kind in ("Conv", "ConvTranspose"):
            table[f"{kind}{axes}d"] = (getattr(nn, f"{kind}{axes}d")(4, 6, 3), shape, plain)
        for kind in ("Max", "Avg"):
            table[f"{kind}Pool{axes}d"] = (getattr(nn, f"{kind}Pool{axes}d")(2), shape, plain)
    table |= {
        "Linear": (nn.Linear(4, 6), (3, 4), plain),
        "Bilinear": (nn.Bilinear(4, 4, 6), (3, 4), lambda layer, x: layer(x, x)),
        "Identity": (nn.Identity(), (3, 4), plain),
        "Sequential": (nn.Sequential(nn.Linear(4, 4), nn.ReLU()), (3, 4), plain),
        "Embedding": (
            nn.Embedding(9, 4),
            (3, 4),
            lambda layer, x: layer(mx.array([1, 2, 2])) + layer.as_linear(x)[:, :4],
        ),
        "Dropout": (nn.Dropout(), (3, 4), plain),
        "Dropout2d": (nn.Dropout2d(), image, plain),
        "Dropout3d": (nn.Dropout3d(), volume, plain),
        "BatchNorm": (nn.BatchNorm(4), image, plain),
        "GroupNorm": (nn.GroupNorm(2, 4), image, plain),
        "InstanceNorm": (nn.InstanceNorm(4, affine=True), image, plain),
        "LayerNorm": (nn.LayerNorm(4), image, plain),
        "RMSNorm": (nn.RMSNorm(4), image, plain),
        "ALiBi": (nn.ALiBi(), (1, 2, 5, 5), plain),
        "RoPE": (nn.RoPE(4), (1, 2, 5, 4), plain),
        "GRU": (nn.GRU(4, 5), sequence, plain),
        "LSTM": (nn.LSTM(4, 5), sequence, plain),
        "RNN": (nn.RNN(4, 5), sequence, plain),
        "MultiHeadAttention": (
            nn.MultiHeadAttention(4, 2),
            sequence,
            lambda layer, x: layer(x, x, x, layer.create_additive_causal_mask(6)),
        ),
        "Transformer": (
            nn.Transformer(4, 2, 1, 1, dropout=0.1),
            sequence,
            lambda layer, x: layer(x, x, None, "causal", None),
        ),
        "Upsample": (nn.Upsample(1.5, "cubic"), image, plain),
    }
    for name in ("Encoder", "Decoder"):
        call = plain if name == "Encoder" else (lambda layer, x: layer(x, x))
        table[f"Transformer{name}Layer"] = (
            getattr(nn, f"Transformer{name}Layer")(4, 2),
            sequence,
            call,
        )
        table[f"Transformer{name}"] = (getattr(nn, f"Transformer{name}")(1, 4, 2), sequence, call)
    return table


LAYERS = build_layers()
# Those of integers, of float32 as positions have to be, of frozen weights, of several processes.
OTHERS = {
    "Module",
    "Step",
    "SinusoidalPositionalEncoding",
    "QQLinear",
    "QuantizedEmbedding",
    "QuantizedLinear",
}
OTHERS |= {"AllToShardedLinear", "ShardedToAllLinear", "FullyShardedModule"}
OTHERS |= {"QuantizedAllToShardedLinear", "QuantizedShardedToAllLinear"}
OTHERS |= {"BlockEmbedding", "BlockLinear"}


def test_every_layer_is_in_the_table() -> None:
    names = {
        name
        for name in dir(nn)
        if inspect.isclass(getattr(nn, name)) and issubclass(getattr(nn, name), nn.Module)
    }
    assert names - OTHERS == set(LAYERS)


@pytest.mark.parametrize("dtype", [mx.bfloat16, mx.float16])
@pytest.mark.parametrize("name", LAYERS)
def test_layers_of_half_precision_stay_so(name: str, dtype: mx.Dtype) -> None:
    layer, shape, call = LAYERS[name]
    layer.set_dtype(dtype)
    x = mx.array(normal(*shape)).astype(dtype)

    def loss(parameters: Any, x: mx.array) -> Any:
        layer.update(parameters)
        y = call(layer, x)
        return losses.mse_loss(y, mx.zeros_like(y)), y

    before = layer.trainable_parameters()
    function = mx.value_and_grad(loss, argnums=(0, 1))
    (value, y), (by_parameters, by_input) = function(before, x)
    layer.update(before)
    assert {value.dtype, y.dtype, by_input.dtype} == {dtype}
    assert all(g.dtype == dtype for _, g in tree_flatten(by_parameters))
    # Statistics too.
    assert all(p.dtype == dtype for _, p in tree_flatten(layer.parameters()))
    assert mx.isfinite(value).item()
    layer.eval()
    assert call(layer, x).dtype == dtype


OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "SGD": lambda rate: optim.SGD(rate, momentum=0.9, weight_decay=0.1, nesterov=True),
    "RMSprop": optim.RMSprop,
    "Adagrad": optim.Adagrad,
    "AdaDelta": optim.AdaDelta,
    "Adam": optim.Adam,
    "AdamW": lambda rate: optim.AdamW(rate, bias_correction=True),
    "Adamax": optim.Adamax,
    "Lion": lambda rate: optim.Lion(rate, weight_decay=0.1),
    "Adafactor": lambda rate: optim.Adafactor(rate, relative_step=False, beta_1=0.9),
    "Muon": optim.Muon,
    "MultiOptimizer": lambda rate: optim.MultiOptimizer(
        [optim.Muon(rate), optim.AdamW(1e-3)], [lambda _, gradient: gradient.ndim == 2]
    ),
}


def test_every_optimizer_is_in_the_table() -> None:
    names = {name for name in dir(optim) if inspect.isclass(getattr(optim, name))}
    assert names - {"Optimizer"} == set(OPTIMIZERS)


def warm_up() -> Any:
    """A rate that rises, and then falls."""
    rising = optim.linear_schedule(0.0, 0.05, 2)
    return optim.join_schedules([rising, optim.cosine_decay(0.05, 20)], [2])


class Run:
    """A model of every kind of layer that trains, and its steps."""

    def __init__(self, name: str, dtype: mx.Dtype, compiled: bool = False) -> None:
        mx.random.seed(0)
        self.model = nn.Sequential(
            nn.Embedding(20, 8),
            nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1),
            nn.LayerNorm(8),
            nn.GELU(),
            nn.BatchNorm(8),
            nn.Linear(8, 20),
        )
        self.model.set_dtype(dtype)
        self.optimizer = OPTIMIZERS[name](warm_up())
        self.optimizer.init(self.model.trainable_parameters())
        self.states = [self.model.state, self.optimizer.state, mx.random.state]
        self.gradients: Any = None

        def loss(tokens: mx.array) -> mx.array:
            logits = self.model(tokens)
            return losses.cross_entropy(logits[:, :-1], tokens[:, 1:], reduction="mean")

        def step(tokens: mx.array) -> Any:
            value, gradients = nn.value_and_grad(self.model, loss)(tokens)
            gradients, norm = optim.clip_grad_norm(gradients, 1.0)
            self.optimizer.update(self.model, gradients)
            return value, norm, gradients

        self.call = mx.compile(step, self.states, self.states) if compiled else step

    def steps(self, first: int, last: int) -> list[Any]:
        """Return losses, norms and gradients of some steps."""
        results = []
        for i in range(first, last):
            tokens = mx.array(np.random.default_rng(i).integers(0, 20, (3, 6)))
            results.append(self.call(tokens))
            mx.eval(results[-1], self.states)
        return results

    def everything(self) -> dict[str, mx.array]:
        found = tree_flatten([self.model.parameters(), self.optimizer.state])
        return {path: leaf for path, leaf in found if isinstance(leaf, mx.array)}


def assert_identical(a: Any, b: Any) -> None:
    # What was read from a file is in another order.
    ours, others = (sorted(tree_flatten(tree), key=lambda item: item[0]) for tree in (a, b))
    assert [path for path, _ in ours] == [path for path, _ in others]
    for (path, x), (_, y) in zip(ours, others, strict=True):
        assert x.dtype == y.dtype, path
        assert bytes(x) == bytes(y), path


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_in_bfloat16_stays_there(name: str) -> None:
    run = Run(name, mx.bfloat16)
    for value, norm, gradients in run.steps(0, 3):
        assert value.dtype == mx.bfloat16
        assert norm.dtype == mx.float32
        assert math.isfinite(value.item())
        assert {g.dtype for _, g in tree_flatten(gradients)} == {mx.bfloat16}
    for path, leaf in run.everything().items():
        if path.rpartition(".")[2] == "step":
            assert leaf.dtype == mx.uint64
        elif path.rpartition(".")[2] == "learning_rate":
            assert leaf.dtype == mx.float32
        else:
            assert leaf.dtype == mx.bfloat16, path


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_compiled_steps_are_the_same_bit_for_bit(name: str, dtype: mx.Dtype) -> None:
    plain, compiled = Run(name, dtype), Run(name, dtype, compiled=True)
    mx.random.seed(1)
    expected = plain.steps(0, 5)
    mx.random.seed(1)
    got = compiled.steps(0, 5)
    assert_identical(got, expected)
    assert_identical(compiled.everything(), plain.everything())


@pytest.mark.parametrize("dtype", [mx.float32, mx.bfloat16])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_saved_and_resumed_bit_for_bit(name: str, dtype: mx.Dtype, tmp_path: Any) -> None:
    run = Run(name, dtype)
    run.steps(0, 3)
    run.model.save_weights(tmp_path / "model.safetensors")
    state = tree_flatten(run.optimizer.state, destination={})
    mx.save_safetensors(tmp_path / "optimizer.safetensors", state)
    mx.random.seed(7)
    expected = run.steps(3, 6)

    resumed = Run(name, dtype)
    resumed.model.load_weights(tmp_path / "model.safetensors")
    loaded: Any = mx.load(tmp_path / "optimizer.safetensors")
    resumed.optimizer.state = mx.utils.tree_unflatten(list(loaded.items()))
    mx.random.seed(7)
    assert_identical(resumed.steps(3, 6), expected)
    assert_identical(resumed.everything(), run.everything())


@pytest.mark.parametrize("fails", ["in the loss", "in the optimizer", "when it is computed"])
def test_a_step_that_fails_leaves_the_model(fails: str) -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    optimizer = optim.Adam(0.1)
    optimizer.init(model.trainable_parameters())
    before = tree_map(lambda x: x.tolist(), model.parameters())
    kept = [leaf for _, leaf in tree_flatten(model.parameters())]

    def loss(x: mx.array) -> mx.array:
        y = model(x)
        if fails == "in the loss":
            raise KeyError("no")
        targets = mx.array([5 if fails == "when it is computed" else 1])
        return losses.cross_entropy(y, targets, reduction="sum")

    def step() -> None:
        value, gradients = nn.value_and_grad(model, loss)(mx.ones((1, 3)))
        if fails == "in the optimizer":
            gradients["layers"][1]["weight"] = mx.ones((7, 7))
        mx.eval(value, gradients)
        optimizer.update(model, gradients)

    with pytest.raises((KeyError, IndexError, ValueError)):
        step()
    assert all(a is b for a, (_, b) in zip(kept, tree_flatten(model.parameters()), strict=True))
    assert tree_map(lambda x: x.tolist(), model.parameters()) == before
