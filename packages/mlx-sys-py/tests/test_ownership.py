"""Who keeps a Python function: cycles are collected, graphs keep what they need, ends are safe."""

from __future__ import annotations

import ctypes
import gc
import itertools
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from mlx_sys_py import (
    Closure,
    ClosureCustom,
    ClosureCustomJvp,
    ClosureCustomVmap,
    ClosureKwargs,
    ClosureValueAndGrad,
    array,
    ops,
    transforms,
)
from mlx_sys_py.export import FunctionExporter

X = array([1.0, 2.0])
Function = Callable[[list[array]], list[array]]


class Keeper(NamedTuple):
    """How to make what keeps a function, and how to use that."""

    keep: Callable[[Function], Any]
    use: Callable[[Any], object] = lambda kept: transforms.eval(kept([X]))


def differentiate(kept: Any) -> None:
    transforms.eval(kept([X])[1])


LENGTHS = itertools.count(1)


def export(kept: Any) -> None:
    # An exporter takes arguments of one shape but once.
    kept([ops.ones((next(LENGTHS),))])


KEEPERS = {
    "Closure": Keeper(Closure),
    "ClosureKwargs": Keeper(
        lambda f: ClosureKwargs(lambda args, _: f(args)), lambda kept: kept([X], {})
    ),
    "ClosureValueAndGrad": Keeper(
        lambda f: ClosureValueAndGrad(lambda x: (f(x), x)), differentiate
    ),
    "ClosureCustom": Keeper(
        lambda f: ClosureCustom(lambda x, dy, y: f(x)), lambda kept: kept([X], [X], [X])
    ),
    "ClosureCustomJvp": Keeper(
        lambda f: ClosureCustomJvp(lambda x, dx, argnums: f(x)), lambda kept: kept([X], [X], [0])
    ),
    "ClosureCustomVmap": Keeper(
        lambda f: ClosureCustomVmap(lambda x, axes: (f(x), axes)), lambda kept: kept([X], [0])
    ),
    "value_and_grad": Keeper(lambda f: transforms.value_and_grad(f, [0]), differentiate),
    "compile": Keeper(transforms.compile),
    "checkpoint": Keeper(transforms.checkpoint),
    "custom_vjp": Keeper(lambda f: transforms.custom_vjp(f, lambda x, dy, y: f(x))),
    "custom_function": Keeper(
        lambda f: transforms.custom_function(
            f,
            vjp=lambda x, dy, y: f(x),
            jvp=lambda x, dx, argnums: f(x),
            vmap=lambda x, axes: (f(x), axes),
        )
    ),
    "nested": Keeper(
        lambda f: transforms.value_and_grad(
            transforms.checkpoint(transforms.compile(transforms.compile(f))), [0]
        ),
        differentiate,
    ),
    "compile of checkpoint": Keeper(lambda f: transforms.compile(transforms.checkpoint(f))),
    "checkpoint in compile": Keeper(
        lambda f: transforms.compile(lambda x: transforms.checkpoint(lambda y: f(y))(x))
    ),
    "gradient of checkpoint in compile": Keeper(
        lambda f: transforms.compile(
            lambda x: transforms.value_and_grad(transforms.checkpoint(lambda y: f(y)), [0])(x)[0]
        )
    ),
    "exporter": Keeper(
        lambda f: FunctionExporter(lambda step: None, lambda args, _: f(args)), export
    ),
    "callback of an exporter": Keeper(
        lambda f: FunctionExporter(lambda step: f([X]) and None, lambda args, _: args), export
    ),
}
BY_KEEPER = pytest.mark.parametrize("keeper", KEEPERS.values(), ids=KEEPERS)


class Owner:
    """Keeps, by a closure or the like, a function that knows it."""

    def __init__(self, keep: Callable[[Function], Any]) -> None:
        self.kept = keep(self.total)

    def total(self, inputs: list[array]) -> list[array]:
        return [(inputs[0] * 2).sum()]


@pytest.fixture(autouse=True)
def _no_automatic_collection() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def is_collected(reference: weakref.ref[Any]) -> bool:
    """Whether the collector, and nothing before it, frees an object."""
    assert reference() is not None
    gc.collect()
    return reference() is None


def clear(value: object) -> None:
    """Take an object's references away, as the collector does to break a cycle."""
    get_slot = ctypes.pythonapi.PyType_GetSlot
    get_slot.restype = ctypes.c_void_p
    tp_clear = 51
    slot = get_slot(ctypes.py_object(type(value)), tp_clear)
    assert ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object)(slot)(value) == 0


@BY_KEEPER
def test_a_cycle_is_collected(keeper: Keeper) -> None:
    reference = weakref.ref(Owner(keeper.keep))
    assert is_collected(reference)


@BY_KEEPER
def test_a_cycle_is_collected_after_use(keeper: Keeper) -> None:
    owner = Owner(keeper.keep)
    keeper.use(owner.kept)
    reference = weakref.ref(owner)
    del owner
    assert is_collected(reference)


@BY_KEEPER
def test_a_cycle_is_collected_after_a_failure(keeper: Keeper) -> None:
    class Failing(Owner):
        def total(self, inputs: list[array]) -> list[array]:
            raise ZeroDivisionError

    owner = Failing(keeper.keep)
    with pytest.raises(ZeroDivisionError):
        keeper.use(owner.kept)
    reference = weakref.ref(owner)
    del owner
    assert is_collected(reference)


@BY_KEEPER
def test_what_keeps_a_function_keeps_it(keeper: Keeper) -> None:
    kept = Owner(keeper.keep).kept
    gc.collect()
    keeper.use(kept)


@BY_KEEPER
def test_a_finalizer_can_still_use_its_closure(keeper: Keeper) -> None:
    """An object that comes back from the dead is whole, and is collected when it dies again."""
    saved = []

    class Returning(Owner):
        def __del__(self) -> None:
            keeper.use(self.kept)
            saved.append(self)

    Returning(keeper.keep)
    gc.collect()
    (owner,) = saved
    keeper.use(owner.kept)
    reference = weakref.ref(owner)
    del owner
    saved.clear()
    assert is_collected(reference)


@BY_KEEPER
def test_use_after_the_collector_has_cleared(keeper: Keeper) -> None:
    owner = Owner(keeper.keep)
    clear(owner.kept)
    with pytest.raises((RuntimeError, TypeError), match=r"function is gone|not callable"):
        keeper.use(owner.kept)


def test_a_cleared_closure_is_not_made_again() -> None:
    for closure in (Closure(lambda x: x), transforms.compile(lambda x: x)):
        clear(closure)
        with pytest.raises(RuntimeError, match="again"):
            closure.__init__(lambda x: x)  # type: ignore[misc]


def test_a_cleared_function_in_the_middle() -> None:
    source = Closure(lambda x: [x[0] * 2])
    users: list[Any] = [
        transforms.compile(source),
        transforms.value_and_grad(source, [0]),
        transforms.checkpoint(source),
        Closure(source),
    ]
    clear(source)
    for user in users:
        with pytest.raises(RuntimeError, match="function is gone"):
            user([X])


def test_a_closure_that_frees_itself_while_it_runs() -> None:
    closures: dict[str, Any] = {}

    def free_all(inputs: list[array]) -> list[array]:
        closures.clear()
        gc.collect()
        return [inputs[0].sum()]

    for name in ("Closure", "compile", "checkpoint", "custom_function", "nested"):
        closures["only"] = KEEPERS[name].keep(free_all)
        result = closures["only"]([X])
        assert not closures
        assert (result[0] if name == "nested" else result)[0].item() == 3


def test_a_graph_keeps_the_functions_of_its_nodes() -> None:
    """The rules of a custom function are needed until the graph is differentiated or computed."""
    owner = Owner(lambda f: transforms.custom_vjp(f, lambda x, dy, y: [dy[0] * f(x)[0]]))
    reference = weakref.ref(owner)

    def forward(inputs: list[array]) -> list[array]:
        nonlocal owner
        result: list[array] = owner.kept(inputs)
        del owner
        gc.collect()
        assert reference() is not None
        return result

    values, grads = transforms.value_and_grad(forward, [0])([X])
    assert (values[0].item(), grads[0].item()) == (6, 6)
    assert is_collected(reference)


def test_a_graph_that_is_computed_lets_go() -> None:
    owner = Owner(transforms.checkpoint)
    (result,) = owner.kept([X])
    reference = weakref.ref(owner)
    del owner
    gc.collect()
    assert reference() is not None
    assert result.item() == 6
    assert is_collected(reference)


@pytest.mark.parametrize("name", ["Closure", "compile", "checkpoint", "custom_vjp"])
def test_deeply_nested_closures(name: str) -> None:
    """However deep, freeing does not overflow the stack, and calling raises."""
    closure: Any = Closure(lambda x: x)
    for _ in range(200_000):
        closure = KEEPERS[name].keep(closure)
    with pytest.raises(RecursionError):
        closure([X])
    del closure


def test_nested_checkpoints() -> None:
    """The cost of their gradient grows with the square of their number, not with a power of it."""
    closure: Any = Closure(lambda x: [x[0] * 1.5])
    for _ in range(100):
        closure = transforms.checkpoint(closure)
    assert transforms.value_and_grad(closure, [0])([array(1.0)])[1][0].item() == 1.5
