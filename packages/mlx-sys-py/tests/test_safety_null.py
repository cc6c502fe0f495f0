"""Every function of the C library with empty handles, null pointers and zeros."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from pathlib import Path

import pytest
from c_functions import DECLARATIONS, NUMBERS, STRUCTS, function


def value(parameter: str, results: bool) -> object:
    """An empty handle, null or zero; with `results`, somewhere to put a result."""
    result = re.fullmatch(r"(mlx_\w+) ?\* ?\w+", parameter)
    if results and result and result[1] in STRUCTS:
        return ctypes.byref(STRUCTS[result[1]]())
    if "*" in parameter or "[" in parameter:
        return None
    kind = parameter.removeprefix("const ").split()[0]
    return STRUCTS[kind]() if kind in STRUCTS else NUMBERS.get(kind, ctypes.c_int)(0)


def call_all(results: bool) -> None:
    for declaration in DECLARATIONS:
        print(declaration.name, flush=True)
        function(declaration)(*(value(parameter, results) for parameter in declaration.parameters))
    print(len(DECLARATIONS))


@pytest.mark.parametrize("results", ["results", "no results"])
def test_nothing_brings_it_down(results: str) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), results], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout[-100:]}\n{done.stderr}"
    assert int(done.stdout.split()[-1]) > 600


if __name__ == "__main__":
    call_all(sys.argv[1] == "results")
