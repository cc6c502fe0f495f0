"""What the CPU kernels cost, beside stock MLX, NumPy, PyTorch, llama.cpp and OpenVINO.

All sides run at the same time, in turns, with as many threads each:

    nox -s bench -- cpu                     # all sections
    nox -s bench -- cpu ops --rows product  # the rows of one section whose names contain a word
    nox -s bench -- cpu --save benchmarks/results/cpu-name

The last keeps what was found in ``benchmarks/results/cpu-name.json``, which the documentation shows
as a page with tables and plots.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cpu import machine, page
from cpu.page import SECTIONS
from cpu.results import Results, save
from cpu.section import Settings


def main() -> None:
    """Run the chosen sections and print what they find."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; none for all")
    add("--threads", type=int, default=machine.processors(), help="of all sides (default: all)")
    add("--rows", default="", metavar="WORD", help="only operations whose names contain it")
    add("--quick", action="store_true", help="one short turn of the least sizes, as a trial")
    add("--save", type=Path, metavar="PATH", help="keep what was found in PATH.json too")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    settings = Settings(options.threads, options.rows, options.quick)
    results: Results = {
        "commit": machine.commit(),
        "quick": options.quick,
        "machine": machine.machine(options.threads),
        "versions": machine.versions(),
        "sections": {},
    }
    print(page.introduction(results), flush=True)
    for name in options.sections or SECTIONS:
        results["sections"][name] = SECTIONS[name].run(settings)
        print(page.section(results, name), flush=True)
    if options.save:
        save(options.save.with_name(f"{options.save.name}.json"), results)


if __name__ == "__main__":
    main()
