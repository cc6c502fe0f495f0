"""Beginnings of sequences that have been read, kept so that none is read twice."""

from __future__ import annotations

import json
import os
import warnings
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import mlx_core_py as mx

from mlx_lm_py._checks import check_integer

from .base import Cache
from .idle import IdleCaches
from .lease import Lease
from .prefix_files import PrefixFiles, Stored
from .prefix_kinds import apart, has_states, kinds_of, together
from .prefix_tree import Node, PrefixTree, nearest_states
from .segments import joined, leaves, rebuilt

__all__ = ["PrefixCache"]


def __dir__() -> list[str]:
    return __all__


class PrefixCache:
    """What a model has read, by its tokens: a prompt that begins with some goes on from there.

    Sequences with a common beginning share its memory. Layers that hold all positions can be
    cut anywhere. Layers with a window or a state are kept as they were after some of the tokens:
    before the last one of a prompt, at the end of an answer, and every ``checkpoint_every`` tokens
    of a long prompt. A prompt then goes on from the longest of these that it begins with.

    It belongs to one model and is not for several threads at once. A model whose weights change
    needs another one, or `clear`.

    Args:
        max_bytes: Most bytes to keep; what has not been used for longest goes first. What sequences
            go on from at the moment stays. Default: 1 GiB.
        checkpoint_every: After how many tokens of a prompt layers with a window or a state are
            kept. Default: 1024.
        folder: A folder to keep it in as well, from which another process goes on. Files of other
            models in it are left alone. Where one cannot be written there is a warning, and no
            other is. Default: ``None``, none.

    Attributes:
        max_bytes: Most bytes to keep.
        checkpoint_every: After how many tokens states are kept.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If one is below 1.

    Example::

        prefix_cache = PrefixCache()
        generate(model, tokenizer, first_prompt, prefix_cache=prefix_cache)
        generate(model, tokenizer, second_prompt, prefix_cache=prefix_cache)

    See: mlx-lm ``mlx_lm.server.LRUPromptCache``, which keeps whole caches.
    """

    def __init__(
        self,
        max_bytes: int = 1 << 30,
        *,
        checkpoint_every: int = 1024,
        folder: str | os.PathLike[str] | None = None,
    ) -> None:
        for name, number in (("max_bytes", max_bytes), ("checkpoint_every", checkpoint_every)):
            check_integer(name, number, 1)
        self.max_bytes: int = max_bytes
        self.checkpoint_every: int = checkpoint_every
        self._files = None if folder is None else PrefixFiles(folder)
        self._model: weakref.ref[Any] | None = None
        # By the kinds of the caches of all layers: what is kept of one says nothing of another.
        self._trees: dict[str, PrefixTree] = {}
        self._idle = IdleCaches()
        self._nbytes = 0
        self._clock = 0

    def begin(
        self,
        model: Any,
        tokens: Sequence[int],
        cache: Sequence[Cache],
        *,
        least: int = 0,
        room: int = 0,
    ) -> Lease:
        """Find what has been read of a prompt.

        Args:
            model: The model.
            tokens: The prompt. Its last token is never found: what follows it is not kept.
            cache: An empty cache of the model, of the kinds that the prompt is to be read into.
            least: Keep and find no fewer tokens. What is found with another number is not the
                same. Default: 0.
            room: For how many positions there shall be room. Default: 0.

        Returns:
            What was found, which stays until it is released.

        Raises:
            ValueError: If this was used with another model.
        """
        self.bind(model)
        key = kinds_of(cache, least)
        tree = self._trees.setdefault(key, PrefixTree())
        limit = len(tokens) - 1
        node, length = tree.match(tokens, limit)
        states: list[Any] = []
        if has_states(key):
            source, length = nearest_states(node, length)
            if source is not None:
                assert source.states is not None
                states = [one.copy() for one in source.states]
                for one in states:
                    one.trim(source.end - length)
                source.states_used = self._tick()
        if length < max(least, 1):
            return Lease(self, key, tree.root, list(cache), 0, least)
        while node.start >= length:
            assert node.above is not None
            node = node.above
        for one in node.line():
            one.used = self._tick()
        found = self._idle.take(key, list(tokens[:length]), max(room, length + 1))
        if found is None:
            found = together(key, _joined_line(node, length, room), states)
            # They are copied while the graph of the first step is made.
            mx.async_eval([one.state for one in found])
        return Lease(self, key, node, rebuilt(cache, iter(found)), length, least)

    def keep(
        self, key: str, tokens: Sequence[int], cache: Sequence[Cache], *, is_last: bool
    ) -> list[Any]:
        """Keep what a cache holds.

        Args:
            key: The kinds of caches that it began with.
            tokens: The tokens that it holds, all of them.
            cache: The cache, which may go on.
            is_last: Whether it does not: no one else writes into it from now on.

        Returns:
            Arrays to be evaluated before the cache goes on, lest it is copied.
        """
        if key != kinds_of(cache, json.loads(key)[0]):
            # It became another one on its way.
            return []
        parts, states = apart(key, leaves(cache))
        copies = [one.copy() for one in states]
        arrays = self._add(key, list(tokens), 0, parts, copies, write=True)
        if is_last and not states:
            self._idle.put(key, list(tokens), parts)
            self._idle.shrink(self.max_bytes - self._nbytes)
        return arrays

    def _add(
        self,
        key: str,
        tokens: list[int],
        offset: int,
        parts: Sequence[Any],
        states: list[Any],
        *,
        write: bool,
    ) -> list[Any]:
        tree = self._trees.setdefault(key, PrefixTree())
        before, held = tree.match(tokens, len(tokens))
        is_longer = held < len(tokens)
        is_known = not is_longer and (not states or (before.end == held and before.states))
        node = before if is_known else tree.add(tokens, parts, offset)
        if is_longer:
            self._nbytes += sum(one.nbytes for one in node.parts)
        if states and node.states is None:
            node.states, node.states_used = states, self._tick()
            self._nbytes += sum(one.nbytes for one in states)
        for one in node.line():
            one.used = self._tick()
        if is_known:
            return []
        arrays = [one.state for one in [*node.parts, *(node.states or ())]]
        if write and self._files is not None:
            mx.eval(arrays)
            new = together(key, node.parts if is_longer else [], node.states or [])
            start = node.start if is_longer else node.end
            self._write(node, Stored(key, tokens, start, new, bool(node.states)))
        self.shrink(self.max_bytes)
        return arrays

    def _write(self, node: Node, stored: Stored) -> None:
        assert self._files is not None
        try:
            node.files.add(self._files.write(stored))
        except OSError as error:
            # An answer that is there is not lost for want of room on a disk.
            self._files = None
            warnings.warn(f"the prefix cache writes no more files: {error}", stacklevel=2)

    def shrink(self, max_bytes: int) -> None:
        """Leave out what has not been used for longest, until so many bytes are left.

        Args:
            max_bytes: Most bytes. What is in use stays, also where it is more.
        """
        self._idle.shrink(max_bytes - self._nbytes)
        while self._nbytes > max_bytes:
            _, node = min(self._free(), key=lambda one: one[0], default=(0, None))
            if node is None:
                return
            if node.below or node.users:
                self._nbytes -= sum(one.nbytes for one in node.states or ())
                node.states = None
            else:
                self._remove(node)

    def _free(self) -> Iterator[tuple[int, Node]]:
        """Nodes that can be left out, or their states at least, and when these were last used."""
        for tree in self._trees.values():
            for node in tree.root.all_below():
                if node.above is not None and not (node.below or node.users):
                    yield node.used, node
                elif node.states is not None:
                    yield node.states_used, node

    def _remove(self, node: Node) -> None:
        assert node.above is not None
        self._nbytes -= node.nbytes
        del node.above.below[node.tokens[0]]
        if self._files is not None:
            self._files.remove(node.files - node.above.files)

    def clear(self) -> None:
        """Forget everything, but for what is in the folder."""
        self._trees.clear()
        self._idle.clear()
        self._nbytes = 0

    @property
    def nbytes(self) -> int:
        """Number of bytes that are kept."""
        return self._nbytes + self._idle.nbytes

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    def bind(self, model: Any) -> None:
        """Say which model this is for, before the first use; what is in the folder is read then.

        Args:
            model: The model.

        Raises:
            ValueError: If this was used with another model.
        """
        if self._model is None:
            self._model = weakref.ref(model)
            for stored in self._files.read(model) if self._files is not None else ():
                self._take(stored)
        elif self._model() is not model:
            raise ValueError("prefix_cache belongs to another model")

    def _take(self, stored: Stored) -> None:
        """Take in what a file holds, if what goes before it is there."""
        parts, states = apart(stored.key, stored.leaves)
        if not stored.has_states:
            states = []
        try:
            self._add(stored.key, stored.tokens, stored.start, parts, states, write=False)
            node, _ = self._trees[stored.key].match(stored.tokens, len(stored.tokens))
            for one in node.line():
                if one.end > stored.start or one is node:
                    one.files.add(stored.name)
        except ValueError:
            # What it follows was left out.
            return


def _joined_line(node: Node, length: int, room: int) -> list[Any]:
    """What the layers that hold all positions keep of the first tokens."""
    lines = zip(*(one.parts for one in node.line()), strict=True)
    return [joined(parts, length, max(room, length + 1)) for parts in lines]
