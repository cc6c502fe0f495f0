"""Reads the table.

`spec/<group>.pyi`, or `spec/<group>/*.pyi`, are valid Python. A row is a function definition::

    @c("mlx_sum", "array a, bool keepdims", when="axis is None")
    @c("mlx_sum_axes", "array a, ints axes, bool keepdims", axes="axis")
    @method
    def sum(a: array, /, axis: IntOrInts | None = None, keepdims: bool = False,
            *, stream: StreamLike = None) -> array:
        '''Sum over the given axes. ...'''

* ``@c(name, parameters, *, when, cpp, check, returns, python, stream, **bindings)`` is a C
  function. The parameters are in the vocabulary of `model.TYPES`; a stream follows them unless
  ``stream=False``. The first variant whose ``when`` holds is called. A parameter takes its value
  from the Python parameter of its name or from the expression that a binding gives. ``cpp`` is the
  C++ function (default: the row's name in the group's namespace; one in ``mlx_c`` is there in place
  of MLX's of the same name) or an expression with ``{parameter}`` and ``{s}`` in it, ``check`` such
  an expression that throws for arguments that MLX takes on trust. ``returns`` is "", "array",
  "array, array", ... or "arrays" where the annotation does not tell. With ``python=False`` the
  variant exists in C only.
* ``@method``, or ``@method("parameters")`` if they differ: the array class has it too.
* ``@alias("name")``: another name of the same Python function.
* ``@weak("a", "b")``: Python scalars among these take their type from the arrays among them.
* ``@blocking``: the GIL is released round the C call.
* ``@cached_node``: where operands agree in type and shape, the C++ function makes one node of them,
  or two if it is a reduction, with primitives that depend on nothing else but a shape or an axis
  that is given, so nodes may be built after the pattern of the first one.

Statements after the docstring run before the variants are tried. A row whose name begins with an
underscore is for other rows only. A row without ``@c`` is Python only, one whose variants are all
``python=False`` and which has no statements is C only. The module's docstring heads the reference
page; ``c_includes = [...]`` names further headers that the group's header includes, and
``cpp_includes = [...]`` headers of the library that its C++ does.
"""

from __future__ import annotations

import ast
import builtins
import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from codegen.model import Function, Group, Param, Section, SpecError, Variant
from codegen.signatures import parameters, parse, without_first
from codegen.vocabulary import CONVERSIONS, DTYPES, ERRORS, RESULTS, STUB_NAMES, TYPES

T = TypeVar("T")

_TYPES_AND_STREAM = ("array", "Dtype", "Stream", "to_stream")
_OUTPUTS = {
    "None": (),
    "array": ("array",),
    "list[array]": ("arrays",),
    "tuple[array, ...]": ("arrays",),
    **{f"tuple[{', '.join(['array'] * n)}]": ("array",) * n for n in range(2, 6)},
}
_OPTIONS: dict[str, type] = {
    "when": str,
    "cpp": str,
    "check": str,
    "returns": str,
    "python": bool,
    "stream": bool,
}


def read(spec: Path, group: str) -> Group:
    """The rows of a group.

    Args:
        spec: the folder of the table.
        group: one of `model.GROUPS`.

    Raises:
        SpecError: if the table says something that cannot be.
    """
    paths = [*spec.glob(f"{group}.pyi"), *sorted(spec.glob(f"{group}/*.pyi"))]
    if not paths:
        raise SpecError(spec, 0, f"there is no {group}.pyi and no folder {group}")
    sections = [_section(path, f"{spec.name}/{path.relative_to(spec)}", group) for path in paths]
    c_includes, cpp_includes = (
        tuple(dict.fromkeys(name for path in paths for name in _names(path, variable)))
        for variable in ("c_includes", "cpp_includes")
    )
    result = Group(group, tuple(sections), c_includes, cpp_includes)
    _check_names(result.functions)
    return result


def _section(path: Path, source: str, group: str) -> Section:
    module = _parsed(lambda: ast.parse(path.read_text()), source, 1)
    doc = ast.get_docstring(module)
    if not doc:
        raise SpecError(source, 1, "no docstring")
    rows = (node for node in module.body if isinstance(node, ast.FunctionDef))
    return Section(path, source, doc, tuple(_Row(row, group, source).function() for row in rows))


def _names(path: Path, variable: str) -> Iterator[str]:
    """The names that the module assigns to the variable."""
    for node in ast.parse(path.read_text()).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) if name == variable:
                yield from ast.literal_eval(node.value)


def _parsed(parse: Callable[[], T], path: Path | str, line: int) -> T:
    try:
        return parse()
    except SyntaxError as error:
        raise SpecError(path, line + (error.lineno or 1) - 1, f"not Python: {error.msg}") from None


def _check_names(functions: list[Function]) -> None:
    """Names are unique, and what the rows' Python reads exists where it will run."""
    c_names: dict[str, str] = {}
    python_names: dict[str, str] = {}
    for function in functions:
        for variant in function.variants:
            _claim(c_names, variant.name, function, variant.line)
        if function.in_python:
            for name in (function.name, *function.aliases):
                _claim(python_names, name, function, function.line)
    known = {
        *dir(builtins),
        *DTYPES,
        *ERRORS,
        *RESULTS,
        *CONVERSIONS,
        *python_names,
        *_TYPES_AND_STREAM,
    }
    for function in functions:
        for name in sorted(function.free_names - known):
            raise SpecError(function.path, function.line, f"{function.name}: unknown name {name!r}")


def _claim(taken: dict[str, str], name: str, function: Function, line: int) -> None:
    if name in taken:
        raise SpecError(function.path, line, f"duplicate name {name}, first at {taken[name]}")
    taken[name] = f"{function.path}:{line}"


def _assigned(prelude: tuple[ast.stmt, ...]) -> Iterator[str]:
    """The names that the statements bind."""
    for node in (node for statement in prelude for node in ast.walk(statement)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


class _Row:
    """One function definition of the table."""

    def __init__(self, node: ast.FunctionDef, group: str, path: str):
        self.node = node
        self.group = group
        self.path = path

    def error(self, line: int, message: str) -> SpecError:
        return SpecError(self.path, line, f"{self.node.name}: {message}")

    def function(self) -> Function:
        node = self.node
        if node.returns is None:
            raise self.error(node.lineno, "no return annotation")
        doc = ast.get_docstring(node)
        if not doc:
            raise self.error(node.lineno, "no docstring")
        for arg in parameters(node.args):
            self.check_annotation(arg)
        if node.args.kwarg:
            raise self.error(node.lineno, "**keywords are not supported")
        prelude = tuple(s for s in node.body[1:] if not _is_ellipsis(s))
        for name in _assigned(prelude):
            if name.startswith("_"):
                raise self.error(node.lineno, f"{name}: names with _ are the generator's own")
        function = Function(
            node.name, self.group, self.path, node.lineno, node.args, node.returns, doc, prelude
        )
        variants: list[Variant] = []
        for decorator in node.decorator_list:
            match decorator:
                case ast.Call(func=ast.Name(id="c")):
                    variants.append(self.variant(decorator, function))
                case ast.Call(func=ast.Name(id="method"), args=[ast.Constant(value=str(text))]):
                    function = replace(function, method_args=self.method_args(text, decorator))
                case ast.Name(id="method"):
                    function = replace(function, method_args=without_first(node.args))
                case ast.Name(id="blocking"):
                    function = replace(function, blocking=True)
                case ast.Name(id="cached_node"):
                    function = replace(function, cached_node=True)
                case ast.Call(func=ast.Name(id="alias")):
                    function = replace(function, aliases=self.strings(decorator))
                case ast.Call(func=ast.Name(id="weak")):
                    function = replace(function, weak=self.weak(decorator))
                case _:
                    text = ast.unparse(decorator)
                    raise self.error(decorator.lineno, f"unknown decorator {text}")
        function = replace(function, variants=tuple(variants))
        self.check_choice(function)
        return function

    def check_annotation(self, arg: ast.arg) -> None:
        if arg.annotation is None:
            raise self.error(arg.lineno, f"parameter {arg.arg} has no annotation")
        for node in ast.walk(arg.annotation):
            if isinstance(node, ast.Name) and not (
                node.id in STUB_NAMES or hasattr(builtins, node.id)
            ):
                raise self.error(arg.lineno, f"parameter {arg.arg}: unknown annotation {node.id}")

    def strings(self, call: ast.Call) -> tuple[str, ...]:
        try:
            values = [ast.literal_eval(arg) for arg in call.args]
        except ValueError:
            values = []
        if not values or call.keywords or not all(isinstance(value, str) for value in values):
            raise self.error(call.lineno, f"{ast.unparse(call.func)} takes strings")
        return tuple(values)

    def weak(self, call: ast.Call) -> tuple[str, ...]:
        names = self.strings(call)
        known = {arg.arg for arg in parameters(self.node.args)}
        if not 2 <= len(names) <= 3:
            raise self.error(call.lineno, "weak takes two or three parameters")
        for name in names:
            if name not in known:
                raise self.error(call.lineno, f"weak: there is no parameter {name}")
        return names

    def method_args(self, text: str, decorator: ast.expr) -> ast.arguments:
        args = _parsed(lambda: parse(text), self.path, decorator.lineno)
        for arg in parameters(args):
            arg.lineno = decorator.lineno
            self.check_annotation(arg)
        return args

    def variant(self, call: ast.Call, function: Function) -> Variant:
        if len(call.args) != 2:
            raise self.error(call.lineno, "c takes a C name and its parameters")
        name, declared = self.strings(ast.Call(call.func, call.args, [], lineno=call.lineno))
        options, sources = self.options(call)
        if "returns" in options:
            outputs = tuple(filter(None, str(options["returns"]).replace(" ", "").split(",")))
            if outputs and outputs != ("arrays",) and set(outputs) != {"array"}:
                raise self.error(call.lineno, f"{name}: unknown result {options['returns']!r}")
        else:
            annotation = ast.unparse(function.returns)
            if annotation not in _OUTPUTS:
                raise self.error(call.lineno, f"{name}: returns= is needed beside -> {annotation}")
            outputs = _OUTPUTS[annotation]
        python = bool(options.get("python", True))
        given = {arg.arg for arg in parameters(function.args)} | set(_assigned(function.prelude))
        params = []
        for text in filter(None, (part.strip() for part in declared.split(","))):
            kind, _, param = text.rpartition(" ")
            if kind not in TYPES:
                raise self.error(call.lineno, f"{name}: unknown type {kind!r} in {text!r}")
            if not param.isidentifier():
                raise self.error(call.lineno, f"{name}: {param!r} is no name")
            source = sources.pop(param, None)
            if python and source is None:
                if param not in given:
                    raise self.error(
                        call.lineno, f"{name}: {param} is no parameter in Python and has no binding"
                    )
                source = ast.Name(param, ast.Load())
            params.append(Param(param, kind, source))
        for extra in sources:
            raise self.error(call.lineno, f"{name}: binding for {extra}, which it does not take")
        when = options.get("when")
        variant = Variant(
            name,
            tuple(params),
            outputs,
            str(options.get("cpp", _cpp_name(self.group, function.name))),
            str(options.get("check", "")),
            None if when is None else self.expression(str(when), call.lineno),
            python,
            bool(options.get("stream", True)),
            call.lineno,
        )
        self.check_placeholders(variant)
        return variant

    def options(self, call: ast.Call) -> tuple[dict[str, object], dict[str, ast.expr]]:
        options: dict[str, object] = {}
        sources: dict[str, ast.expr] = {}
        for keyword in call.keywords:
            name = keyword.arg
            if name is None or not isinstance(keyword.value, ast.Constant):
                raise self.error(call.lineno, "the options of c are constants")
            value = keyword.value.value
            expected = _OPTIONS.get(name, str)
            if not isinstance(value, expected):
                raise self.error(call.lineno, f"{name}= takes a {expected.__name__}")
            if name in _OPTIONS:
                options[name] = value
            else:
                sources[name] = self.expression(str(value), call.lineno)
        return options, sources

    def expression(self, text: str, line: int) -> ast.expr:
        return _parsed(lambda: ast.parse(text, mode="eval"), self.path, line).body

    def check_placeholders(self, variant: Variant) -> None:
        names = {param.name: "" for param in variant.params}
        try:
            for text in (variant.cpp, variant.check):
                text.format(**names, s="")
        except (KeyError, IndexError, ValueError) as error:
            message = f"{variant.name}: cpp or check has no placeholder {error}"
            raise self.error(variant.line, message) from None

    def check_choice(self, function: Function) -> None:
        """Every Python variant can be reached, and one of them always applies."""
        variants = function.python_variants
        for before, variant in itertools.pairwise(variants):
            if before.when is None:
                raise self.error(
                    variant.line, f"{variant.name} is unreachable: {before.name} has no condition"
                )
        if variants and variants[-1].when is not None:
            raise self.error(
                variants[-1].line, f"{variants[-1].name} is the last variant, so it takes no when="
            )
        if not function.variants and not function.prelude:
            raise self.error(function.line, "neither a C function nor statements")
        if len({variant.outputs for variant in variants}) > 1:
            raise self.error(function.line, "the variants have different results")
        if function.method_args and not function.in_python:
            raise self.error(function.line, "a method needs a Python function")


def _cpp_name(group: str, name: str) -> str:
    namespace = "mlx::core::" if group == "ops" else f"mlx::core::{group}::"
    return namespace + name.lstrip("_")


def _is_ellipsis(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant(value=value)) if value is ...:
            return True
    return False
