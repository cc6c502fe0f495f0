"""Derivatives of programs against steps along the imaginary axis.

For an analytic f, Im f(x + i h t) / h is the derivative along t with no cancellation, so that it
is exact to double precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np

from .bounds import Want, computed, difference, unit
from .execution import function_text, signature, transformed_text
from .failures import cause_of, fail, refused
from .programs import Program
from .values import FLOATS, FORMATS, Source, Wide, name_of, rounded, to_mlx, to_wide

STEP = 1e-150
SAMPLES = 6
# How many deviations like the sampled ones may meet: their signs are drawn, the worst are not.
WORST = 16.0
EXAMPLES = 3


def forward(
    program: Program, values: dict[str, Wide], noise: Callable[[str], float] | None
) -> Wide:
    """The last result in complex numbers; `noise` is what rounds each step's result."""
    values = dict(values)
    rng = np.random.default_rng(1)
    for step in program.steps:
        value = step.call.value([values[name] for name in step.operands])
        if noise is not None:
            value = value * (1 + noise(step.call.dtype) * rng.choice([-1.0, 1.0], value.shape))
        values[step.name] = value
    return np.asarray(values[program.steps[-1].name])


def jacobian(program: Program, values: dict[str, Wide], name: str, noise: Any = None) -> Wide:
    """The derivative of the last result by one input, of shape (*result, elements of the input)."""
    columns = []
    for i in range(values[name].size):
        moved = values[name].astype(np.complex128).reshape(-1)
        moved[i] += 1j * STEP
        changed = {**values, name: moved.reshape(values[name].shape)}
        columns.append(np.imag(forward(program, changed, noise)) / STEP)
    return np.stack(columns, -1)


def _noisy(
    values: dict[str, Wide], dtypes: dict[str, str], rng: np.random.Generator
) -> dict[str, Wide]:
    return {
        name: x * (1 + unit(computed(dtypes[name])) * rng.choice([-1.0, 1.0], x.shape))
        if np.issubdtype(x.dtype, np.inexact)
        else x
        for name, x in values.items()
    }


def error_of(
    program: Program,
    values: dict[str, Wide],
    name: str,
    exact: Wide,
    combine: Callable[[Wide], Wide],
) -> Wide:
    """What roundings do to a derivative.

    Its condition is sampled: the operands and the results of steps are moved by a unit roundoff
    this way or that. To that comes what the sums of the chain rule round, whose terms are as large
    as the largest entry of the derivative or the product of two operands.
    """
    dtypes = {value.name: value.dtype for value in program.inputs}
    rng = np.random.default_rng(7)
    spread = np.zeros(combine(exact).shape)
    coarsest = max(
        unit(t) for t in (*dtypes.values(), *(s.call.dtype for s in program.steps)) if t in FLOATS
    )
    for _ in range(SAMPLES):
        moved = jacobian(program, _noisy(values, dtypes, rng), name, lambda t: coarsest)
        spread = np.maximum(spread, np.abs(combine(moved) - combine(exact)))
    count = max(exact[..., 0].size if exact.size else 1, 1)
    operands = max((np.abs(x).max(initial=0.0) for x in values.values()), default=0.0)
    # Entries may be small as larger terms cancel: products of two operands, the largest ones.
    terms = max(np.abs(exact).max(initial=0.0), (1 + operands) ** 2) * count
    return np.asarray(WORST * (spread + coarsest * len(program.steps) * terms))


def check_derivative(program: Program, arrays: list[mx.array]) -> int:
    """Compare the derivative of a program; return how many calls were compared."""
    source = Source(program.seed + "/derivative")
    last = program.steps[-1]
    by = [i for i, value in enumerate(program.inputs) if value.dtype in FLOATS]
    if not by or last.call.dtype not in FLOATS:
        return 0
    shape = np.asarray(
        forward(program, program.wide_examples((0,) * len(program.levels)), None)
    ).shape
    weights = rounded(
        source.elements((*program.levels, *shape), last.call.dtype, "plain"), last.call.dtype
    )
    text, extra = _text(program, by)
    scope: dict[str, Any] = {"mx": mx}
    exec(function_text(program, last=True) + "\n" + text, scope)
    given = [to_mlx(weights, last.call.dtype)]
    tangents = {}
    if program.derivative == "jvp":
        given = []
        for i in by:
            moved = program.inputs[i]
            shape_of = moved.example((0,) * len(program.levels)).shape
            tangents[moved.name] = rounded(
                source.elements((*program.levels, *shape_of), moved.dtype, "plain"), moved.dtype
            )
            given.append(to_mlx(tangents[moved.name], moved.dtype))
    call = transformed_text(program, "g", None, extra)
    try:
        results = eval(call, scope)(*arrays, *given)
        mx.eval(results)
    except Exception as e:
        if refused(program, e):
            return 0
        fail(program, f"{type(e).__name__}: {e}\nin {call} of\n{text}", cause_of(e), True)
    examples = program.examples()[:EXAMPLES]
    for index in examples:
        values = program.wide_examples(index)
        value = np.real(forward(program, values, None))
        # What leaves the range of the type has no derivative there.
        if not (np.abs(value) < FORMATS[last.call.dtype].largest).all():
            continue
        if program.derivative == "jvp":
            wants = [_jvp_want(program, values, by, tangents, index, last.call.dtype)]
        else:
            w = weights[index]
            wants = [
                _vjp_want(program, values, program.inputs[i].name, w, program.inputs[i].dtype)
                for i in by
            ]
        for place, (want, array) in enumerate(zip(wants, results, strict=True)):
            if array.shape[: len(index)] != program.levels:
                what = f"derivative {place} is of shape {array.shape}\nin {call} of\n{text}"
                fail(program, what, f"{last.operation} derivative of another shape", True)
            wrong = difference(to_wide(array)[index], name_of(array), want)
            if wrong is not None:
                what = f"derivative {place} of example {index} {wrong}\nin {call} of\n{text}"
                fail(program, what, f"{last.operation} derivative", True)
    return len(program.steps)


def _text(program: Program, by: list[int]) -> tuple[str, int]:
    """The function `g` of the inputs and weights or tangents that gives a list of derivatives."""
    names = signature(program)
    chosen = ", ".join(program.inputs[i].name for i in by)
    argnums: Any = tuple(by) if len(by) > 1 else by[0]
    if program.derivative == "jvp":
        tangents = ", ".join(f"t{i}" for i in by)
        lines = [
            f"def g({names}, {tangents}):",
            f"    return mx.jvp(lambda {chosen}: f({names}), [{chosen}], [{tangents}])[1]",
        ]
        return "\n".join(lines), len(by)
    if program.derivative == "vjp":
        lines = [
            f"def g({names}, w):",
            f"    return mx.vjp(lambda {chosen}: f({names}), [{chosen}], [w])[1]",
        ]
        return "\n".join(lines), 1
    inner = f"lambda {names}: (f({names}) * w).sum()"
    picked = "[1]" if program.derivative == "value_and_grad" else ""
    result = f"mx.{program.derivative}({inner}, argnums={argnums})({names}){picked}"
    # The derivative by one argument comes alone.
    lines = [f"def g({names}, w):", f"    return {result if len(by) > 1 else f'[{result}]'}"]
    return "\n".join(lines), 1


def _vjp_want(program: Program, values: dict[str, Wide], name: str, w: Wide, dtype: str) -> Want:
    exact = jacobian(program, values, name) if values[name].size else np.zeros((*w.shape, 0))

    def combine(j: Wide) -> Wide:
        return np.asarray(np.tensordot(w, j, w.ndim)).reshape(values[name].shape)

    if not exact.size:
        return Want(np.zeros(values[name].shape), dtype)
    error = error_of(program, values, name, exact, combine)
    size = np.abs(w).max(initial=0.0)
    return Want(combine(exact), dtype, error * max(1.0, size) + FORMATS[dtype].tiny)


def _jvp_want(
    program: Program,
    values: dict[str, Wide],
    by: list[int],
    tangents: dict[str, Wide],
    index: tuple[int, ...],
    dtype: str,
) -> Want:
    total: Any = 0.0
    error: Any = FORMATS[dtype].tiny
    shape = forward(program, values, None).shape
    for i in by:
        name = program.inputs[i].name
        t = tangents[name][index].reshape(-1)
        if not t.size:
            total = total + np.zeros(shape)
            continue
        exact = jacobian(program, values, name)

        def combine(j: Wide, t: Wide = t) -> Wide:
            return np.asarray(j @ t)

        total = total + combine(exact)
        error = error + error_of(program, values, name, exact, combine) * max(1.0, np.abs(t).max())
    return Want(np.asarray(total), dtype, error)
