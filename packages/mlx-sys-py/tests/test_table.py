"""Every function of the table, as it comes out in the installed package."""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlx_sys_py
import pytest
from codegen import emit_json, signatures, table
from codegen.vocabulary import GROUPS
from mlx_sys_py import array

SPEC = Path(__file__).parents[1] / "spec"

TABLE: list[dict[str, Any]] = [
    {**function, "group": group}
    for group in GROUPS
    for function in json.loads(emit_json.text(table.read(SPEC, group)))["functions"]
]
PUBLIC = [row for row in TABLE if row["in_python"] and not row["private"]]
METHODS = [row for row in PUBLIC if row["method"]]

# What no parameter takes, and values that have brought down code that trusts its callers.
NOTHING = object()
HOSTILE = [
    None, "text", b"", True, 0, -1, 2**31 - 1, 2**31, -(2**63), 2**64, 10**30, 1.5, float("nan"),
    1e308, 1j, [], (), [[]], [[1.0], [2.0, 3.0]], [2**31], [-1], [0], ["a"], {}, NOTHING,
]  # fmt: skip
ERRORS = (TypeError, ValueError, IndexError, RuntimeError, NotImplementedError)


def named(rows: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=[f"{r['group']}.{r['name']}" for r in rows])


def function_of(row: dict[str, Any]) -> Callable[..., Any]:
    module = importlib.import_module(f"mlx_sys_py.{row['group']}")
    return getattr(module, row["name"])  # type: ignore[no-any-return]


# Functions that want particular arguments, and an argument that has another name when it is alone.
ARGUMENTS: dict[str, dict[str, Any]] = {
    "arange": {"stop": 3},
    "convolve": {"a": array([1.0, 2.0]), "v": array([1.0, 2.0])},
}
ERROR_SAYS = {("arange", "start_or_stop"): "start"}


def fitting(annotation: str) -> Any:
    """A value of the kind that an annotation asks for; the function may still want another."""
    for word, value in {
        "Sequence[array]": [array([[1.0, 2.0], [3.0, 4.0]])] * 2,
        "array": array([[1.0, 2.0], [3.0, 4.0]]),
        "Dtype": mlx_sys_py.float32,
        "StreamLike": None,
        "bool": True,
        "IntOrInts": 1,
        "list[tuple[int": 1,
        "Sequence[int]": [1, 1],
        "int": 1,
        "float": 0.5,
        "Scalar": 0.5,
        "str": "affine",
        "Literal": None,
    }.items():
        if word in annotation:
            if word == "Literal":
                return ast.literal_eval(ast.parse(annotation).body[0].value.slice.elts[0])  # type: ignore[attr-defined]
            return value
    raise AssertionError(f"no value for {annotation}")


def call(row: dict[str, Any], changed: str, value: object) -> object:
    """Calls a function with fitting arguments, except one."""
    positional: list[object] = []
    named_arguments: dict[str, object] = {}
    for parameter in row["parameters"]:
        name, kind = parameter["name"], parameter["kind"]
        own = ARGUMENTS.get(row["name"], {})
        if name != changed and name not in own and parameter["default"] is not None:
            continue
        if name == changed:
            given = value
        else:
            given = own.get(name, fitting(parameter["annotation"]))
        if kind == "VAR_POSITIONAL":
            positional += [given, given]
        elif kind == "KEYWORD_ONLY" or named_arguments or parameter["default"] is not None:
            named_arguments[name] = given
        else:
            positional.append(given)
    return function_of(row)(*positional, **named_arguments)


@named(PUBLIC)
def test_is_importable(row: dict[str, Any]) -> None:
    module = importlib.import_module(f"mlx_sys_py.{row['group']}")
    assert callable(function_of(row))
    for name in (row["name"], *row["aliases"]):
        assert name in module.__all__
        assert getattr(module, name) is function_of(row)


@named(PUBLIC)
def test_is_documented(row: dict[str, Any]) -> None:
    doc = inspect.getdoc(function_of(row)) or ""
    for section in ("Args:", "Returns:", "Example:", "See: "):
        assert section in doc, f"{row['place']}: no {section}"
    arguments = doc.partition("Args:")[2].partition("Returns:")[0]
    for parameter in row["parameters"]:
        assert f" {parameter['name']}" in arguments or f"*{parameter['name']}" in arguments, (
            f"{row['place']}: {parameter['name']} is not described"
        )


@named(PUBLIC)
def test_has_its_signature(row: dict[str, Any]) -> None:
    found = [
        (parameter.name, parameter.kind.name, parameter.default is parameter.empty)
        for parameter in inspect.signature(function_of(row)).parameters.values()
    ]
    assert found == [
        (parameter["name"], parameter["kind"], parameter["default"] is None)
        for parameter in row["parameters"]
    ]


@pytest.mark.parametrize("group", GROUPS)
def test_stub_is_exact(group: str) -> None:
    stub = Path(mlx_sys_py.__file__).with_name(f"{group}.pyi")
    definitions: dict[str, list[ast.FunctionDef]] = {}
    for node in ast.parse(stub.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            definitions.setdefault(node.name, []).append(node)
    rows = {row.name: row for row in table.read(SPEC, group).public_functions}
    assert definitions.keys() == rows.keys()
    for name, row in rows.items():
        wanted = row.overloads or ((row.args, row.returns),)
        for node, (args, returns) in zip(definitions[name], wanted, strict=True):
            assert signatures.signature(node.args) == signatures.signature(args)
            assert ast.dump(node.returns or ast.Pass()) == ast.dump(returns)


@pytest.mark.parametrize("group", GROUPS)
def test_module_has_nothing_else(group: str) -> None:
    module = importlib.import_module(f"mlx_sys_py.{group}")
    names = {n for row in PUBLIC if row["group"] == group for n in (row["name"], *row["aliases"])}
    assert set(module.__all__) == names


@named(METHODS)
def test_method_is_there(row: dict[str, Any]) -> None:
    method = getattr(array, row["name"])
    assert inspect.getdoc(method)
    assert next(iter(inspect.signature(method).parameters)) == "self"


@named(PUBLIC)
def test_wrong_type_names_the_argument(row: dict[str, Any]) -> None:
    for parameter in row["parameters"]:
        name = parameter["name"]
        with pytest.raises(TypeError) as error:
            call(row, name, NOTHING)
        said = ERROR_SAYS.get((row["name"], name), name)
        assert said in str(error.value), f"{row['place']}: {name}: {error.value}"


@named(PUBLIC)
def test_nothing_brings_it_down(row: dict[str, Any]) -> None:
    for parameter in row["parameters"]:
        for value in HOSTILE:
            # Only how the call ends matters: a result that is never evaluated may be anything.
            with contextlib.suppress(*ERRORS):
                call(row, parameter["name"], value)
