"""Pytrees: nested lists, tuples and dictionaries, whose leaves are everything else.

The public functions are those of :mod:`mlx_core_py.utils`; the others serve transforms and modules,
and those that transforms call for every call of a function are compiled. Source:
https://ml-explore.github.io/mlx/build/html/python/tree_utils.html
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest

from mlx_sys_py import MissingEntryError
from mlx_sys_py.trees import Loan as Loan
from mlx_sys_py.trees import arrays_of as arrays_of
from mlx_sys_py.trees import only_arrays_of as only_arrays_of
from mlx_sys_py.trees import with_arrays as with_arrays
from mlx_sys_py.trees import without_arrays as without_arrays

# What only annotations need: `typing` takes longer to import than all of this package.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    IsLeaf = Callable[[Any], bool] | None

__all__ = [
    "tree_flatten",
    "tree_map",
    "tree_map_with_path",
    "tree_merge",
    "tree_reduce",
    "tree_unflatten",
]


def __dir__() -> list[str]:
    return __all__


# As a tuple: a union would be made anew at every check.
_CONTAINERS = (list, tuple, dict)

# Stands for an entry that is not there.
NOTHING = object()

# How many entries of a list tree_unflatten makes up to reach an index that it was given. Keys
# come from files: without a bound, one short key could ask for all memory.
_LARGEST_GAP = 10_000


def tree_map(fn: Callable[..., Any], tree: Any, *rest: Any, is_leaf: IsLeaf = None) -> Any:
    """Apply ``fn`` to every leaf of ``tree``, and to what ``rest`` has in its place.

    Args:
        fn: Called with one leaf of ``tree`` and the corresponding part of each of ``rest``.
        tree: The tree that gives the result its structure.
        rest: Further trees; each has at least the structure of ``tree``.
        is_leaf: Tells which containers count as leaves. Default: none.

    Returns:
        A tree like ``tree`` of what ``fn`` returned.

    Raises:
        ValueError: If one of ``rest`` lacks an entry that ``tree`` has; the error is a ``KeyError``
            and an ``IndexError`` too.

    Example:
        >>> tree_map(lambda x, y: x + y, [1, {"a": 2}], [10, {"a": 20}])
        [11, {'a': 22}]
    """
    if rest or is_leaf is not None:
        return _map_with_path(lambda _, *leaves: fn(*leaves), None, tree, rest, is_leaf)
    return _map(fn, tree)


def tree_map_with_path(
    fn: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: IsLeaf = None,
    path: str | None = None,
) -> Any:
    """Apply ``fn`` to the path and the value of every leaf of ``tree``.

    Args:
        fn: Called with the path of a leaf (keys joined by dots), the leaf, and the
            corresponding part of each of ``rest``.
        tree: The tree that gives the result its structure.
        rest: Further trees; each has at least the structure of ``tree``.
        is_leaf: Tells which containers count as leaves. Default: none.
        path: What to put before every path. Default: nothing.

    Returns:
        A tree like ``tree`` of what ``fn`` returned.

    Raises:
        ValueError: If one of ``rest`` lacks an entry that ``tree`` has; the error is a ``KeyError``
            and an ``IndexError`` too.

    Example:
        >>> tree_map_with_path(lambda path, x: f"{path}={x}", {"a": [1, 2]})
        {'a': ['a.0=1', 'a.1=2']}
    """
    return _map_with_path(fn, path, tree, rest, is_leaf)


def tree_flatten(
    tree: Any,
    prefix: str = "",
    is_leaf: IsLeaf = None,
    destination: list[tuple[str, Any]] | dict[str, Any] | None = None,
) -> Any:
    """List the leaves of a tree with their paths.

    Args:
        tree: The tree to flatten.
        prefix: What to put before every path. Default: nothing.
        is_leaf: Tells which containers count as leaves. Default: none.
        destination: A list or a dictionary that receives the leaves. Default: a new list.

    Returns:
        ``destination``: pairs of path and leaf, or a dictionary from path to leaf.

    Raises:
        TypeError: If ``prefix`` is no ``str``, or ``destination`` neither a list nor a dictionary.

    Example:
        >>> tree_flatten({"a": [1, 2], "b": 3})
        [('a.0', 1), ('a.1', 2), ('b', 3)]
        >>> tree_flatten({"a": [1, 2]}, destination={})
        {'a.0': 1, 'a.1': 2}
    """
    if not isinstance(prefix, str):
        raise TypeError(f"prefix must be a str, not {type(prefix).__name__}")
    if destination is None:
        destination = []
    leaves: list[tuple[str, Any]] = []
    _collect_with_path(tree, prefix.removeprefix("."), is_leaf, leaves)
    if isinstance(destination, list):
        destination.extend(leaves)
    elif isinstance(destination, dict):
        destination.update(leaves)
    else:
        raise TypeError(f"destination must be a list or a dict, not {type(destination).__name__}")
    return destination


def tree_unflatten(tree: Iterable[tuple[str, Any]] | Mapping[str, Any]) -> Any:
    """Build a tree from leaves and their paths: the inverse of :func:`tree_flatten`.

    A level whose keys are all whole numbers, each another one, becomes a list, with ``{}`` where
    a number is missing; every other level becomes a dictionary.

    Args:
        tree: Pairs of path and leaf, or a dictionary from path to leaf.

    Returns:
        The nested lists and dictionaries, or the leaf itself if its path is empty.

    Raises:
        ValueError: If a path is both a leaf and a container, or if reaching an index would
            leave more than 10000 entries of a list empty.

    Example:
        >>> tree_unflatten([("a.0", 1), ("a.1", 2), ("b", 3)])
        {'a': [1, 2], 'b': 3}
    """
    items: list[Any] = list(tree.items() if isinstance(tree, Mapping) else tree)
    if len(items) == 1 and items[0][0] == "":
        return items[0][1]
    root = _Level()
    for path, leaf in items:
        level = root
        *parents, last = path.split(".")
        for key in parents:
            level = level.setdefault(key, _Level())
            if not isinstance(level, _Level):
                raise ValueError(f"{path!r} goes through {key!r}, which is a leaf")
        if isinstance(level.get(last), _Level):
            raise ValueError(f"{path!r} is a leaf and has entries below it")
        level[last] = leaf
    return root.collapse()


def tree_reduce(
    fn: Callable[[Any, Any], Any], tree: Any, initializer: Any = None, is_leaf: IsLeaf = None
) -> Any:
    """Combine the leaves of a tree from first to last.

    Args:
        fn: Called with what was accumulated so far and the next leaf.
        tree: The tree to reduce.
        initializer: What to start with. Default: the first leaf.
        is_leaf: Tells which containers count as leaves. Default: none.

    Returns:
        The accumulated value; ``None`` for a tree without leaves and no ``initializer``.

    Example:
        >>> tree_reduce(lambda total, x: total + x, [1, {"a": 2, "b": (3, 4)}], 0)
        10
    """
    result = initializer
    for leaf in leaves_of(tree, is_leaf):
        result = leaf if result is None else fn(result, leaf)
    return result


def tree_merge(tree_a: Any, tree_b: Any, merge_fn: Callable[[Any, Any], Any] | None = None) -> Any:
    """Join two trees into one that has the entries of both.

    Empty containers and ``None`` give way to whatever the other tree has in their place.

    Args:
        tree_a: One tree.
        tree_b: The other.
        merge_fn: Combines two values at the same place. Default: there must be none.

    Returns:
        The joined tree.

    Raises:
        ValueError: If both trees have a value at the same place and there is no ``merge_fn``, or
            empty containers of two kinds.

    Example:
        >>> tree_merge({"a": 1, "c": [None, 3]}, {"b": 2, "c": [4]})
        {'a': 1, 'c': [4, 3], 'b': 2}
    """
    both_are_containers = isinstance(tree_a, _CONTAINERS) and isinstance(tree_b, _CONTAINERS)
    if both_are_containers and not tree_a and not tree_b:
        if type(tree_a) is not type(tree_b):
            raise ValueError(
                f"tree_a is an empty {type(tree_a).__name__} where tree_b is an empty "
                f"{type(tree_b).__name__}"
            )
        return tree_a
    if _is_empty(tree_a):
        return tree_b if not _is_empty(tree_b) or tree_a is None else tree_a
    if _is_empty(tree_b):
        return tree_a
    if isinstance(tree_a, dict) and isinstance(tree_b, dict):
        keys = [*tree_a, *(key for key in tree_b if key not in tree_a)]
        return {key: tree_merge(tree_a.get(key), tree_b.get(key), merge_fn) for key in keys}
    if type(tree_a) is type(tree_b) and isinstance(tree_a, list | tuple):
        pairs = zip_longest(tree_a, tree_b)
        return _rebuild(tree_a, [tree_merge(a, b, merge_fn) for a, b in pairs])
    if merge_fn is None:
        raise ValueError(
            "tree_a and tree_b have a value at the same place; pass merge_fn to combine them"
        )
    return merge_fn(tree_a, tree_b)


class _Level(dict[str, "Any"]):
    """One level of a tree under construction, told apart from leaves that are dictionaries."""

    def collapse(self) -> list[Any] | dict[str, Any]:
        children = {
            key: child.collapse() if isinstance(child, _Level) else child
            for key, child in self.items()
        }
        if not all(key.isascii() and key.isdecimal() for key in children):
            return children
        if len({key.lstrip("0") or "0" for key in children}) < len(children):
            # Such as "01" and "1", which no list tells apart.
            return children
        # The length first: int() itself refuses very long numbers with a message about limits.
        longest = max((len(key) for key in children), default=0)
        size = max((int(key) + 1 for key in children), default=0) if longest < 20 else None
        if size is None or size > len(children) + _LARGEST_GAP:
            raise ValueError(f"the largest of {len(children)} list indices leaves too large a gap")
        entries: list[Any] = [{} for _ in range(size)]
        for key, child in children.items():
            entries[int(key)] = child
        return entries


def leaves_of(tree: Any, is_leaf: IsLeaf = None) -> list[Any]:
    """Return the leaves of a tree, in order."""
    if not isinstance(tree, _CONTAINERS) or (is_leaf is not None and is_leaf(tree)):
        return [tree]
    found: list[Any] = []
    _collect(tree, is_leaf, found)
    return found


def entries_of(tree: Any) -> Iterable[tuple[Any, Any]]:
    """Return the keys or indices of a container and what it holds there."""
    return tree.items() if isinstance(tree, dict) else enumerate(tree)


def replace_leaves(
    target: Any, source: Any, kind: type[Any], path: str
) -> Iterator[tuple[str, Any, Any]]:
    """Put the leaves of ``source`` where ``target`` has one of the same kind, in place.

    Args:
        target: Lists and dictionaries.
        source: Such a tree, or a part of one.
        kind: What counts as a leaf, even if it is a container.
        path: Where ``target`` is, for messages.

    Yields:
        What does not fit: its path in ``source``, what ``target`` has there (``NOTHING`` if
        it has no such entry), and what ``source`` has.
    """
    container = dict if isinstance(source, dict) else list
    if not (isinstance(source, container) and isinstance(target, container)):
        yield path, target, source
        return
    for key, new in entries_of(source):
        place = f"{path}.{key}"
        exists = key in target if isinstance(target, dict) else key < len(target)
        old = target[key] if exists else NOTHING
        if isinstance(new, kind) and isinstance(old, kind):
            target[key] = new
        elif exists and not isinstance(new, kind):
            yield from replace_leaves(old, new, kind, place)
        else:
            yield place, old, new


def _collect(container: Any, is_leaf: IsLeaf, found: list[Any]) -> None:
    for child in container.values() if isinstance(container, dict) else container:
        if isinstance(child, _CONTAINERS) and (is_leaf is None or not is_leaf(child)):
            _collect(child, is_leaf, found)
        else:
            found.append(child)


def _collect_with_path(tree: Any, path: str, is_leaf: IsLeaf, found: list[tuple[str, Any]]) -> None:
    if _is_container(tree, is_leaf):
        for key, child in entries_of(tree):
            _collect_with_path(child, _join(path, key), is_leaf, found)
    else:
        found.append((path, tree))


def _map(fn: Callable[[Any], Any], tree: Any) -> Any:
    """Map one tree, without paths: transforms do it at every call."""
    if isinstance(tree, list):
        return _like(
            tree,
            [_map(fn, child) if isinstance(child, _CONTAINERS) else fn(child) for child in tree],
        )
    if isinstance(tree, dict):
        return {
            key: _map(fn, child) if isinstance(child, _CONTAINERS) else fn(child)
            for key, child in tree.items()
        }
    if isinstance(tree, tuple):
        return _like(
            tree,
            [_map(fn, child) if isinstance(child, _CONTAINERS) else fn(child) for child in tree],
        )
    return fn(tree)


def _map_with_path(
    fn: Callable[..., Any], path: str | None, tree: Any, rest: Iterable[Any], is_leaf: IsLeaf
) -> Any:
    if not _is_container(tree, is_leaf):
        return fn(path, tree, *rest)
    return _rebuild(
        tree,
        [
            _map_with_path(
                fn, _join(path, key), child, [_child(other, key) for other in rest], is_leaf
            )
            for key, child in entries_of(tree)
        ],
    )


def _is_container(tree: Any, is_leaf: IsLeaf) -> bool:
    return isinstance(tree, _CONTAINERS) and (is_leaf is None or not is_leaf(tree))


def _is_empty(tree: Any) -> bool:
    return tree is None or (isinstance(tree, _CONTAINERS) and not tree)


def _rebuild(tree: Any, children: list[Any]) -> Any:
    """Return a container of the kind of ``tree`` that holds ``children``."""
    if isinstance(tree, dict):
        return dict(zip(tree, children, strict=True))
    return _like(tree, children)


def _like(tree: list[Any] | tuple[Any, ...], children: list[Any]) -> Any:
    """Return a list or tuple of the class of ``tree``."""
    kind = type(tree)
    if kind is list:
        return children
    # A named tuple takes its entries one by one.
    make = tuple if kind is tuple else getattr(kind, "_make", kind)
    return make(children)


def _child(tree: Any, key: Any) -> Any:
    try:
        return tree[key]
    except (LookupError, TypeError):
        raise MissingEntryError(f"one of the further trees has no entry {key!r}") from None


def _join(path: str | None, key: Any) -> str:
    return f"{path}.{key}" if path else str(key)
