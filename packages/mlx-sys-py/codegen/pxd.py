"""Cython declarations from the C headers: ``python -m codegen.pxd --out c.pxd header...``.

Reads the little C that our headers are written in (enums, structs, typedefs and functions between
comments and preprocessor lines) and declares all of it in one ``.pxd``. Anything else is an error:
a declaration is never left out silently.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.text import write_if_changed

PREAMBLE = '''\
"""The C interface of mlx_sys_py, derived from its headers."""

from libc.stdint cimport (
    int8_t, int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
)
from libc.stdio cimport FILE

cdef extern from "<stdbool.h>" nogil:
    # C's bool, for modules in C and in C++ alike.
    ctypedef bint c_bool "bool"
'''

EXPORT = "MLX_C_API"
NAME = r"[A-Za-z_]\w*"
ENUM = re.compile(rf"typedef enum {NAME}(?: MLX_C_ENUM)? \{{(?P<body>[^}}]*)\}} (?P<name>{NAME})")
STRUCT = re.compile(rf"typedef struct {NAME} \{{(?P<body>[^}}]*)\}} (?P<name>{NAME})")
CALLBACK = re.compile(rf"(?P<result>.+?)\(\*(?P<name>{NAME})\)\((?P<parameters>.*)\)")
FUNCTION = re.compile(rf"{EXPORT} (?P<result>.+?)(?P<name>{NAME})\((?P<parameters>.*)\)")
TYPE = rf"(?:const )?{NAME}(?:\s*\*)*"
VARIABLE = re.compile(rf"(?P<type>{TYPE})\s*(?P<name>(?<=[ *]){NAME})")
ALIAS = re.compile(rf"typedef (?P<type>(?:{NAME} )+)(?P<name>{NAME})")


class HeaderError(Exception):
    """A header has something that is not understood.

    Args:
        path: the header.
        line: the line of it, from 1.
        what: what is wrong.
    """

    def __init__(self, path: Path, line: int, what: str) -> None:
        super().__init__(f"{path}:{line}: {what}")


@dataclass(frozen=True)
class Declaration:
    """One declaration of a header, its white space made single spaces."""

    path: Path
    line: int
    text: str

    def error(self, what: str) -> HeaderError:
        """The error for a declaration of which ``what`` is not understood."""
        return HeaderError(self.path, self.line, f"{what}: {self.text}")


@dataclass(frozen=True)
class Header:
    """A header: which others it includes, and what it declares."""

    path: Path
    includes: list[str]
    declarations: list[Declaration]


def without_comments(text: str) -> str:
    """The text with comments blanked, every line kept."""

    def blank(comment: re.Match[str]) -> str:
        return re.sub(r"[^\n]+", " ", comment[0])

    return re.sub(r"/\*.*?\*/|//[^\n]*", blank, text, flags=re.DOTALL)


def c_bool(text: str) -> str:
    """The text with C's ``bool`` as Cython names it, which has its own type of that name."""
    return re.sub(r"\bbool\b", "c_bool", text)


def preprocessed(path: Path, text: str, includes: list[str]) -> Iterator[tuple[int, str]]:
    """The numbered lines that are left with no macro defined; notes the includes."""
    taken: list[bool] = []
    continued = False
    for number, line in enumerate(text.splitlines(), 1):
        directive = re.match(r"\s*#\s*(\w+)\s*(.*)", line)
        if continued or directive is None:
            if not continued and all(taken):
                yield number, line
            continued = continued and line.endswith("\\")
            continue
        continued = line.endswith("\\")
        word, rest = directive.groups()
        if word == "ifndef":
            taken.append(True)
        elif word == "ifdef" or (word == "if" and re.fullmatch(r"defined\(\w+\)", rest)):
            taken.append(False)
        elif word == "else" and taken:
            taken[-1] = not taken[-1]
        elif word == "endif" and taken:
            taken.pop()
        elif word == "include":
            included = re.fullmatch(r'"(?P<ours>mlx/c/\w+\.h)"|<\w+\.h>', rest.strip())
            if included and all(taken):
                includes.append(included["ours"] or included[0])
        elif word != "define":
            raise HeaderError(path, number, f"unknown preprocessor line: {line.strip()}")
    if taken:
        raise HeaderError(path, len(text.splitlines()), "an #if is not closed")


def read(path: Path) -> Header:
    """Split a header into its declarations.

    Args:
        path: the header.

    Returns:
        The header.

    Raises:
        HeaderError: it has a preprocessor line that is not understood, or ends too early.
    """
    header = Header(path, [], [])
    start, depth, text = 0, 0, ""
    for number, line in preprocessed(path, without_comments(path.read_text()), header.includes):
        for part in re.split(r"([{};])", line):
            if part.strip() and not text:
                start = number
            depth += {"{": 1, "}": -1}.get(part, 0)
            if part != ";" or depth > 0:
                text += part
                continue
            declaration = Declaration(path, start, " ".join(text.split()))
            header.declarations.append(declaration)
            text = ""
        text = text + " " if text.strip() else ""
    if text.strip():
        raise HeaderError(path, start, f"not a whole declaration: {text.strip()}")
    return header


def split(parameters: str) -> list[str]:
    """The parameters between commas that are in no parentheses."""
    return [part.strip() for part in re.split(r",(?![^()]*\))", parameters)]


def callback(match: re.Match[str], declaration: Declaration) -> str:
    """A pointer to a function, which may be called without the GIL and raises nothing."""
    parameters = variables(match["parameters"], declaration)
    return f"{match['result'].strip()} (*{match['name']})({parameters}) noexcept nogil"


def variable(text: str, declaration: Declaration) -> str:
    """A parameter or a field, named or not."""
    if found := CALLBACK.fullmatch(text):
        return callback(found, declaration)
    if not (text == "..." or VARIABLE.fullmatch(text) or re.fullmatch(TYPE, text)):
        raise declaration.error(f"cannot read {text!r} in")
    return text


def variables(parameters: str, declaration: Declaration) -> str:
    """The parameters of a function."""
    if parameters == "void":
        return ""
    return ", ".join(variable(part, declaration) for part in split(parameters))


def enum(match: re.Match[str], declaration: Declaration) -> Iterator[str]:
    """An enum and its values."""
    yield f"ctypedef enum {match['name']}:"
    for value in filter(None, split(match["body"].strip())):
        if not re.fullmatch(NAME, value):
            raise declaration.error(f"cannot read the value {value!r} in")
        yield f"    {value}"


def struct(match: re.Match[str], declaration: Declaration) -> Iterator[str]:
    """A struct and its fields."""
    yield f"ctypedef struct {match['name']}:"
    for field in filter(None, map(str.strip, match["body"].split(";"))):
        yield f"    {variable(field, declaration)}"


def alias(match: re.Match[str], declaration: Declaration) -> Iterator[str]:
    """Another name for a type; a complex number, which C and C++ see differently, stays closed."""
    if match["type"].split() == ["float", "_Complex"]:
        yield f"ctypedef struct {match['name']}:"
        yield "    pass"
    elif re.fullmatch(NAME, match["type"].strip()):
        yield f"ctypedef {match['type']}{match['name']}"
    else:
        raise declaration.error("cannot read the type of")


def function_type(match: re.Match[str], declaration: Declaration) -> Iterator[str]:
    """A name for a pointer to a function."""
    yield f"ctypedef {callback(match, declaration)}"


def function(match: re.Match[str], declaration: Declaration) -> Iterator[str]:
    """A function."""
    result = match["result"].replace(" *", "*").strip()
    yield f"{result} {match['name']}({variables(match['parameters'], declaration)}) noexcept"


Emitter = Callable[[re.Match[str], Declaration], Iterator[str]]
KINDS: Sequence[tuple[re.Pattern[str], Emitter]] = (
    (ENUM, enum),
    (STRUCT, struct),
    (re.compile("typedef " + CALLBACK.pattern), function_type),
    (ALIAS, alias),
    (FUNCTION, function),
)


def declare(declaration: Declaration) -> Iterator[str]:
    """The lines of Cython for a declaration."""
    for pattern, emit in KINDS:
        if match := pattern.fullmatch(declaration.text):
            yield from emit(match, declaration)
            return
    raise declaration.error("cannot read")


def ordered(headers: Sequence[Header]) -> list[Header]:
    """The headers, each after those it includes."""
    by_name = {f"mlx/c/{header.path.name}": header for header in headers}
    done: dict[str, Header] = {}

    def visit(name: str) -> None:
        if name in by_name and name not in done:
            for include in by_name[name].includes:
                visit(include)
            done[name] = by_name[name]

    for name in sorted(by_name):
        visit(name)
    return list(done.values())


def pxd(paths: Sequence[Path]) -> str:
    """The text of the ``.pxd``.

    Args:
        paths: the headers, in any order; ``mlx/c/<name>`` is what C code includes.

    Returns:
        One ``cdef extern`` block for each header that declares something.

    Raises:
        HeaderError: a header has something that is not understood.
    """
    text = PREAMBLE
    for header in ordered([read(path) for path in paths]):
        lines = [line for declaration in header.declarations for line in declare(declaration)]
        if lines:
            text += f'\n\ncdef extern from "mlx/c/{header.path.name}" nogil:\n'
            text += "".join(f"    {c_bool(line)}\n" for line in lines)
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns its status."""
    parser = argparse.ArgumentParser(prog="codegen.pxd", description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("headers", type=Path, nargs="+", help="the headers, in any order")
    options = parser.parse_args(arguments)
    try:
        text = pxd(options.headers)
    except HeaderError as error:
        print(error, file=sys.stderr)
        return 1
    write_if_changed(options.out, text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
