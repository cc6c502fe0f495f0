"""The parameters of a Python function, taken apart and written again."""

from __future__ import annotations

import ast
import copy


def parameters(args: ast.arguments) -> list[ast.arg]:
    """Every parameter, in the order it is written."""
    return [arg for arg, _, _ in described(args)]


def described(args: ast.arguments) -> list[tuple[ast.arg, str, ast.expr | None]]:
    """Every parameter with its kind, as `inspect` names it, and its default."""
    kinds = [(arg, "POSITIONAL_ONLY") for arg in args.posonlyargs]
    kinds += [(arg, "POSITIONAL_OR_KEYWORD") for arg in args.args]
    defaults: list[ast.expr | None] = [None] * (len(kinds) - len(args.defaults))
    defaults += args.defaults
    rows = [(arg, kind, default) for (arg, kind), default in zip(kinds, defaults, strict=True)]
    if args.vararg:
        rows.append((args.vararg, "VAR_POSITIONAL", None))
    named = zip(args.kwonlyargs, args.kw_defaults, strict=True)
    return rows + [(arg, "KEYWORD_ONLY", default) for arg, default in named]


def signature(args: ast.arguments) -> str:
    """The parameters as a person writes them, which `ast.unparse` does not."""
    texts = []
    kind = ""
    for arg, next_kind, default in described(args):
        if kind == "POSITIONAL_ONLY" != next_kind:
            texts.append("/")
        if next_kind == "KEYWORD_ONLY" and kind not in ("KEYWORD_ONLY", "VAR_POSITIONAL"):
            texts.append("*")
        star = "*" if next_kind == "VAR_POSITIONAL" else ""
        space = " " if arg.annotation else ""
        value = f"{space}={space}{ast.unparse(default)}" if default else ""
        texts.append(star + ast.unparse(arg) + value)
        kind = next_kind
    return ", ".join([*texts, "/"] if kind == "POSITIONAL_ONLY" else texts)


def parse(text: str) -> ast.arguments:
    """The parameters that are written so."""
    definition = ast.parse(f"def function({text}): ...").body[0]
    assert isinstance(definition, ast.FunctionDef)
    return definition.args


def without_first(args: ast.arguments) -> ast.arguments:
    """The parameters of a method whose function takes the array first."""
    rest = copy.deepcopy(args)
    (rest.posonlyargs or rest.args).pop(0)
    return rest


def with_self(args: ast.arguments) -> ast.arguments:
    """The parameters with `self` before them."""
    method = copy.deepcopy(args)
    (method.posonlyargs or method.args).insert(0, ast.arg("self"))
    return method


def unannotated(args: ast.arguments) -> ast.arguments:
    """The parameters as Cython takes them: it would read annotations as C types."""
    plain = copy.deepcopy(args)
    for arg in parameters(plain):
        arg.annotation = None
    return plain
