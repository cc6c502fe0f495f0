"""What the CPU kernels cost, beside stock MLX, NumPy, PyTorch, llama.cpp and OpenVINO.

All sides run at the same time, in turns, with as many threads each:

    nox -s bench -- cpu                     # all sections
    nox -s bench -- cpu ops --rows product  # the rows of one section whose names contain a word
    nox -s bench -- cpu --save docs/design/cpu-measured-name

The last writes a page of the documentation, ``docs/design/cpu-measured-name.md``, and a plot of
each section beside it.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from cpu import machine, ops, scaling, text, training
from cpu.report import save
from cpu.section import Settings

SECTIONS = {"ops": ops.run, "text": text.run, "training": training.run, "scaling": scaling.run}


def main() -> None:
    """Run the chosen sections and print what they find."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; none for all")
    add("--threads", type=int, default=machine.processors(), help="of all sides (default: all)")
    add("--rows", default="", metavar="WORD", help="only operations whose names contain it")
    add("--quick", action="store_true", help="one short turn of the least sizes, as a trial")
    add("--save", type=Path, metavar="PATH", help="write PATH.md and a plot for each section too")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    if options.save and not importlib.util.find_spec("matplotlib"):
        parser.error("--save needs matplotlib")
    settings = Settings(options.threads, options.rows, options.quick)
    title, description = machine.title(options.threads), machine.description(options.threads)
    introduction = f"# {title}\n\n{description}\n"
    print(introduction, flush=True)
    found = {}
    for name in options.sections or SECTIONS:
        found[name] = section = SECTIONS[name](settings)
        print(f"## {section.title}\n\n{section.text}\n", flush=True)
    if options.save:
        save(options.save, introduction, found)


if __name__ == "__main__":
    main()
