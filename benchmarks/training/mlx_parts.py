"""The parts with MLX's interface, compiled: official MLX's, or this stack's by its names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import mlx.optimizers as optim
import numpy as np

from training import parts, problem
from training.problem import Values

# Computes a part once.
Call = Callable[[], Any]


def calls(function: Callable[..., Any], data: list[Values]) -> Call:
    """Calls of a compiled function."""
    inputs = [mx.array(values) for values in data]
    mx.eval(inputs)
    compiled = mx.compile(function)

    def call() -> Any:
        results = compiled(*inputs)
        mx.eval(results)
        return results

    return call


def gradients(function: Callable[..., Any], numbers: tuple[int, ...]) -> Callable[..., Any]:
    """The gradients by some of the arguments; the cotangent comes after them."""

    def of(*inputs: Any) -> Any:
        arguments, cotangent = list(inputs[:-1]), inputs[-1]

        def restricted(*some: Any) -> Any:
            for number, value in zip(numbers, some, strict=True):
                arguments[number] = value
            return function(*arguments)

        return mx.vjp(restricted, [inputs[number] for number in numbers], [cotangent])[1]

    return of


def convolution(part: parts.Convolution) -> Call:
    def forward(x: Any, weights: Any) -> Any:
        return mx.conv2d(x, weights, part.stride, parts.PADDING)

    data = part.data()
    if part.part == "forward":
        return calls(lambda *inputs: [forward(*inputs)], data[:2])
    return calls(gradients(forward, (0,) if part.part == "by input" else (1,)), data)


def layer_norm(part: parts.LayerNorm) -> Call:
    def forward(x: Any, weight: Any, bias: Any) -> Any:
        return mx.fast.layer_norm(x, weight, bias, parts.EPSILON)

    data = part.data()
    if part.part == "forward":
        return calls(lambda *inputs: [forward(*inputs)], data[:3])
    return calls(gradients(forward, (0, 1, 2)), data)


def adam(part: parts.Adam) -> Call:
    data = [mx.array(values) for values in part.data()]
    parameters = {str(i): value for i, value in enumerate(data[: part.count])}
    of_parameters = {str(i): value for i, value in enumerate(data[part.count :])}
    optimizer = optim.Adam(
        parts.ADAM_RATE, list(problem.ADAM_BETAS), problem.ADAM_EPSILON, bias_correction=True
    )
    optimizer.init(parameters)
    state = [parameters, optimizer.state]
    mx.eval(state, of_parameters)
    del data

    def update() -> None:
        parameters.update(optimizer.apply_gradients(of_parameters, parameters))

    compiled = mx.compile(update, inputs=state, outputs=state)

    def call() -> Any:
        compiled()
        mx.eval(state)
        return list(parameters.values())

    return call


def make(part: parts.Part) -> Call:
    """What computes a part."""
    match part:
        case parts.Convolution():
            return convolution(part)
        case parts.LayerNorm():
            return layer_norm(part)
        case parts.Adam():
            return adam(part)


def arrays(part: parts.Part, results: Any) -> list[Values]:
    """Results as NumPy's arrays."""
    return [np.array(result) for result in results]
