"""Golden files: what a few rows of the table become, to be seen in a review.

``tests/golden/spec`` holds a few rows, one of each kind, and ``tests/golden`` what is derived from
them. ``python -m codegen.golden`` writes that anew; a test compares it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from codegen.__main__ import EMITTERS, METHOD_EMITTERS
from codegen.table import read
from codegen.text import write_if_changed

GROUP = "ops"
FOLDER = Path(__file__).parents[1] / "tests" / "golden"


def derived() -> dict[str, str]:
    """The texts of the golden files by name; the array's methods stand alone."""
    group = read(FOLDER / "spec", GROUP)
    texts = {f"{GROUP}.{suffix}": emit(group) for suffix, emit in EMITTERS.items()}
    texts |= {name.replace("-", "."): emit([group]) for name, emit in METHOD_EMITTERS.items()}
    # With the suffix of text files, lest the linters of hand-written files read them.
    return {f"{name}.txt": text for name, text in texts.items()}


def main() -> int:
    """Write the golden files; returns the status."""
    for name, text in derived().items():
        write_if_changed(FOLDER / name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
