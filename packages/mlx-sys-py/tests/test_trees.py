"""Arrays of trees, taken out and put in, and functions of trees."""

from __future__ import annotations

import functools
from collections import OrderedDict, namedtuple
from typing import Any

import pytest
from mlx_sys_py import array, ops
from mlx_sys_py.tree_transforms import Compiled, ValueAndGrad, Vectorized, update_wrapper
from mlx_sys_py.trees import Loan, arrays_of, only_arrays_of, with_arrays, without_arrays

Pair = namedtuple("Pair", "first second")


class Many(list[Any]):
    """A list that iterates over something else than it holds."""

    def __iter__(self) -> Any:
        return iter([array(7)])


def test_arrays_come_out_in_order_and_go_in_again() -> None:
    a, b, c = array(1), array(2), array(3)
    tree = [a, {"x": (b, "constant"), "y": Pair(c, None)}, Many()]
    found = arrays_of(tree)
    assert [x.item() for x in found] == [1, 2, 3, 7]
    filled = with_arrays(without_arrays(tree), iter("abcd"))
    assert filled == ["a", {"x": ("b", "constant"), "y": Pair("c", None)}, ["d"]]
    assert type(filled[1]["y"]) is Pair
    assert with_arrays(tree, iter("abcd"), constants=False)[1]["x"] == ("b", None)
    assert without_arrays(OrderedDict(x=1)) == {"x": 1}


def test_only_arrays() -> None:
    x = array(1)
    assert only_arrays_of(x, "here")[0] is x
    for tree in (1, [x, {"a": "text"}]):
        with pytest.raises(ValueError, match="here must hold arrays only, but it holds a"):
            only_arrays_of(tree, "here")


@pytest.mark.parametrize("function", [arrays_of, without_arrays])
def test_a_list_that_holds_itself_is_an_error(function: Any) -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(RecursionError):
        function(endless)
    with pytest.raises(RecursionError):
        Compiled(lambda x: x, None, None, False)((endless,), {})
    with pytest.raises(RecursionError):
        Loan((endless,), iter([]))


def test_a_loan_shows_what_was_changed() -> None:
    x, y, new = array(1), array(2), array(3)
    tree = {"x": x, "rest": [y]}
    loan = Loan((tree,), iter([new, array(4)]))
    (lent,) = loan.trees
    assert lent["x"] is new
    assert tree["x"] is x
    lent["added"] = 5
    lent["rest"].append(6)
    loan.give_back()
    assert tree == {"x": x, "rest": [y, 6], "added": 5}


def test_functions_of_trees() -> None:
    square = ValueAndGrad("grad", lambda p, scale: ops.sum(p["w"] * p["w"] * scale), (0,), ())
    value, gradient = square(({"w": array([1.0, 2.0])}, 2.0), {})
    assert value.item() == 10
    assert gradient["w"].tolist() == [4, 8]
    rows = Vectorized(lambda x, y: (x + y, x), (0, None), [0, 1])
    sums, copies = rows((array([[1, 2], [3, 4]]), array([10, 20])))
    assert sums.tolist() == [[11, 22], [13, 24]]
    assert copies.tolist() == [[1, 3], [2, 4]]
    calls: list[int] = []

    def plus(x: array, by: int) -> dict[str, array]:
        calls.append(by)
        return {"y": x + by}

    compiled = Compiled(plus, None, None, False)
    for by in (1, 2, 1):
        assert compiled((array(1),), {"by": by})["y"].item() == 1 + by
    assert calls == [1, 2]


def test_a_wrapper_takes_over_what_functools_takes_over() -> None:
    def wrapped(x: int) -> str:
        """A docstring."""
        return str(x)

    wrapped.note = "kept"  # type: ignore[attr-defined]

    def ours(*args: Any) -> Any: ...
    def theirs(*args: Any) -> Any: ...

    assert update_wrapper(ours, wrapped) is ours
    functools.update_wrapper(theirs, wrapped)
    assert vars(ours) == vars(theirs)
    names = (*functools.WRAPPER_ASSIGNMENTS, "__annotations__")
    assert [getattr(ours, name) for name in names] == [getattr(theirs, name) for name in names]
    # What has none of it is wrapped as well.
    assert update_wrapper(ours, functools.partial(wrapped)).__name__ == "wrapped"
