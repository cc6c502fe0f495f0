"""A smaller program that fails in the same way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .checks import check
from .failures import Wrong
from .programs import Input, Program
from .values import Wide

ROUNDS = 40


def failure(program: Program) -> Wrong | None:
    """How a program fails; None if it does not, or cannot be run as it is."""
    try:
        check(program)
    except Wrong as wrong:
        return wrong
    except Exception:
        return None
    return None


def _used(program: Program) -> Program:
    """Without inputs that no step takes."""
    names = {name for step in program.steps for name in step.operands}
    return replace(program, inputs=tuple(x for x in program.inputs if x.name in names))


def _plain(value: Input, values: Wide, axes: tuple[int | None, ...] | None = None) -> Input:
    values = np.array(values, order="C")
    kept = value.axes if axes is None else axes
    return replace(value, values=values, base=values, view="{}", axes=kept)


def _without_level(program: Program) -> Program:
    """One call of the function that the outermost level maps."""

    def of_first(value: Input) -> Input:
        axis, *axes = value.axes
        values = value.values if axis is None else value.values.take(0, axis)
        return _plain(value, values, tuple(axes))

    return replace(
        program,
        inputs=tuple(of_first(value) for value in program.inputs),
        levels=program.levels[1:],
        out_axes=tuple(axes[1:] for axes in program.out_axes),
    )


def smaller(program: Program) -> Iterator[Program]:
    """Programs with less in them, the smallest first."""
    for count in range(1, len(program.steps)):
        yield _used(
            replace(program, steps=program.steps[:count], out_axes=program.out_axes[:count])
        )
    for i, step in enumerate(program.steps[:-1]):
        if not any(step.name in other.operands for other in program.steps):
            steps = program.steps[:i] + program.steps[i + 1 :]
            axes = program.out_axes[:i] + program.out_axes[i + 1 :]
            yield _used(replace(program, steps=steps, out_axes=axes))
    if program.mode != "eager":
        yield replace(program, mode="eager")
    if program.levels:
        yield _without_level(program)
    for derivative in ("", "vjp"):
        if program.derivative not in ("", derivative):
            yield replace(program, derivative=derivative)
    if any(any(a) for a in program.out_axes):
        zeros = tuple(tuple(0 for _ in axes) for axes in program.out_axes)
        yield replace(program, out_axes=zeros)
    for i, value in enumerate(program.inputs):

        def with_input(new: Input, i: int = i) -> Program:
            return replace(program, inputs=(*program.inputs[:i], new, *program.inputs[i + 1 :]))

        if value.view != "{}":
            yield with_input(_plain(value, value.values))
        # What is as simple as can be, which a callable domain may not allow.
        with np.errstate(all="ignore"):
            short = np.where(
                np.isfinite(value.values), np.round(value.values * 2) / 2, value.values
            )
        for new in (np.ones_like(value.values), short.astype(value.values.dtype)):
            if not np.array_equal(new, value.values, equal_nan=value.values.dtype.kind in "fc"):
                yield with_input(_plain(value, new))


def minimised(program: Program, wrong: Wrong) -> tuple[Program, Wrong]:
    """The smallest program found that fails for the same cause, and how it does."""
    for _ in range(ROUNDS):
        for candidate in smaller(program):
            found = failure(candidate) if candidate.inputs else None
            if found is not None and found.cause == wrong.cause:
                program, wrong = candidate, found
                break
        else:
            break
    return program, wrong
