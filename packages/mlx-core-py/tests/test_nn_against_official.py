"""Layers give what official MLX gives, forward and backward, with the same parameters."""

from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from comparing import close, normal
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten, tree_map

official = pytest.importorskip("mlx.nn")
official_mx = pytest.importorskip("mlx.core")

# The class, its arguments and the shapes of its inputs.
LAYERS: list[tuple[str, tuple[Any, ...], dict[str, Any], list[tuple[int, ...]]]] = [
    ("Conv1d", (4, 6, 3), {}, [(2, 9, 4)]),
    ("Conv1d", (4, 6, 3), {"stride": 2, "padding": 1, "groups": 2, "bias": False}, [(2, 9, 4)]),
    ("Conv1d", (4, 4, 3), {"dilation": 2, "groups": 4}, [(2, 9, 4)]),
    ("Conv2d", (4, 6, 3), {}, [(2, 7, 8, 4)]),
    ("Conv2d", (4, 6, (3, 2)), {"stride": (2, 1), "padding": (1, 0)}, [(2, 7, 8, 4)]),
    ("Conv2d", (4, 6, 3), {"dilation": (1, 2), "groups": 2, "bias": False}, [(2, 7, 8, 4)]),
    ("Conv3d", (2, 3, 2), {}, [(2, 4, 5, 6, 2)]),
    ("Conv3d", (2, 3, (1, 2, 3)), {"stride": (1, 2, 2), "padding": 1}, [(2, 4, 5, 6, 2)]),
    ("ConvTranspose1d", (4, 6, 3), {}, [(2, 5, 4)]),
    ("ConvTranspose1d", (4, 6, 3, 2, 1, 1, 1), {}, [(2, 5, 4)]),
    (
        "ConvTranspose2d",
        (4, 3, 3),
        {"stride": 2, "padding": 1, "output_padding": 1},
        [(2, 4, 5, 4)],
    ),
    ("ConvTranspose2d", (4, 3, (3, 2)), {"stride": (2, 1), "bias": False}, [(2, 4, 5, 4)]),
    ("ConvTranspose3d", (2, 3, 2), {"stride": 2}, [(1, 2, 3, 4, 2)]),
    ("AvgPool1d", (3,), {"stride": 2, "padding": 1}, [(2, 9, 4)]),
    ("AvgPool2d", (2,), {}, [(2, 7, 8, 3)]),
    ("AvgPool2d", ((3, 2), (1, 2), (1, 0)), {}, [(2, 7, 8, 3)]),
    ("AvgPool3d", (2, 1), {}, [(2, 3, 4, 5, 3)]),
    ("MaxPool1d", (3, 2, 1), {}, [(2, 9, 4)]),
    ("MaxPool2d", (2,), {}, [(2, 7, 8, 3)]),
    ("MaxPool2d", (3, 2, 1), {}, [(2, 7, 8, 3)]),
    ("MaxPool3d", ((1, 2, 3),), {}, [(2, 3, 4, 5, 3)]),
    ("BatchNorm", (3,), {}, [(5, 3)]),
    ("BatchNorm", (3, 0.1, 0.5), {}, [(2, 4, 5, 3)]),
    ("BatchNorm", (3,), {"affine": False, "track_running_stats": False}, [(2, 4, 3)]),
    ("GroupNorm", (2, 6), {}, [(3, 4, 6)]),
    ("GroupNorm", (3, 6, 0.1), {"pytorch_compatible": True}, [(3, 4, 5, 6)]),
    ("GroupNorm", (2, 6), {"affine": False}, [(3, 6)]),
    ("Bilinear", (2, 3, 4), {}, [(5, 2), (5, 3)]),
    ("Bilinear", (2, 3, 4), {"bias": False}, [(2, 5, 2), (2, 5, 3)]),
    ("RNN", (3, 4), {}, [(2, 6, 3)]),
    ("RNN", (3, 4), {"bias": False}, [(6, 3)]),
    ("RNN", (3, 4), {}, [(2, 6, 3), (2, 4)]),
    ("GRU", (3, 4), {}, [(2, 6, 3)]),
    ("GRU", (3, 4), {"bias": False}, [(6, 3), (4,)]),
    ("LSTM", (3, 4), {}, [(2, 6, 3)]),
    ("LSTM", (3, 4), {"bias": False}, [(6, 3), (4,), (4,)]),
    ("MultiHeadAttention", (8, 2), {}, [(2, 5, 8)] * 3),
    ("MultiHeadAttention", (8, 2, 6, 5, 4, 10, 7, True), {}, [(2, 5, 6), (2, 3, 5), (2, 3, 4)]),
    ("TransformerEncoderLayer", (8, 2), {}, [(2, 5, 8), (5, 5)]),
    ("TransformerEncoder", (2, 8, 2, 12), {"norm_first": False}, [(2, 5, 8), (5, 5)]),
    ("TransformerEncoder", (2, 8, 2), {"checkpoint": True}, [(2, 5, 8), (5, 5)]),
    ("TransformerDecoder", (2, 8, 2), {}, [(2, 5, 8), (2, 3, 8), (5, 5), (5, 3)]),
    (
        "TransformerDecoder",
        (1, 8, 2),
        {"norm_first": False},
        [(2, 5, 8), (2, 3, 8), (5, 5), (5, 3)],
    ),
    ("Transformer", (8, 2, 1, 1), {}, [(2, 5, 8), (2, 3, 8), (5, 5), (3, 3), (3, 5)]),
    ("SinusoidalPositionalEncoding", (8,), {}, [(5,)]),
    ("SinusoidalPositionalEncoding", (8, 0.01, 2.0, 1.5, True, True), {}, [(2, 5)]),
    ("Upsample", (2,), {}, [(2, 3, 4, 2)]),
    ("Upsample", ((2, 3), "linear"), {}, [(2, 3, 4, 2)]),
    ("Upsample", (2, "cubic"), {"align_corners": True}, [(2, 3, 4, 2)]),
]

for scale in (0.5, 1 / 3, 1.5, 2.7, 3):
    for mode in ("nearest", "linear", "cubic"):
        LAYERS.append(("Upsample", (scale, mode), {}, [(2, 7, 2)]))
        if mode != "nearest":
            LAYERS.append(("Upsample", (scale, mode), {"align_corners": True}, [(2, 7, 2)]))
            LAYERS.append(("Upsample", (scale, mode), {"antialias": True}, [(2, 7, 2)]))


@pytest.mark.parametrize(("name", "args", "options", "shapes"), LAYERS)
def test_layer(
    name: str, args: tuple[Any, ...], options: dict[str, Any], shapes: list[tuple[int, ...]]
) -> None:
    ours: Any = getattr(nn, name)(*args, **options)
    theirs = getattr(official, name)(*args, **options)
    assert shape_tree(ours.parameters()) == shape_tree(theirs.parameters())
    # Theirs shows the address of a function; and it says nothing of antialias.
    if name != "RNN" and not options.get("antialias"):
        assert repr(ours) == repr(theirs)
    values = {
        path: normal(*parameter.shape, seed=i) / 2 + (2 if path.endswith("var") else 0)
        for i, (path, parameter) in enumerate(tree_flatten(ours.parameters()))
    }
    ours.load_weights([(path, mx.array(value)) for path, value in values.items()])
    theirs.load_weights([(path, official_mx.array(value)) for path, value in values.items()])
    inputs = [normal(*shape, seed=10 + i) for i, shape in enumerate(shapes)]
    for _ in range(2):
        compare(ours, theirs, inputs)
        ours.eval()
        theirs.eval()


def shape_tree(tree: Any) -> Any:
    return dict(sorted((path, tuple(x.shape)) for path, x in tree_flatten(tree)))


def compare(ours: Any, theirs: Any, inputs: list[Any]) -> None:
    def loss(core: Any, layer: Any) -> Any:
        def run(parameters: Any, inputs: Any) -> Any:
            layer.update(parameters)
            y = layer(*inputs)
            outputs = y if isinstance(y, tuple) else (y,)
            return sum(core.sum(core.sin(z)) for z in outputs), list(outputs)

        return run

    results = []
    for core, layer in ((mx, ours), (official_mx, theirs)):
        function = core.value_and_grad(loss(core, layer), argnums=(0, 1))
        before = layer.trainable_parameters()
        (_, outputs), gradients = function(before, [core.array(x) for x in inputs])
        statistics = [layer[k] for k in ("running_mean", "running_var") if k in layer]
        results.append([outputs, *gradients, statistics])
        layer.update(before)
    got, expected = (
        [(path, np.array(x)) for path, x in sorted(tree_flatten(tree_map(lambda x: x, result)))]
        for result in results
    )
    assert [path for path, _ in got] == [path for path, _ in expected]
    for (path, a), (_, b) in zip(got, expected, strict=True):
        assert np.allclose(a, b, rtol=1e-4, atol=1e-4), path


def test_alibi() -> None:
    scores = normal(2, 3, 4, 6)
    ours, theirs = nn.ALiBi(), official.ALiBi()
    for heads in (1, 2, 6, 12):
        assert close(
            ours.create_alibi_slope(heads), np.array(theirs.create_alibi_slope(heads)), rtol=1e-5
        )
    assert close(ours(mx.array(scores)), np.array(theirs(official_mx.array(scores))))
    mask = normal(4, 6)
    got = ours(mx.array(scores), 2, mx.array(mask))
    expected = theirs(official_mx.array(scores), 2, official_mx.array(mask))
    assert close(got, np.array(expected))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("Linear", (3, 4)),
        ("Bilinear", (2, 3, 4)),
        ("Conv1d", (4, 6, 3)),
        ("Conv2d", (4, 6, 3, 1, 0, 1, 2)),
        ("Conv3d", (2, 3, 2)),
        ("ConvTranspose2d", (4, 3, 3)),
        ("RNN", (3, 4)),
        ("GRU", (3, 4)),
        ("LSTM", (3, 4)),
    ],
)
def test_initial_values_are_those_of_official_mlx(name: str, args: tuple[Any, ...]) -> None:
    mx.random.seed(5)
    official_mx.random.seed(5)
    ours, theirs = getattr(nn, name)(*args), getattr(official, name)(*args)
    expected = dict(tree_flatten(theirs.parameters()))
    for path, value in tree_flatten(ours.parameters()):
        assert close(value, np.array(expected[path]), rtol=1e-6, atol=1e-6), path
