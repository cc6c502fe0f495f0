"""Memory that others see: it stays, and stays what it was, whatever becomes of the array."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mlx_sys_py import array, float32, from_dlpack, ops, transforms

VIEWS: dict[str, Callable[[array], Any]] = {
    "memoryview": lambda a: np.frombuffer(memoryview(a), dtype=np.float32),
    "buffer": lambda a: np.asarray(memoryview(a)),
    "DLPack": np.from_dlpack,
    "view of a view": lambda a: np.asarray(memoryview(a[:]))[...],
    "view of a part": lambda a: np.asarray(memoryview(a[:-1])),
}
BY_VIEW = pytest.mark.parametrize("view_of", VIEWS.values(), ids=VIEWS)


def set_first(a: array) -> array:
    a[0] = 7
    return a


def set_some(a: array) -> array:
    a[array([0, 2])] = array([7.0, 8.0])
    return a


def set_all(a: array) -> array:
    a[:] = 7
    return a


def iadd(a: array) -> array:
    a += 1
    return a


def imul_chain(a: array) -> array:
    a *= 2
    a -= 3
    a **= 2
    return a


CHANGES: dict[str, Callable[[array], array]] = {
    "addition": iadd,
    "several": imul_chain,
    "one element": set_first,
    "some elements": set_some,
    "all elements": set_all,
    "division": lambda a: a.__itruediv__(2),
    "operations": lambda a: ops.exp(-a * 2) + 1,
    "update": lambda a: a.at[array([0, 1])].add(array([1.0, 2.0])),
}


@BY_VIEW
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("size", [4, 5000, 300_000])
def test_a_change_of_the_array_is_not_seen(
    view_of: Callable[[array], Any], change: Callable[[array], array], size: int
) -> None:
    """A view is of the values at its time: an array that is changed gets other memory."""
    a = ops.arange(size, dtype=float32)
    seen = view_of(a)
    before = seen.copy()
    # The array and what it was made of are gone when this is computed: memory is there to be used
    # again, but not that of the view.
    a = change(a)
    transforms.eval([a])
    assert not np.array_equal(np.asarray(a)[: len(before)], before)
    assert np.array_equal(seen, before)


@BY_VIEW
def test_a_view_keeps_its_memory(view_of: Callable[[array], Any]) -> None:
    seen = [view_of(ops.full((1000,), float(i))) for i in range(50)]
    gc.collect()
    transforms.eval([ops.full((1000,), -1.0) for _ in range(100)])
    assert [set(view) for view in seen] == [{float(i)} for i in range(50)]


@BY_VIEW
def test_a_view_is_freed_in_another_thread(view_of: Callable[[array], Any]) -> None:
    views = [view_of(ops.full((1000,), float(i))) for i in range(50)]
    thread = threading.Thread(target=views.clear)
    thread.start()
    thread.join()
    assert not views


def test_a_capsule_that_nobody_takes() -> None:
    capsules = [ops.arange(1000).__dlpack__() for _ in range(10)]
    gc.collect()
    assert from_dlpack(Capsule(capsules.pop())).tolist() == list(range(1000))
    thread = threading.Thread(target=capsules.clear)
    thread.start()
    thread.join()


class Capsule:
    """Gives a capsule away."""

    def __init__(self, capsule: Any) -> None:
        self.capsule = capsule

    def __dlpack__(self) -> Any:
        return self.capsule


def test_a_capsule_is_taken_once() -> None:
    capsule = Capsule(array([1, 2]).__dlpack__())
    assert from_dlpack(capsule).tolist() == [1, 2]
    with pytest.raises(BufferError, match="dltensor"):
        from_dlpack(capsule)


@pytest.mark.parametrize("make", [array, from_dlpack, lambda x: array(memoryview(x))])
def test_an_array_does_not_see_changes_of_its_source(make: Callable[[Any], array]) -> None:
    source = np.arange(3, dtype=np.float32)
    made = make(source)
    source += 1
    assert made.tolist() == [0, 1, 2]


def test_a_source_is_let_go() -> None:
    source = np.arange(3, dtype=np.int32)
    gone = weakref.ref(source)
    made = [array(source), from_dlpack(source), array(memoryview(source.data))]
    del source
    gc.collect()
    assert gone() is None
    assert [a.tolist() for a in made] == [[0, 1, 2]] * 3


def test_a_buffer_that_changes_its_size_is_not_held() -> None:
    source = bytearray(b"\1\2\3\4")
    made = array(memoryview(source))
    source.extend(b"more")
    assert made.tolist() == [1, 2, 3, 4]


def test_weak_references() -> None:
    called: list[object] = []
    a = array([1, 2])
    reference = weakref.ref(a, called.append)
    by_name = weakref.WeakValueDictionary({"a": a})
    assert reference() is a
    a += 1
    assert reference() is a
    del a
    assert reference() is None
    assert called == [reference]
    assert not by_name


def test_a_finalizer_sees_a_whole_array() -> None:
    seen = []

    class Holder:
        def __init__(self) -> None:
            self.values = array([1, 2]) * 2
            self.itself = self

        def __del__(self) -> None:
            seen.append((self.values + 1).tolist())

    Holder()
    gc.collect()
    assert seen == [[3, 5]]


def test_an_assignment_in_the_middle_of_an_assignment() -> None:
    """A conversion that runs Python code in the middle cannot pull the array away."""
    a = array([[1.0, 2.0], [3.0, 4.0]])

    class Index:
        def __index__(self) -> int:
            a[...] = array(0.0)
            return 1

    class Value:
        def __mlx_array__(self) -> array:
            a[...] = array(5.0)
            return array(9.0)

    assert a[Index()].shape == (2,)
    a[Index(), 0] = Value()
    transforms.eval([a])
    assert a.tolist() == [[0, 0], [9, 0]]
