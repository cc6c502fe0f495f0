"""A program as text, and what it gives when it is run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import numpy as np

from .programs import Input, Program
from .values import FLOATS, Wide, to_mlx, written

# Of larger arrays, a text shows how they were drawn and not what they hold.
SHOWN = 400


def literal(values: Wide, dtype: str) -> str:
    """An array as an expression."""
    if values.size > SHOWN:
        return f"arrays_of({{seed!r}})[{{name!r}}]  # {values.shape}, {dtype}"
    text = repr(values.tolist())
    if 0 in values.shape:
        return f"mx.zeros({values.shape}, dtype=mx.{written(dtype)})"
    return f"mx.array({text}, dtype=mx.{written(dtype)})"


def signature(program: Program) -> str:
    return ", ".join(value.name for value in program.inputs)


def function_text(program: Program, last: bool) -> str:
    """The function: it returns the results of all steps, or of the last one."""
    lines = [f"def f({signature(program)}):"]
    lines += [f"    {step.name} = {step.code()}" for step in program.steps]
    names = [step.name for step in program.steps]
    lines.append(f"    return {names[-1] if last else '[' + ', '.join(names) + ']'}")
    return "\n".join(lines)


def compiled_text(inner: str, mode: str) -> str:
    return {
        "eager": inner,
        "compiled": f"mx.compile({inner})",
        "shapeless": f"mx.compile({inner}, shapeless=True)",
    }[mode]


def transformed_text(
    program: Program, inner: str, out_axes: list[list[int]] | None, extra: int = 0
) -> str:
    """The function under the transforms of the program.

    `out_axes` has, for each level from the outermost, the axes of the results; `extra` operands
    behind the inputs are mapped along their first axes.
    """
    if program.inside:
        inner = compiled_text(inner, program.mode)
    for level in reversed(range(len(program.levels))):
        in_axes = [value.axes[level] for value in program.inputs] + [0] * extra
        out = "" if out_axes is None else f", out_axes={out_axes[level]}"
        inner = f"mx.vmap({inner}, in_axes={tuple(in_axes)}{out})"
    return inner if program.inside else compiled_text(inner, program.mode)


def plain_text(program: Program, last: bool = False) -> str:
    """The expression that is called with the inputs: a list of results, or the last one."""
    axes: Any = [[axes[i] for axes in program.out_axes] for i in range(len(program.levels))]
    if last:
        axes = [level[-1] for level in axes]
    return transformed_text(program, "f", axes)


def make_arrays(inputs: tuple[Input, ...]) -> list[mx.array]:
    """The inputs, as they lie in memory."""
    arrays = []
    for value in inputs:
        base = to_mlx(value.base, value.dtype)
        arrays.append(eval(value.view.format("base"), {"mx": mx, "base": base}))
    mx.eval(arrays)
    return arrays


def build(program: Program, last: bool = False) -> Callable[..., Any]:
    """The transformed function of a program, ready to be called."""
    scope: dict[str, Any] = {"mx": mx}
    exec(function_text(program, last), scope)
    made: Callable[..., Any] = eval(plain_text(program, last), scope)
    return made


def program_text(program: Program, last: bool = False) -> str:
    """A program that runs by itself, but for large arrays."""
    lines = ["import mlx_core_py as mx", ""]
    if any(value.base.size > SHOWN for value in program.inputs):
        lines += ["from fuzz.arrays import arrays_of", ""]
    lines.append('nan, inf = float("nan"), float("inf")')
    for value in program.inputs:
        base = literal(value.base, value.dtype).format(seed=program.seed, name=value.name)
        comment = ""
        if base.startswith("arrays_of"):
            base, _, comment = base.partition("  # ")
        lines.append(
            f"{value.name} = {value.view.format(base)}" + (f"  # {comment}" if comment else "")
        )
    lines += ["", "", function_text(program, last), "", ""]
    lines.append(f"print({plain_text(program, last)}({signature(program)}))")
    return "\n".join(lines)


def in_thread(function: Callable[[], Any]) -> Any:
    """What a function gives in a thread of its own."""
    result: list[Any] = []
    error: list[BaseException] = []

    def work() -> None:
        try:
            result.append(function())
        except BaseException as e:
            error.append(e)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if error:
        raise error[0]
    return result[0]


def same_bits(a: mx.array, b: mx.array) -> bool:
    """Whether two arrays have the same elements, NaN for NaN."""
    x, y = (
        np.array(a.view(mx.uint16) if a.dtype == mx.bfloat16 else a),
        np.array(b.view(mx.uint16) if b.dtype == mx.bfloat16 else b),
    )
    if a.dtype != b.dtype or x.shape != y.shape:
        return False
    if str(a.dtype).rpartition(".")[2] in FLOATS and a.dtype != mx.bfloat16:
        return bool(np.array_equal(x, y, equal_nan=True))
    return bool(((x == y) | ((x != x) & (y != y))).all())
