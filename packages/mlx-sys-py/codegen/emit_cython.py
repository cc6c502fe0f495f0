"""The Cython functions of a group, and the array's methods."""

from __future__ import annotations

import ast
import copy
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from codegen.method_docs import method_doc
from codegen.model import Function, Group, Param, Variant
from codegen.signatures import parameters, signature, unannotated, with_self
from codegen.text import call, docstring
from codegen.vocabulary import CONVERSIONS, DTYPES, ERRORS, RESULTS, TYPES

_MODULE = """\
# distutils: language=c++
# cython: language_level=3, binding=True
# Derived from {sources}: edit that, not this.
{doc}

{imports}

__all__ = [
{names}
]


def __dir__():
    return __all__


{functions}
"""

# The imports of the names that a module may use.
_CIMPORTS = {
    "libc.stdint": ("int64_t", "uint64_t"),
    "libcpp.string": ("string",),
    "libcpp.vector": ("vector",),
    "mlx_sys_py._array": ("array",),
    "mlx_sys_py._convert": ("Ints", "VectorArray", "take_arrays", *sorted(CONVERSIONS)),
    "mlx_sys_py._dtype": ("Dtype",),
    "mlx_sys_py._error": ("check",),
    "mlx_sys_py._generated": ("check_length", "optional_ints", "stream_handle"),
    "mlx_sys_py._stream": ("Stream", "to_stream"),
}

# How a module names the array class and the C API: neither may be hidden by a parameter, and
# there are parameters called `array` and `c`.
_MODULE_NAMES = {"array": "Array", "c": "capi"}
_METHOD_NAMES = {"array": "array", "c": "c"}


def module(group: Group) -> str:
    """The text of `<group>.pyx`."""
    functions = "\n\n".join(_function(f) for f in group.python_functions).rstrip("\n")
    public = sorted(name for f in group.public_functions for name in (f.name, *f.aliases))
    return _MODULE.format(
        sources=group.sources,
        doc=docstring(group.doc),
        imports="\n".join(_imports(set(re.findall(r"\w+", functions)))),
        names=_listed([f'"{name}"' for name in public]),
        functions=functions,
    )


def _imports(used: set[str]) -> Iterator[str]:
    """The lines that make the used names known."""
    for home, names in _CIMPORTS.items():
        if taken := [name for name in names if name in used]:
            yield f"from {home} cimport {', '.join(taken)}"
    yield "cimport mlx_sys_py.c as capi"
    yield "from mlx_sys_py._array cimport array as Array"
    if dtypes := sorted(DTYPES & used):
        yield f"from mlx_sys_py._dtype import {', '.join(dtypes)}"
    if errors := sorted(ERRORS & used):
        yield f"from mlx_sys_py._error import {', '.join(errors)}"
    if "on_stream" in used:
        yield "from mlx_sys_py._stream import on_stream"
    # To define named tuples takes longer than most of an import: not before one is returned.
    for result in sorted(RESULTS & used):
        yield f"\ndef {result}(*values):"
        yield f"    from mlx_sys_py._results import {result} as made"
        yield "    return made(*values)"


def methods(groups: Iterable[Group]) -> str:
    """The body of the array class that the table gives it."""
    return "\n".join(textwrap.indent(_method(f), "    ") for group in groups for f in group.methods)


def _listed(names: list[str]) -> str:
    return "\n".join(f"    {name}," for name in names)


def _function(function: Function) -> str:
    text = _Body(function, function.args, _MODULE_NAMES).definition(function.doc)
    return text + "".join(f"\n\n{alias} = {function.name}\n" for alias in function.aliases)


def _method(function: Function) -> str:
    assert function.method_args
    first = parameters(function.args)[0].arg
    body = _Body(function, with_self(function.method_args), _METHOD_NAMES, first)
    return body.definition(method_doc(function))


class _Body:
    """Writes one Python function.

    Args:
        function: the row.
        args: the parameters that it takes.
        names: what the array class and the C API are called where it stands.
        first: the parameter of the row that `self` takes the place of, if it is a method.
    """

    def __init__(
        self, function: Function, args: ast.arguments, names: Mapping[str, str], first: str = ""
    ):
        self.function = function
        self.args = args
        self.names = names
        self.first = first
        self.variants = function.python_variants

    def definition(self, doc: str) -> str:
        lines = [docstring(doc), *self.statements()]
        if self.variants:
            lines += [*self.shared(), *self.results(), *self.dispatch(), *self.returned()]
        head = f"def {self.function.name}({signature(unannotated(self.args))}):\n"
        return head + textwrap.indent("\n".join(lines), "    ") + "\n"

    def statements(self) -> list[str]:
        """The statements of the row."""
        lines = self.python(*self.function.prelude)
        if not self.function.composed:
            return lines
        return ["with on_stream(stream):", *(textwrap.indent(line, "    ") for line in lines)]

    def python(self, *nodes: ast.AST) -> list[str]:
        """The source of Python of the row, in which a method's array is called `self`."""
        renamed = (_Rename(self.first).visit(copy.deepcopy(node)) for node in nodes)
        return [line for node in renamed for line in ast.unparse(node).splitlines()]

    def local(self, param: Param) -> str:
        """The local variable of a C parameter, which variants may share."""
        same = {other.type for v in self.variants for other in v.params if other.name == param.name}
        return f"_{param.name}" if len(same) == 1 else f"_{param.name}_{param.type.rstrip('?')}"

    def conversion(self, param: Param) -> str:
        assert param.source
        (expression,) = self.python(param.source)
        weak = self.function.weak
        text = self.fill(TYPES[param.type].convert, e=expression, n=self.argument(param))
        if isinstance(param.source, ast.Name) and param.source.id in weak:
            others = [ast.Name(name, ast.Load()) for name in weak if name != param.source.id]
            names = [*self.python(*others), "None"][:2]
            text = text.replace(
                f"to_array({expression},", f"to_operand({expression}, {', '.join(names)},"
            )
        return text

    def argument(self, param: Param) -> str:
        """The Python argument that a C parameter is made of, for errors."""
        assert param.source
        read = {node.id for node in ast.walk(param.source) if isinstance(node, ast.Name)}
        taken = [arg.arg for arg in parameters(self.function.args) if arg.arg in read]
        return param.name if param.name in taken else next(iter(taken), param.name)

    def fill(self, template: str, **values: str) -> str:
        return template.format(**values, **self.names)

    def is_self(self, param: Param) -> bool:
        """Whether the parameter is the method's own array, which needs no conversion."""
        match param:
            case Param(type="array" | "array?", source=ast.Name(id=name)):
                return bool(self.first) and name == self.first
        return False

    def is_shared(self, param: Param) -> bool:
        return all(_find(variant, param) for variant in self.variants)

    def shared(self) -> list[str]:
        """The stream, and the conversions that every variant needs."""
        lines = [
            f"cdef {self.fill(TYPES[p.type].local)} {self.local(p)} = {self.conversion(p)}"
            for p in self.variants[0].params
            if self.is_shared(p) and not self.is_self(p)
        ]
        if self.has_stream:
            lines.append("cdef Stream _stream = None if stream is None else to_stream(stream)")
        own = {
            f"cdef {self.fill(TYPES[p.type].local)} {self.local(p)}": None
            for variant in self.variants
            for p in variant.params
            if not self.is_shared(p) and not self.is_self(p)
        }
        return lines + list(own)

    @property
    def has_stream(self) -> bool:
        taken = any(arg.arg == "stream" for arg in parameters(self.args))
        return taken and any(variant.stream for variant in self.variants)

    def results(self) -> list[str]:
        """Handles that own what C puts into them, so that no path out of here leaks."""
        lines = ["cdef int _status"] if self.function.blocking else []
        match self.variants[0].outputs:
            case ("arrays",):
                return [*lines, self.fill("cdef {c}.mlx_vector_array _res"), "_res.ctx = NULL"]
            case outputs:
                new = self.fill("{array}.__new__({array})")
                own = [self.fill(f"cdef {{array}} {name} = ") + new for name in _results(outputs)]
                return lines + own

    def dispatch(self) -> list[str]:
        if len(self.variants) == 1:
            return self.call(self.variants[0])
        lines = []
        for i, variant in enumerate(self.variants):
            if variant.when:
                lines.append(f"{'elif' if i else 'if'} {self.python(variant.when)[0]}:")
            else:
                lines.append("else:")
            lines += [textwrap.indent(line, "    ") for line in self.call(variant)]
        return lines

    def call(self, variant: Variant) -> list[str]:
        lines = [
            f"{self.local(p)} = {self.conversion(p)}"
            for p in variant.params
            if not self.is_shared(p) and not self.is_self(p)
        ]
        field = "" if variant.outputs == ("arrays",) else "._c"
        arguments = [f"&{name}{field}" for name in _results(variant.outputs)]
        for p in variant.params:
            value = "self" if self.is_self(p) else self.local(p)
            arguments += [text.format(v=value) for text in TYPES[p.type].arguments]
        if variant.stream:
            arguments.append("stream_handle(_stream)" if self.has_stream else "stream_handle(None)")
        value = call(f"{self.names['c']}.{variant.name}", arguments)
        if self.function.blocking:
            value = textwrap.indent(f"_status = {value}", "    ")
            return [*lines, "with nogil:", value, "check(_status)"]
        return [*lines, f"check({value})"]

    def returned(self) -> list[str]:
        match self.variants[0].outputs:
            case ():
                return []
            case ("arrays",) if ast.unparse(self.function.returns).startswith("tuple"):
                return ["return tuple(take_arrays(_res))"]
            case ("arrays",):
                return ["return take_arrays(_res)"]
            case outputs:
                return [f"return {', '.join(_results(outputs))}"]


class _Rename(ast.NodeTransformer):
    """Calls the parameter `name` self."""

    def __init__(self, name: str):
        self.name = name

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name("self", node.ctx) if node.id == self.name else node


def _results(outputs: tuple[str, ...]) -> list[str]:
    return ["_res"] if len(outputs) == 1 else [f"_res_{i}" for i in range(len(outputs))]


def _find(variant: Variant, param: Param) -> bool:
    """Whether the variant has the same parameter, from the same source."""
    assert param.source
    return any(
        (other.name, other.type) == (param.name, param.type)
        and other.source is not None
        and ast.dump(other.source) == ast.dump(param.source)
        for other in variant.params
    )
