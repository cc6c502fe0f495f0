"""The command line of the generator, which the build calls once per derived file.

``python -m codegen --group ops --spec spec --out build --emit pyx`` writes ``build/ops.pyx``;
``python -m codegen --spec spec --out build --emit array-pyx --template src/.../_array.pyx`` writes
``build/_array.pyx``, the template with the methods of the table in place of its marker line.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from codegen import emit_c, emit_cython, emit_docs, emit_json, emit_stub
from codegen.model import Group, SpecError
from codegen.table import read
from codegen.text import write_if_changed
from codegen.vocabulary import GROUPS

MARKER = "    # @generated methods@\n"

EMITTERS = {
    "h": emit_c.header,
    "cpp": emit_c.source,
    "pyx": emit_cython.module,
    "pyi": emit_stub.module,
    "md": emit_docs.page,
    "json": emit_json.text,
}
METHOD_EMITTERS = {"array-pyx": emit_cython.methods, "array-pyi": emit_stub.methods}


def with_methods(template: Path, groups: list[Group], emit: str) -> str:
    """The template with the methods in place of the marker."""
    text = template.read_text()
    if text.count(MARKER) != 1:
        raise SpecError(template, 1, f"needs the line {MARKER.strip()!r} once")
    return text.replace(MARKER, METHOD_EMITTERS[emit](groups))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns its status."""
    parser = argparse.ArgumentParser(prog="codegen", description=__doc__.partition("\n")[0])
    parser.add_argument("--spec", type=Path, required=True, help="the folder of the table")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write to")
    parser.add_argument("--emit", required=True, choices=[*EMITTERS, *METHOD_EMITTERS])
    parser.add_argument("--group", choices=GROUPS, help="the rows to derive from")
    parser.add_argument("--template", type=Path, help="for array-*: the file to put methods into")
    options = parser.parse_args(arguments)
    try:
        if options.emit in EMITTERS:
            if not options.group:
                parser.error(f"--emit {options.emit} needs --group")
            path = options.out / f"{options.group}.{options.emit}"
            text = EMITTERS[options.emit](read(options.spec, options.group))
        else:
            if not options.template:
                parser.error(f"--emit {options.emit} needs --template")
            path = options.out / options.template.name
            groups = [read(options.spec, group) for group in GROUPS]
            text = with_methods(options.template, groups, options.emit)
        write_if_changed(path, text)
    except SpecError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
