"""Steps of decoding that are recorded once and repeated, so that no Python runs per layer.

Python makes the graph of a step in a third of the time that the step takes, or in most of it where
there are many processors or a GPU. But one step differs from the next by the positions alone: a
slice of the cache ends one further, rope turns by one more. `mx.record_steps` finds that by making
the graph of three steps, two and the last one, without computing them, and then makes those between
itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from operator import add
from typing import Any, TypeAlias

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
# Most steps of a recording, and times that one may fail, one after the other.
_MOST_STEPS = 1 << 12
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
        most = _MOST_STEPS
        while most >= _LEAST_STEPS:
            recording = _Recording(self._read, self._caches, self._held, rates, most)
            try:
                repeat = mx.record_steps(
                    recording.trace, [tokens, *self._held.arrays()], recording.length
                )
            except Exception as error:
                if recording.steps < _LEAST_STEPS:
                    self._wait = recording.steps + 2
                    return
                # What a layer does may change with the length of what is held: some steps may be
                # before that. Nothing helps if the first one cannot be recorded.
                most = recording.steps // 4 if recording.traced > 1 else 0
                reason = str(error).partition("\n")[0] or type(error).__name__
                continue
            self._failures, self._wait = 0, 1
            self._repeat, self._left = repeat, recording.steps
            self._expected = self._held.numbers()
            return
        self._failures += 1
        self._wait = 2**self._failures
        if self._failures == _MOST_FAILURES:
            self.reason = reason

    def _next(self, tokens: mx.array, rates: list[int]) -> mx.array:
        """Repeat a step."""
        assert self._repeat is not None
        logits, *arrays = self._repeat([tokens, *self._held.arrays()])
        self._expected = list(map(add, self._expected, rates))
        self._held.put(arrays, self._expected)
        self._left -= 1
        self.repeated += 1
        return logits


class _Recording:
    """What `mx.record_steps` calls: steps by the model, with caches whose arrays have no values."""

    def __init__(
        self, read: Read, caches: Any, held: CacheState, rates: list[int], most: int
    ) -> None:
        self._read, self._caches, self._rates = read, caches, rates
        self._numbers, self._kind = held.numbers(), held.kind()
        self.steps: int = most
        self.traced: int = 0

    def trace(self, arrays: list[mx.array], step: int) -> list[mx.array]:
        """Do a step, so many after the first."""
        trace = Trace()
        caches = _copied(self._caches)
        start = list(map(trace.position, self._grown(step), self._rates))
        CacheState(caches).put(arrays[1:], start)
        self.traced += 1
        try:
            logits = self._read(arrays[0], caches)
        finally:
            if step == 0:
                # The last step before a buffer is full reads all of it, so no slice is taken then.
                self.steps = int(min(trace.steps - 1, self.steps))
        held = CacheState(caches)
        ends = [int.__add__(number, 0) for number in held.numbers()]
        if held.kind() != self._kind or ends != self._grown(step + 1):
            raise ValueError("what a cache holds does not grow evenly")
        made = held.arrays()
        if [one.shape for one in made] != [one.shape for one in arrays[1:]]:
            raise ValueError("what a cache holds does not keep its shape")
        return [logits, *made]

    def length(self) -> int:
        """How many steps are alike, as far as the first one knows."""
        return self.steps

    def _grown(self, step: int) -> list[int]:
        return [a + step * b for a, b in zip(self._numbers, self._rates, strict=True)]


_Place: TypeAlias = tuple[dict[str, Any], str]
"""The attributes of a cache, and the name of one of them."""


class CacheState:
    """The arrays and integers that caches hold, whatever they are called.

    Args:
        caches: Caches, in lists and tuples.
    """

    def __init__(self, caches: Any) -> None:
        # Attributes that are an array or an integer, and those that have several of them. A step
        # reads and writes them all: to look into each takes longer than the rest of it.
        self._arrays: list[_Place] = []
        self._numbers: list[_Place] = []
        self._nested: list[_Place] = []
        self._find(caches)

    def _find(self, value: Any) -> None:
        if isinstance(value, (list, tuple)):
            for one in value:
                self._find(one)
        elif _is_cache(value):
            holder = vars(value)
            for name, one in holder.items():
                if isinstance(one, mx.array):
                    self._arrays.append((holder, name))
                elif _is_number(one):
                    self._numbers.append((holder, name))
                elif next(_leaves(one), None) is not None:
                    self._nested.append((holder, name))
                else:
                    self._find(one)

    def _nested_leaves(self) -> Iterator[Any]:
        for holder, name in self._nested:
            yield from _leaves(holder[name])

    def kind(self) -> list[tuple[str, bool]]:
        """What there is, to be compared."""
        return [
            *((name, True) for _, name in self._arrays),
            *((name, False) for _, name in self._numbers),
            *(
                (name, isinstance(leaf, mx.array))
                for holder, name in self._nested
                for leaf in _leaves(holder[name])
            ),
        ]

    def arrays(self) -> list[mx.array]:
        """The arrays."""
        found = [holder[name] for holder, name in self._arrays]
        return found + [one for one in self._nested_leaves() if isinstance(one, mx.array)]

    def numbers(self) -> list[int]:
        """The integers."""
        found = [holder[name] for holder, name in self._numbers]
        return found + [one for one in self._nested_leaves() if not isinstance(one, mx.array)]

    def put(self, arrays: Sequence[mx.array], numbers: Sequence[int]) -> None:
        """Have the caches hold others."""
        next_array, next_number = iter(arrays), iter(numbers)
        # The places are first: `zip` takes nothing of the others when these are at their end.
        for (holder, name), array in zip(self._arrays, next_array, strict=False):
            holder[name] = array
        for (holder, name), number in zip(self._numbers, next_number, strict=False):
            holder[name] = number
        for holder, name in self._nested:
            holder[name] = _replaced(holder[name], next_array, next_number)


def _is_cache(value: Any) -> bool:
    return hasattr(type(value), "state") and hasattr(value, "__dict__")


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, mx.array) or _is_number(value):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _leaves(one)


def _replaced(value: Any, arrays: Iterator[mx.array], numbers: Iterator[int]) -> Any:
    if isinstance(value, mx.array):
        return next(arrays)
    if _is_number(value):
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
