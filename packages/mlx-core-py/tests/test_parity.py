"""Every public name of official MLX is here, or is listed with the reason why it is not."""

from __future__ import annotations

import importlib
import inspect
import types
from typing import Any

import mlx_core_py as mx
import pytest

official = pytest.importorskip("mlx.core", reason="official MLX has the names to compare with")

MODULES = {
    "core": official,
    **{
        name: getattr(official, name)
        for name in dir(official)
        if isinstance(getattr(official, name), types.ModuleType)
    },
    **{
        name: importlib.import_module(f"mlx.{name}")
        for name in ("nn", "nn.init", "nn.losses", "nn.utils", "optimizers", "utils")
    },
}

ABSENT = {
    "core.array.__div__": "the division of Python 2",
    "core.array.__rdiv__": "the division of Python 2",
}


def ours(name: str) -> Any:
    return importlib.import_module("mlx_core_py" if name == "core" else f"mlx_core_py.{name}")


def public(name: str) -> dict[str, Any]:
    """What a module of official MLX defines for users, submodules apart."""
    module = MODULES[name]
    written_in_python = str(getattr(module, "__file__", "")).endswith(".py")
    package = name.partition(".")[0]
    return {
        key: value
        for key, value in vars(module).items()
        if not key.startswith("_")
        and not isinstance(value, types.ModuleType)
        # Python's own modules import names, which are not theirs.
        and (
            not written_in_python
            or str(getattr(value, "__module__", "")).startswith(f"mlx.{package}")
        )
    }


def parameters(function: Any) -> set[str]:
    """The parameters of a native function, which the first line of its documentation lists."""
    declaration = (function.__doc__ or "").partition("\n")[0].partition(" -> ")[0]
    depth, names = 0, [""]
    for character in declaration.partition("(")[2].rpartition(")")[0]:
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            names.append("")
        else:
            names[-1] += character
    stripped = {name.partition(":")[0].partition("=")[0].strip(" *") for name in names}
    return stripped - {"", "/"}


def missing_names() -> set[str]:
    return {
        f"{name}.{key}" for name in MODULES for key in public(name) if not hasattr(ours(name), key)
    }


def missing_attributes() -> set[str]:
    """Of classes; what Python gives every class in one way or another does not count."""
    every = {*vars(type), *vars(types.new_class("Class"))}
    return {
        f"{name}.{key}.{attribute}"
        for name in MODULES
        for key, value in public(name).items()
        if isinstance(value, type) and hasattr(ours(name), key)
        for attribute in set(dir(value)) - set(dir(getattr(ours(name), key))) - every
        if not attribute.startswith("_") or attribute.startswith("__")
    }


def missing_parameters() -> set[str]:
    return {
        f"{name}.{key}({parameter})"
        for name in MODULES
        for key, value in public(name).items()
        if type(value).__name__ == "nb_func" and inspect.isroutine(getattr(ours(name), key, None))
        for parameter in parameters(value)
        - set(inspect.signature(getattr(ours(name), key)).parameters)
    }


def test_names_and_attributes() -> None:
    assert missing_names() | missing_attributes() == set(ABSENT)


def test_names_of_nn_are_in_the_files_that_mlx_has_them_in() -> None:
    nn, theirs = ours("nn"), public("nn")
    files = {name: getattr(nn, name).__module__ for name in theirs if hasattr(nn, name)}
    assert files["Linear"] == "mlx_core_py.nn.layers.linear"
    assert files == {
        name: theirs[name].__module__.replace("mlx", "mlx_core_py", 1) for name in files
    }


def test_parameters() -> None:
    assert parameters(official.sum) == {"a", "axis", "keepdims", "stream"}
    assert missing_parameters() == set()


def test_what_is_absent_is_absent_for_a_reason() -> None:
    assert all(ABSENT.values())


@pytest.mark.parametrize("subscripts", ["ij,jk,kl->il", "ij,ij->i", "ii->i"])
def test_einsum_path(subscripts: str) -> None:
    shapes = {"i": 2, "j": 7, "k": 7, "l": 3}
    sizes = [tuple(shapes[x] for x in term) for term in subscripts.partition("->")[0].split(",")]
    expected = official.einsum_path(subscripts, *(official.zeros(size) for size in sizes))
    assert mx.einsum_path(subscripts, *(mx.zeros(size) for size in sizes)) == expected


def test_einsum_path_of_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="einsum_path"):
        mx.einsum_path("ij,jk->ik", mx.zeros((2, 3)))
    with pytest.raises(TypeError, match="subscripts"):
        mx.einsum_path(mx.zeros(2), mx.zeros(2))  # type: ignore[arg-type]


@pytest.mark.parametrize("precision", [-1, 0, 1, 9, 40])
def test_printed_with_precision(precision: int) -> None:
    numbers = [1.23456789, -2.0, 1e10]
    with official.printoptions(precision=precision):
        expected = [repr(official.array(numbers)), str(official.array(1.5))]
    before = repr(mx.array(numbers))
    with mx.printoptions(precision=precision):
        assert mx.get_printoptions().precision == precision
        assert [repr(mx.array(numbers)), str(mx.array(1.5))] == expected
    assert repr(mx.array(numbers)) == before


def test_precision_out_of_range() -> None:
    for precision in (-2, 1001, 2**31):
        with pytest.raises(ValueError, match="precision"):
            mx.set_printoptions(precision)
    with pytest.raises(TypeError, match="precision"):
        mx.set_printoptions("3")  # type: ignore[arg-type]
    assert mx.get_printoptions().precision == -1


def test_buffer_size_counts_shared_memory_once() -> None:
    a = mx.zeros((100, 100))
    b = a[10:]
    mx.eval(a, b)
    assert mx.get_array_buffer_size(a, {"b": [b, 3]}) == mx.get_array_buffer_size(a) >= a.nbytes
    assert mx.get_array_buffer_size() == 0
    with pytest.raises(ValueError, match="evaluated"):
        mx.get_array_buffer_size(mx.exp(a))


def test_categories_are_an_enumeration() -> None:
    assert set(mx.DtypeCategory.__members__) == set(official.DtypeCategory.__members__)
    assert repr(mx.floating) == repr(official.floating)
