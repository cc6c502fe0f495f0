"""What the table says, as data for tests."""

from __future__ import annotations

import ast
import json

from codegen.model import Function, Group, Variant
from codegen.signatures import described


def text(group: Group) -> str:
    """The text of `<group>.json`."""
    rows = [_row(function) for function in group.functions]
    return json.dumps({"group": group.name, "functions": rows}, indent=1) + "\n"


def _row(function: Function) -> dict[str, object]:
    return {
        "name": function.name,
        "place": f"{function.path}:{function.line}",
        "in_python": function.in_python,
        "private": function.private,
        "method": function.method_args is not None,
        "blocking": function.blocking,
        "aliases": list(function.aliases),
        "weak": list(function.weak),
        "parameters": [
            {
                "name": arg.arg,
                "kind": kind,
                "annotation": ast.unparse(arg.annotation) if arg.annotation else "",
                "default": None if default is None else ast.unparse(default),
            }
            for arg, kind, default in described(function.args)
        ],
        "returns": ast.unparse(function.returns),
        "variants": [_variant(variant) for variant in function.variants],
    }


def _variant(variant: Variant) -> dict[str, object]:
    return {
        "name": variant.name,
        "python": variant.python,
        "parameters": ", ".join(variant.c_params),
    }
