"""Compares functions with PyTorch's, forward and backward, which computes them in float64."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import mlx_core_py as mx
import numpy as np
import pytest
from mlx_core_py import nn
from mlx_core_py.utils import tree_flatten, tree_unflatten


class _Torch:
    """PyTorch, imported when a test first uses it, which is skipped where it is not installed."""

    def __getattr__(self, name: str) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip("torch", reason="`nox -s torch` installs it")
            return getattr(importlib.import_module("torch"), name)


torch: Any = _Torch()


def channels_first(x: Any) -> Any:
    """A tensor with the last axis second, where PyTorch has channels."""
    return x.movedim(-1, 1)


def channels_last(x: Any) -> Any:
    """A tensor with the second axis last, where MLX has channels."""
    return x.movedim(1, -1)


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    """Normal numbers that float32 has, in float64."""
    drawn = np.random.default_rng(seed).standard_normal(shape)
    return drawn.astype(np.float32).astype(np.float64)


def tensor(x: np.ndarray) -> Any:
    """A tensor of PyTorch, which wants a gradient if it is of floats."""
    return torch.tensor(x, requires_grad=bool(np.issubdtype(x.dtype, np.floating)))


def ours_of(x: np.ndarray) -> mx.array:
    return mx.array(x.astype(np.float32) if x.dtype == np.float64 else x)


def _outputs(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


def check_function(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    inputs: Sequence[np.ndarray],
    rtol: float = 1e-4,
    atol: float = 2e-5,
) -> None:
    """Compare values, and gradients by every input of floats, of functions of arrays."""
    check_layer(lambda _, *arrays: ours(*arrays), lambda _, *t: theirs(*t), {}, inputs, rtol, atol)


def check_module(
    layer: nn.Module,
    theirs: Callable[..., Any],
    inputs: Sequence[np.ndarray],
    rtol: float = 1e-4,
    atol: float = 2e-5,
    call: Callable[..., Any] | None = None,
) -> None:
    """Compare a layer, with parameters that are drawn here, and gradients by all of them.

    ``theirs`` takes these by dotted path, and the inputs.
    """
    values = {
        path: numbers(*parameter.shape, seed=i) / 2
        for i, (path, parameter) in enumerate(tree_flatten(layer.trainable_parameters()))
    }

    def run(parameters: dict[str, mx.array], *arrays: mx.array) -> Any:
        layer.update(tree_unflatten(list(parameters.items())))
        return (call or layer)(*arrays)

    check_layer(run, theirs, values, inputs, rtol, atol)


def check_layer(
    ours: Callable[..., Any],
    theirs: Callable[..., Any],
    parameters: dict[str, np.ndarray],
    inputs: Sequence[np.ndarray],
    rtol: float,
    atol: float,
) -> None:
    tensors = {path: tensor(value) for path, value in parameters.items()}
    given = [tensor(x) for x in inputs]
    expected = _outputs(theirs(tensors, *given))
    # The gradient is that of a sum of all outputs with weights, and not ones, whose gradients often
    # are zero.
    weights = [numbers(*y.shape, seed=100 + i) for i, y in enumerate(expected)]
    loss = sum((y * torch.tensor(w)).sum() for y, w in zip(expected, weights, strict=True))
    leaves = [t for t in [*tensors.values(), *given] if t.requires_grad]
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True)
    floats = [i for i, x in enumerate(inputs) if np.issubdtype(x.dtype, np.floating)]
    arrays = [ours_of(x) for x in inputs]

    def weighted(values: dict[str, mx.array], chosen: list[mx.array]) -> Any:
        for i, x in zip(floats, chosen, strict=True):
            arrays[i] = x
        outputs = _outputs(ours(values, *arrays))
        total = sum(
            ((y * ours_of(w)).sum() for y, w in zip(outputs, weights, strict=True)), mx.array(0.0)
        )
        return total, outputs

    at = {path: ours_of(value) for path, value in parameters.items()}
    chosen = [arrays[i] for i in floats]
    (_, outputs), (by_parameter, by_input) = mx.value_and_grad(weighted, argnums=(0, 1))(at, chosen)
    got = {
        **{f"output {i}": y for i, y in enumerate(outputs)},
        **{f"gradient by {path}": by_parameter[path] for path in parameters},
        **{f"gradient by input {i}": g for i, g in zip(floats, by_input, strict=True)},
    }
    wanted = [y.detach().numpy() for y in expected]
    wanted += [
        np.zeros(leaf.shape) if g is None else g.numpy()
        for leaf, g in zip(leaves, gradients, strict=True)
    ]
    for (name, value), want in zip(got.items(), wanted, strict=True):
        assert value.dtype == mx.float32, name
        assert value.shape == want.shape, name
        np.testing.assert_allclose(np.array(value), want, rtol, atol, err_msg=name)
