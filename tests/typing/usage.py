"""A program as users write it, which type checkers find nothing wrong with; it also runs."""
# pyright: strict

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
from mlx_core_py import as_mlx
from mlx_core_py.nn import init, losses
from mlx_core_py.utils import tree_flatten, tree_map, tree_reduce, tree_unflatten

# ---- arrays


def arrays() -> mx.array:
    a = mx.array([1.0, 2.0, 3.0])
    b: mx.array = mx.zeros((3,), dtype=mx.float32)
    assert_type(a + b, mx.array)
    assert_type(2 * a - b / 3, mx.array)
    assert_type(a @ b, mx.array)
    a @= mx.eye(3)
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
    # Operators and what an index may be.
    n = mx.array([[5, 6], [7, 8]])
    assert_type((n & 3 | 4) ^ 1, mx.array)
    assert_type(n << 1 >> 1, mx.array)
    assert_type(~(n > 5), mx.array)
    assert_type(2**n // 3 % 5, mx.array)
    assert_type(n[..., -1], mx.array)
    assert_type(n[mx.array([0, 1]), 1], mx.array)
    assert_type(n[::-1, None, 0:1], mx.array)
    n[:, 0] = 0
    n[mx.array([1])] += 1
    assert_type(n.at[0, 1].maximum(3), mx.array)
    assert_type(n.T.flatten().astype(mx.float32).mean(axis=-1, keepdims=True), mx.array)
    assert_type(n.split(2)[0], mx.array)
    assert_type(n.nbytes + n.itemsize + n.size, int)
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
    found["rope"] = mx.fast.rope(
        mx.ones((1, 2, 4)), 4, traditional=False, base=1e4, scale=1.0, offset=0
    )
    heads = mx.ones((1, 2, 3, 4))
    found["attention"] = mx.fast.scaled_dot_product_attention(heads, heads, heads, scale=0.5)
    square = mx.array([[2.0, 1.0], [1.0, 3.0]])
    q, r = mx.linalg.qr(square, stream=mx.cpu)
    found["qr"] = q @ r
    found["eigenvalues"] = mx.linalg.eigh(square, stream=mx.cpu).eigenvalues
    sign, logarithm = mx.linalg.slogdet(square, stream=mx.cpu)
    found["slogdet"] = sign * logarithm
    found["rank"] = mx.linalg.matrix_rank(square, rtol=1e-3, stream=mx.cpu)
    found["least squares"] = mx.linalg.lstsq(square, mx.ones(2), stream=mx.cpu).x
    found["vector_norm"] = mx.linalg.vector_norm(x, ord=1)
    found["dot"] = mx.dot(x, x) + mx.linalg.matmul(x, x)
    found["solve"] = mx.linalg.solve(square, mx.ones(2), stream=mx.cpu)
    found["spectrum"] = mx.fft.irfft(mx.fft.rfft(x, n=4), n=4)
    found["sort"] = mx.sort(x)[mx.argsort(x)]
    found["repeat"] = mx.repeat(mx.tile(x, 2), 2, axis=0)
    found["pad"] = mx.pad(mx.expand_dims(x, 0), ((0, 0), (1, 1)))
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
    with mx.stream(mx.new_stream(device)):
        assert_type(mx.default_stream(device), mx.Stream)
    assert mx.is_available(mx.cpu)
    assert str(device)


def files(x: mx.array) -> None:
    with tempfile.TemporaryDirectory() as name:
        path: os.PathLike[str] = Path(name) / "arrays.safetensors"
        mx.save_safetensors(path, {"x": x}, {"format": "mlx"})
        loaded: Any = mx.load(path)
        assert mx.array_equal(loaded["x"], x)
        mx.savez(Path(name) / "arrays.npz", x, named=x)
        exported = str(Path(name) / "function.mlxfn")
        mx.export_function(exported, squares, x, x)
        outputs: Any = mx.import_function(exported)(x, x)
        assert mx.array_equal(outputs[0], squares(x, x))


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


@partial(mx.compile, inputs=mx.random.state, outputs=mx.random.state)
def noisy(x: mx.array, *, scale: float) -> mx.array:
    return x + scale * mx.random.normal(x.shape)


@mx.checkpoint
def remembered(x: mx.array, power: int) -> mx.array:
    return mx.power(x, power)


def squares(w: mx.array, x: mx.array) -> mx.array:
    return mx.sum(mx.square(w * x))


def with_shape(x: mx.array) -> tuple[mx.array, tuple[int, ...]]:
    return mx.sum(x), x.shape


def transforms(x: mx.array) -> None:
    assert_type(scaled(x, factor=3.0), mx.array)
    shifted(x)
    assert_type(noisy(x, scale=0.1), mx.array)
    assert_type(remembered(x, 2), mx.array)
    faster = mx.compile(squares, shapeless=True)
    assert_type(faster(x, x), mx.array)
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
    forward: mx.array = mx.jacfwd(squares)(x, x)
    jacobian: mx.array = mx.jacrev(squares)(x, x)
    assert jacobian.shape == forward.shape
    # Of a function with other results beside the value, and of vmap within.
    (total, shape), _ = mx.value_and_grad(with_shape)(x)
    assert_type(total, mx.array)
    assert_type(shape, tuple[int, ...])
    mx.vmap(mx.grad(squares), in_axes=(0, None))(mx.stack([x, x]), x)
    second: mx.array = mx.hessian(squares)(x, x)
    assert jacobian.shape + x.shape == second.shape
    assert_type(mx.checkpoint(squares)(x, x), mx.array)


@mx.custom_function
def doubled(x: mx.array) -> mx.array:
    return 2 * x


@doubled.vjp
def doubled_vjp(x: mx.array, cotangent: mx.array, output: mx.array) -> mx.array:
    return 2 * cotangent


def sum_of_doubled(x: mx.array) -> mx.array:
    return mx.sum(doubled(x))


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


def stepped(parameter: mx.array, gradient: mx.array) -> mx.array:
    return parameter - 0.5 * gradient


def training() -> Model:
    model = Model(Config())
    step = nn.value_and_grad(model, loss_of(model))
    first = last = 0.0
    for ids, targets in batches(8):
        value, gradients = step(ids, targets)
        assert_type(value, mx.array)
        assert_type(gradients, dict[str, Any])
        parameters = model.trainable_parameters()
        model.update(tree_map(stepped, parameters, gradients))
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
    shifted(y=x)  # type: ignore[call-arg]
    noisy(x)  # type: ignore[call-arg]
    remembered(x, "2")  # type: ignore[arg-type]
    mx.jacfwd(squares)("x", x)  # type: ignore[arg-type]
    mx.hessian(squares)(x)  # type: ignore[call-arg]
    mx.value_and_grad(squares)(x, x, x)  # type: ignore[call-arg]
    mx.compile(x)  # type: ignore[arg-type]
    mx.sum(x, axes=0)  # type: ignore[call-arg]
    mx.zeros("3")  # type: ignore[arg-type]
    mx.random.normal((2,), kee=x)  # type: ignore[call-arg]
    mx.fast.rms_norm(x, x, "1e-5")  # type: ignore[arg-type]
    mx.linalg.norm(x, axis="0")  # type: ignore[arg-type]
    x.reshape("3")  # type: ignore[arg-type]
    x.astype("float32")  # type: ignore[arg-type]
    x.shap()  # type: ignore[attr-defined]
    x + object()  # type: ignore[operator]
    losses.mse_loss(x, x, reduction="average")  # type: ignore[arg-type]
    model.freeze(recursive=True)  # type: ignore[call-arg]
    nn.Linear("2", 3)  # type: ignore[arg-type]


def main() -> None:
    x = arrays()
    operations(x)
    numbers()
    places()
    files(x)
    types()
    transforms(x)
    assert mx.grad(sum_of_doubled)(x).tolist() == [2, 2, 2]
    modules(training())
    # For programs that import mlx.core, from here on.
    as_mlx.install()


if __name__ == "__main__":
    main()
