"""Batches of a data set, in an order that comes from a seed and can be taken up again."""

from __future__ import annotations

import queue
import random
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import mlx_core_py as mx
from mlx_core_py.nn._checks import positive

__all__ = ["Batches"]


def __dir__() -> list[str]:
    return __all__


Batch = dict[str, Any]


class Batches:
    """Batches of a data set, epoch by epoch.

    Iterating gives what is left of the epoch; the next loop begins the next one. The place is the
    ``state``, two numbers, which can be saved and set.

    Args:
        data: Columns by name, of one length: arrays of this package or of NumPy, or lists; or a
            sequence of examples, each a dictionary.
        batch_size: How many examples a batch has.
        shuffle: Whether each epoch has an order of its own. Default: ``True``.
        seed: What the orders come from. Default: ``0``.
        drop_last: Whether to leave out a last batch that is smaller; compiled steps are traced
            again for it. Default: ``True``.
        prepare: A function that makes the batch of a dictionary of columns, for example pads or
            augments. Default: arrays as they are, lists become arrays.
        prefetch: How many batches a thread prepares ahead; 0 prepares them when they are asked
            for. Default: ``2``.
        group: Processes of which each gets its share of each batch; ``batch_size`` is that of all
            together. Default: this process alone.

    Raises:
        TypeError: If ``batch_size`` is not an integer, or ``data`` of another kind.
        ValueError: If a size is out of range, columns differ in length, there is not one batch, or
            a batch cannot be shared evenly.

    Example:
        >>> batches = mx.training.Batches({"x": [0, 1, 2, 3, 4]}, 2, shuffle=False)
        >>> [batch["x"].tolist() for batch in batches]
        [[0, 1], [2, 3]]
        >>> batches.state
        {'epoch': 1, 'position': 0}
    """

    def __init__(
        self,
        data: Mapping[str, Any] | Sequence[Mapping[str, Any]],
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = True,
        prepare: Callable[[Batch], Batch] | None = None,
        prefetch: int = 2,
        group: mx.distributed.Group | None = None,
    ) -> None:
        positive(batch_size=batch_size)
        if prefetch < 0:
            raise ValueError(f"prefetch must be at least 0, but is {prefetch}")
        self.data = data
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.drop_last = drop_last
        self.prepare = prepare
        self.prefetch = prefetch
        self._size = _length(data)
        if len(self) == 0:
            raise ValueError(
                f"data has {self._size} examples, which make no batch of batch_size {batch_size}"
            )
        self._share = slice(None) if group is None else slice(group.rank(), None, group.size())
        sizes = {batch_size} if drop_last else {batch_size, self._size % batch_size}
        for size in sizes:
            if group is not None and size % group.size():
                raise ValueError(
                    f"batch_size must make batches that {group.size()} processes can share evenly, "
                    f"but {batch_size} makes one of {size} examples"
                )
        self._epoch = self._position = 0

    def __len__(self) -> int:
        """Return how many batches an epoch has."""
        whole, rest = divmod(self._size, self.batch_size)
        return whole + (rest > 0 and not self.drop_last)

    @property
    def state(self) -> dict[str, int]:
        """The epoch, counted from 0, and how many of its batches were given."""
        return {"epoch": self._epoch, "position": self._position}

    @state.setter
    def state(self, state: Mapping[str, int]) -> None:
        epoch, position = int(state["epoch"]), int(state["position"])
        if epoch < 0 or not 0 <= position <= len(self):
            raise ValueError(
                f"state must have an epoch of at least 0 and a position of at most {len(self)}, "
                f"but is {dict(state)}"
            )
        self._epoch, self._position = epoch, position

    def __iter__(self) -> Iterator[Batch]:
        order = self._order()
        starts = range(
            self._position * self.batch_size, len(self) * self.batch_size, self.batch_size
        )
        parts = (order[start : start + self.batch_size][self._share] for start in starts)
        made = map(self._batch, parts)
        for batch in _ahead(made, self.prefetch) if self.prefetch else made:
            # Before it is given: whoever stops in the middle of a loop has had it.
            self._position += 1
            yield batch
        self._epoch, self._position = self._epoch + 1, 0

    def _order(self) -> list[int]:
        order = list(range(self._size))
        if self.shuffle:
            random.Random(f"{self.seed}/{self._epoch}").shuffle(order)
        return order

    def _batch(self, chosen: list[int]) -> Batch:
        if isinstance(self.data, Mapping):
            columns = {name: _take(column, chosen) for name, column in self.data.items()}
        else:
            examples = [self.data[i] for i in chosen]
            columns = {name: [example[name] for example in examples] for name in examples[0]}
        if self.prepare is not None:
            return self.prepare(columns)
        return {
            name: _stack(column) if isinstance(column, list) else column
            for name, column in columns.items()
        }


def _length(data: Any) -> int:
    if isinstance(data, Mapping):
        lengths = {name: len(column) for name, column in data.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"data must have columns of one length, but has {lengths}")
        return next(iter(lengths.values()), 0)
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return len(data)
    raise TypeError(
        f"data must be a dictionary of columns or a sequence of examples, not {type(data).__name__}"
    )


def _take(column: Any, chosen: list[int]) -> Any:
    if isinstance(column, mx.array):
        return column[mx.array(chosen)]
    if hasattr(column, "__array__"):
        return mx.array(column[chosen])
    return [column[i] for i in chosen]


def _stack(column: list[Any]) -> Any:
    if column and isinstance(column[0], str):
        return column
    if column and (isinstance(column[0], mx.array) or hasattr(column[0], "__array__")):
        return mx.stack([mx.array(item) for item in column])
    return mx.array(column)


def _ahead(items: Iterator[Batch], count: int) -> Iterator[Batch]:
    """Give items that a thread gets ahead. What it raises is raised here, at its turn."""
    ready: queue.Queue[tuple[str, Any]] = queue.Queue(maxsize=count)
    stopped = threading.Event()

    def put(entry: tuple[str, Any]) -> bool:
        while not stopped.is_set():
            try:
                ready.put(entry, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(("item", item)):
                    return
        except BaseException as error:
            put(("error", error))
        else:
            put(("end", None))

    thread = threading.Thread(target=work, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = ready.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
        thread.join()
