"""What holds for all transforms."""

from collections.abc import Callable
from typing import Any

import mlx_core_py as mx
import pytest

X = mx.array([1.0, 2.0, 3.0])


class Oops(Exception):
    pass


def raise_oops(*_: Any) -> mx.array:
    raise Oops("in the function")


@pytest.mark.parametrize(
    "call",
    [
        lambda: mx.grad(raise_oops)(X),
        lambda: mx.vjp(raise_oops, [X], [X]),
        lambda: mx.jvp(raise_oops, [X], [X]),
        lambda: mx.vmap(raise_oops)(X),
        lambda: mx.compile(raise_oops)(X),
        lambda: mx.checkpoint(raise_oops)(X),
    ],
)
def test_exceptions_come_out_as_they_are(call: Callable[[], Any]) -> None:
    with pytest.raises(Oops, match="in the function"):
        call()


@pytest.mark.parametrize("name", ["grad", "value_and_grad", "vmap", "compile", "checkpoint"])
def test_functions_must_be_callable(name: str) -> None:
    with pytest.raises(TypeError, match="callable"):
        getattr(mx, name)(3)
