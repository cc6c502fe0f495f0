"""Compilation of functions on trees of arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import Any, ParamSpec, TypeVar

from mlx_sys_py import array
from mlx_sys_py import transforms as sys_transforms
from mlx_sys_py.transforms import disable_compile, enable_compile

from mlx_core_py.transforms._checks import check_callable
from mlx_core_py.trees import arrays_of, slots_of, with_arrays, without_arrays

__all__ = ["compile", "disable_compile", "enable_compile"]

P = ParamSpec("P")
R = TypeVar("R")


def compile(
    fun: Callable[P, R],
    inputs: Any = None,
    outputs: Any = None,
    shapeless: bool = False,
) -> Callable[P, R]:
    """Return a function that records the operations of ``fun`` once and then repeats them.

    The function is recorded anew when the structure of the arguments, a constant among them, or
    the data type or shape of an array changes.

    Args:
        fun: Takes trees of arrays and constants (numbers, strings, ``None``) and returns a tree
            with arrays. Its effects on anything but ``outputs`` happen only when it is recorded.
        inputs: Lists or dictionaries with arrays that ``fun`` reads besides its arguments.
            Default: none; other arrays that ``fun`` reads are constants.
        outputs: Lists or dictionaries with arrays that ``fun`` replaces. Default: none.
        shapeless: Whether one recording serves all shapes of the same rank. The function must
            not depend on shapes then. Default: ``False``.

    Returns:
        A function with the arguments and the result of ``fun``.

    Raises:
        TypeError: If ``fun`` is not callable, or ``inputs`` or ``outputs`` holds an array that
            is not in a list or dictionary.
        ValueError: If an argument is neither an array nor a constant, or ``fun`` evaluates an
            array that depends on its arguments.

    Example:
        >>> scaled = mx.compile(lambda x, scale=2.0: mx.exp(-x) * scale)
        >>> scaled(mx.array(0.0))
        array(2, dtype=float32)
    """
    check_callable(fun, "compile")
    recordings: dict[Hashable, _Recording] = {}

    @functools.wraps(fun)
    def compiled(*args: P.args, **kwargs: P.kwargs) -> R:
        state = slots_of(inputs, "[compile] inputs")
        captured = [slot.get() for slot in state]
        # The constants and the structure are part of the recording: each has its own.
        key = (_signature((args, kwargs), shapeless), _signature(captured, shapeless))
        recording = recordings.get(key)
        if recording is None:
            recording = _Recording(fun, args, kwargs, inputs, outputs, shapeless)
        arrays = recording.run([*arrays_of((args, kwargs)), *captured])
        recordings[key] = recording
        results = iter(arrays)
        result: R = with_arrays(recording.result, results)
        for slot, value in zip(slots_of(outputs, "[compile] outputs"), results, strict=True):
            slot.set(value)
        return result

    return compiled


class _Recording:
    """A compiled function of lists of arrays, with the structure of its result."""

    def __init__(
        self,
        fun: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        inputs: Any,
        outputs: Any,
        shapeless: bool,
    ) -> None:
        self.result: Any = None
        # Kept for as long as the recording: without the arrays, which may be large.
        structure = without_arrays((args, kwargs))

        def on_arrays(traced: list[array]) -> list[array]:
            state = slots_of(inputs, "[compile] inputs")
            originals = [slot.get() for slot in state]
            remaining = iter(traced)
            new_args, new_kwargs = with_arrays(structure, remaining)
            try:
                for slot, tracer in zip(state, remaining, strict=True):
                    slot.set(tracer)
                result = fun(*new_args, **new_kwargs)
                produced = [slot.get() for slot in slots_of(outputs, "[compile] outputs")]
            finally:
                for slot, original in zip(state, originals, strict=True):
                    slot.set(original)
            self.result = without_arrays(result)
            return [*arrays_of(result), *produced]

        self.run = sys_transforms.compile(on_arrays, shapeless)


def _signature(tree: Any, shapeless: bool) -> Hashable:
    """Describe what a recording depends on: structure, constants, data types and shapes."""
    if isinstance(tree, array):
        return array, tree.dtype, tree.ndim if shapeless else tuple(tree.shape)
    if isinstance(tree, dict):
        return dict, tuple((key, _signature(child, shapeless)) for key, child in tree.items())
    if isinstance(tree, list | tuple):
        return type(tree), tuple(_signature(child, shapeless) for child in tree)
    if isinstance(tree, float):
        # As text: a NaN is not equal to itself, and -0.0 is equal to 0.0, but not the same.
        return type(tree), float.hex(tree)
    if isinstance(tree, complex):
        return type(tree), float.hex(tree.real), float.hex(tree.imag)
    if tree is None or isinstance(tree, bool | int | str):
        # The type too: 1, 1.0 and True are equal, but promote differently.
        return type(tree), tree
    raise ValueError(
        "[compile] arguments must be trees of arrays and constants (numbers, strings, None), "
        f"but one holds a {type(tree).__name__}"
    )
