"""The docstring of a method, made of that of its function.

The text stays as it is, the array's own entry goes, and examples call the method: where those of
the function say ``mx.sum(a, axis=0)``, those of the method say ``a.sum(axis=0)``.
"""

from __future__ import annotations

import ast
import re

from codegen.model import Function
from codegen.signatures import parameters

_HEADING = re.compile(r"^(?=(?:Args|Returns|Raises|Examples?|Note):$|See: )", re.MULTILINE)
# An entry of a list of arguments, whose further lines are indented more.
_ENTRY = re.compile(r"^    (\w+)(?=[: ]).*\n(?:     .*\n)*", re.MULTILINE)
_STATEMENT = re.compile(r"^( *)>>> .*(?:\n\1\.\.\. .*)*", re.MULTILINE)


def method_doc(function: Function) -> str:
    """The docstring of the method that the row gives the array class."""
    assert function.method_args
    first = parameters(function.args)[0].arg
    text, *sections = _HEADING.split(function.doc)
    parts = [text.rstrip("\n"), f"The function `{function.name}` with the array as `{first}`."]
    for section in sections:
        if section.startswith("Args:"):
            section = _args(section, function.method_args, first)
        elif section.startswith("Example"):
            section = _STATEMENT.sub(lambda match: _statement(match, function), section)
        parts.append(section.rstrip("\n"))
    return "\n\n".join(parts)


def _args(section: str, args: ast.arguments, first: str) -> str:
    """The entries without the one of the array; one of several arguments has its asterisk."""
    several = args.vararg.arg if args.vararg else None

    def entry(match: re.Match[str]) -> str:
        if match[1] == first:
            return ""
        return match[0].replace(match[1], f"*{several}", 1) if match[1] == several else match[0]

    return _ENTRY.sub(entry, section)


def _statement(match: re.Match[str], function: Function) -> str:
    """The statement of an example with calls of the method in place of those of the function."""
    indent = match[1]
    tree = ast.parse("\n".join(line[len(indent) + 4 :] for line in match[0].splitlines()))
    called = _Methods(function.name)
    called.visit(tree)
    if not called.changed:
        return match[0]
    first, *rest = ast.unparse(tree).splitlines()
    return "\n".join([f"{indent}>>> {first}", *(f"{indent}... {line}" for line in rest)])


class _Methods(ast.NodeTransformer):
    """Calls the method of the first argument where the function was called."""

    def __init__(self, name: str):
        self.name = name
        self.changed = False

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="mx"), attr=self.name)):
                self.changed = True
                first, *rest = node.args
                return ast.Call(ast.Attribute(first, self.name, ast.Load()), rest, node.keywords)
        return node
