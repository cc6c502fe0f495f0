"""Trees are taken apart and put together again."""

from collections import namedtuple
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlx_core_py.utils import (
    tree_flatten,
    tree_map,
    tree_map_with_path,
    tree_merge,
    tree_reduce,
    tree_unflatten,
)

Pair = namedtuple("Pair", "first second")

# Keys that are not all digits, and no empty containers: what tree_unflatten can restore.
KEYS = st.text("abc", min_size=1, max_size=3)
TREES = st.recursive(
    st.integers(),
    lambda children: st.one_of(
        st.lists(children, min_size=1, max_size=12),
        st.dictionaries(KEYS, children, min_size=1, max_size=4),
    ),
    max_leaves=20,
)


@given(TREES)
def test_unflatten_is_the_inverse_of_flatten(tree: Any) -> None:
    assert tree_unflatten(tree_flatten(tree)) == tree
    assert tree_unflatten(tree_flatten(tree, destination={})) == tree


@given(TREES)
def test_map_keeps_the_structure(tree: Any) -> None:
    mapped = tree_map(lambda x: x + 1, tree)
    flat, flat_mapped = tree_flatten(tree), tree_flatten(mapped)
    assert flat_mapped == [(path, x + 1) for path, x in flat]


@given(TREES)
def test_paths_are_those_of_flatten(tree: Any) -> None:
    paths = tree_flatten(tree_map_with_path(lambda path, _: path or "", tree))
    assert all(path == leaf for path, leaf in paths)


@given(TREES)
def test_reduce_visits_every_leaf_once(tree: Any) -> None:
    assert tree_reduce(lambda a, b: a + b, tree, 0) == sum(x for _, x in tree_flatten(tree))


def test_flatten_orders_and_names() -> None:
    tree = [1, {"a": 2, "b": (3, 4)}, None, []]
    assert tree_flatten(tree) == [("0", 1), ("1.a", 2), ("1.b.0", 3), ("1.b.1", 4), ("2", None)]
    assert tree_flatten([1], prefix=".x") == [("x.0", 1)]
    assert tree_flatten(5) == [("", 5)]


def test_flatten_into_a_destination() -> None:
    found = {"before": 0}
    assert tree_flatten({"a": 1}, destination=found) is found
    assert found == {"before": 0, "a": 1}
    with pytest.raises(TypeError, match="destination"):
        tree_flatten([1], destination=())  # type: ignore[arg-type]


def test_flatten_takes_a_prefix_of_text_only() -> None:
    assert tree_flatten([1], prefix="a") == [("a.0", 1)]
    with pytest.raises(TypeError, match="prefix must be a str, not int"):
        tree_flatten([1], prefix=1)  # type: ignore[arg-type]


def test_is_leaf_stops_the_descent() -> None:
    tree = (1, [2, 3])
    assert tree_map(len, [[1], [2, 3]], is_leaf=lambda x: x != [[1], [2, 3]]) == [1, 2]
    assert tree_flatten(tree, is_leaf=lambda x: isinstance(x, list)) == [("0", 1), ("1", [2, 3])]
    assert tree_map_with_path(lambda p, x: (p, x), tree, is_leaf=lambda x: x == [2, 3]) == (
        ("0", 1),
        ("1", [2, 3]),
    )


def test_named_tuples_stay_what_they_are() -> None:
    assert tree_map(lambda x: -x, Pair(1, [2])) == Pair(-1, [-2])
    assert isinstance(tree_map(lambda x: x, Pair(1, 2)), Pair)
    assert tree_map_with_path(lambda path, x: path + "!", Pair(1, 2)) == Pair("0!", "1!")


def test_map_takes_what_further_trees_have_in_place_of_a_leaf() -> None:
    assert tree_map(lambda x, y: (x, y), [1, 2], [[3], {"a": 4}, 5]) == [(1, [3]), (2, {"a": 4})]


@pytest.mark.parametrize(
    ("tree", "other"), [([1, 2], [1]), ({"a": 1}, {"b": 1}), ([1], 5), ({"a": [1]}, {"a": 1})]
)
def test_map_names_what_a_further_tree_lacks(tree: Any, other: Any) -> None:
    with pytest.raises(ValueError, match="no entry"):
        tree_map(lambda x, y: x, tree, other)


def test_unflatten_fills_gaps() -> None:
    assert tree_unflatten([("0", 1), ("2", 3)]) == [1, {}, 3]
    assert tree_unflatten([("0", 1), ("a", 2)]) == {"0": 1, "a": 2}
    assert tree_unflatten([("1.b", 4), ("0.a.1", 3)]) == [{"a": [{}, 3]}, {"b": 4}]
    assert tree_unflatten([("", 3)]) == 3


@pytest.mark.parametrize("index", ["99999", "9" * 30, "9" * 10_000])
def test_unflatten_bounds_the_gaps(index: str) -> None:
    with pytest.raises(ValueError, match="gap"):
        tree_unflatten([(f"layers.{index}", 1)])


@pytest.mark.parametrize("paths", [("a", "a.b"), ("a.b", "a"), ("a.b.c", "a.b")])
def test_unflatten_refuses_contradictions(paths: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="leaf"):
        tree_unflatten([(path, 1) for path in paths])


def test_unflatten_keeps_leaves_that_are_dictionaries() -> None:
    assert tree_unflatten([("a.b", {"0": 1})]) == {"a": {"b": {"0": 1}}}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ([1, None], [None, 2], [1, 2]),
        ([], [1, 2], [1, 2]),
        ({"a": {}}, {"a": [2]}, {"a": [2]}),
        ([{"a": 1}], [{"b": 1}, 3], [{"a": 1, "b": 1}, 3]),
        ((1, None), (None, 2), (1, 2)),
        (None, {}, {}),
        ([], None, []),
    ],
)
def test_merge(a: Any, b: Any, expected: Any) -> None:
    assert tree_merge(a, b) == expected


@pytest.mark.parametrize(("a", "b"), [({"a": 1}, {"a": 2}), ((1, 2), [1, 2]), ([{"a": 1}], [[2]])])
def test_merge_needs_a_function_for_values_at_the_same_place(a: Any, b: Any) -> None:
    with pytest.raises(ValueError, match="merge_fn"):
        tree_merge(a, b)


def test_merge_with_a_function() -> None:
    assert tree_merge({"a": [1, 2]}, {"a": [3]}, lambda x, y: x + y) == {"a": [4, 2]}


def test_reduce_without_leaves_or_start() -> None:
    assert tree_reduce(lambda a, b: a + b, []) is None
    assert tree_reduce(lambda a, b: a + b, [1, {"a": 2}]) == 3


def test_unflatten_tells_equal_numbers_apart() -> None:
    assert tree_unflatten([("01", "a"), ("1", "b")]) == {"01": "a", "1": "b"}
    assert tree_unflatten([("00.x", 1), ("0.x", 2)]) == {"00": {"x": 1}, "0": {"x": 2}}
    assert tree_unflatten([("01", "a"), ("0", "b")]) == ["b", "a"]


@pytest.mark.parametrize(("a", "b"), [({}, []), ((), []), ([{}], [()])])
def test_merge_refuses_empty_containers_of_two_kinds(a: Any, b: Any) -> None:
    with pytest.raises(ValueError, match="empty"):
        tree_merge(a, b)
    assert tree_merge(a, a) == a


class Tuple(tuple[Any, ...]):
    """A tuple of a class of its own."""


class List(list[Any]):
    """A list of a class of its own."""


@pytest.mark.parametrize("tree", [Tuple([1, 2]), List([1, 2]), Pair(1, 2)])
def test_classes_of_sequences_are_kept(tree: Any) -> None:
    for mapped in (
        tree_map(lambda x: x + 1, tree),
        tree_map(lambda x, y: y + 1, tree, [1, 2]),
        tree_map_with_path(lambda _, x: x + 1, {"a": tree})["a"],
        tree_merge(tree, tree, lambda x, _: x + 1),
    ):
        assert type(mapped) is type(tree)
        assert list(mapped) == [2, 3]
