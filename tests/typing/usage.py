"""A program as users write it, which type checkers find nothing wrong with; it also runs."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, assert_type

import mlx_core_py as mx
import mlx_core_py.nn as nn
import numpy as np
from mlx_core_py.nn import init, losses
from mlx_core_py.utils import tree_flatten, tree_map, tree_reduce, tree_unflatten

# ---- arrays


def arrays() -> mx.array:
    a = mx.array([1.0, 2.0, 3.0])
    b: mx.array = mx.zeros((3,), dtype=mx.float32)
    assert_type(a + b, mx.array)
    assert_type(2 * a - b / 3, mx.array)
    assert_type(a @ b, mx.array)
    assert_type(-a, mx.array)
    assert_type(a > b, mx.array)
    assert_type(a[0], mx.array)
    assert_type(a[1:, None], mx.array)
    assert_type(a.shape, tuple[int, ...])
    assert_type(a.ndim, int)
    assert_type(a.dtype, mx.Dtype)
    assert_type(a.astype(mx.float16), mx.array)
    assert_type(a.sum(), mx.array)
    assert_type(a.reshape(3, 1).T, mx.array)
    assert_type(len(a), int)
    c = mx.array(a)
    c[0] = 5.0
    c[1:] = mx.array([6.0, 7.0])
    c += 1
    c = c.at[0].add(1.0)
    for row in c:
        assert_type(row, mx.array)
    number = float(c[0].item())
    values: list[float] = c.tolist()
    assert number == values[0] == 7
    assert bool(mx.all(c > 0))
    copied = np.array(c)
    assert copied.shape == (3,)
    return mx.array(copied)


def operations(x: mx.array) -> dict[str, mx.array]:
    found: dict[str, mx.array] = {}
    found["sum"] = mx.sum(x, axis=0, keepdims=True)
    found["softmax"] = mx.softmax(x, axis=-1)
    found["where"] = mx.where(x > 0, x, 0.0)
    found["matmul"] = mx.matmul(x[None], x[:, None])
    found["stack"] = mx.stack([x, x], axis=1)
    found["concatenate"] = mx.concatenate([x, x])
    found["take"] = mx.take(x, mx.array([0, 2]))
    found["clip"] = mx.clip(x, 0, 6)
    found["argmax"] = mx.argmax(x)
    found["arange"] = mx.arange(0, 6, 2)
    found["linspace"] = mx.linspace(0, 1, 5)
    found["norm"] = mx.linalg.norm(x)
    found["fft"] = mx.fft.fft(x)
    found["einsum"] = mx.einsum("i,i->", x, x)
    found["rms_norm"] = mx.fast.rms_norm(x, mx.ones_like(x), 1e-5)
    first, second, third = mx.split(x, 3)
    found["parts"] = first + second + third
    mx.eval(found)
    return found


def numbers() -> mx.array:
    mx.random.seed(0)
    key = mx.random.key(1)
    one, two = mx.random.split(key)
    x = mx.random.normal((2, 3), key=one)
    y = mx.random.uniform(-1, 1, (2, 3), key=two)
    z = mx.random.randint(0, 10, (2, 3))
    assert_type(mx.random.categorical(x), mx.array)
    return x + y + z


def places() -> None:
    with mx.stream(mx.cpu):
        x = mx.ones(2, stream=mx.cpu)
    stream: mx.Stream = mx.default_stream(mx.cpu)
    device: mx.Device = mx.default_device()
    assert_type(mx.add(x, x, stream=stream), mx.array)
    mx.synchronize(stream)
    assert str(device)


def files(x: mx.array) -> None:
    with tempfile.TemporaryDirectory() as name:
        path: os.PathLike[str] = Path(name) / "arrays.safetensors"
        mx.save_safetensors(path, {"x": x}, {"format": "mlx"})
        loaded: Any = mx.load(path)
        assert mx.array_equal(loaded["x"], x)


def types() -> None:
    kinds: list[mx.Dtype] = [mx.float32, mx.bfloat16, mx.int8, mx.bool_]
    assert [mx.issubdtype(kind, mx.floating) for kind in kinds] == [True, True, False, False]
    assert mx.finfo(mx.float16).max == 65504
    assert mx.iinfo(mx.int8).min == -128
    assert_type(mx.__version__, str)


# ---- transforms


@mx.compile
def scaled(x: mx.array, factor: float = 2.0) -> mx.array:
    return mx.exp(-x) * factor


@partial(mx.compile, shapeless=True)
def shifted(x: mx.array) -> mx.array:
    return x + 1


def squares(w: mx.array, x: mx.array) -> mx.array:
    return mx.sum(mx.square(w * x))


def transforms(x: mx.array) -> None:
    assert_type(scaled(x, factor=3.0), mx.array)
    shifted(x)
    gradient: mx.array = mx.grad(squares)(x, x)
    both: tuple[mx.array, mx.array] = mx.grad(squares, argnums=(0, 1))(x, x)
    assert mx.array_equal(gradient, both[0])
    value, by_second = mx.value_and_grad(squares, argnums=1)(x, x)
    assert_type(value, mx.array)
    assert by_second.shape == x.shape
    batched = mx.vmap(squares, in_axes=(0, None))
    assert_type(batched(mx.stack([x, x]), x), mx.array)
    outputs, products = mx.vjp(squares, [x, x], [mx.array(1.0)])
    assert_type(outputs, list[mx.array])
    assert_type(products, list[mx.array])
    mx.jvp(squares, [x, x], [x, x])
    jacobian: mx.array = mx.jacrev(squares)(x, x)
    second: mx.array = mx.hessian(squares)(x, x)
    assert jacobian.shape + x.shape == second.shape
    assert_type(mx.checkpoint(squares)(x, x), mx.array)


@mx.custom_function
def doubled(x: mx.array) -> mx.array:
    return 2 * x


@doubled.vjp
def doubled_vjp(x: mx.array, cotangent: mx.array, output: mx.array) -> mx.array:
    return 2 * cotangent


# ---- modules


@dataclass
class Config:
    dims: int = 8
    hidden: int = 16
    layers: int = 2


class Block(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(config.dims)
        self.up = nn.Linear(config.dims, config.hidden, bias=False)
        self.down = nn.Linear(config.hidden, config.dims)
        self.dropout = nn.Dropout(0.1)

    def __call__(self, x: mx.array) -> mx.array:
        return x + self.dropout(self.down(nn.silu(self.up(self.norm(x)))))


class Model(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embed = nn.Embedding(10, config.dims)
        self.blocks = [Block(config) for _ in range(config.layers)]
        self.head = nn.Sequential(nn.LayerNorm(config.dims), nn.Linear(config.dims, 10))
        self.scale = mx.array(1.0)

    def __call__(self, ids: mx.array) -> mx.array:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        logits: mx.array = self.head(x)
        return logits * self.scale


def loss_of(model: Model) -> Callable[[mx.array, mx.array], mx.array]:
    def loss(ids: mx.array, targets: mx.array) -> mx.array:
        return losses.cross_entropy(model(ids), targets, reduction="mean")

    return loss


def batches(count: int) -> Iterator[tuple[mx.array, mx.array]]:
    for i in range(count):
        ids = mx.random.randint(0, 10, (4, 6), key=mx.random.key(i))
        yield ids, (ids + 1) % 10


def training() -> Model:
    model = Model(Config())
    step = nn.value_and_grad(model, loss_of(model))
    first = last = 0.0
    for ids, targets in batches(8):
        value, gradients = step(ids, targets)
        assert_type(value, mx.array)
        assert_type(gradients, dict[str, Any])
        parameters = model.trainable_parameters()
        model.update(tree_map(lambda p, g: p - 0.5 * g, parameters, gradients))
        mx.eval(model.parameters(), value)
        last = float(value.item())
        first = first or last
    assert last < first
    return model


def modules(model: Model) -> None:
    assert_type(model.train(), Model)
    assert_type(model.eval(), Model)
    assert_type(model.freeze(), Model)
    assert_type(model.unfreeze(keys="weight"), Model)
    assert model.blocks[0].up.weight.shape == (16, 8)
    for name, module in model.named_modules():
        assert isinstance(name, str)
        assert isinstance(module, nn.Module)
    flat: dict[str, mx.array] = dict(tree_flatten(model.parameters()))
    size: int = tree_reduce(lambda total, p: total + p.size, model.parameters(), 0)
    assert size == sum(p.size for p in flat.values())
    model.load_weights(list(flat.items()))
    model.update(tree_unflatten(list(flat.items())))
    model.apply(lambda p: p.astype(mx.float16))
    model.set_dtype(mx.float32)
    weight = init.glorot_uniform()(mx.zeros((2, 3)))
    assert_type(weight, mx.array)
    larger = nn.Sequential(nn.Linear(64, 64), nn.ReLU())
    nn.quantize(larger, group_size=32, bits=8)
    quantized = larger.layers[0]
    assert isinstance(quantized, nn.QuantizedLinear)
    assert quantized.bits == 8


# ---- what type checkers have to find; never called


def mistakes(x: mx.array, model: Model) -> None:
    scaled("x")  # type: ignore[arg-type]
    scaled(x, 1.0, 2.0)  # type: ignore[call-arg]
    mx.grad(squares)(x)  # type: ignore[call-arg]
    mx.vmap(squares)(x, "x")  # type: ignore[arg-type]
    mx.checkpoint(squares)(x, x, x)  # type: ignore[call-arg]
    mx.jacrev(squares)(x, y=x)  # type: ignore[call-arg]
    doubled("x")  # type: ignore[arg-type]
    nn.value_and_grad(model, loss_of(model))(x)  # type: ignore[call-arg]
    mx.sum(x, axes=0)  # type: ignore[call-arg]
    nn.Linear("2", 3)  # type: ignore[arg-type]


def main() -> None:
    x = arrays()
    operations(x)
    numbers()
    places()
    files(x)
    types()
    transforms(x)
    assert mx.grad(lambda v: mx.sum(doubled(v)))(x).tolist() == [2, 2, 2]
    modules(training())


if __name__ == "__main__":
    main()
