"""The array API standard: every name is there and is called as the standard says.

What the functions compute is compared with array-api-strict by ``nox -s array-api``.
"""

from __future__ import annotations

import inspect
from inspect import Parameter
from operator import attrgetter

import mlx_core_py as mx
import pytest
from array_api_names import ATTRIBUTES, CONSTANTS, DTYPES, FUNCTIONS, INSPECTION, METHODS

POSITIONAL = {Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD}
BY_NAME = {Parameter.KEYWORD_ONLY, Parameter.POSITIONAL_OR_KEYWORD}


def disagreements(theirs: inspect.Signature, ours: inspect.Signature) -> list[str]:
    """What a caller who knows the standard's signature would stumble over."""
    found = []
    mine = list(ours.parameters.values())
    for place, wanted in enumerate(theirs.parameters.values()):
        if wanted.kind is Parameter.VAR_POSITIONAL:
            if place >= len(mine) or mine[place].kind is not Parameter.VAR_POSITIONAL:
                found.append(f"takes no *{wanted.name}")
            continue
        by_name = ours.parameters.get(wanted.name)
        if wanted.kind is not Parameter.KEYWORD_ONLY and (
            place >= len(mine) or mine[place].kind not in POSITIONAL
        ):
            found.append(f"{wanted.name} cannot be given by position {place}")
            continue
        if wanted.kind is not Parameter.POSITIONAL_ONLY and (
            by_name is None or by_name.kind not in BY_NAME
        ):
            found.append(f"{wanted.name} cannot be given by name")
            continue
        if wanted.kind is Parameter.POSITIONAL_OR_KEYWORD and mine[place].name != wanted.name:
            found.append(f"position {place} is not {wanted.name}")
        got = mine[place] if wanted.kind is Parameter.POSITIONAL_ONLY else by_name
        # None stands for the standard's default, and a data type where that is None for its own.
        accepted = {wanted.default, None}
        if wanted.default is None and isinstance(got.default, mx.Dtype):
            accepted.add(got.default)
        if wanted.default is not Parameter.empty and got.default not in accepted:
            found.append(f"{wanted.name} is {got.default!r} by default")
    names = list(theirs.parameters)
    for place, parameter in enumerate(mine):
        if parameter.default is Parameter.empty and parameter.kind is not Parameter.VAR_POSITIONAL:
            known = place < len(names) if parameter.kind in POSITIONAL else parameter.name in names
            if not known:
                found.append(f"{parameter.name} has to be given")
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name: str) -> None:
    function = attrgetter(name)(mx)
    # A class of NumPy's kind is called like a function.
    assert disagreements(FUNCTIONS[name], inspect.signature(function)) == []
    module, _, last = name.rpartition(".")
    assert last in dir(getattr(mx, module) if module else mx)


@pytest.mark.parametrize("name", METHODS)
def test_method(name: str) -> None:
    method = getattr(mx.array(1), name)
    try:
        signature = inspect.signature(method)
    except ValueError:
        # A slot of the type, whose signature is that of Python's protocol.
        assert callable(method)
        return
    assert disagreements(METHODS[name], signature) == []


@pytest.mark.parametrize("name", INSPECTION)
def test_inspection(name: str) -> None:
    function = getattr(mx.__array_namespace_info__(), name)
    assert disagreements(INSPECTION[name], inspect.signature(function)) == []


def test_attributes() -> None:
    for name in ATTRIBUTES:
        assert hasattr(mx.ones((2, 2)), name), name


def test_constants_and_data_types() -> None:
    for name in (*CONSTANTS, *DTYPES):
        assert hasattr(mx, name), name
    assert mx.newaxis is None
    assert mx.__array_api_version__ == "2025.12"
