"""Steps of decoding that are recorded once and repeated, so that no Python runs per layer.

Python makes the graph of a step in a third of the time that the step takes, or in most of it where
there are many processors or a GPU. But one step differs from the next by the positions alone: a
slice of the cache ends one further, rope turns by one more. `mx.record_steps` finds that by making
the graph of three steps, without computing them, and then makes those of the next ones itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from operator import add
from typing import Any

import mlx_core_py as mx

from .position import Trace

__all__ = ["StepRecorder"]


def __dir__() -> list[str]:
    return __all__


# A function of tokens and the caches of sequences.
Read = Callable[[mx.array, Sequence[Sequence[Any]]], mx.array]

# Steps of the same sequences that the model does before others are recorded, and how many have to
# be alike for that to pay: it takes the time of three.
_STEPS_BEFORE = 3
_LEAST_STEPS = 8
# Steps that `mx.record_steps` traces, and times that it may fail, one after the other.
_TRACED = 3
_MOST_FAILURES = 5


class StepRecorder:
    """Does steps of decoding, one token of each sequence, by repeating what they have in common.

    Each kind of cache is known by its attributes: those that are arrays become inputs and results
    of a step, and integers have to grow evenly. A step that is none of the recorded ones (as a
    buffer grows, a window turns round, a sequence has come or gone) is done by the model, and the
    next ones are recorded anew.

    Args:
        read: What does a step: a function of tokens of shape ``(sequences,)`` and the caches of
            each sequence, which returns the logits.

    Attributes:
        repeated: Number of steps that were repeated.
        reason: Why no step can be recorded; ``None`` as long as that is not known.
    """

    def __init__(self, read: Read) -> None:
        self.repeated: int = 0
        self.reason: str | None = None
        self._read = read
        # Nodes belong to a stream, and each thread has its own.
        self._stream: mx.Stream | None = None
        self._caches: list[list[Any]] = []
        self._wait: float = _STEPS_BEFORE
        self._held = CacheState(())
        self._rates: list[int] | None = None
        self._expected: list[int] = []
        self._left: float = 0
        self._failures = 0
        self._repeat: Callable[[list[mx.array]], Sequence[mx.array]] | None = None

    def __call__(self, tokens: mx.array, caches: Sequence[Sequence[Any]]) -> mx.array:
        """Do a step.

        Args:
            tokens: A token of each sequence, of shape ``(sequences,)``.
            caches: The caches of each sequence.

        Returns:
            What the function that does a step returns.
        """
        if self.reason is not None:
            return self._read(tokens, caches)
        stream = mx.default_stream(mx.default_device())
        if stream != self._stream or not self._has(caches):
            self._stream, self._caches = stream, [list(one) for one in caches]
            self._wait, self._repeat, self._rates = _STEPS_BEFORE, None, None
        elif self._rates is not None and self._repeat is None and self._wait <= 0:
            self._record(tokens, self._rates)
        if (
            self._repeat is not None
            and self._rates is not None
            and self._left > 0
            and self._held.numbers() == self._expected
        ):
            return self._next(tokens, self._rates)
        return self._observe(tokens)

    def forget(self) -> None:
        """Let go of the caches of the latest step."""
        self._caches, self._held, self._repeat = [], CacheState(()), None

    def _has(self, caches: Sequence[Sequence[Any]]) -> bool:
        """Whether these are the caches of the step before, layer by layer."""
        return len(caches) == len(self._caches) and all(
            len(ours) == len(theirs) and all(a is b for a, b in zip(ours, theirs, strict=True))
            for ours, theirs in zip(self._caches, caches, strict=True)
        )

    def _observe(self, tokens: mx.array) -> mx.array:
        """Let the model do a step, and see how the numbers of the caches grow."""
        self._repeat, self._rates = None, None
        before = CacheState(self._caches)
        numbers = before.numbers()
        logits = self._read(tokens, self._caches)
        self._wait -= 1
        self._held = CacheState(self._caches)
        if self._held.kind() == before.kind():
            self._rates = [b - a for a, b in zip(numbers, self._held.numbers(), strict=True)]
        return logits

    def _record(self, tokens: mx.array, rates: list[int]) -> None:
        """Record the steps from this one on, if enough of them are alike."""
        numbers, kind = self._held.numbers(), self._held.kind()
        traces: list[Trace] = []

        def trace_step(arrays: list[mx.array]) -> list[mx.array]:
            trace = Trace()
            caches = _copied(self._caches)
            held = CacheState(caches)
            start = grown(len(traces))
            held.put(arrays[1:], list(map(trace.position, start, rates)))
            traces.append(trace)
            logits = self._read(arrays[0], caches)
            held = CacheState(caches)
            if held.kind() != kind or list(map(int.__int__, held.numbers())) != grown(len(traces)):
                raise ValueError("what a cache holds does not grow evenly")
            return [logits, *held.arrays()]

        def grown(steps: int) -> list[int]:
            return [number + steps * rate for number, rate in zip(numbers, rates, strict=True)]

        try:
            repeat = mx.record_steps(trace_step, [tokens, *self._held.arrays()])
        except Exception as error:
            # Near a step that differs, as a buffer grows, no three steps are alike.
            self._failures += 1
            if self._failures == _MOST_FAILURES:
                self.reason = str(error) or type(error).__name__
            self._wait = 2**self._failures
            return
        steps = traces[0].steps
        self._failures = 0
        if steps < _LEAST_STEPS:
            self._wait = steps + 1
        else:
            self._wait = 1
            self._repeat, self._left, self._expected = repeat, steps, numbers

    def _next(self, tokens: mx.array, rates: list[int]) -> mx.array:
        """Repeat a step."""
        assert self._repeat is not None
        logits, *arrays = self._repeat([tokens, *self._held.arrays()])
        self._expected = list(map(add, self._expected, rates))
        self._held.put(arrays, self._expected)
        self._left -= 1
        self.repeated += 1
        return logits


class CacheState:
    """The arrays and integers that caches hold, whatever they are called.

    Args:
        caches: Caches, in lists and tuples.
    """

    def __init__(self, caches: Any) -> None:
        self._fields: list[tuple[dict[str, Any], str]] = []
        self._find(caches)

    def _find(self, value: Any) -> None:
        if isinstance(value, (list, tuple)):
            for one in value:
                self._find(one)
        elif _is_cache(value):
            for name, one in vars(value).items():
                if next(_leaves(one), None) is not None:
                    self._fields.append((vars(value), name))
                else:
                    self._find(one)

    def _values(self) -> Iterator[Any]:
        for holder, name in self._fields:
            yield from _leaves(holder[name])

    def kind(self) -> list[tuple[str, bool]]:
        """What there is, to be compared."""
        return [
            (name, isinstance(leaf, mx.array))
            for holder, name in self._fields
            for leaf in _leaves(holder[name])
        ]

    def arrays(self) -> list[mx.array]:
        """The arrays."""
        return [value for value in self._values() if isinstance(value, mx.array)]

    def numbers(self) -> list[int]:
        """The integers."""
        return [value for value in self._values() if not isinstance(value, mx.array)]

    def put(self, arrays: Sequence[mx.array], numbers: Sequence[int]) -> None:
        """Have the caches hold others."""
        next_array, next_number = iter(arrays), iter(numbers)
        for holder, name in self._fields:
            holder[name] = _replaced(holder[name], next_array, next_number)


def _is_cache(value: Any) -> bool:
    return hasattr(type(value), "state") and hasattr(value, "__dict__")


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, mx.array) or (isinstance(value, int) and not isinstance(value, bool)):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _leaves(one)


def _replaced(value: Any, arrays: Iterator[mx.array], numbers: Iterator[int]) -> Any:
    if isinstance(value, mx.array):
        return next(arrays)
    if isinstance(value, int) and not isinstance(value, bool):
        return next(numbers)
    if isinstance(value, (list, tuple)):
        return type(value)([_replaced(one, arrays, numbers) for one in value])
    return value


def _copied(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value)([_copied(one) for one in value])
    if _is_cache(value):
        result = copy(value)
        vars(result).update({name: _copied(one) for name, one in vars(value).items()})
        return result
    return value
