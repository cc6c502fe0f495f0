"""The parts with PyTorch, as it is or compiled; pictures have their channels first there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from training import parts, problem
from training.problem import Values

# Computes a part once.
Call = Callable[[], Any]
Prepare = Callable[[Any], Any]
CHANNELS_FIRST, CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def calls(function: Callable[..., Any], inputs: list[Any], prepare: Prepare) -> Call:
    """Calls of a function that records nothing."""
    prepared = prepare(function)

    def call() -> Any:
        with torch.no_grad():
            return prepared(*inputs)

    return call


def convolution(part: parts.Convolution, prepare: Prepare) -> Call:
    data = [torch.from_numpy(values.transpose(CHANNELS_FIRST).copy()) for values in part.data()]
    strides, padding = [part.stride] * 2, [parts.PADDING] * 2

    def forward(x: Any, weights: Any) -> Any:
        return [functional.conv2d(x, weights, None, strides, padding)]

    def backward(x: Any, weights: Any, cotangent: Any) -> Any:
        which = [part.part == "by input", part.part == "by weights", False]
        results = torch.ops.aten.convolution_backward(
            *(cotangent, x, weights, None, strides, padding, [1, 1]),
            *(False, [0, 0], 1, which),
        )
        return [result for result in results if result is not None]

    if part.part == "forward":
        return calls(forward, data[:2], prepare)
    return calls(backward, data, prepare)


def layer_norm(part: parts.LayerNorm, prepare: Prepare) -> Call:
    x, weight, bias, cotangent = map(torch.from_numpy, part.data())
    size = [part.size]

    def forward(x: Any, weight: Any, bias: Any) -> Any:
        return [functional.layer_norm(x, size, weight, bias, parts.EPSILON)]

    # What the forward pass has kept is given.
    _, mean, factor = torch.native_layer_norm(x, size, weight, bias, parts.EPSILON)

    def backward(cotangent: Any, x: Any, weight: Any, bias: Any) -> Any:
        return torch.ops.aten.native_layer_norm_backward(
            cotangent, x, size, mean, factor, weight, bias, [True] * 3
        )

    if part.part == "forward":
        return calls(forward, [x, weight, bias], prepare)
    return calls(backward, [cotangent, x, weight, bias], prepare)


def adam(part: parts.Adam, prepare: Prepare) -> Call:
    data = [torch.from_numpy(values) for values in part.data()]
    parameters = [value.requires_grad_() for value in data[: part.count]]
    for parameter, gradient in zip(parameters, data[part.count :], strict=True):
        parameter.grad = gradient
    optimizer = torch.optim.Adam(
        *(parameters, parts.ADAM_RATE, problem.ADAM_BETAS, problem.ADAM_EPSILON), fused=True
    )
    step = prepare(optimizer.step)

    def call() -> Any:
        step()
        return parameters

    return call


def make(part: parts.Part, prepare: Prepare) -> Call:
    """What computes a part."""
    match part:
        case parts.Convolution():
            return convolution(part, prepare)
        case parts.LayerNorm():
            return layer_norm(part, prepare)
        case parts.Adam():
            return adam(part, prepare)


def arrays(part: parts.Part, results: Any) -> list[Values]:
    """Results as NumPy's arrays, with the channels last."""
    found = [result.detach() for result in results]
    if isinstance(part, parts.Convolution):
        found = [result.permute(CHANNELS_LAST) for result in found]
    return [result.numpy() for result in found]
