"""What the table says, as data for tests."""

from __future__ import annotations

import ast
import json

from codegen.model import Function, Group, Variant


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
            for arg, kind, default in _parameters(function.args)
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


def _parameters(args: ast.arguments) -> list[tuple[ast.arg, str, ast.expr | None]]:
    """Every parameter with its kind, as `inspect` names it, and its default."""
    plain = [(arg, "POSITIONAL_ONLY") for arg in args.posonlyargs]
    plain += [(arg, "POSITIONAL_OR_KEYWORD") for arg in args.args]
    missing = [None] * (len(plain) - len(args.defaults))
    rows: list[tuple[ast.arg, str, ast.expr | None]] = [
        (arg, kind, default)
        for (arg, kind), default in zip(plain, [*missing, *args.defaults], strict=True)
    ]
    if args.vararg:
        rows.append((args.vararg, "VAR_POSITIONAL", None))
    named = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    return rows + [(arg, "KEYWORD_ONLY", default) for arg, default in named]
