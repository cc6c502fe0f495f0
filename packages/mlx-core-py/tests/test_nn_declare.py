"""Modules that are declared by fields are modules like others, and tables tell what is in them."""

import dataclasses
import inspect
from typing import Any

import mlx_core_py as mx
import pytest
from mlx_core_py import nn


@nn.declare
class Perceptron(nn.Module):
    dims: int
    hidden: tuple[int, ...] = (8, 8)
    bias: bool = dataclasses.field(default=True, kw_only=True)
    layers: list[nn.Linear] = nn.part(
        lambda self: [
            nn.Linear(a, b, self.bias)
            for a, b in zip((self.dims, *self.hidden), (*self.hidden, self.dims), strict=True)
        ]
    )
    scale: mx.array = nn.part(lambda self: mx.ones((self.dims,)))

    def __call__(self, x: mx.array) -> mx.array:
        for layer in self.layers:
            x = nn.relu(layer(x))
        return x * self.scale


def test_fields_are_arguments_parameters_and_modules() -> None:
    model = Perceptron(4, (16,), bias=False)
    assert {path: x.shape for path, x in mx.utils.tree_flatten(model.parameters())} == {
        "layers.0.weight": (16, 4),
        "layers.1.weight": (4, 16),
        "scale": (4,),
    }
    assert model(mx.zeros((3, 4))).shape == (3, 4)
    assert repr(model).startswith("Perceptron(dims=4, hidden=(16,), bias=False\n  (layers.0): ")
    assert list(inspect.signature(Perceptron).parameters) == ["dims", "hidden", "bias"]
    assert Perceptron(4).hidden == (8, 8)


def test_trained_and_quantized_like_others() -> None:
    model = Perceptron(64, (64,))
    _, gradients = nn.value_and_grad(model, lambda x: mx.sum(model(x)))(mx.ones((1, 64)))
    assert set(gradients) == {"layers", "scale"}
    nn.quantize(model)
    assert isinstance(model.layers[0], nn.QuantizedLinear)


def test_inherited_fields_and_what_comes_last() -> None:
    @nn.declare
    class Wider(Perceptron):
        extra: int = 2
        head: nn.Linear = nn.part(lambda self: nn.Linear(self.dims, self.extra))

        def __post_init__(self) -> None:
            self.count = len(self.layers) + 1

    model = Wider(4, extra=3)
    assert model.head.weight.shape == (3, 4)
    assert model.count == 4
    assert set(model.parameters()) == {"layers", "scale", "head"}


def test_wrong_declarations() -> None:
    with pytest.raises(TypeError, match="subclass of Module"):
        nn.declare(int)  # type: ignore[type-var]
    with pytest.raises(TypeError, match="__init__"):

        @nn.declare
        class Own(nn.Module):
            def __init__(self) -> None:
                super().__init__()

    with pytest.raises(TypeError, match="build"):
        nn.part(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="init"):
        nn.part(lambda self: self, init=True)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="dims"):
        Perceptron()  # type: ignore[call-arg]


def test_summary() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Linear(4, 2, bias=False)))
    first: Any = model.layers[0]
    first.freeze()
    table = model.summary(mx.zeros((5, 3), mx.float32))
    found = [(row.path, row.kind, row.outputs, row.parameters, row.trainable) for row in table.rows]
    assert found == [
        ("", "Sequential", ((5, 2),), 24, 8),
        ("0", "Linear", ((5, 4),), 16, 0),
        ("1", "Sequential", ((5, 2),), 8, 8),
        ("1.0", "ReLU", ((5, 4),), 0, 0),
        ("1.1", "Linear", ((5, 2),), 8, 8),
    ]
    assert [row.path for row in model.summary(depth=1).rows] == ["", "0", "1"]
    assert model.summary().rows[0].outputs is None
    assert type(model) is nn.Sequential
    assert str(table).splitlines()[0].split() == [
        "layer",
        "output",
        "shape",
        "parameters",
        "trainable",
        "bytes",
    ]


def test_a_table_counts_shared_weights_once_and_leaves_the_model_as_it_was() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(2, 2, bias=False)
            self.b = self.a

        def __call__(self, x: mx.array) -> Any:
            if x.shape[-1] != 2:
                raise ValueError("no")
            return self.b(self.a(x)), {"more": x}

    model = Tied()
    assert model.summary(mx.zeros((1, 2))).rows[0].outputs == ((1, 2), (1, 2))
    assert model.summary().rows[0].parameters == 4
    with pytest.raises(ValueError, match="no"):
        model.summary(mx.zeros((1, 3)))
    assert type(model) is Tied
    assert type(model.a) is nn.Linear
    with pytest.raises(TypeError, match="model"):
        nn.summary.summarize(3)


def test_a_table_of_modules_in_dictionaries_and_of_packed_weights() -> None:
    class Parts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(10, 64).to_quantized(group_size=32, bits=8)
            self.norm = nn.BatchNorm(64)
            inner = nn.Sequential(nn.Linear(2, 2))
            packed = nn.Linear(64, 64).to_quantized(mode="mxfp4")
            self.heads = {"a": nn.Linear(64, 2), "b": [nn.ReLU(), inner, packed]}
            self.scale = mx.ones((3,))

    model = Parts()
    table = model.summary()
    assert (
        str(table)
        == """\
layer                         output shape  parameters  trainable  bytes
Parts                                            5,195        267  4,812
  embed  QuantizedEmbedding                        640          0    800
  norm  BatchNorm                                  256        128  1,024
  heads.a  Linear                                  130        130    520
  heads.b.0  ReLU                                    0          0      0
  heads.b.1  Sequential                              6          6     24
    0  Linear                                        6          6     24
  heads.b.2  QuantizedLinear                     4,160          0  2,432"""
    )
    assert [row.depth for row in table.rows] == [0, 1, 1, 1, 1, 1, 2, 1]
    assert len(model.summary(depth=1).rows) == 7
    # As many weights as before they were packed.
    assert nn.Linear(64, 64).summary().rows[0].parameters == 4160
    for bits in (2, 3, 4, 5, 6, 8):
        packed = nn.Linear(96, 32, bias=False).to_quantized(group_size=32, bits=bits)
        assert packed.summary().rows[0].parameters == 96 * 32
