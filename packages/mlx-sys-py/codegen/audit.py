"""Holds the table against the headers of the installed MLX.

``python -m codegen.audit --headers <folder of mlx/mlx.h>`` fails unless every function that MLX
exports is the C++ side of a row, or is listed in ``spec/handwritten.toml`` with the C functions of
the hand-written headers that stand for it, or in ``spec/omitted.toml`` with the reason why nothing
does; and unless every row and every entry stands for a function that MLX has.

An entry names a function without ``mlx::core::``: ``"fast::metal_kernel"`` is every overload that
no row has, ``"eval(vector<array>)"`` is one overload.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codegen import cpp
from codegen.cpp import Declaration
from codegen.model import Function, SpecError, Variant
from codegen.table import read
from codegen.vocabulary import GROUPS, TYPES

# The namespaces of public functions; the others are internal to MLX.
NAMESPACES = frozenset(("", "random", "linalg", "fft", "fast", "metal", "cu", "distributed"))

# Constructors of values, which look like calls in a row's C++.
CONSTRUCTORS = frozenset(("array", "Shape", "Strides", "Dtype"))


@dataclass(frozen=True)
class Call:
    """A call of an MLX function in a row: its name and, where known, the types it is given."""

    name: str
    arguments: tuple[tuple[str, ...] | None, ...]


def calls(variant: Variant) -> Iterator[Call]:
    """The calls that a variant's C++ makes of MLX's functions."""
    types: dict[str, tuple[str, ...]] = {p.name: TYPES[p.type].cpp_types for p in variant.params}
    if variant.stream:
        types["s"] = ("StreamOrDevice",)
    if not variant.is_expression:
        function = variant.cpp.removeprefix("mlx::core::").removeprefix("mlx_c::")
        yield Call(function, tuple(types.values()))
        return
    items = cpp.tokens(variant.cpp)
    for i, token in enumerate(items):
        if token == "(" and i and items[i - 1].isidentifier():
            start = i - 1
            while start > 1 and items[start - 1] == "::":
                start -= 2
            name = "".join(items[start:i])
            if name.startswith("mlx::core::"):
                parts = cpp.split(items[i + 1 : cpp.closing(items, i)])
                yield Call(
                    name.removeprefix("mlx::core::"),
                    tuple(
                        types.get(part[1]) if part[::2] == ["{", "}"] and len(part) == 3 else None
                        for part in parts
                    ),
                )


def distance(call: Call, declaration: Declaration) -> int | None:
    """How far a call's types are from a declaration's; None if it cannot take them."""
    taken = declaration.parameters[: len(call.arguments)]
    rest = declaration.parameters[len(call.arguments) :]
    if len(taken) < len(call.arguments) or not all(p.has_default for p in rest):
        return None
    total = 0
    for types, parameter in zip(call.arguments, taken, strict=True):
        if types is None:
            continue
        if parameter.type not in types:
            return None
        total += types.index(parameter.type)
    return total


class Audit:
    """The comparison of one table with one set of headers.

    Attributes:
        problems: what is wrong, a text each.
        declared: the public functions of MLX.
        bound: what each of them that is accounted for is bound by.
    """

    def __init__(self, spec: Path, headers: Path, own_headers: Path):
        self.spec = spec
        self.problems: list[str] = []
        self.declared = list(public_declarations(headers))
        self.bound: dict[Declaration, str] = {}
        self._match_rows()
        self._match_list("handwritten.toml", "by hand")
        self._match_list("omitted.toml", "left out")
        self._check_c_names(own_headers)
        self._check_complete()

    def _match_rows(self) -> None:
        for group in GROUPS:
            for function in read(self.spec, group).functions:
                for variant in function.variants:
                    for call in calls(variant):
                        self._match_call(function, variant, call)

    def _match_call(self, function: Function, variant: Variant, call: Call) -> None:
        overloads = [d for d in self.declared if d.name == call.name]
        near = [(far, i) for i, d in enumerate(overloads) if (far := distance(call, d)) is not None]
        if near:
            self.bound[overloads[min(near)[1]]] = "table"
        elif call.name not in CONSTRUCTORS:
            given = ", ".join("?" if types is None else types[0] for types in call.arguments)
            candidates = "".join(f"\n    {overload}" for overload in overloads)
            self.problems.append(
                f"{function.path}:{variant.line}: {variant.name}: MLX has no "
                f"{call.name}({given})" + (f"; it has{candidates}" if candidates else "")
            )

    def _match_list(self, name: str, state: str) -> None:
        path = self.spec / name
        for key, value in tomllib.loads(path.read_text()).items():
            if not value:
                self.problems.append(f"{path}: {key!r} has no reason or C function")
            entry = key.replace(" ", "")
            matched = [d for d in self.declared if entry in (d.name, d.signature)]
            fresh = [d for d in matched if self._is_open(d)]
            if not fresh:
                why = "is bound already" if matched else "is nothing that MLX has"
                self.problems.append(f"{path}: {key!r} {why}")
            self.bound.update(dict.fromkeys(fresh, state))

    def _check_c_names(self, own_headers: Path) -> None:
        """The C functions of handwritten.toml exist."""
        path = self.spec / "handwritten.toml"
        known: set[str] = set()
        for header in own_headers.glob("*.h"):
            known.update(cpp.tokens(header.read_text()))
        for key, names in tomllib.loads(path.read_text()).items():
            for name in names:
                if name not in known:
                    self.problems.append(f"{path}: {key!r}: no header of ours declares {name}")

    def _check_complete(self) -> None:
        self.problems += [
            f"{declaration.header}: {declaration} is neither bound nor left out"
            for declaration in self.declared
            if self._is_open(declaration)
        ]

    def _is_open(self, declaration: Declaration) -> bool:
        """Whether nothing accounts for a function yet."""
        # Overloads that a header defines only fill in defaults of those that are exported.
        covered = not declaration.exported and declaration.name in {d.name for d in self.bound}
        return declaration not in self.bound and not covered

    def report(self) -> Iterator[str]:
        """The counts, a line per header."""
        counts = Counter((d.header, self.bound.get(d)) for d in self.declared if d.exported)
        yield f"{'header':32}{'exported':>9}{'table':>9}{'by hand':>9}{'left out':>9}"
        headers = sorted({header for header, _ in counts})
        for header in [*headers, None]:
            cells = [
                sum(n for (h, s), n in counts.items() if header in (h, None) and state in (s, ""))
                for state in ("", "table", "by hand", "left out")
            ]
            yield f"{header or 'all':32}" + "".join(f"{cell:9}" for cell in cells)


def public_declarations(headers: Path) -> Iterator[Declaration]:
    """The functions of the headers in `mlx/` and of those deeper ones that mlx.h includes."""
    folder = headers / "mlx"
    included = (folder / "mlx.h").read_text()
    for path in sorted(folder.rglob("*.h")):
        name = path.relative_to(folder).as_posix()
        if path.parent == folder or f'"mlx/{name}"' in included:
            for declaration in cpp.declarations(path, name):
                # What is neither exported nor defined in the header cannot be linked to.
                linkable = declaration.exported or declaration.inline
                if linkable and declaration.name.rpartition("::")[0] in NAMESPACES:
                    yield declaration


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns its status."""
    root = Path(__file__).parents[1]
    parser = argparse.ArgumentParser(prog="codegen.audit", description=__doc__.partition("\n")[0])
    parser.add_argument("--headers", type=Path, required=True, help="MLX's include folder")
    parser.add_argument("--spec", type=Path, default=root / "spec", help="the folder of the table")
    parser.add_argument("--own", type=Path, default=root / "include/mlx/c", help="our C headers")
    options = parser.parse_args(arguments)
    try:
        audit = Audit(options.spec, options.headers, options.own)
    except SpecError as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(audit.report()))
    for problem in audit.problems:
        print(problem, file=sys.stderr)
    return 1 if audit.problems else 0


if __name__ == "__main__":
    sys.exit(main())
