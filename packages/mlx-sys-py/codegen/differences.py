"""What our C interface has beyond mlx-c's, and what is not as there.

``python -m codegen.differences --facts <folder> --out differences.md`` writes the page of it, from
our headers and from what is known of mlx-c 0.6: ``mlx_c_api.tsv``, its functions (header, name,
result and parameters), ``mlx_c_types.tsv``, its types (header, kind, name and definition), and
``mlx_c_includes.tsv``, what its headers include.
"""

from __future__ import annotations

import argparse
import csv
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from codegen import emit_c, pxd, table
from codegen.vocabulary import GROUPS

PACKAGE = Path(__file__).parents[1]

_TYPES = {
    "enum": pxd.ENUM,
    "struct": pxd.STRUCT,
    "callback": re.compile("typedef " + pxd.CALLBACK.pattern),
}
# A trailing array of a callback has no name of its own there.
_NAMED_SIZE = re.compile(r"\bsize_t _num\b")

_PAGE = """\
<!-- Derived from the headers and the list of mlx-c's functions: edit those, not this. -->

# What the C interface adds to mlx-c

mlx-c 0.6 has {known} functions and {known_types} types. {missing}

What MLX has gained since, and what threads, errors and Python need, is here besides: {added}
functions and {added_types} types.

{sections}
"""


@dataclass(frozen=True)
class Entity:
    """A function or a type of a C interface.

    Attributes:
        header: the name of the header.
        name: its name.
        text: what it is: a normalised declaration without the name.
    """

    header: str
    name: str
    text: str


def normal(text: str) -> str:
    """C with no white space that means nothing."""
    text = re.sub(r"\s*([*(),;{}])\s*", r"\1", " ".join(text.split()))
    return _NAMED_SIZE.sub("size_t", text)


def signature(result: str, parameters: str) -> str:
    """A function without its name."""
    return f"{normal(result)}({'' if parameters == 'void' else normal(parameters)})"


@dataclass(frozen=True)
class Interface:
    """Functions and types by name, and the headers that each header brings, itself too."""

    functions: dict[str, Entity]
    types: dict[str, Entity]
    includes: dict[str, set[str]]


def mlx_c(facts: Path) -> Interface:
    """The interface of mlx-c, from the lists in a folder."""

    def rows(name: str) -> Iterator[dict[str, str]]:
        with (facts / name).open() as file:
            yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)

    functions = [
        Entity(row["header"], row["function"], signature(row["returns"], row["parameters"]))
        for row in rows("mlx_c_api.tsv")
    ]
    types = []
    for row in rows("mlx_c_types.tsv"):
        text = row["definition"]
        if row["kind"] == "callback":
            match = pxd.CALLBACK.fullmatch(normal(text))
            assert match
            text = signature(match["result"], match["parameters"])
        types.append(Entity(row["header"], row["name"], f"{row['kind']} {normal(text)}"))
    included = {row["header"]: row["includes"].split() for row in rows("mlx_c_includes.tsv")}
    return Interface(
        {f.name: f for f in functions}, {t.name: t for t in types}, _closures(included)
    )


def headers(spec: Path, own_headers: Path) -> Interface:
    """Our interface, from the headers that are written by hand and those of the table."""
    functions: dict[str, Entity] = {}
    types: dict[str, Entity] = {}
    included: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        derived = [Path(folder, f"{group}.h") for group in GROUPS]
        for path, group in zip(derived, GROUPS, strict=True):
            path.write_text(emit_c.header(table.read(spec, group)))
        for path in [*sorted(own_headers.glob("*.h")), *derived]:
            header = pxd.read(path)
            included[path.name] = [name.rpartition("/")[2] for name in header.includes]
            for declaration in header.declarations:
                text = declaration.text
                if match := pxd.FUNCTION.fullmatch(text):
                    entity = Entity(
                        path.name, match["name"], signature(match["result"], match["parameters"])
                    )
                    functions[entity.name] = entity
                elif found := _type(path.name, text):
                    types[found.name] = found
    return Interface(functions, types, _closures(included))


def _type(header: str, text: str) -> Entity | None:
    for kind, pattern in _TYPES.items():
        if match := pattern.fullmatch(text):
            groups = match.groupdict()
            if kind == "callback":
                body = signature(groups["result"], groups["parameters"])
            elif kind == "enum":
                body = " ".join(filter(None, map(str.strip, groups["body"].split(","))))
            else:
                body = normal(groups["body"]).rstrip(";")
            return Entity(header, groups["name"], f"{kind} {body}")
    return None


def _closures(included: dict[str, list[str]]) -> dict[str, set[str]]:
    """What each header includes, directly or not, itself too."""

    def closure(name: str) -> set[str]:
        found = {name}
        open_ends = [name]
        while open_ends:
            fresh = set(included.get(open_ends.pop(), ())) - found
            found |= fresh
            open_ends += fresh
        return found

    return {name: closure(name) for name in included}


def changed(known: dict[str, Entity], ours: Interface, names: dict[str, Entity]) -> list[str]:
    """A line for each function or type of mlx-c that is missing here, or is not as there.

    Args:
        known: the functions or the types of mlx-c.
        ours: our interface.
        names: the functions or the types of it.
    """
    lines = []
    for name, there in known.items():
        here = names.get(name)
        if here is None:
            lines.append(f"`{name}` is missing")
        elif here.text != there.text:
            lines.append(f"`{name}` is `{here.text}`, there `{there.text}`")
        elif here.header not in ours.includes[there.header]:
            lines.append(f"`{name}` is not in `mlx/c/{there.header}`, nor in what that includes")
    return lines


def page(facts: Path, spec: Path, own_headers: Path) -> str:
    """The text of the page."""
    there, ours = mlx_c(facts), headers(spec, own_headers)
    lines = changed(there.functions, ours, ours.functions) + changed(there.types, ours, ours.types)
    functions = [f for f in ours.functions.values() if f.name not in there.functions]
    types = [t for t in ours.types.values() if t.name not in there.types]
    return _PAGE.format(
        known=len(there.functions),
        known_types=len(there.types),
        missing=(
            "These are different:\n\n" + "\n".join(f"- {line}" for line in lines)
            if lines
            else "All are here, with the same names, parameters and definitions."
        ),
        added=len(functions),
        added_types=len(types),
        sections="\n".join(_sections([*types, *functions])),
    )


def _sections(entities: Iterable[Entity]) -> Iterator[str]:
    ordered = sorted(entities, key=lambda entity: (entity.header, entity.name))
    for header, group in groupby(ordered, key=lambda entity: entity.header):
        yield f"## `mlx/c/{header}`\n"
        yield from (f"- `{entity.name}`: `{entity.text}`" for entity in group)
        yield ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its status."""
    parser = argparse.ArgumentParser(
        prog="codegen.differences", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--facts", type=Path, required=True, help="the folder of mlx-c's lists")
    parser.add_argument("--spec", type=Path, default=PACKAGE / "spec")
    parser.add_argument("--own", type=Path, default=PACKAGE / "include/mlx/c")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    options = parser.parse_args(arguments)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page(options.facts, options.spec, options.own))
    return 0


if __name__ == "__main__":
    sys.exit(main())
