"""Dictionaries whose items are attributes."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from typing import Any

import pytest
from mlx_sys_py.attributes import AttributeDict


class Layer(AttributeDict):
    size = 3
    scale: int

    def method(self) -> str:
        return "method"


class Answering(AttributeDict):
    def __getattr__(self, name: str) -> Any:
        if name == "answer":
            return 42
        return super().__getattr__(name)


def test_items_are_attributes() -> None:
    layer = Layer(weight=1)
    layer["bias"] = 2
    layer.scale = 3
    assert (layer.weight, layer.bias, layer.scale, layer.size) == (1, 2, 3, 3)
    assert dict(layer) == {"weight": 1, "bias": 2}
    assert vars(layer) == {"scale": 3}
    del layer["bias"]
    assert not hasattr(layer, "bias")


def test_the_class_comes_first() -> None:
    layer = Layer(method=1, items=2, size=4, __class__=5)
    assert layer.method() == "method"
    assert sorted(layer.items()) == [("__class__", 5), ("items", 2), ("method", 1), ("size", 4)]
    assert layer.size == 3
    assert layer.__class__ is Layer


def test_what_is_not_there() -> None:
    with pytest.raises(AttributeError, match="'Layer' object has no attribute 'weight'"):
        _ = Layer().weight
    with pytest.raises(TypeError):
        getattr(Layer(), 3)  # type: ignore[call-overload]


def test_classes_that_answer_by_themselves() -> None:
    layer = Answering(weight=1)
    assert (layer.weight, layer.answer) == (1, 42)
    with pytest.raises(AttributeError, match="'Answering' object has no attribute 'question'"):
        _ = layer.question


def test_copies() -> None:
    layer = Layer(weight=[1])
    layer.scale = 2
    for same in (copy.copy(layer), copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert type(same) is Layer
        assert dict(same) == {"weight": [1]}
        assert (same.weight, same.scale) == ([1], 2)


def test_circles_are_freed() -> None:
    layer = Layer()
    layer["self"] = layer
    alive = weakref.ref(layer)
    del layer
    gc.collect()
    assert alive() is None
