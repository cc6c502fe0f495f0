"""What the table says, as data: functions, the C functions behind them, and where they stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codegen.signatures import parameters
from codegen.vocabulary import TYPES


class SpecError(Exception):
    """A mistake in the table, with the place it is at."""

    def __init__(self, path: Path | str, line: int, message: str):
        super().__init__(f"{path}:{line}: {message}")


@dataclass(frozen=True)
class Param:
    """A C parameter of a variant and the Python expression its value is taken from."""

    name: str
    type: str
    source: ast.expr | None


@dataclass(frozen=True)
class Variant:
    """One C function behind a row.

    Attributes:
        outputs: its results: "array" entries, one "arrays", or nothing.
        cpp: the C++ function, or an expression with `{param}` placeholders.
        check: a C++ expression with such placeholders that is evaluated first, and throws; or "".
        when: the Python condition under which it is chosen; None if it is the last.
    """

    name: str
    params: tuple[Param, ...]
    outputs: tuple[str, ...]
    cpp: str
    check: str
    when: ast.expr | None
    python: bool
    stream: bool
    line: int

    @property
    def is_expression(self) -> bool:
        """Whether `cpp` is more than the name of a function that takes the parameters in order."""
        return "(" in self.cpp or "{" in self.cpp

    @property
    def c_params(self) -> list[str]:
        """The parameters as C declares them, results first and the stream last."""
        kinds = {"array": "mlx_array*", "arrays": "mlx_vector_array*"}
        single = len(self.outputs) == 1
        declared = [
            f"{kinds[kind]} res" + ("" if single else f"_{i}")
            for i, kind in enumerate(self.outputs)
        ]
        for param in self.params:
            declared += [text.format(n=param.name) for text in TYPES[param.type].c]
        return declared + (["const mlx_stream s"] if self.stream else [])


@dataclass(frozen=True)
class Function:
    """A row of the table: a Python function and the C functions that it chooses from.

    Attributes:
        prelude: statements that run before the choice, and may return or raise.
        method_args: the parameters of the method of the same name, or None if there is none.
        weak: the array parameters that promote together, Python scalars among them weakly.
        blocking: whether the GIL is released round the C call.
        cached_node: whether nodes of operands that agree may share the primitive of the first.
        composed: whether `stream` is the default one while the statements run.
        overloads: signatures and results for type checkers, in place of the one that holds all.
    """

    name: str
    group: str
    path: str
    line: int
    args: ast.arguments
    returns: ast.expr
    doc: str
    prelude: tuple[ast.stmt, ...] = ()
    variants: tuple[Variant, ...] = ()
    method_args: ast.arguments | None = None
    aliases: tuple[str, ...] = ()
    weak: tuple[str, ...] = ()
    blocking: bool = False
    cached_node: bool = False
    composed: bool = False
    overloads: tuple[tuple[ast.arguments, ast.expr], ...] = ()

    @property
    def summary(self) -> str:
        """The first line of the docstring."""
        return self.doc.partition("\n")[0]

    @property
    def python_variants(self) -> tuple[Variant, ...]:
        """The variants that the Python function chooses from, in the order they are tried."""
        return tuple(variant for variant in self.variants if variant.python)

    @property
    def in_python(self) -> bool:
        """Whether there is a Python function, not only C ones."""
        return bool(self.python_variants or self.prelude)

    @property
    def private(self) -> bool:
        """Whether only other rows use it."""
        return self.name.startswith("_")

    @property
    def expressions(self) -> Iterator[ast.AST]:
        """Every piece of Python in the row except the annotations."""
        yield from self.prelude
        yield from self.args.defaults
        yield from (default for default in self.args.kw_defaults if default)
        for variant in self.python_variants:
            yield from (param.source for param in variant.params if param.source)
            if variant.when:
                yield variant.when

    @property
    def free_names(self) -> set[str]:
        """The names that `expressions` read and do not bind themselves."""
        nodes = [node for root in self.expressions for node in ast.walk(root)]
        names = [node for node in nodes if isinstance(node, ast.Name)]
        bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}
        bound |= {node.name for node in nodes if isinstance(node, ast.ExceptHandler) and node.name}
        return {node.id for node in names} - bound - {arg.arg for arg in parameters(self.args)}


@dataclass(frozen=True)
class Section:
    """The rows of one file, and what its docstring says of them."""

    path: Path
    source: str
    doc: str
    functions: tuple[Function, ...]


@dataclass(frozen=True)
class Group:
    """The rows of one header and module."""

    name: str
    sections: tuple[Section, ...]
    c_includes: tuple[str, ...]
    cpp_includes: tuple[str, ...]

    @property
    def functions(self) -> list[Function]:
        """All rows."""
        return [function for section in self.sections for function in section.functions]

    @property
    def sources(self) -> str:
        """The files, for the head of what is derived from them."""
        first = self.sections[0].source
        return first if len(self.sections) == 1 else first.rpartition("/")[0]

    @property
    def doc(self) -> str:
        """What the module says of itself."""
        if len(self.sections) == 1:
            return self.sections[0].doc
        contents = (
            f"* {section.path.stem}: {section.doc.partition(chr(10))[0]}"
            for section in self.sections
        )
        return f"MLX's functions of the group `{self.name}`.\n\n" + "\n".join(contents)

    @property
    def python_functions(self) -> list[Function]:
        """The rows with a Python function."""
        return [function for function in self.functions if function.in_python]

    @property
    def public_functions(self) -> list[Function]:
        """The rows with a Python function that is not private."""
        return [function for function in self.python_functions if not function.private]

    @property
    def methods(self) -> list[Function]:
        """The rows that the array class has too."""
        return [function for function in self.public_functions if function.method_args]
