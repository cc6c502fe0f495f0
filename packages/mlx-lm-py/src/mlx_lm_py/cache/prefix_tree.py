"""The tree of prefixes that have been read: where each is, and what is left out first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from .segments import cut

__all__ = ["Node", "PrefixTree", "nearest_states"]


def __dir__() -> list[str]:
    return __all__


class Node:
    """Tokens that follow those of the node above, and what the layers keep of them.

    Attributes:
        tokens: The tokens.
        end: Number of tokens from the root to the last of these.
        above: The node above; ``None`` for a root.
        below: Nodes that go on, by their first token.
        parts: For each layer that holds all positions those of these tokens.
        states: The caches of the other layers after the last token, if they were kept.
        users: How many sequences go on from here: what they use stays.
        used: When a sequence last came by, as a number that grows.
        states_used: When one last went on from the states.
        files: The files that hold it.
    """

    __slots__ = (
        "above", "below", "end", "files", "parts", "states", "states_used", "tokens", "used",
        "users",
    )  # fmt: skip

    def __init__(self, tokens: list[int], above: Node | None, parts: list[Any]) -> None:
        self.tokens: list[int] = tokens
        self.end: int = len(tokens) + (above.end if above is not None else 0)
        self.above: Node | None = above
        self.below: dict[int, Node] = {}
        self.parts: list[Any] = parts
        self.states: list[Any] | None = None
        self.users: int = 0
        self.used: int = 0
        self.states_used: int = 0
        self.files: set[Any] = set()

    @property
    def start(self) -> int:
        """Number of tokens above this node."""
        return self.end - len(self.tokens)

    @property
    def nbytes(self) -> int:
        """Number of bytes of what the layers keep."""
        return sum(cache.nbytes for cache in [*self.parts, *(self.states or ())])

    def line(self) -> list[Node]:
        """The nodes from the one below the root to this one."""
        found: list[Node] = []
        node: Node | None = self
        while node is not None and node.above is not None:
            found.append(node)
            node = node.above
        return found[::-1]

    def all_below(self) -> Iterator[Node]:
        """This node and those below it, the nearest first."""
        waiting = [self]
        for node in waiting:
            yield node
            waiting += node.below.values()


class PrefixTree:
    """A radix tree: sequences with a common beginning share its nodes.

    Attributes:
        root: The node of no tokens.
    """

    def __init__(self) -> None:
        self.root: Node = Node([], None, [])

    def match(self, tokens: Sequence[int], limit: int) -> tuple[Node, int]:
        """Find the longest beginning of tokens.

        Args:
            tokens: The tokens.
            limit: How many of them count at most.

        Returns:
            The node in which it ends, and how many tokens it has.
        """
        node, length = self.root, 0
        while length < limit:
            below = node.below.get(tokens[length])
            if below is None:
                break
            count = _common(below.tokens, tokens[length:limit])
            node, length = below, length + count
            if count < len(below.tokens):
                break
        return node, length

    def add(self, tokens: Sequence[int], leaves: Sequence[Any], offset: int = 0) -> Node:
        """Add a sequence.

        Args:
            tokens: The tokens.
            leaves: For each layer that holds all positions its cache.
            offset: The position of the first one that they hold. Default: 0.

        Returns:
            The node that ends with the last token.

        Raises:
            ValueError: If the tree lacks what goes before ``offset``.
        """
        node, length = self.match(tokens, len(tokens))
        if length < offset:
            raise ValueError(f"only {length} of the first {offset} tokens are there")
        if length < node.end:
            node = self._split(node, length - node.start)
        if length < len(tokens):
            parts = [cut(leaf, length - offset, len(tokens) - offset) for leaf in leaves]
            node.below[tokens[length]] = below = Node(list(tokens[length:]), node, parts)
            return below
        return node

    def _split(self, node: Node, count: int) -> Node:
        """Make two nodes of one, of which the upper has ``count`` tokens."""
        assert node.above is not None
        size = len(node.tokens)
        upper = Node(node.tokens[:count], node.above, [cut(one, 0, count) for one in node.parts])
        # Who goes on from below uses what is above.
        upper.users, upper.used, upper.files = node.users, node.used, set(node.files)
        node.above.below[upper.tokens[0]] = upper
        node.parts = [cut(one, count, size) for one in node.parts]
        node.tokens, node.above = node.tokens[count:], upper
        upper.below[node.tokens[0]] = node
        return upper


def nearest_states(node: Node, length: int) -> tuple[Node | None, int]:
    """Find the longest beginning after which the layers that keep states are known, too.

    Args:
        node: The node in which the longest beginning ends that is known of the others.
        length: How many tokens that has.

    Returns:
        The node with the states, ``None`` if there are none, and how many tokens the beginning has.
    """
    if length:
        # States of more tokens do where these can be forgotten.
        for one in node.all_below():
            states = one.states
            if states is not None and all(cache.can_trim(one.end - length) for cache in states):
                return one, length
    above = node if node.end <= length else node.above
    while above is not None:
        if above.states is not None:
            return above, above.end
        above = above.above
    return None, 0


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common."""
    size = min(len(a), len(b))
    if a[:size] == b[:size]:
        return size
    return next(i for i in range(size) if a[i] != b[i])
