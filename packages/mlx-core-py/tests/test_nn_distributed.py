"""Layers whose parameters are spread over processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import mlx_core_py as mx
import pytest
from mlx_core_py import nn
from mlx_core_py.nn.layers import distributed

needs_ring = pytest.mark.skipif(
    not mx.distributed.is_available("ring"), reason="MLX was built without its ring of sockets"
)

# Runs in each process, on either package. `same` tells whether all arrays of two trees agree.
HEAD = """
import sys
import mlx.core as mx
import mlx.nn as nn
from mlx.nn.layers.distributed import shard_inplace, shard_linear, sum_gradients
from mlx.utils import tree_flatten

group = mx.distributed.init(strict=True, backend="ring")
rank, size = group.rank(), group.size()

def same(a, b):
    a, b = dict(tree_flatten(a)), dict(tree_flatten(b))
    return a.keys() == b.keys() and all(
        mx.allclose(a[k], b[k], rtol=1e-4, atol=1e-5).item() and a[k].dtype == b[k].dtype for k in a
    )

def gathered(a, axis):
    return mx.concatenate(
        mx.split(mx.distributed.all_gather(mx.contiguous(a)[None]), size)[:], axis=axis + 1
    )[0]

mx.random.seed(7)
x = mx.random.normal((3, 128))
part = mx.split(x, size, axis=-1)[rank]
"""


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def run(code: str, folder: Path, processes: int = 2, official: bool = False) -> list[str]:
    """What each process of a ring prints."""
    script, hosts = folder / "script.py", folder / "hosts.json"
    script.write_text(HEAD + textwrap.dedent(code))
    hosts.write_text(json.dumps([[f"127.0.0.1:{port}"] for port in free_ports(processes)]))
    command = [sys.executable, *([] if official else ["-m", "mlx_core_py.as_mlx"]), str(script)]
    started = [
        subprocess.Popen(
            command,
            env={**os.environ, "MLX_RANK": str(rank), "MLX_HOSTFILE": str(hosts)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(processes)
    ]
    try:
        outputs = [process.communicate(timeout=120)[0] for process in started]
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0] * processes, "\n".join(outputs)
    return outputs


LINEAR = """
layer = nn.Linear(128, 12)
for name, segments in (("all-to-sharded", 1), ("all-to-sharded", 3), ("all-to-sharded", [4]),
                       ("sharded-to-all", 1), ("sharded-to-all", [0.5])):
    sharded = shard_linear(layer, name, segments=segments)
    assert type(sharded) is getattr(
        nn, "AllToShardedLinear" if name[0] == "a" else "ShardedToAllLinear"
    )
    into = x
    if name == "sharded-to-all":
        segment = mx.split(x, 1 if segments == 1 else 2, axis=-1)
        into = mx.concatenate([mx.split(s, size, axis=-1)[rank] for s in segment], axis=-1)
    # The gradient by the input, of a loss that weighs each output.
    weights = mx.arange(36.0).reshape(3, 12)
    y, (dx,) = mx.vjp(lambda x: layer(x), [x], [weights])
    if name == "sharded-to-all":
        assert same(sharded(into), y[0])
    elif segments == 1:
        assert same(sharded(x), mx.split(y[0], size, axis=-1)[rank])
        mine = mx.split(weights, size, axis=-1)[rank]
        assert same(mx.vjp(lambda x: sharded(x), [x], [mine])[1][0], dx)
    print(sharded, sharded.weight.shape, [round(v, 3) for v in sharded(into)[0].tolist()])
for wrong in (lambda: shard_linear(layer, "else"), lambda: shard_linear(nn.Linear(3, 3), name)):
    try:
        wrong()
        print("no error")
    except ValueError:
        pass
"""

QUANTIZED = """
for layer in (nn.QuantizedLinear(128, 8, group_size=32), nn.QuantizedLinear(128, 8, mode="mxfp4")):
    for name in ("all-to-sharded", "sharded-to-all"):
        sharded = shard_linear(layer, name)
        into = x if name[0] == "a" else part
        y = layer(x)
        expected = mx.split(y, size, axis=-1)[rank] if name[0] == "a" else y
        assert same(sharded(into), expected)
        # The gradient by the input, of a loss that weighs each output.
        weights = mx.arange(24.0).reshape(3, 8)
        dx = mx.vjp(lambda x: layer(x), [x], [weights])[1][0]
        if name[0] == "a":
            weights = mx.split(weights, size, axis=-1)[rank]
        else:
            dx = mx.split(dx, size, axis=-1)[rank]
        assert same(mx.vjp(lambda x: sharded(x), [into], [weights])[1][0], dx)
        print(sharded, {k: (v.shape, str(v.dtype).split(".")[-1])
                        for k, v in sorted(tree_flatten(sharded.parameters()))
                        if v is not None}, sharded.trainable_parameters())
"""

IN_PLACE = """
layer = nn.Linear(128, 8)
weight, bias = layer.weight, layer.bias
shard_inplace(layer, "all-to-sharded")
assert same(layer.weight, mx.split(weight, size, axis=0)[rank])
assert same(layer.bias, mx.split(bias, size)[rank])
layer = nn.Linear(128, 8)
weight = layer.weight
shard_inplace(layer, lambda path, w: (1, [0.25]) if path == "weight" else None)
quarter, rest = mx.split(weight, [32], axis=1)
pieces = [mx.split(piece, size, axis=1)[rank] for piece in (quarter, rest)]
assert same(layer.weight, mx.concatenate(pieces, axis=1))
print(layer.weight.shape, layer.bias.shape)
"""

AVERAGES = """
from mlx.nn.utils import average_gradients, clip_grad_norm_sharded
tree = {
    "a": [mx.full((2, 3), rank + 1.0), mx.full((4,), 2.0 * rank)],
    "b": {"c": mx.full((1,), 10.0 * rank)},
}
for size_in_bytes in (0, 1, 24, 10**6):
    mean = average_gradients(tree, all_reduce_size=size_in_bytes)
    middle = (size - 1) / 2
    assert mean["a"][0].tolist() == [[middle + 1] * 3] * 2
    assert mean["a"][1].tolist() == [2 * middle] * 4
    assert mean["b"]["c"].tolist() == [10 * middle]
tree["d"] = mx.full((2,), rank, dtype=mx.float16)
mean = average_gradients(tree, group)
assert mean["d"].tolist() == [middle] * 2 and mean["d"].dtype == mx.float16
assert mean["a"][0].dtype == mx.float32
mine = {"w": mx.array([3.0]) if rank == 0 else mx.array([0.0]), "v": [mx.array(4.0 * (rank == 1))]}
clipped, norm = clip_grad_norm_sharded(mine, 1.0)
assert abs(norm.item() - 5) < 1e-5
assert same(clipped, {"w": mine["w"] / 5, "v": [mine["v"][0] / 5]})
print(clip_grad_norm_sharded(mine, 10.0)[0])
"""

FULLY = """
if not hasattr(mx, "cpu_verbose"):
    # Official MLX has no such exchange on a ring of sockets.
    mx.distributed.sum_scatter = lambda x, *, group=None, stream=None: mx.split(
        mx.distributed.all_sum(x, group=group), size)[rank]

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(8, 4)
        self.layers = [nn.Linear(4, 8), nn.Linear(8, 4, bias=False)]
    def __call__(self, ids):
        h = self.embed(ids)
        for layer in self.layers:
            h = nn.silu(layer(h))
        return h

model = Model()
ids = mx.array([[1, 2, 5], [0, 7, 3]])
loss = lambda ids: mx.sum(model(ids) * (rank + 1))
expected, gradients = nn.value_and_grad(model, loss)(ids)
y = model(ids)
expected_gradients = nn.utils.average_gradients(gradients)
whole = dict(tree_flatten(model.parameters()))
model.layers[0] = nn.fully_shard(model.layers[0])
assert nn.fully_shard(model.layers[0]) is model.layers[0]
outer = nn.fully_shard(model)
assert type(outer) is nn.FullyShardedModule
assert same(outer(ids), y)
loss = lambda ids: mx.sum(outer(ids) * (rank + 1))
value, gradients = nn.value_and_grad(outer, loss)(ids)
assert same(value, expected)
for path, gradient in tree_flatten(gradients):
    path = path.replace("module.", "")
    expected = dict(tree_flatten(expected_gradients))[path]
    assert same(gradient, mx.split(expected, size)[rank]), path
    assert gradient.shape[0] * size == whole[path].shape[0]
half = nn.fully_shard(nn.Linear(4, 4), compute_dtype=mx.float16)
assert half(mx.ones((1, 4), dtype=mx.float16)).dtype == mx.float16
assert half.module.weight.dtype == mx.float32
table = nn.fully_shard(nn.Embedding(8, 4))
assert table.as_linear(mx.ones((1, 4))).shape == (1, 8)
for module in (nn.Linear(4, 6), nn.Linear(4, 5)) if size == 4 else (nn.Linear(4, 3),):
    try:
        nn.fully_shard(module)
        print("no error")
    except ValueError:
        pass
print(sorted((k, v.shape) for k, v in tree_flatten(outer.parameters())))
"""


# Training by three ways of spreading it, for comparison with one process, which needs no ring.
TRAINING = """
import sys
import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
from mlx.nn.layers.distributed import shard_linear
from mlx.utils import tree_flatten

way = sys.argv[1]
group = mx.distributed.init()
rank, size = group.rank(), group.size()
mx.random.seed(3)
x, y = mx.random.normal((16, 12)), mx.random.normal((16, 4))

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down = nn.Linear(12, 64), nn.Linear(64, 4)
    def __call__(self, x):
        return self.down(nn.gelu(self.up(x)))

model = Model()
if way == "tensors":
    model.up = shard_linear(model.up, "all-to-sharded")
    model.down = shard_linear(model.down, "sharded-to-all")
elif way == "fully":
    model.up, model.down = nn.fully_shard(model.up), nn.fully_shard(model.down)
if way != "tensors":
    # Each process has its share of the batch.
    x, y = mx.split(x, size)[rank], mx.split(y, size)[rank]
optimizer = optim.Adam(0.01)
step = nn.value_and_grad(model, lambda x, y: nn.losses.mse_loss(model(x), y))
norms = []
for _ in range(5):
    loss, gradients = step(x, y)
    if way == "data":
        gradients = nn.average_gradients(gradients)
    if way == "fully":
        gradients, norm = nn.utils.clip_grad_norm_sharded(gradients, 0.5)
    elif way == "data":
        gradients, norm = optim.clip_grad_norm(gradients, 0.5)
    else:
        norm = mx.array(0.0)
    optimizer.update(model, gradients)
    mx.eval(model.parameters(), optimizer.state, norm)
    norms.append(norm.item())
held = sum(a.nbytes for _, a in tree_flatten([model.parameters(), optimizer.state]))

def whole(array, axis):
    shards = mx.distributed.all_gather(mx.contiguous(array)[None])
    return mx.concatenate(list(shards), axis=axis) if size > 1 else array

axes = {
    "data": {},
    "tensors": {"up.weight": 0, "up.bias": 0, "down.weight": 1},
    "fully": {"up.weight": 0, "up.bias": 0, "down.weight": 0, "down.bias": 0},
}[way]
result = {}
for path, array in sorted(tree_flatten(model.parameters())):
    path = path.replace("module.", "")
    result[path] = whole(array, axes[path]) if path in axes else array
mx.eval(result)
import json
if rank == size - 1:
    print(json.dumps({"held": held, "norms": norms,
                      **{k: v.reshape(-1).tolist() for k, v in result.items()}}))
"""


def trained(folder: Path, way: str, processes: int) -> dict[str, Any]:
    script = folder / "training.py"
    script.write_text(TRAINING)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mlx_core_py.launch", "--backend", "ring"),
            *("-n", str(processes), "-m", "mlx_core_py.as_mlx", str(script), way),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


@needs_ring
@pytest.mark.parametrize("way", ["data", "tensors", "fully"])
def test_training_in_processes_gives_the_numbers_of_one(way: str, tmp_path: Path) -> None:
    # One process computes by plain layers, whatever the way, but for the norm, which bounds two.
    one = trained(tmp_path, "data" if way == "fully" else way, 1)
    for processes in (2, 4):
        several = trained(tmp_path, way, processes)
        for name in ("up.weight", "up.bias", "down.weight", "down.bias", "norms"):
            assert several[name] == pytest.approx(one[name], abs=2e-5), name
        if way == "fully":
            # Weights, and the two moments of each, but for the optimizer's scalars.
            assert several["held"] * processes == pytest.approx(one["held"], rel=0.02)


@needs_ring
@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize(
    "code",
    [LINEAR, QUANTIZED, IN_PLACE, AVERAGES, FULLY],
    ids=["linear", "quantized", "in place", "averages", "fully"],
)
def test_as_one_process_and_as_official(code: str, processes: int, tmp_path: Path) -> None:
    # The numbers are random where the generators of both packages agree, so they agree too.
    ours = run(code, tmp_path, processes)
    assert all(ours)
    pytest.importorskip("mlx.core", reason="official MLX runs the same program")
    assert ours == run(code, tmp_path, processes, official=True)


def test_one_process_keeps_everything() -> None:
    layer = nn.Linear(4, 6)
    x = mx.random.normal((2, 4))
    for name in ("all-to-sharded", "sharded-to-all"):
        sharded = distributed.shard_linear(layer, name, segments=3 if name[0] == "a" else 2)
        assert mx.allclose(sharded(x), layer(x), atol=1e-6)
    assert nn.fully_shard(layer) is layer
    gradients = {"a": (mx.ones(2), [mx.zeros(1)])}
    assert nn.average_gradients(gradients) is gradients
    assert distributed.sum_gradients(mx.distributed.init())(x) is x


def test_layers_of_their_own() -> None:
    plain: list[Any] = [nn.AllToShardedLinear, nn.ShardedToAllLinear]
    packed: list[Any] = [
        nn.QuantizedAllToShardedLinear,
        nn.QuantizedShardedToAllLinear,
    ]
    for kind in plain:
        assert kind(4, 6)(mx.ones((2, 4))).shape == (2, 6)
        assert "bias" not in kind(4, 6, bias=False)
    for kind in packed:
        layer = kind(64, 6, mode="mxfp8", group_size=32, bits=8)
        assert layer(mx.ones((2, 64))).shape == (2, 6)
        assert layer.trainable_parameters() == {}
        layer.unfreeze()
        assert layer.trainable_parameters() == {}
    for kind in plain + packed:
        with pytest.raises(ValueError, match="output_dims"):
            kind(64, 0)


def test_wrong_arguments() -> None:
    layer = nn.Linear(4, 6)
    with pytest.raises(ValueError, match="sharding must be"):
        distributed.shard_linear(layer, "both")
    wrong: Any = lambda path, parameter: "rows"  # noqa: E731
    with pytest.raises(TypeError, match="sharding must return"):
        distributed.shard_inplace(layer, wrong)
    for function in (nn.average_gradients, lambda g: nn.utils.clip_grad_norm_sharded(g, 1.0)):
        with pytest.raises(ValueError, match="gradients must hold arrays only"):
            function([mx.ones(1), 3])
