"""Every function of the C library with empty handles, null pointers and zeros."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx_sys_py
import pytest

HEADERS = sorted(Path(mlx_sys_py.get_include()).glob("mlx/c/*.h"))
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
FUNCTION = re.compile(r"MLX_C_API\s+([\w\s*]+?)\s*\b(\w+)\s*\(([^;]*)\)\s*;")
STRUCT = re.compile(r"typedef struct \w+\s*\{([^}]*)\}\s*(\w+);")
NUMBERS = {
    "bool": ctypes.c_bool,
    "float": ctypes.c_float,
    "double": ctypes.c_double,
    "size_t": ctypes.c_size_t,
    "int64_t": ctypes.c_int64,
    "uint64_t": ctypes.c_uint64,
}


def source() -> str:
    return "\n".join(COMMENT.sub("", path.read_text()) for path in HEADERS)


def struct(body: str, name: str) -> type[ctypes.Structure]:
    fields = [
        (
            f"field_{i}",
            ctypes.c_void_p
            if "*" in declaration
            else NUMBERS.get(declaration.split()[0], ctypes.c_int),
        )
        for i, declaration in enumerate(filter(None, map(str.strip, body.split(";"))))
    ]
    return type(name, (ctypes.Structure,), {"_fields_": fields})


def parameters(text: str) -> Iterator[str]:
    """The parameters of a declaration, but `void`; a comma within brackets separates nothing."""
    for part in re.split(r",(?![^()]*\))", " ".join(text.split())):
        if part not in ("", "void"):
            yield part.strip()


def value(parameter: str, structs: dict[str, Any], results: bool) -> object:
    """An empty handle, null or zero; with `results`, somewhere to put a result."""
    result = re.fullmatch(r"(mlx_\w+) ?\* ?\w+", parameter)
    if results and result and result[1] in structs:
        return ctypes.byref(structs[result[1]]())
    if "*" in parameter or "[" in parameter:
        return None
    kind = parameter.removeprefix("const ").split()[0]
    return structs[kind]() if kind in structs else NUMBERS.get(kind, ctypes.c_int)(0)


def call_all(results: bool) -> None:
    text = source()
    structs = {name: struct(body, name) for body, name in STRUCT.findall(text)}
    library = ctypes.CDLL(str(next(Path(mlx_sys_py.get_library_dir()).glob("libmlxc.*"))))
    called = 0
    for kind, name, list_ in FUNCTION.findall(text):
        if "..." in list_:
            continue
        print(name, flush=True)
        function = getattr(library, name)
        kind = kind.removeprefix("const ")
        function.restype = structs.get(kind, ctypes.c_void_p if "*" in kind else ctypes.c_int)
        function(*(value(parameter, structs, results) for parameter in parameters(list_)))
        called += 1
    print(called)


@pytest.mark.parametrize("results", ["results", "no results"])
def test_nothing_brings_it_down(results: str) -> None:
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), results], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout[-100:]}\n{done.stderr}"
    assert int(done.stdout.split()[-1]) > 600


if __name__ == "__main__":
    call_all(sys.argv[1] == "results")
