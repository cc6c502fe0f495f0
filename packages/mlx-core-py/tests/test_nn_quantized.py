"""Quantized layers compute what the layers with the unpacked weights compute."""

import math
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import normal
from layer_checks import check_sizes
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten

MODES = {"affine": (64, 4), "mxfp4": (32, 4), "mxfp8": (32, 8), "nvfp4": (16, 4)}


def close(got: mx.array, expected: Any) -> bool:
    # The modes with floating-point scales unpack to bfloat16.
    tolerance = 1e-3 if got.dtype == mx.float32 else 1e-2
    values = np.array(got.astype(mx.float32))
    return bool(np.allclose(values, expected, rtol=tolerance, atol=tolerance))


def unpacked(layer: Any) -> mx.array:
    return mx.dequantize(
        layer.weight,
        layer.scales,
        layer.get("biases"),
        group_size=layer.group_size,
        bits=layer.bits,
        mode=layer.mode,
    ).astype(mx.float32)


@pytest.mark.parametrize("mode", MODES)
def test_modes_have_their_sizes_and_parts(mode: str) -> None:
    layer = nn.QuantizedLinear(128, 32, mode=mode)
    group_size, bits = MODES[mode]
    assert (layer.group_size, layer.bits, layer.mode) == (group_size, bits, mode)
    assert layer.weight.shape == (32, 128 * bits // 32)
    assert layer.weight.dtype == mx.uint32
    assert layer.scales.shape == (32, 128 // group_size)
    assert ("biases" in layer) == (mode == "affine")
    assert layer.bias.tolist() == [0] * 32
    assert f"group_size={group_size}, bits={bits}, mode={mode}" in repr(layer)


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 8])
@pytest.mark.parametrize("group_size", [32, 64, 128])
def test_affine_linear(bits: int, group_size: int) -> None:
    mx.random.seed(0)
    linear = nn.Linear(128, 32)
    layer = linear.to_quantized(group_size, bits)
    assert "input_dims=128, output_dims=32, bias=True" in repr(layer)
    weight = unpacked(layer)
    # A weight is moved by less than the distance between two levels of its group.
    spread = np.array(linear.weight).reshape(32, -1, group_size)
    distance = (spread.max(-1) - spread.min(-1)) / (2**bits - 1)
    error = np.abs(np.array(weight - linear.weight)).reshape(spread.shape).max(-1)
    assert (error <= distance + 1e-6).all()
    x = mx.random.normal((3, 128))
    assert close(layer(x), np.array(x) @ np.array(weight).T + np.array(linear.bias))


@pytest.mark.parametrize("mode", MODES)
def test_linear_of_every_mode(mode: str) -> None:
    layer = nn.Linear(128, 32, bias=False).to_quantized(mode=mode)
    assert "bias" not in layer
    x = mx.random.normal((2, 3, 128))
    assert close(layer(x), np.array(x) @ np.array(unpacked(layer)).T)


@pytest.mark.parametrize("mode", MODES)
def test_embedding(mode: str) -> None:
    embedding = nn.Embedding(50, 64)
    layer = embedding.to_quantized(mode=mode)
    assert repr(layer).startswith("QuantizedEmbedding(50, 64, ")
    table = np.array(unpacked(layer))
    tokens = np.array([[0, 49], [7, 7]])
    assert close(layer(mx.array(tokens)), table[tokens])
    x = mx.random.normal((2, 64))
    assert close(layer.as_linear(x), np.array(x) @ table.T)


@pytest.mark.parametrize("layer", [nn.QuantizedLinear(64, 8), nn.QuantizedEmbedding(8, 64)])
def test_quantized_layers_stay_frozen(layer: nn.Module) -> None:
    outer = nn.Sequential(layer, nn.RMSNorm(4))
    for module in (layer, outer):
        module.unfreeze()
        module.unfreeze(keys="weight")
        assert layer.trainable_parameters() == {}
    trainable = [path for path, _ in tree_flatten(outer.trainable_parameters())]
    assert trainable == ["layers.1.weight"]
    for module in (layer, outer):
        module.freeze()
        module.unfreeze(keys=["scales", "bias"])
        assert set(layer.trainable_parameters()) == {"scales", "bias"} & set(layer)


def test_gradients_of_scales() -> None:
    layer = nn.QuantizedLinear(64, 8, bits=8)
    layer.unfreeze(keys=["scales", "biases"])
    x = mx.random.normal((2, 64))

    def loss(x: mx.array) -> mx.array:
        return mx.sum(mx.square(layer(x)))

    _, gradients = nn.value_and_grad(layer, loss)(x)
    assert set(gradients) == {"scales", "biases"}
    scales = layer.scales
    step = mx.zeros_like(scales)
    step[2, 0] = 1e-3
    values = []
    for sign in (1, -1):
        layer.scales = scales + sign * step
        values.append(loss(x).item())
    slope = (values[0] - values[1]) / 2e-3
    assert math.isclose(gradients["scales"][2, 0].item(), slope, rel_tol=2e-2)


def test_training_around_quantized_layers() -> None:
    model = nn.Sequential(nn.QuantizedLinear(64, 8), nn.Linear(8, 1))
    _, gradients = nn.value_and_grad(model, lambda: mx.sum(model(mx.ones((1, 64)))))()
    assert [path for path, _ in tree_flatten(gradients)] == ["layers.1.weight", "layers.1.bias"]


@pytest.mark.parametrize(
    ("layer", "sizes", "name"),
    [(nn.QuantizedLinear, (0, 64), "input_dims"), (nn.QuantizedEmbedding, (64, 0), "dims")],
)
def test_sizes_must_be_positive_integers(
    layer: type[nn.Module], sizes: tuple[int, ...], name: str
) -> None:
    check_sizes(layer, sizes, name)


# ---- quantize


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(10, 64)
        self.layers = [nn.Linear(64, 32), nn.ReLU()]
        self.head = nn.Linear(30, 3)

    def kinds(self) -> list[str]:
        return [type(layer).__name__ for layer in (self.embed, *self.layers, self.head)]


def test_quantize_by_path() -> None:
    model = Model()
    nn.quantize(model, 32, 8, class_predicate=lambda path, _: path in ("embed", "layers.0"))
    assert model.kinds() == ["QuantizedEmbedding", "QuantizedLinear", "ReLU", "Linear"]
    assert (model.embed.group_size, model.embed.bits) == (32, 8)


def test_quantize_with_options_for_a_layer() -> None:
    model = Model()

    def choose(path: str, layer: nn.Module) -> bool | dict[str, Any]:
        return {"bits": 2} if path == "layers.0" else path == "embed"

    nn.quantize(model, group_size=32, bits=4, class_predicate=choose)
    # As in MLX, they replace the arguments of quantize().
    assert (model.layers[0].group_size, model.layers[0].bits) == (64, 2)
    assert (model.embed.group_size, model.embed.bits) == (32, 4)


EVERY_WAY: list[dict[str, Any]] = [
    *({"bits": bits, "group_size": 32} for bits in (2, 3, 4, 5, 6, 8)),
    {"mode": "mxfp4"},
    {"mode": "mxfp8"},
    {"mode": "nvfp4"},
    {"mode": "affine", "group_size": 64, "bits": 8},
]


def test_each_layer_in_a_way_of_its_own(tmp_path: Any) -> None:
    def build() -> nn.Sequential:
        layers = [nn.Linear(128, 128) for _ in EVERY_WAY]
        return nn.Sequential(nn.Embedding(20, 128), *layers)

    def choose(path: str, layer: nn.Module) -> bool | dict[str, Any]:
        place = int(path.rpartition(".")[2])
        return EVERY_WAY[(place - 1) % len(EVERY_WAY)] if path else False

    model, plain, other = build(), build(), build()
    plain.update(model.parameters())
    for each in (model, other):
        nn.quantize(each, class_predicate=choose)
    for i, options in enumerate(EVERY_WAY, 1):
        layer: Any = model.layers[i]
        group_size, bits = MODES[options.get("mode", "affine")]
        assert layer.mode == options.get("mode", "affine")
        assert layer.bits == options.get("bits", bits)
        assert layer.group_size == options.get("group_size", group_size)
        # Packed once, it is what it unpacks to.
        plain.update({"layers": [{}] * i + [{"weight": unpacked(layer)}]})
    plain.update({"layers": [{"weight": unpacked(model.layers[0])}]})
    tokens = mx.array([[1, 5, 19]])
    x = plain.layers[0](tokens)
    assert close(model.layers[0](tokens), np.array(x))
    for i, options in enumerate(EVERY_WAY, 1):
        expected = plain.layers[i](x)
        assert close(model.layers[i](x), np.array(expected)), options
        found, wanted = (
            mx.grad(lambda x, layer=each.layers[i]: (layer(x) ** 2).sum())(x)
            for each in (model, plain)
        )
        np.testing.assert_allclose(np.array(found), np.array(wanted), rtol=0.05, atol=0.05)
    model.save_weights(str(tmp_path / "model.safetensors"))
    other.load_weights(str(tmp_path / "model.safetensors"))
    assert mx.array_equal(model(tokens), other(tokens)).item()
    assert not tree_flatten(model.trainable_parameters())


def test_quantize_everything_that_can_be() -> None:
    model = nn.Sequential(nn.Linear(64, 64), nn.RMSNorm(64), nn.Linear(64, 64))
    x = mx.random.normal((2, 64))
    before = np.array(model(x))
    nn.quantize(model, bits=8)
    assert [type(layer).__name__ for layer in model.layers] == [
        "QuantizedLinear",
        "RMSNorm",
        "QuantizedLinear",
    ]
    assert np.allclose(np.array(model(x)), before, atol=0.05)
    # Once more has no effect: there is nothing left to quantize.
    layers = list(model.layers)
    nn.quantize(model)
    assert all(a is b for a, b in zip(model.layers, layers, strict=True))


@pytest.mark.parametrize(
    ("predicate", "error", "message"),
    [
        (None, ValueError, "head"),
        (lambda path, _: path == "layers.1", ValueError, r"layers\.1.*ReLU"),
        (lambda path, _: 3, TypeError, "int"),
        (lambda path, _: {"bits": 7} if path == "embed" else False, ValueError, "embed"),
        (lambda path, _: {"mode": "q4"} if path == "embed" else False, ValueError, "q4"),
    ],
)
def test_what_cannot_be_quantized(predicate: Any, error: type[Exception], message: str) -> None:
    model = Model()
    with pytest.raises(error, match=message):
        nn.quantize(model, class_predicate=predicate)
    assert model.kinds() == ["Embedding", "Linear", "ReLU", "Linear"]


def test_only_modules_can_be_quantized() -> None:
    with pytest.raises(TypeError, match="model must be a Module, not dict"):
        nn.quantize({})  # type: ignore[arg-type]


def test_weights_of_quantized_layers_load_strictly() -> None:
    source, target = nn.QuantizedLinear(64, 8), nn.QuantizedLinear(64, 8)
    target.load_weights(list(source.parameters().items()))
    assert target.weight.tolist() == source.weight.tolist()
    with pytest.raises(ValueError, match="weight"):
        nn.QuantizedLinear(64, 8, bits=8).load_weights(list(source.parameters().items()))


@pytest.mark.parametrize("mode", ["nvfp4", "mxfp8"])
def test_quantized_input(mode: str) -> None:
    linear = nn.Linear(64, 8, bias=False)
    layer = nn.QQLinear.from_linear(linear, mode=mode)
    x = mx.array(normal(3, 64))
    options: Any = {"group_size": layer.group_size, "bits": layer.bits, "mode": mode}

    def rounded(array: mx.array) -> mx.array:
        packed, scales = mx.quantize(array, **options)
        return mx.dequantize(packed, scales=scales, **options).astype(mx.float32)

    expected = rounded(x) @ rounded(linear.weight).T
    assert close(layer(x), expected)
    # The rounding counts as the identity.
    gradient = nn.value_and_grad(layer, lambda x: mx.sum(layer(x)))(x)[1]["weight"]
    assert close(gradient, mx.broadcast_to(mx.sum(rounded(x), 0), (8, 64)))
    layer.eval()
    assert layer.weight.dtype == mx.uint32
    assert layer.trainable_parameters() == {}
    assert close(layer(x), expected)
    layer.train()
    assert list(layer.parameters()) == list(layer.trainable_parameters()) == ["weight"]
    assert close(layer.weight, rounded(linear.weight))


def test_quantized_input_of_a_model() -> None:
    model = nn.Sequential(nn.Linear(64, 64, bias=False))
    nn.quantize(model, mode="nvfp4", quantize_input=True)
    assert isinstance(model.layers[0], nn.QQLinear)
    with pytest.raises(NotImplementedError, match="bias"):
        nn.quantize(nn.Sequential(nn.Linear(64, 64)), mode="nvfp4", quantize_input=True)
    with pytest.raises(ValueError, match="quantize_input"):
        nn.quantize(nn.Sequential(nn.Embedding(4, 64)), mode="nvfp4", quantize_input=True)
    with pytest.raises(ValueError, match="mode"):
        nn.Linear(64, 64, bias=False).to_quantized(mode="affine", quantize_input=True)


def test_layers_of_blocks() -> None:
    """Of Q8_0: a block is a float16 and 32 signed bytes."""
    layer = nn.BlockLinear(64, 3, "Q8_0")
    table = nn.BlockEmbedding(3, 64, "Q8_0", mx.float16)
    assert layer.weight.shape == table.weight.shape == (3, 2 * 34)
    assert repr(layer) == "BlockLinear(input_dims=64, output_dims=3, bias=True, type=Q8_0)"
    assert repr(table) == "BlockEmbedding(3, 64, type=Q8_0)"
    rng = np.random.default_rng(0)
    scales = rng.uniform(0.5, 1, (3, 2, 1)).astype(np.float16)
    codes = rng.integers(-128, 128, (3, 2, 32), dtype=np.int8)
    blocks = np.concatenate([scales.view(np.uint8), codes.view(np.uint8)], -1).reshape(3, -1)
    weights = (scales * codes.astype(np.float32)).reshape(3, -1)
    layer.weight = table.weight = mx.array(blocks)
    layer.bias = mx.arange(3.0)
    x = rng.standard_normal((2, 64)).astype(np.float32)
    want = x @ weights.T
    np.testing.assert_allclose(np.array(layer(mx.array(x))), want + np.arange(3), rtol=1e-4)
    np.testing.assert_allclose(np.array(table.as_linear(mx.array(x))), want, rtol=1e-4)
    rows = table(mx.array([[2, 0]]))
    assert rows.dtype == mx.float16
    np.testing.assert_array_equal(np.array(rows), weights[[2, 0]][None].astype(np.float16))


def test_layers_of_blocks_are_frozen() -> None:
    layer = nn.BlockLinear(64, 3, "Q8_0")
    assert layer.trainable_parameters() == {}
    layer.unfreeze()
    assert layer.trainable_parameters() == {}
    layer.unfreeze(keys=["bias", "weight"])
    assert set(layer.trainable_parameters()) == {"bias"}
    assert "bias" not in nn.BlockLinear(64, 3, "Q8_0", bias=False)


@pytest.mark.parametrize("kind", [nn.BlockLinear, nn.BlockEmbedding])
def test_wrong_layers_of_blocks(kind: Any) -> None:
    with pytest.raises(ValueError, match=r"type must be one of Q4_0, .*, but is 'F32'"):
        kind(64, 64, "F32")
    with pytest.raises(ValueError, match="a row of 64 weights is no whole number of blocks"):
        kind(64, 64, "Q4_K")
    with pytest.raises(ValueError, match="must be"):
        kind(0, 64, "Q8_0")
