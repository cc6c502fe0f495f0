"""Attention, transformers, and the other layers' answers to wrong or special input."""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from layer_checks import check_sizes
from mlx_core_py import nn


def test_attention_against_the_formula() -> None:
    layer = nn.MultiHeadAttention(6, 3, bias=True)
    q, k = normal(2, 4, 6), normal(2, 5, 6, seed=1)
    mask = np.where(normal(4, 5, seed=2) > 0.5, -np.inf, 0).astype(np.float32)

    def heads(x: Any, name: str) -> Any:
        projection = layer[name]
        y = x.astype(np.float64) @ np.array(projection.weight).T + np.array(projection.bias)
        return y.reshape(2, -1, 3, 2).transpose(0, 2, 1, 3)

    scores = heads(q, "query_proj") @ heads(k, "key_proj").swapaxes(-1, -2) / np.sqrt(2) + mask
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    y = (weights @ heads(k, "value_proj")).transpose(0, 2, 1, 3).reshape(2, 4, 6)
    expected = y @ np.array(layer.out_proj.weight).T + np.array(layer.out_proj.bias)
    for given in (mx.array(mask), mx.array(mask == 0)):
        got = layer(mx.array(q), mx.array(k), mx.array(k), given)
        assert close(got, expected, 1e-4, 1e-5)


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
def test_half_precision_stays_with_a_wide_mask(dtype: mx.Dtype) -> None:
    layer = nn.TransformerEncoder(1, 8, 2)
    layer.set_dtype(dtype)
    mask = nn.MultiHeadAttention.create_additive_causal_mask(4, dtype)
    assert layer(mx.zeros((1, 4, 8), dtype), mask).dtype == dtype
    assert layer(mx.zeros((1, 4, 8), dtype), mask.astype(mx.float32)).dtype == dtype


def test_causal_mask_hides_what_follows() -> None:
    layer = nn.MultiHeadAttention(8, 2)
    x = mx.array(normal(1, 6, 8))
    whole = layer(x, x, x, layer.create_additive_causal_mask(6))
    for n in range(1, 7):
        part = x[:, :n]
        y = layer(part, part, part, layer.create_additive_causal_mask(n))
        assert close(whole[:, n - 1], y[:, -1], 1e-4, 1e-5)


def test_quantized_projections() -> None:
    layer = nn.MultiHeadAttention(64, 2)
    x = mx.array(normal(1, 3, 64))
    before = layer(x, x, x)
    nn.quantize(layer, bits=8)
    assert isinstance(layer.query_proj, nn.QuantizedLinear)
    assert close(layer(x, x, x), before, 0.1, 0.05)


def test_checkpointed_layers_have_the_same_gradients() -> None:
    plain = nn.Transformer(8, 2, 2, 2)
    again = nn.Transformer(8, 2, 2, 2, checkpoint=True)
    again.update(plain.parameters())
    src, tgt = mx.array(normal(1, 5, 8)), mx.array(normal(1, 4, 8, seed=1))
    gradients = [
        nn.value_and_grad(model, lambda s, t, model=model: mx.sum(model(s, t) ** 2))(src, tgt)[1]
        for model in (plain, again)
    ]
    for (path, a), (_, b) in zip(*map(mx.utils.tree_flatten, gradients), strict=True):
        assert close(a, b, 1e-4, 1e-4), path


def test_custom_encoder_and_decoder() -> None:
    class Echo(nn.Module):
        def __call__(self, x: mx.array, *_: Any) -> mx.array:
            return x

    model = nn.Transformer(8, 2, custom_encoder=Echo(), custom_decoder=Echo())
    assert model.parameters() == {"encoder": {}, "decoder": {}}
    tgt = mx.array(normal(1, 4, 8))
    assert close(model(tgt, tgt), tgt)


def test_sizes_must_be_positive_integers() -> None:
    check_sizes(nn.MultiHeadAttention, (0, 2), "dims")
    check_sizes(nn.MultiHeadAttention, (4, 0), "num_heads")
    check_sizes(nn.TransformerEncoder, (0, 4, 2), "num_layers")
    check_sizes(nn.TransformerDecoder, (0, 4, 2), "num_layers")
    check_sizes(nn.TransformerEncoderLayer, (0, 2), "dims")
    check_sizes(nn.Bilinear, (0, 2, 2), "input1_dims")
    check_sizes(nn.BatchNorm, (0,), "num_features")
    check_sizes(nn.GroupNorm, (0, 4), "num_groups")
    check_sizes(nn.SinusoidalPositionalEncoding, (0,), "dims")


X = mx.zeros((2, 4, 8))
NONE: Any = None
LIST: Any = [1.0]
ATTENTION = nn.MultiHeadAttention(8, 2)
WRONG: list[tuple[Any, type[Exception], str]] = [
    (lambda: nn.MultiHeadAttention(6, 4), ValueError, "num_heads must be a divisor of dims"),
    (lambda: nn.MultiHeadAttention(4, 4, value_dims=6), ValueError, "value_dims"),
    (lambda: ATTENTION(X[..., :4], X, X), ValueError, "queries"),
    (lambda: ATTENTION(X, X[..., :4], X), ValueError, "keys"),
    (lambda: ATTENTION(X, X, X[..., :4]), ValueError, "values"),
    (lambda: ATTENTION(NONE, X, X), TypeError, "queries"),
    (lambda: nn.BatchNorm(8, momentum=2), ValueError, "momentum"),
    (lambda: nn.BatchNorm(8, eps=0), ValueError, "eps"),
    (lambda: nn.BatchNorm(8)(mx.zeros((8,))), ValueError, "axes"),
    (lambda: nn.BatchNorm(8)(mx.zeros((1, 8))), ValueError, "at least 2"),
    (lambda: nn.BatchNorm(8)(mx.zeros((0, 8))), ValueError, "at least 2"),
    (lambda: nn.BatchNorm(4)(X), ValueError, "last axis of x"),
    (lambda: nn.GroupNorm(3, 4), ValueError, "num_groups"),
    (lambda: nn.GroupNorm(2, 4)(X), ValueError, "last axis of x"),
    (lambda: nn.GroupNorm(2, 8)(mx.zeros((8,))), ValueError, "2 axes"),
    (lambda: nn.Bilinear(8, 8, 2)(X, X[..., :4]), ValueError, "x2"),
    (lambda: nn.Dropout2d(1.0), ValueError, "p must"),
    (lambda: nn.Dropout2d()(mx.zeros((4, 4))), ValueError, "axes"),
    (lambda: nn.Dropout3d()(X), ValueError, "axes"),
    (lambda: nn.Dropout3d()(LIST), TypeError, "x must"),
    (lambda: nn.SinusoidalPositionalEncoding(3), ValueError, "even"),
    (lambda: nn.SinusoidalPositionalEncoding(4, min_freq=0), ValueError, "min_freq"),
    (lambda: nn.SinusoidalPositionalEncoding(4)(LIST), TypeError, "x must"),
    (lambda: nn.ALiBi()(mx.zeros((4, 4))), ValueError, "heads, queries, keys"),
    (lambda: nn.ALiBi()(X, -1), ValueError, "offset"),
    (lambda: nn.Upsample(0), ValueError, "scale_factor"),
    (lambda: nn.Upsample("2"), TypeError, "scale_factor"),  # type: ignore[arg-type]
    (lambda: nn.Upsample(2, "area"), ValueError, "mode"),  # type: ignore[arg-type]
    (lambda: nn.Upsample(2, antialias=True), ValueError, "antialias"),
    (lambda: nn.Upsample((2, 2))(X), ValueError, "1 spatial"),
    (lambda: nn.Upsample(2)(mx.zeros((2, 8))), ValueError, "axes"),
    (lambda: nn.Upsample(2)(mx.zeros((2, 0, 8))), ValueError, "axes"),
]


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_wrong_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_statistics_of_a_batch_are_not_trained() -> None:
    layer = nn.BatchNorm(3)
    assert set(layer.trainable_parameters()) == {"weight", "bias"}
    layer.freeze().unfreeze()
    assert set(layer.trainable_parameters()) == {"weight", "bias"}
    nn.Sequential(layer).unfreeze(keys=["running_mean", "weight"])
    assert set(layer.trainable_parameters()) == {"weight", "bias"}
    x = mx.array(normal(5, 3))
    _, gradients = nn.value_and_grad(layer, lambda x: mx.sum(layer(x) ** 3))(x)
    assert set(gradients) == {"weight", "bias"}
    # The gradient of nothing else than the batch: statistics of before do not matter.
    assert close(layer.running_mean, 0.1 * np.array(x).mean(0), 1e-5)
    assert close(layer.running_var, 0.9 + 0.1 * np.array(x).var(0, ddof=1), 1e-5)


@pytest.mark.parametrize("dtype", [mx.float16, mx.bfloat16])
def test_statistics_of_half_precision(dtype: mx.Dtype) -> None:
    layer = nn.BatchNorm(1)
    x = mx.full((4, 1000, 1), 3000, dtype)
    y = layer(x)
    assert y.dtype == dtype
    assert mx.all(mx.isfinite(y)).item()
    assert layer.running_mean.dtype == mx.float32
    assert layer.running_mean.item() == pytest.approx(300, rel=1e-2)


@pytest.mark.parametrize("layer", [nn.Dropout2d, nn.Dropout3d])
def test_channels_are_dropped_together(layer: Any) -> None:
    mx.random.seed(3)
    axes = 2 if layer is nn.Dropout2d else 3
    for batch in ((), (50,)):
        x = mx.ones((*batch, *(3,) * axes, 200))
        y = np.array(layer(0.25)(x)).reshape(*batch, -1, 200)
        assert (y == y[..., :1, :]).all()
        assert set(np.unique(y.round(4))) == {0, np.float32(1.3333)}
        assert (y == 0).mean() == pytest.approx(0.25, abs=0.1)
    assert layer().eval()(x) is x


def test_empty_batches() -> None:
    assert nn.GroupNorm(2, 4)(mx.zeros((0, 3, 4))).shape == (0, 3, 4)
    assert nn.BatchNorm(4).eval()(mx.zeros((0, 4))).shape == (0, 4)
    assert nn.Bilinear(2, 3, 4)(mx.zeros((0, 2)), mx.zeros((0, 3))).shape == (0, 4)
    assert nn.Upsample(2, "linear")(mx.zeros((0, 3, 4))).shape == (0, 6, 4)
    assert nn.MaxPool1d(2)(mx.zeros((0, 4, 3))).shape == (0, 2, 3)
