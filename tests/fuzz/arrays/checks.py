"""Runs a program in every way it is to be run, and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx

from .bounds import difference
from .derivatives import check_derivative
from .execution import build, in_thread, make_arrays, plain_text, same_bits
from .failures import cause_of, fail, refused
from .programs import Program
from .values import Source, Wide, name_of, to_wide

# So many examples of a mapped function are compared, the first and the last among them.
EXAMPLES = 5


def check(program: Program) -> int:
    """Run a program and compare all results; return how many calls of operations were compared."""
    arrays = make_arrays(program.inputs)
    before = [to_wide(x) for x in arrays]
    if program.derivative:
        count = check_derivative(program, arrays)
    else:
        count = _check_results(program, arrays)
    for value, old, array in zip(program.inputs, before, arrays, strict=True):
        if not _equal(old, to_wide(array)):
            fail(program, f"the input {value.name} has changed", "input")
    return count


def _equal(a: Wide, b: Wide) -> bool:
    return bool(((a == b) | ((a != a) & (b != b))).all())


def _check_results(program: Program, arrays: list[mx.array]) -> int:
    f = build(program)
    try:
        results = f(*arrays)
        mx.eval(results)
    except Exception as e:
        if refused(program, e):
            return 0
        fail(program, f"{type(e).__name__}: {e}", cause_of(e))
    compare(program, results)
    count = len(program.steps)
    source = Source(program.seed + "/ways")
    # Once more, with the nodes and functions that are kept from the first time.
    ways: dict[str, Callable[[], Any]] = {
        "the second time": lambda: f(*arrays),
        "in a thread": lambda: in_thread(lambda: _evaluated(build(program)(*arrays))),
        "after other sizes": lambda: _after_other_sizes(program, arrays),
    }
    for name, again in ways.items():
        if not source.chance(0.4):
            continue
        for step, first, other in zip(program.steps, results, again(), strict=True):
            if not same_bits(first, other):
                fail(program, f"{step.name} is another {name}", f"{step.operation} {name}")
        count += len(program.steps)
    if source.chance(0.5):
        # Without the other results, their memory can be reused and steps can be fused.
        alone = build(program, last=True)(*arrays)
        if not same_bits(results[-1], alone):
            step = program.steps[-1]
            fail(program, f"{step.name} is another alone", f"{step.operation} alone", last=True)
        count += len(program.steps)
    return count


def _evaluated(results: Any) -> Any:
    mx.eval(results)
    return results


def _after_other_sizes(program: Program, arrays: list[mx.array]) -> Any:
    """The results after the same function has been mapped over fewer examples."""
    f = build(program)
    if program.levels and program.levels[0] > 1 and program.mode != "shapeless":
        fewer = []
        for value, array in zip(program.inputs, arrays, strict=True):
            axis = value.axes[0]
            fewer.append(array if axis is None else mx.take(array, mx.array([0]), axis))
        mx.eval(f(*fewer))
    return f(*arrays)


def compare(program: Program, results: list[mx.array]) -> None:
    """Hold each result against the exact one of the operands that its step has seen."""
    examples = program.examples()
    if len(examples) > EXAMPLES:
        middle = Source(program.seed).choose.sample(examples[1:-1], EXAMPLES - 2)
        examples = [examples[0], *middle, examples[-1]]
    wide = [to_wide(x) for x in results]
    for step, axes, array in zip(program.steps, program.out_axes, results, strict=True):
        expected = step.ndim + len(program.levels)
        if array.ndim != expected:
            what = f"{step.name} has {array.ndim} axes, not {expected}"
            fail(program, what, step.operation + " of another shape")
        # Each level adds its axis to what the levels inside of it see.
        left = list(array.shape)
        for axis, length in zip(axes, program.levels, strict=True):
            if left.pop(axis) != length:
                what = f"{step.name} is of shape {array.shape}, without {length} at {axis}"
                fail(program, what, step.operation + " of another shape")
    for index in examples:
        values = program.wide_examples(index)
        for step, axes, array, whole in zip(
            program.steps, program.out_axes, results, wide, strict=True
        ):
            got = whole
            for i, axis in zip(index, axes, strict=True):
                got = got.take(i, axis)
            want = step.call.want([values[name] for name in step.operands])
            wrong = difference(got, name_of(array), want)
            if wrong is not None:
                at = f" of example {index}" if index else ""
                what = f"{step.name} = {step.code()}{at} {wrong}\nin {plain_text(program)}"
                fail(program, what, step.operation)
            values[step.name] = got
