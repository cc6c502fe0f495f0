"""What people from NumPy, SciPy and PyTorch bring along, beside these: a section per family.

All sides compute in turns in one process, on the same numbers, with as many threads each:

    nox -s bench -- numpy                      # all sections
    nox -s bench -- numpy linalg --rows eigh   # the rows of one whose names contain a word
"""

from __future__ import annotations

import argparse
import importlib
import os

from cpu import machine
from numpy_breadth import SECTIONS, report

# What each library asks for its number of threads when it is loaded.
THREADS = (
    "MLX_SYS_PY_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
)


def main() -> None:
    """Run the chosen sections and print what they find."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)}; none for all")
    add("--threads", type=int, default=machine.processors(), help="of all sides (default: all)")
    add("--rows", default="", metavar="WORD", help="only rows whose names contain it")
    add("--quick", action="store_true", help="one short turn, as a trial")
    options = parser.parse_args()
    if unknown := set(options.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    os.environ.update(dict.fromkeys(THREADS, str(options.threads)))
    print(report.introduction(options.threads), flush=True)
    for name in options.sections or SECTIONS:
        section = importlib.import_module(f"numpy_breadth.{name}")
        report.run(section, options.rows, 1 if options.quick else report.TURNS)


if __name__ == "__main__":
    main()
