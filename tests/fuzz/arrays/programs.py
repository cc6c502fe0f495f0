"""Random programs: inputs, calls that use them and each other, and how all of it is run.

A program is drawn from a seed, `NAME:NUMBER`: the name of its first operation, and a number for
everything else. So a new operation of the catalogue leaves most other programs as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from itertools import product

import numpy as np

from .calls import Call, Draw, Operand, UnfitError
from .catalogue import CATALOGUE
from .layouts import lay_out
from .values import Source, Wide, rounded

ATTEMPTS = 30
# No result has more elements than this.
LARGEST = 200_000


@dataclass(frozen=True)
class Input:
    """An input: its elements with all axes of vmap, where those are, and how it lies in memory.

    `axes` has an entry for each level of vmap, the outermost first: where its axis is among those
    that the level sees, or None.
    """

    name: str
    values: Wide
    dtype: str
    axes: tuple[int | None, ...]
    base: Wide
    view: str

    def example(self, index: tuple[int, ...]) -> Wide:
        """The elements that one call of the mapped function sees."""
        values = self.values
        for i, axis in zip(index, self.axes, strict=True):
            values = values if axis is None else values.take(i, axis)
        return values


@dataclass(frozen=True)
class Step:
    """A call whose operands are named: inputs, or results of the steps before."""

    name: str
    operation: str
    call: Call
    operands: tuple[str, ...]
    ndim: int

    def code(self) -> str:
        return self.call.code.format(*self.operands)


@dataclass(frozen=True)
class Program:
    """Inputs and steps, and the transforms it is run under."""

    seed: str
    inputs: tuple[Input, ...]
    steps: tuple[Step, ...]
    # The lengths of the axes of vmap, the outermost first, and where each result has them.
    levels: tuple[int, ...]
    out_axes: tuple[tuple[int, ...], ...]
    # "eager", "compiled" or "shapeless", and whether vmap is applied to what is compiled.
    mode: str
    inside: bool
    # "grad", "value_and_grad", "vjp", "jvp", or nothing; the seed of weights and tangents.
    derivative: str

    def examples(self) -> list[tuple[int, ...]]:
        return list(product(*(range(n) for n in self.levels)))

    def wide_examples(self, index: tuple[int, ...]) -> dict[str, Wide]:
        return {value.name: value.example(index) for value in self.inputs}


def make_values(source: Source, operand: Operand, levels: tuple[int, ...]) -> Wide:
    """Elements of one example, or of several along leading axes."""
    if callable(operand.domain):
        count = int(np.prod(levels))
        made = [operand.domain(source, operand.shape, operand.dtype) for _ in range(count)]
        return np.stack(made).reshape((*levels, *operand.shape))
    shape = list(operand.shape)
    # Elements that are the same along an axis can be broadcast.
    if operand.size and operand.ndim and source.chance(0.15):
        shape[source.choose.randrange(operand.ndim)] = 1
    values = source.elements((*levels, *shape), operand.dtype, operand.domain)
    return np.array(np.broadcast_to(values, (*levels, *operand.shape)))


def make_input(
    source: Source, name: str, operand: Operand, levels: tuple[int, ...], all_mapped: bool
) -> Input:
    # Those that are mapped, the outermost first.
    chosen = [all_mapped or source.chance(0.6) for _ in levels]
    used = [n for n, mapped in zip(levels, chosen, strict=True) if mapped]
    values = make_values(source, operand, tuple(used))
    # The axes of the example, then those of the levels from the inside, each where it is put.
    order = list(range(len(used), values.ndim))
    axes: list[int | None] = []
    leading = len(used)
    for mapped in reversed(chosen):
        if not mapped:
            axes.append(None)
            continue
        leading -= 1
        axis = source.axis(len(order) + 1)
        order.insert(axis % (len(order) + 1), leading)
        axes.append(axis)
    values = values.transpose(order)
    base, view = lay_out(source, values, operand.dtype)
    return Input(name, values, operand.dtype, tuple(reversed(axes)), base, view)


def _next_operation(seed: str, at: int) -> str:
    """An operation of the catalogue; a new one there changes few of these choices."""

    def rank(name: str) -> bytes:
        return blake2b(f"{seed}/{at}/{name}".encode(), digest_size=8).digest()

    return max(CATALOGUE, key=rank)


def draw_program(seed: str) -> Program | None:
    """The program of a seed; None if no call of its first operation came about."""
    for attempt in range(ATTEMPTS):
        program = _draw(seed, Source(f"{seed}/{attempt}"))
        if program is not None:
            return program
    return None


def _draw(seed: str, source: Source) -> Program | None:
    choose = source.choose
    levels = tuple(choose.choice([1, 2, 3, 4, 5]) for _ in range(choose.choice([0, 0, 0, 1, 1, 2])))
    kinds = ["grad", "value_and_grad", "vjp", "jvp"]
    derivative = choose.choice(kinds) if source.chance(0.25) else ""
    limit = 24 if derivative else 300 if levels else choose.choice([60, 1000, 5000, 60_000])
    there: list[Operand] = []
    names: list[str] = []
    example: dict[str, Wide] = {}
    inputs: list[Input] = []
    steps: list[Step] = []
    for at in range(choose.choice([1, 1, 1, 2, 2, 3, 4])):
        operation = _next_operation(source.seed, at) if at else seed.partition(":")[0]
        draw = Draw(source, there, len(there) - 1 if at else None, bool(derivative), limit)
        try:
            call = CATALOGUE[operation](draw)
        except UnfitError:
            continue
        if (derivative and not call.smooth) or (levels and not call.mapped):
            if at:
                continue
            return None
        operands = []
        for operand in call.operands:
            if operand.taken is None:
                new = make_input(source, f"x{len(inputs)}", operand, levels, not inputs)
                inputs.append(new)
                there.append(operand)
                names.append(new.name)
                example[new.name] = new.example((0,) * len(levels))
                operands.append(new.name)
            else:
                operands.append(names[operand.taken])
        value = call.value([example[name] for name in operands])
        if value.size > LARGEST and at:
            continue
        name = f"y{len(steps)}"
        steps.append(Step(name, operation, call, tuple(operands), value.ndim))
        there.append(Operand(value.shape, call.dtype))
        names.append(name)
        example[name] = rounded(value, call.dtype)
    if not steps:
        return None
    modes = ["eager", "eager", "compiled"]
    if not all(step.call.traced for step in steps):
        modes = ["eager"]
    elif all(step.call.shapeless for step in steps):
        modes.append("shapeless")
    out_axes = tuple(
        tuple(source.axis(step.ndim + 1 + i) for i in reversed(range(len(levels))))
        for step in steps
    )
    return Program(
        seed,
        tuple(inputs),
        tuple(steps),
        levels,
        out_axes,
        choose.choice(modes),
        source.chance(0.5),
        derivative,
    )
