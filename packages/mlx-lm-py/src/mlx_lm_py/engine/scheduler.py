"""Which sequences are let in, and what the next step reads of each."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from mlx_lm_py.cache import PrefixCache

from .request import Request

__all__ = ["Scheduler"]


def __dir__() -> list[str]:
    return __all__


# How long those that decode may wait for a piece of a prompt, in seconds, and the fewest tokens of
# one. A step of fewer costs hardly less.
_PATIENCE = 0.1
_SMALLEST_PIECE = 16
# Buffers of keys and values grow by this many positions.
_GROWTH = 256


class Scheduler:
    """Lets sequences in, first come first served, and shares each step among them.

    A step reads the last token of all sequences that decode, and pieces of prompts beside: as
    much as takes about a tenth of a second where others wait for it. Prompts take turns.

    Args:
        most: Most sequences at once.
        most_prompts: Most sequences at once whose prompts are being read.
        step_size: Most tokens of prompts in a step.
        max_cache_bytes: Most bytes of all caches, as far as they can be foreseen; ``None`` for any
            number.
        admit: Called with a sequence that is let in.
        prefix_cache: Caches that are kept, which make room for sequences. Default: ``None``.
    """

    def __init__(
        self,
        most: int,
        most_prompts: int,
        step_size: int,
        max_cache_bytes: int | None,
        admit: Callable[[Request], None],
        prefix_cache: PrefixCache | None = None,
    ) -> None:
        self.waiting: deque[Request] = deque()
        self.prompts: deque[Request] = deque()
        self.decoding: list[Request] = []
        self._most = most
        self._most_prompts = most_prompts
        self._step_size = step_size
        self._max_cache_bytes = max_cache_bytes
        self._admit = admit
        self._prefix_cache = prefix_cache
        self._bytes_per_position: float | None = None
        self._rows_per_second: float | None = None

    @property
    def live(self) -> list[Request]:
        """The sequences that have been let in."""
        return [*self.prompts, *self.decoding]

    @property
    def requests(self) -> list[Request]:
        """All sequences."""
        return [*self.waiting, *self.prompts, *self.decoding]

    def plan(self) -> tuple[list[Request], list[tuple[Request, list[int]]]]:
        """Decide about the next step.

        Returns:
            The sequences that decode, and those of which the prompt is read, with the tokens.
        """
        for name in ("waiting", "prompts"):
            setattr(self, name, deque(one for one in getattr(self, name) if not one.done))
        self.decoding = [one for one in self.decoding if one.is_decoding]
        while self.waiting and self._has_room_for(self.waiting[0]):
            request = self.waiting.popleft()
            self._admit(request)
            self.prompts.append(request)
        pieces: list[tuple[Request, list[int]]] = []
        budget = self._budget()
        for _ in range(len(self.prompts)):
            if budget <= 0:
                break
            request = self.prompts.popleft()
            piece = request.take(budget)
            pieces.append((request, piece))
            budget -= len(piece)
            if request.segments:
                self.prompts.append(request)
        return list(self.decoding), pieces

    def learn(self, request: Request) -> None:
        """Learn from a sequence how much memory a position takes."""
        held = -(-len(request.tokens) // _GROWTH) * _GROWTH
        self._bytes_per_position = sum(layer.nbytes for layer in request.cache) / held

    def measure(self, rows: int, seconds: float) -> None:
        """Learn from a step with pieces of prompts how long its rows take."""
        if rows >= _SMALLEST_PIECE and seconds > 0:
            old, new = self._rows_per_second, rows / seconds
            self._rows_per_second = new if old is None else (old + new) / 2

    def _budget(self) -> int:
        if not self.decoding:
            return self._step_size
        rows = 4 * _SMALLEST_PIECE
        if self._rows_per_second is not None:
            rows = int(self._rows_per_second * _PATIENCE) - len(self.decoding)
        return min(max(rows, _SMALLEST_PIECE), self._step_size)

    def _has_room_for(self, request: Request) -> bool:
        live = self.live
        if len(live) >= self._most or len(self.prompts) >= self._most_prompts:
            return False
        if self._max_cache_bytes is None or not live:
            return True
        if self._bytes_per_position is None:
            return False
        positions = sum(self._positions(one) for one in [*live, request])
        spare = self._max_cache_bytes - positions * self._bytes_per_position
        if self._prefix_cache is not None and spare >= 0:
            # What is kept goes first.
            self._prefix_cache.shrink(int(spare))
            spare -= self._prefix_cache.nbytes
        return spare >= 0

    @staticmethod
    def _positions(request: Request) -> int:
        """The positions that a sequence will hold at its end, at most."""
        left = request.unread + request.max_tokens - request.generated
        return -(-(len(request.tokens) + left) // _GROWTH) * _GROWTH
