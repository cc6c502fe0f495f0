"""The stub of a group's module, and of the array's methods."""

from __future__ import annotations

import ast
import textwrap
from collections import defaultdict
from collections.abc import Iterable

from codegen.method_docs import method_doc
from codegen.model import Function, Group
from codegen.signatures import parameters, signature, with_self
from codegen.text import docstring
from codegen.vocabulary import DTYPES, STUB_NAMES

_MODULE = """\
# Derived from {sources}: edit that, not this.
{doc}

{imports}

__all__ = [
{names}
]

{functions}
"""


def module(group: Group) -> str:
    """The text of `<group>.pyi`."""
    functions = group.public_functions
    imports: dict[str, set[str]] = defaultdict(set)
    for name in {name for function in functions for name in _names(function)}:
        if name in DTYPES:
            imports["mlx_sys_py._dtype"].add(name)
        elif name in STUB_NAMES:
            imports[STUB_NAMES[name]].add(name)
    names = sorted(name for f in functions for name in (f.name, *f.aliases))
    return _MODULE.format(
        sources=group.sources,
        doc=docstring(group.doc),
        imports="\n".join(
            f"from {home} import {', '.join(sorted(imports[home]))}" for home in sorted(imports)
        ),
        names="\n".join(f'    "{name}",' for name in names),
        functions="\n\n".join(_function(function) for function in functions),
    )


def methods(groups: Iterable[Group]) -> str:
    """The declarations of the methods that the table gives the array class."""
    return "\n".join(
        textwrap.indent(_stub(f.name, with_self(f.method_args), f.returns, method_doc(f)), "    ")
        for group in groups
        for f in group.methods
        if f.method_args
    )


def _function(function: Function) -> str:
    text = _stub(function.name, function.args, function.returns, function.doc)
    if function.overloads:
        text = "\n".join(
            "@overload\n" + _stub(function.name, args, returns, function.doc if number == 0 else "")
            for number, (args, returns) in enumerate(function.overloads)
        )
    return text + "".join(f"\n{alias} = {function.name}" for alias in function.aliases)


def _stub(name: str, args: ast.arguments, returns: ast.expr, doc: str) -> str:
    head = f"def {name}({signature(args)}) -> {ast.unparse(returns)}:\n"
    return head + textwrap.indent(docstring(doc) if doc else "...", "    ")


def _names(function: Function) -> set[str]:
    """The names that the signature reads."""
    signatures = function.overloads or ((function.args, function.returns),)
    roots = [returns for _, returns in signatures]
    for args, _ in signatures:
        roots += [arg.annotation for arg in parameters(args) if arg.annotation]
        roots += [default for default in (*args.defaults, *args.kw_defaults) if default]
    names = {n.id for root in roots for n in ast.walk(root) if isinstance(n, ast.Name)}
    return names | ({"overload"} if function.overloads else set())
