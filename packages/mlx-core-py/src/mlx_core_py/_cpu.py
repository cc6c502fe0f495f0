"""What the CPU does when arrays are evaluated."""

from __future__ import annotations

import mlx_sys_py as _sys

from mlx_core_py.trees import arrays_of as _arrays_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from mlx_sys_py.cpu_kernels import Log, Record


def move_to_large_pages(*args: object) -> None:
    """Move arrays that are read again and again to huge pages, where the system has them.

    All weights of a model are read for each token that it makes, and looking up small pages takes
    long. Only what fills half a huge page is moved; arrays that are the memory of a file stay
    there, as do those that are not evaluated. Official MLX has no such function.

    Args:
        args: Arrays, or trees of them; leaves of another type do not count.

    Example:
        >>> weights = {"a": mx.zeros((1024, 1024)), "b": [mx.zeros(4)]}
        >>> mx.eval(weights)
        >>> mx.move_to_large_pages(weights)
    """
    arrays = enumerate(_arrays_of(args))
    _sys.cpu_kernels.move_to_large_pages({str(i): array for i, array in arrays})


class cpu_verbose:  # noqa: N801 (a context manager, as mx.stream)
    """Record each node that the CPU evaluates within a ``with`` block.

    A node is a primitive with its types and shapes, the kernel that did the work (an instruction
    set such as ``v4``, ``scalar`` for a loop without SIMD, ``view`` where nothing was moved,
    ``mlx`` for MLX's own kernel, with the reason for that), and the microseconds it took. Nodes of
    all threads are recorded. The environment variable ``MLX_SYS_PY_CPU_VERBOSE=1`` writes the same
    to stderr for a whole process.

    At the end of the block the default stream is waited for, so that the record is complete.

    Attributes:
        records: The nodes, in the order in which they were done: named tuples of ``primitive``,
            ``inputs``, ``outputs``, ``kernel``, ``reason`` and ``microseconds``.

    Example:
        >>> with mx.cpu_verbose() as log:
        ...     mx.eval(mx.exp(mx.array([1.0, 2.0])) + 1)
        >>> [(record.primitive, record.outputs) for record in log.records]
        [('Elementwise(Exp+Add)', 'float32:2')]
    """

    def __init__(self) -> None:
        self._log: Log | None = None
        self._records: Sequence[Record] = ()

    def __enter__(self) -> cpu_verbose:
        self._log = _sys.cpu_kernels.Log()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            _sys.synchronize()
        self._records = self.records
        self._log = None

    @property
    def records(self) -> Sequence[Record]:
        """The nodes that are done."""
        return self._records if self._log is None else self._log.records()

    def __str__(self) -> str:
        """A table of primitives and kernels, those that took longest first."""
        totals: dict[tuple[str, str, str], tuple[int, float]] = {}
        for record in self.records:
            key = (record.primitive.partition("(")[0], record.kernel, record.reason)
            nodes, time = totals.get(key, (0, 0.0))
            totals[key] = (nodes + 1, time + record.microseconds)
        lines = [f"{'us':>12} {'nodes':>7}  {'primitive':<28} {'kernel':<8} reason"]
        for key, (nodes, time) in sorted(totals.items(), key=lambda item: -item[1][1]):
            primitive, kernel, reason = key
            lines.append(f"{time:12.1f} {nodes:7}  {primitive:<28} {kernel:<8} {reason}".rstrip())
        return "\n".join(lines)
