"""Layers are those of PyTorch, forward and backward: `nox -s torch` installs it."""

from __future__ import annotations

import math
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mlx_core_py import nn
from torch_checks import (
    channels_first,
    channels_last,
    check_function,
    check_module,
    numbers,
    torch,
)

pytestmark = pytest.mark.torch

several = settings(max_examples=40, deadline=None, derandomize=True)
BOOLEANS = st.booleans()
SIDES = st.integers(1, 6)


def functional(name: str) -> Any:
    return getattr(torch.nn.functional, name)


# Linear layers


@several
@given(st.lists(SIDES, max_size=3), SIDES, SIDES, BOOLEANS)
def test_linear(batch: list[int], inputs: int, outputs: int, bias: bool) -> None:
    check_module(
        nn.Linear(inputs, outputs, bias),
        lambda p, x: functional("linear")(x, p["weight"], p.get("bias")),
        [numbers(*batch, inputs, seed=9)],
    )


@several
@given(st.lists(SIDES, max_size=2), SIDES, SIDES, SIDES, BOOLEANS)
def test_bilinear(batch: list[int], left: int, right: int, outputs: int, bias: bool) -> None:
    # MLX has the second input before the first.
    check_module(
        nn.Bilinear(left, right, outputs, bias),
        lambda p, a, b: functional("bilinear")(a, b, p["weight"].mT, p.get("bias")),
        [numbers(*batch, left, seed=9), numbers(*batch, right, seed=10)],
    )


@several
@given(st.lists(st.integers(0, 6), max_size=3), st.integers(1, 20), SIDES)
def test_embedding(shape: list[int], count: int, dims: int) -> None:
    indices = np.random.default_rng(0).integers(0, count, shape)
    layer = nn.Embedding(count, dims)
    check_module(layer, lambda p, i: functional("embedding")(i, p["weight"]), [np.array(indices)])
    check_module(
        layer,
        lambda p, x: functional("linear")(x, p["weight"]),
        [numbers(3, dims, seed=9)],
        call=layer.as_linear,
    )


# Convolutions

CONVOLUTIONS = st.fixed_dictionaries(
    {
        "axes": st.integers(1, 3),
        "kernel": st.tuples(*[st.integers(1, 3)] * 3),
        "stride": st.tuples(*[st.integers(1, 3)] * 3),
        "padding": st.tuples(*[st.integers(0, 2)] * 3),
        "dilation": st.tuples(*[st.integers(1, 2)] * 3),
        "more": st.tuples(*[st.integers(0, 3)] * 3),
        "channels": st.tuples(st.integers(1, 3), st.integers(1, 3)),
        "groups": st.integers(1, 3),
        "batch": st.integers(1, 2),
        "bias": BOOLEANS,
    }
)


def by_axes(options: dict[str, Any], *names: str) -> dict[str, Any]:
    """Options as a layer takes them: an integer for one axis, a tuple for more."""
    axes = options["axes"]
    return {name: options[name][:axes] if axes > 1 else options[name][0] for name in names}


@several
@given(CONVOLUTIONS)
def test_convolutions(options: dict[str, Any]) -> None:
    axes = options["axes"]
    # MLX has no groups of volumes.
    groups = options["groups"] if axes < 3 else 1
    inputs, outputs = (groups * count for count in options["channels"])
    named = by_axes(options, "stride", "padding", "dilation")
    kernel = by_axes(options, "kernel")["kernel"]
    # At least one window fits.
    sizes = [
        max(1, d * (k - 1) + 1 - 2 * p) + more
        for d, k, p, more in zip(
            *(options[name] for name in ("dilation", "kernel", "padding", "more")), strict=True
        )
    ][:axes]
    x = numbers(options["batch"], *sizes, inputs, seed=9)

    def theirs(p: dict[str, Any], x: Any) -> Any:
        return channels_last(
            functional(f"conv{axes}d")(
                channels_first(x),
                channels_first(p["weight"]),
                p.get("bias"),
                groups=groups,
                **named,
            )
        )

    grouped = {"groups": groups} if axes < 3 else {}
    layer = getattr(nn, f"Conv{axes}d")
    check_module(
        layer(inputs, outputs, kernel, bias=options["bias"], **grouped, **named), theirs, [x]
    )


@several
@given(CONVOLUTIONS, st.tuples(*[st.integers(0, 2)] * 3))
def test_transposed_convolutions(options: dict[str, Any], extra: tuple[int, ...]) -> None:
    axes = options["axes"]
    groups = options["groups"] if axes < 3 else 1
    inputs, outputs = (groups * count for count in options["channels"])
    options["output_padding"] = tuple(
        min(e, max(s, d) - 1)
        for e, s, d in zip(extra, options["stride"], options["dilation"], strict=True)
    )
    named = by_axes(options, "stride", "padding", "dilation", "output_padding")
    # Something of the input is left where the padding cuts more off than the kernel adds.
    sizes = [
        1 + more + 2 * -(-p // s)
        for more, p, s in zip(
            *(options[name] for name in ("more", "padding", "stride")), strict=True
        )
    ][:axes]
    x = numbers(options["batch"], *sizes, inputs, seed=9)
    kernel = options["kernel"][:axes]

    def theirs(x: Any, weight: Any, bias: Any = None) -> Any:
        # Ours is (outputs, *kernel, inputs of a group), theirs (inputs, outputs of one, *kernel).
        grouped = weight.reshape(groups, outputs // groups, *kernel, inputs // groups)
        grouped = grouped.movedim(-1, 1).reshape(inputs, outputs // groups, *kernel)
        return channels_last(
            functional(f"conv_transpose{axes}d")(
                channels_first(x), grouped, bias, groups=groups, **named
            )
        )

    convolve = getattr(mx, f"conv_transpose{axes}d")
    weight = numbers(outputs, *kernel, inputs // groups, seed=8)
    check_function(lambda x, w: convolve(x, w, groups=groups, **named), theirs, [x, weight])
    if groups == 1:
        layer = getattr(nn, f"ConvTranspose{axes}d")
        size = kernel if axes > 1 else kernel[0]
        check_module(
            layer(inputs, outputs, size, bias=options["bias"], **named),
            lambda p, x: theirs(x, p["weight"], p.get("bias")),
            [x],
        )


# Pooling


@several
@given(CONVOLUTIONS, st.sampled_from(["Max", "Avg"]), BOOLEANS)
def test_pooling(options: dict[str, Any], kind: str, strided: bool) -> None:
    axes = options["axes"]
    # PyTorch takes no more than half a window of padding.
    options["padding"] = tuple(
        min(p, k // 2) for p, k in zip(options["padding"], options["kernel"], strict=True)
    )
    kernel = by_axes(options, "kernel")["kernel"]
    named = by_axes(options, "padding", *(["stride"] if strided else []))
    sizes = [k + more for k, more in zip(options["kernel"], options["more"], strict=True)][:axes]
    check_module(
        getattr(nn, f"{kind}Pool{axes}d")(kernel, **named),
        lambda _, x: channels_last(
            functional(f"{kind.lower()}_pool{axes}d")(channels_first(x), kernel, **named)
        ),
        [numbers(options["batch"], *sizes, options["channels"][0], seed=9)],
    )


def test_the_first_of_equal_elements_has_the_gradient_of_max_pooling() -> None:
    x = np.array([[1.0, 2, 2, 0], [2, 2, 1, 1], [0, 0, 0, 0], [3, 0, 3, 3]])[None, :, :, None]
    for kernel, stride in ((2, 2), (3, 1), (4, 4)):
        check_module(
            nn.MaxPool2d(kernel, stride),
            lambda _, x, kernel=kernel, stride=stride: channels_last(
                functional("max_pool2d")(channels_first(x), kernel, stride)
            ),
            [x],
        )


# Normalization


@several
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), SIDES, BOOLEANS, BOOLEANS, BOOLEANS)
def test_batch_norm(batch: list[int], dims: int, affine: bool, track: bool, momentum: bool) -> None:
    assume(math.prod(batch) > 1)
    options: dict[str, Any] = {"eps": 1e-2, "momentum": 0.3 if momentum else 0.1}
    layer = nn.BatchNorm(dims, affine=affine, track_running_stats=track, **options)
    peer = torch.nn.BatchNorm1d(dims, affine=affine, track_running_stats=track, **options).double()

    def theirs(p: dict[str, Any], x: Any) -> Any:
        flat = x.reshape(-1, dims)
        return torch.func.functional_call(peer, p, (flat,)).reshape(x.shape)

    for step in range(3):
        check_module(layer, theirs, [numbers(*batch, dims, seed=9 + step) * 3 + 1])
        if track:
            for name in ("running_mean", "running_var"):
                np.testing.assert_allclose(
                    np.array(layer[name]), getattr(peer, name).numpy(), 1e-5, 1e-6
                )
    layer.eval()
    peer.eval()
    check_module(layer, theirs, [numbers(*batch, dims, seed=19)])


@several
@given(st.lists(SIDES, max_size=3), st.integers(2, 9), BOOLEANS, BOOLEANS)
def test_layer_norm(batch: list[int], dims: int, affine: bool, bias: bool) -> None:
    check_module(
        nn.LayerNorm(dims, 1e-3, affine, bias),
        lambda p, x: functional("layer_norm")(x, (dims,), p.get("weight"), p.get("bias"), 1e-3),
        [numbers(*batch, dims, seed=9) * 3 + 1],
    )


@several
@given(st.lists(SIDES, max_size=3), SIDES)
def test_rms_norm(batch: list[int], dims: int) -> None:
    check_module(
        nn.RMSNorm(dims, 1e-3),
        lambda p, x: functional("rms_norm")(x, (dims,), p["weight"], 1e-3),
        [numbers(*batch, dims, seed=9) * 3],
    )


@several
@given(st.lists(SIDES, max_size=3), st.integers(1, 3), st.integers(2, 3), BOOLEANS)
def test_group_norm(sizes: list[int], groups: int, each: int, affine: bool) -> None:
    dims = groups * each
    check_module(
        nn.GroupNorm(groups, dims, 1e-3, affine, pytorch_compatible=True),
        lambda p, x: channels_last(
            functional("group_norm")(
                channels_first(x), groups, p.get("weight"), p.get("bias"), 1e-3
            )
        ),
        [numbers(2, *sizes, dims, seed=9) * 3 + 1],
    )
    # MLX's own groups are every so many features: those of PyTorch, once the features are in the
    # order in which groups are runs.
    order = np.arange(dims).reshape(each, groups).T.flatten()
    check_module(
        nn.GroupNorm(groups, dims, 1e-3, affine),
        lambda p, x: channels_last(
            functional("group_norm")(
                channels_first(x[..., order]),
                groups,
                *(p[name][order] if affine else None for name in ("weight", "bias")),
                1e-3,
            )
        )[..., np.argsort(order)],
        [numbers(2, *sizes, dims, seed=9) * 3 + 1],
    )


@several
@given(st.lists(st.integers(2, 5), min_size=1, max_size=3), SIDES, BOOLEANS)
def test_instance_norm(sizes: list[int], dims: int, affine: bool) -> None:
    check_module(
        nn.InstanceNorm(dims, 1e-3, affine),
        lambda p, x: channels_last(
            functional("instance_norm")(
                channels_first(x), None, None, p.get("weight"), p.get("bias"), eps=1e-3
            )
        ),
        [numbers(2, *sizes, dims, seed=9) * 3 + 1],
    )


# Dropout


@pytest.mark.parametrize("p", [0.0, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_dropout(axes: int, p: float) -> None:
    kind = "Dropout" if axes == 1 else f"Dropout{axes}d"
    ours = getattr(nn, kind)(p)
    theirs = getattr(torch.nn, kind)(p)
    x = np.ones((50, *(2,) * axes, 200), np.float32)
    mx.random.seed(1)
    torch.manual_seed(1)
    got = np.array(ours(mx.array(x)))
    want = channels_last(theirs(channels_first(torch.tensor(x)))).numpy()
    assert np.allclose(np.unique(got), np.unique(want))
    # Elements, or channels of an example, are dropped independently: 10 000 of these at least.
    spread = 6 * math.sqrt(p * (1 - p) / 10_000)
    for y in (got, want):
        assert abs((y == 0).mean() - p) <= spread
        if axes > 1:
            assert (y == y[:, *(slice(0, 1),) * axes]).all()
    gradient = mx.grad(lambda x: (ours(x) * 3).sum())(mx.array(x))
    assert set(np.unique(np.array(gradient))) <= {0.0, np.float32(3 / (1 - p))} | set(
        np.unique(np.array(mx.array(3.0) * (1 / (1 - p))))
    )
    assert ours.eval()(mx.array(x)).tolist() == theirs.eval()(torch.tensor(x)).tolist()


# Recurrent layers

RECURRENT = st.fixed_dictionaries(
    {
        "batch": st.lists(st.integers(1, 3), max_size=1),
        "steps": st.integers(1, 6),
        "inputs": SIDES,
        "hidden": SIDES,
        "bias": BOOLEANS,
        "state": BOOLEANS,
    }
)


def recurrent(
    kind: str, options: dict[str, Any], names: dict[str, Any], states: int, **named: Any
) -> None:
    """Compare with PyTorch's, which is told by ``names`` what its parameters are made of."""
    batch, hidden = options["batch"], options["hidden"]
    peer = getattr(torch.nn, kind)(
        options["inputs"], hidden, bias=options["bias"], batch_first=True, **named
    ).double()
    nonlinearity = {"nonlinearity": nn.relu} if named else {}
    layer = getattr(nn, kind)(options["inputs"], hidden, options["bias"], **nonlinearity)
    inputs = [numbers(*batch, options["steps"], options["inputs"], seed=9)]
    if options["state"]:
        inputs += [numbers(*batch, hidden, seed=10 + i) for i in range(states)]

    def theirs(p: dict[str, Any], x: Any, *state: Any) -> Any:
        weights = {
            f"{name}_l0": make(p, hidden)
            for name, make in names.items()
            if options["bias"] or name.startswith("weight")
        }
        first: Any = [s[None] for s in state] or None
        if first and states == 1:
            (first,) = first
        return torch.func.functional_call(peer, weights, (x, first))[0]

    ours = (lambda *a: layer(*a)[0]) if states > 1 else layer
    check_module(layer, theirs, inputs, call=ours)


@several
@given(RECURRENT, st.sampled_from(["tanh", "relu"]))
def test_rnn(options: dict[str, Any], nonlinearity: str) -> None:
    names = {
        "weight_ih": lambda p, _: p["Wxh"],
        "weight_hh": lambda p, _: p["Whh"],
        "bias_ih": lambda p, _: p["bias"],
        "bias_hh": lambda p, h: torch.zeros(h, dtype=torch.float64),
    }
    named = {"nonlinearity": nonlinearity} if nonlinearity == "relu" else {}
    recurrent("RNN", options, names, 1, **named)


@several
@given(RECURRENT)
def test_gru(options: dict[str, Any]) -> None:
    names = {
        "weight_ih": lambda p, _: p["Wx"],
        "weight_hh": lambda p, _: p["Wh"],
        "bias_ih": lambda p, _: p["b"],
        # Of the second bias only that of the new state is not one with the first.
        "bias_hh": lambda p, h: torch.cat([torch.zeros(2 * h, dtype=torch.float64), p["bhn"]]),
    }
    recurrent("GRU", options, names, 1)


@several
@given(RECURRENT)
def test_lstm(options: dict[str, Any]) -> None:
    names = {
        "weight_ih": lambda p, _: p["Wx"],
        "weight_hh": lambda p, _: p["Wh"],
        "bias_ih": lambda p, _: p["bias"],
        "bias_hh": lambda p, h: torch.zeros(4 * h, dtype=torch.float64),
    }
    recurrent("LSTM", options, names, 2)


# Attention and the Transformer


def attend(p: dict[str, Any], prefix: str, q: Any, k: Any, v: Any, heads: int, mask: Any) -> Any:
    """PyTorch's attention with MLX's parameters."""
    weights = [p[f"{prefix}{name}_proj.weight"] for name in ("query", "key", "value")]
    biases = [p.get(f"{prefix}{name}_proj.bias") for name in ("query", "key", "value")]
    bias = None if biases[0] is None else torch.cat(biases)
    dims = weights[0].shape[0]
    # It takes sequences first, and says True where a key is hidden.
    if mask is not None and mask.dtype == torch.bool:
        mask = ~mask
    if mask is not None and mask.ndim == 4:
        mask = mask.expand(q.shape[0], heads, *mask.shape[2:]).reshape(-1, *mask.shape[2:])
    return functional("multi_head_attention_forward")(
        *(x.swapaxes(0, 1) for x in (q, k, v)),
        dims,
        heads,
        None,
        bias,
        None,
        None,
        False,
        0.0,
        p[f"{prefix}out_proj.weight"],
        p.get(f"{prefix}out_proj.bias"),
        need_weights=False,
        attn_mask=mask,
        use_separate_proj_weight=True,
        q_proj_weight=weights[0],
        k_proj_weight=weights[1],
        v_proj_weight=weights[2],
    )[0].swapaxes(0, 1)


MASKS = st.sampled_from(["none", "causal", "boolean", "additive", "heads"])


def mask_of(kind: str, batch: int, heads: int, queries: int, keys: int) -> np.ndarray | None:
    """A mask of a kind, in which every query sees a key."""
    random = np.random.default_rng(3)
    seen = random.random((queries, keys)) < 0.5
    seen[:, 0] = True
    if kind == "causal":
        # As nn.MultiHeadAttention.create_additive_causal_mask makes them.
        return np.where(np.arange(queries)[:, None] < np.arange(keys), -np.finfo("f4").max, 0.0)
    if kind == "boolean":
        return seen
    if kind == "additive":
        return numbers(queries, keys, seed=4)
    if kind == "heads":
        return numbers(batch, heads, queries, keys, seed=4)
    return None


@several
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
    st.integers(1, 3),
    st.tuples(*[st.integers(1, 3)] * 4),
    MASKS,
    BOOLEANS,
)
def test_attention(
    shape: tuple[int, int, int], heads: int, sizes: tuple[int, ...], kind: str, bias: bool
) -> None:
    batch, queries, keys = shape
    each, of_query, of_key, of_value = sizes
    dims = heads * each
    # PyTorch's output, and the biases of all projections, have the size of the queries' heads.
    layer = nn.MultiHeadAttention(dims, heads, of_query, of_key, of_value, bias=bias)
    mask = mask_of(kind, batch, heads, queries, keys)
    inputs = [
        numbers(batch, queries, of_query, seed=9),
        numbers(batch, keys, of_key, seed=10),
        numbers(batch, keys, of_value, seed=11),
    ]

    def theirs(p: dict[str, Any], q: Any, k: Any, v: Any, mask: Any = None) -> Any:
        if of_query == dims:
            return attend(p, "", q, k, v, heads, mask)
        # It takes queries of that size only: these are projected beforehand.
        projected = functional("linear")(q, p["query_proj.weight"])
        eye = torch.eye(dims, dtype=torch.float64)
        return attend({**p, "query_proj.weight": eye}, "", projected, k, v, heads, mask)

    check_module(layer, theirs, inputs if mask is None else [*inputs, mask])


def peer_weights(p: dict[str, Any], attentions: dict[str, str]) -> dict[str, Any]:
    """The parameters of a Transformer's layer under PyTorch's names."""
    dims = p["ln1.weight"].shape[0]
    weights = {}
    for ours, theirs in attentions.items():
        weights[f"{theirs}.in_proj_weight"] = torch.cat(
            [p[f"{ours}.{name}_proj.weight"] for name in ("query", "key", "value")]
        )
        weights[f"{theirs}.out_proj.weight"] = p[f"{ours}.out_proj.weight"]
        # MLX's attention has no biases here.
        weights[f"{theirs}.in_proj_bias"] = torch.zeros(3 * dims, dtype=torch.float64)
        weights[f"{theirs}.out_proj.bias"] = torch.zeros(dims, dtype=torch.float64)
    for path, value in p.items():
        name, _, leaf = path.rpartition(".")
        if name.startswith("ln"):
            weights[f"norm{name[2:]}.{leaf}"] = value
        elif name.startswith("linear"):
            weights[path] = value
    return weights


TRANSFORMERS = (
    st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 5)),
    st.integers(1, 3),
    st.integers(2, 3),
    st.sampled_from(["none", "causal", "boolean", "additive"]),
    st.sampled_from(["relu", "gelu"]),
    BOOLEANS,
)


@several
@given(*TRANSFORMERS)
def test_encoder_layer(
    shape: tuple[int, int, int],
    heads: int,
    each: int,
    kind: str,
    activation: str,
    norm_first: bool,
) -> None:
    batch, length, _ = shape
    dims = heads * each
    layer = nn.TransformerEncoderLayer(
        dims, heads, 7, activation=getattr(nn, activation), norm_first=norm_first
    )
    peer = torch.nn.TransformerEncoderLayer(
        dims, heads, 7, 0.0, activation, batch_first=True, norm_first=norm_first
    ).double()
    mask = mask_of(kind, batch, heads, length, length)

    def theirs(p: dict[str, Any], x: Any, mask: Any = None) -> Any:
        weights = peer_weights(p, {"attention": "self_attn"})
        # A boolean mask says there where a key is hidden.
        if mask is not None and mask.dtype == torch.bool:
            mask = ~mask
        return torch.func.functional_call(peer, weights, (x,), {"src_mask": mask})

    x = numbers(batch, length, dims, seed=9)
    check_module(layer, theirs, [x] if mask is None else [x, mask], rtol=1e-3, atol=1e-4)


@several
@given(*TRANSFORMERS)
def test_decoder_layer(
    shape: tuple[int, int, int],
    heads: int,
    each: int,
    kind: str,
    activation: str,
    norm_first: bool,
) -> None:
    batch, length, of_memory = shape
    dims = heads * each
    layer = nn.TransformerDecoderLayer(
        dims, heads, 7, activation=getattr(nn, activation), norm_first=norm_first
    )
    peer = torch.nn.TransformerDecoderLayer(
        dims, heads, 7, 0.0, activation, batch_first=True, norm_first=norm_first
    ).double()
    masks = [
        mask_of(kind, batch, heads, length, length),
        mask_of(kind, batch, heads, length, of_memory),
    ]

    def theirs(p: dict[str, Any], x: Any, memory: Any, *masks: Any) -> Any:
        weights = peer_weights(
            p, {"self_attention": "self_attn", "cross_attention": "multihead_attn"}
        )
        hidden = [~mask if mask.dtype == torch.bool else mask for mask in masks] or [None, None]
        named = {"tgt_mask": hidden[0], "memory_mask": hidden[1]}
        return torch.func.functional_call(peer, weights, (x, memory), named)

    inputs = [numbers(batch, length, dims, seed=9), numbers(batch, of_memory, dims, seed=10)]
    inputs += [mask for mask in masks if mask is not None]
    check_module(layer, theirs, inputs, rtol=1e-3, atol=1e-4)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_encoder_and_decoder(layers: int, norm_first: bool) -> None:
    options: dict[str, Any] = {"mlp_dims": 12, "norm_first": norm_first}
    model = nn.Transformer(8, 2, layers, layers, **options)
    peer = torch.nn.Transformer(
        8, 2, layers, layers, 12, 0.0, batch_first=True, norm_first=norm_first
    ).double()

    def theirs(p: dict[str, Any], source: Any, target: Any, mask: Any) -> Any:
        weights = {}
        for side, attentions in (
            ("encoder", {"attention": "self_attn"}),
            ("decoder", {"self_attention": "self_attn", "cross_attention": "multihead_attn"}),
        ):
            for name in ("weight", "bias"):
                weights[f"{side}.norm.{name}"] = p[f"{side}.ln.{name}"]
            for i in range(layers):
                prefix = f"{side}.layers.{i}."
                own = {k.removeprefix(prefix): v for k, v in p.items() if k.startswith(prefix)}
                weights |= {prefix + k: v for k, v in peer_weights(own, attentions).items()}
        named = {"tgt_mask": mask, "tgt_is_causal": False}
        return torch.func.functional_call(peer, weights, (source, target), named)

    check_module(
        model,
        theirs,
        [numbers(2, 5, 8, seed=9), numbers(2, 4, 8, seed=10), numbers(4, 4, seed=4)],
        rtol=1e-3,
        atol=2e-4,
        call=lambda source, target, mask: model(source, target, None, mask, None),
    )


# Resizing


@several
@given(
    st.lists(st.integers(2, 6), min_size=1, max_size=3),
    st.lists(st.sampled_from([0.5, 2 / 3, 1.4, 1.5, 2, 2.5, 3]), min_size=3, max_size=3),
)
def test_upsample_by_the_nearest(sizes: list[int], scales: list[float]) -> None:
    scale = tuple(scales[: len(sizes)])
    new_sizes = [int(n * s) for n, s in zip(sizes, scale, strict=True)]
    for old, new, by in zip(sizes, new_sizes, scale, strict=True):
        # MLX takes the even one where two are as near, and PyTorch the second.
        halves = [i for i in range(new) if (2 * i + 1) * old % (2 * new) == 0]
        assume(new <= old or by == int(by) or not halves)

    def theirs(_: Any, x: Any) -> Any:
        x = channels_first(x)
        for axis, new in enumerate(new_sizes):
            # MLX rounds positions down where an axis becomes smaller, as PyTorch's older mode does.
            mode = "nearest-exact" if new > sizes[axis] else "nearest"
            size = [*x.shape[2:]]
            size[axis] = new
            x = functional("interpolate")(x, size, mode=mode)
        return channels_last(x)

    check_module(nn.Upsample(scale), theirs, [numbers(2, *sizes, 2, seed=9)])


@several
@given(
    st.lists(st.integers(2, 6), min_size=1, max_size=3),
    st.lists(st.sampled_from([0.5, 2 / 3, 1.5, 2, 2.5, 3]), min_size=3, max_size=3),
    BOOLEANS,
    BOOLEANS,
)
def test_upsample(sizes: list[int], scales: list[float], cubic: bool, align_corners: bool) -> None:
    axes = 2 if cubic else len(sizes)
    # PyTorch has the cubic kernel for images only.
    sizes, scale = [*sizes, 4][:axes] if cubic else sizes, tuple(scales[:axes])
    products = [n * s for n, s in zip(sizes, scale, strict=True)]
    # MLX has the middles of input and output together; PyTorch the beginnings, which is the same
    # where nothing is rounded.
    assume(align_corners or all(product == int(product) for product in products))
    mode = "bicubic" if cubic else ("linear", "bilinear", "trilinear")[axes - 1]
    check_module(
        nn.Upsample(scale, "cubic" if cubic else "linear", align_corners),
        lambda _, x: channels_last(
            functional("interpolate")(
                channels_first(x), scale_factor=scale, mode=mode, align_corners=align_corners
            )
        ),
        [numbers(2, *[*sizes, 4][:axes], 2, seed=9)],
        atol=1e-4,
    )
